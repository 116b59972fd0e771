import type { Database, Queryable, Transaction } from '../../database/database.ts';
import { statement } from '../../database/statement.ts';
import { selectTransactionHorizon } from '../events/events.store.ts';
import type { StoredLink } from '../issue-links/link-writes.store.ts';
import {
  LAGGING_SEQUENCES,
  LAST_FOREIGN_EVENT,
  LAST_LABEL,
  ORPHANED_LINKS,
  ORPHANED_REMOTE_LINKS,
  QUEUE_NUMBERS,
  SURPLUS_POSITIONS,
  TOKENS_TO_ENTER,
  WRONG_COPIES,
} from './check.store.ts';

const DELETE_ORPHANED_LINKS = statement<'orgId', StoredLink>(
  'delete_orphaned_links',
  `
  delete from links
  using (select links.link_id ${ORPHANED_LINKS} limit 1000) orphaned
  where links.org_id = :orgId and links.link_id = orphaned.link_id
  returning links.link_id, links.link_type_id, links.inward_issue_id, links.outward_issue_id, links.first_end`,
);

/** Deletes links without one of their issues or without their type, at most 1 000, and returns them. */
export function deleteOrphanedLinks(db: Transaction, orgId: string): Promise<StoredLink[]> {
  return db.query(DELETE_ORPHANED_LINKS({ orgId }));
}

const DELETE_ORPHANED_REMOTE_LINKS = statement<'orgId'>(
  'delete_orphaned_remote_links',
  `
  delete from remote_links
  using (select remote_links.remote_link_id ${ORPHANED_REMOTE_LINKS}) orphaned
  where remote_links.org_id = :orgId and remote_links.remote_link_id = orphaned.remote_link_id`,
);

export async function deleteOrphanedRemoteLinks(db: Database, orgId: string): Promise<void> {
  await db.execute(DELETE_ORPHANED_REMOTE_LINKS({ orgId }));
}

const SELECT_WRONG_COPIES = statement<'orgId' | 'after', { link_id: number }>(
  'select_wrong_copies',
  `select links.link_id ${WRONG_COPIES} and links.link_id > :after order by links.link_id limit 1000`,
);

/** The first links after `after` whose copies of rules are wrong, by id. */
export async function selectWrongCopies(db: Queryable, orgId: string, after: number): Promise<number[]> {
  const rows = await db.query(SELECT_WRONG_COPIES({ orgId, after }));
  return rows.map(({ link_id }) => link_id);
}

const UPDATE_COPIES = statement<'orgId' | 'linkId'>(
  'update_copies',
  `
  update links
  set is_symmetric = link_types.is_symmetric, is_antisymmetric = link_types.is_antisymmetric,
    is_acyclic = link_types.is_acyclic, single_end = link_types.single_end, shares_label = link_types.shares_label,
    one_link_per_pair = organisations.one_link_per_pair
  from link_types
  join organisations on organisations.org_id = :orgId
  where links.org_id = :orgId and links.link_id = :linkId and link_types.org_id = :orgId
    and link_types.link_type_id = links.link_type_id`,
);

/** Copies the rules of its type and organisation into a link. Rejects if it breaks one of them. */
export async function updateCopies(db: Transaction, orgId: string, linkId: number): Promise<void> {
  await db.query(UPDATE_COPIES({ orgId, linkId }));
}

const DELETE_SURPLUS_POSITIONS = statement<'orgId'>(
  'delete_surplus_positions',
  `
  delete from topological_order
  using (select topological_order.link_type_id, topological_order.issue_id ${SURPLUS_POSITIONS}) surplus
  where topological_order.org_id = :orgId and topological_order.link_type_id = surplus.link_type_id
    and topological_order.issue_id = surplus.issue_id`,
);

export async function deleteSurplusPositions(db: Transaction, orgId: string): Promise<void> {
  await db.query(DELETE_SURPLUS_POSITIONS({ orgId }));
}

const RAISE_ISSUE_NUMBERS = statement<'orgId'>(
  'raise_issue_numbers',
  `
  update queues set last_issue_number = numbers.last
  from ${QUEUE_NUMBERS}
  where queues.org_id = :orgId and queues.key = numbers.queue_key and queues.last_issue_number < numbers.last`,
);

/** Raises the last number of each queue to that of its keys. */
export async function raiseIssueNumbers(db: Database, orgId: string): Promise<void> {
  await db.execute(RAISE_ISSUE_NUMBERS({ orgId }));
}

const RAISE_LABEL_ID = statement<'orgId'>(
  'raise_label_id',
  `update organisations set last_label_id = greatest(last_label_id, ${LAST_LABEL}) where org_id = :orgId`,
);

export async function raiseLabelId(db: Transaction, orgId: string): Promise<void> {
  await db.query(RAISE_LABEL_ID({ orgId }));
}

const RAISE_SEQUENCES = statement<'orgId'>(
  'raise_sequences',
  `
  select setval(lagging.name::regclass, greatest(lagging.used, coalesce(pg_sequence_last_value(lagging.name::regclass), 0)))
  from ${LAGGING_SEQUENCES}`,
);

export async function raiseSequences(db: Database, orgId: string): Promise<void> {
  await db.execute(RAISE_SEQUENCES({ orgId }));
}

const SELECT_TOKENS_TO_ENTER = statement<'orgId', { token_hash: Buffer; kind: string }>(
  'select_tokens_to_enter',
  `select tokens.token_hash, tokens.kind from ${TOKENS_TO_ENTER}`,
);

/** The tokens that the directory lacks. */
export function selectTokensToEnter(db: Transaction, orgId: string): Promise<{ token_hash: Buffer; kind: string }[]> {
  return db.query(SELECT_TOKENS_TO_ENTER({ orgId }));
}

const RENUMBER_TRANSACTIONS = statement<'orgId' | 'nextTransaction'>(
  'renumber_transactions',
  `update events set transaction_id = '0' where org_id = :orgId and event_id <= ${LAST_FOREIGN_EVENT}`,
);

/** Puts the events up to the last one from another PostgreSQL server before all others, in the order of their ids. */
export async function renumberTransactions(db: Pick<Database, 'query' | 'execute'>, orgId: string): Promise<void> {
  const { next } = await selectTransactionHorizon(db);
  await db.execute(RENUMBER_TRANSACTIONS({ orgId, nextTransaction: next }));
}

import type { Queryable, Transaction } from '../../database/database.ts';
import { type NamedStatement, type Statement, statement } from '../../database/statement.ts';

/** What a check has found, with ids instead of names. */
export interface FindingRow {
  readonly link_type_id: string | null;
  readonly link_ids: readonly number[];
  readonly issue_ids: readonly number[];
  readonly detail: string | null;
}

export type CheckStatement = (values: {
  readonly orgId: string;
  /** A transaction_id that the server has not reached yet. */
  readonly nextTransaction: string;
}) => NamedStatement<FindingRow>;

const FETCHED_ROWS = 500;

/** Yields the rows of a statement in batches, so that memory does not depend on their number. */
export async function* selectInBatches<Row>(db: Transaction, { text, values }: Statement<Row>): AsyncGenerator<Row[]> {
  await db.query({ name: '', text: `declare found no scroll cursor for ${text}`, values });
  for (;;) {
    const rows = await db.query<Row>({ name: '', text: `fetch ${FETCHED_ROWS} from found`, values: [] });
    if (rows.length === 0) break;
    yield rows;
  }
  await db.query({ name: '', text: 'close found', values: [] });
}

/** The first statement of a transaction that only reads, and sees one state of the database throughout. */
export async function readOneState(db: Transaction): Promise<void> {
  await db.query({ name: '', text: 'set transaction isolation level repeatable read read only', values: [] });
}

const SELECT_ISSUE_KEYS = statement<'orgId' | 'issueIds', { issue_id: number; key: string }>(
  'select_issue_keys',
  'select issue_id, key from issues where org_id = :orgId and issue_id = any(:issueIds::bigint[])',
);

/** Maps issue_ids to the keys of the issues that exist, visible or not. */
export async function selectIssueKeys(
  db: Queryable,
  orgId: string,
  issueIds: readonly number[],
): Promise<Map<number, string>> {
  const rows = await db.query(SELECT_ISSUE_KEYS({ orgId, issueIds }));
  return new Map(rows.map(({ issue_id, key }) => [issue_id, key]));
}

/** SQL: the columns of a FindingRow for one link. */
const ONE_LINK = `links.link_type_id, jsonb_build_array(links.link_id) as link_ids,
    jsonb_build_array(links.inward_issue_id, links.outward_issue_id) as issue_ids`;

/** SQL: the columns of a FindingRow for a group of links between the same issues. */
const LINKS_OF_PAIR = `jsonb_agg(links.link_id order by links.link_id) as link_ids,
    jsonb_build_array(min(least(links.inward_issue_id, links.outward_issue_id)),
      min(greatest(links.inward_issue_id, links.outward_issue_id))) as issue_ids, null as detail`;

/** SQL: links with their types. */
const TYPED_LINKS = `
  from links
  join link_types on link_types.org_id = :orgId and link_types.link_type_id = links.link_type_id`;

/** SQL: whether the order of a link's ends has no meaning to its type, or its type forbids the opposite order. */
const IS_UNORDERED = '(link_types.is_symmetric or link_types.is_antisymmetric)';

export const CHECK_DUPLICATES: CheckStatement = statement(
  'check_duplicates',
  `
  select links.link_type_id, ${LINKS_OF_PAIR}
  ${TYPED_LINKS}
  where links.org_id = :orgId
  group by links.link_type_id,
    case when ${IS_UNORDERED} then least(links.inward_issue_id, links.outward_issue_id) else links.inward_issue_id end,
    case when ${IS_UNORDERED} then greatest(links.inward_issue_id, links.outward_issue_id) else links.outward_issue_id end
  having count(*) > 1`,
);

export const CHECK_PAIRS: CheckStatement = statement(
  'check_pairs',
  `
  select null as link_type_id, ${LINKS_OF_PAIR}
  from links
  join organisations on organisations.org_id = :orgId and organisations.one_link_per_pair
  where links.org_id = :orgId
  group by least(links.inward_issue_id, links.outward_issue_id), greatest(links.inward_issue_id, links.outward_issue_id)
  having count(*) > 1`,
);

/** SQL: the issue of a link at the end at which its type allows only one link of an issue. */
const SINGLE_ISSUE = `case link_types.single_end when 'inward' then links.inward_issue_id else links.outward_issue_id end`;

export const CHECK_SINGLES: CheckStatement = statement(
  'check_singles',
  `
  select links.link_type_id, jsonb_agg(links.link_id order by links.link_id) as link_ids,
    jsonb_build_array(${SINGLE_ISSUE}) as issue_ids, null as detail
  ${TYPED_LINKS} and link_types.single_end <> 'none'
  where links.org_id = :orgId
  group by links.link_type_id, ${SINGLE_ISSUE}
  having count(*) > 1`,
);

export const CHECK_SAME_LABELS: CheckStatement = statement(
  'check_same_labels',
  `
  select links.link_type_id, jsonb_build_array(links.link_id, others.link_id) as link_ids,
    jsonb_build_array(links.inward_issue_id, links.outward_issue_id) as issue_ids,
    'also of type ' || others.link_type_id as detail
  ${TYPED_LINKS}
  join links others on others.org_id = :orgId and others.link_id > links.link_id
    and others.link_type_id <> links.link_type_id
    and least(others.inward_issue_id, others.outward_issue_id) = least(links.inward_issue_id, links.outward_issue_id)
    and greatest(others.inward_issue_id, others.outward_issue_id)
      = greatest(links.inward_issue_id, links.outward_issue_id)
  join link_types other on other.org_id = :orgId and other.link_type_id = others.link_type_id
  where links.org_id = :orgId
    and case when links.inward_issue_id = others.inward_issue_id
      then link_types.inward_label_id = other.inward_label_id or link_types.outward_label_id = other.outward_label_id
      else link_types.inward_label_id = other.outward_label_id or link_types.outward_label_id = other.inward_label_id end`,
);

/** SQL: links without one of their issues or without their type. */
export const ORPHANED_LINKS = `
  from links
  left join issues inward on inward.org_id = :orgId and inward.issue_id = links.inward_issue_id
  left join issues outward on outward.org_id = :orgId and outward.issue_id = links.outward_issue_id
  left join link_types on link_types.org_id = :orgId and link_types.link_type_id = links.link_type_id
  where links.org_id = :orgId
    and (inward.issue_id is null or outward.issue_id is null or link_types.link_type_id is null)`;

/** SQL: links to other applications without their issue. */
export const ORPHANED_REMOTE_LINKS = `
  from remote_links
  left join issues on issues.org_id = :orgId and issues.issue_id = remote_links.issue_id
  where remote_links.org_id = :orgId and issues.issue_id is null`;

export const CHECK_ORPHANS: CheckStatement = statement(
  'check_orphans',
  `
  select ${ONE_LINK}, case when link_types.link_type_id is null then 'its type does not exist' end as detail
  ${ORPHANED_LINKS}
  union all
  select null, '[]', jsonb_build_array(remote_links.issue_id), 'remote link #' || remote_links.remote_link_id
  ${ORPHANED_REMOTE_LINKS}`,
);

/** SQL: links whose copies of rules are not those of their type and organisation. */
export const WRONG_COPIES = `
  ${TYPED_LINKS}
  join organisations on organisations.org_id = :orgId
  where links.org_id = :orgId
    and (links.is_symmetric, links.is_antisymmetric, links.is_acyclic, links.single_end, links.shares_label,
      links.one_link_per_pair)
    is distinct from (link_types.is_symmetric, link_types.is_antisymmetric, link_types.is_acyclic,
      link_types.single_end, link_types.shares_label, organisations.one_link_per_pair)`;

export const CHECK_COPIES: CheckStatement = statement(
  'check_copies',
  `select ${ONE_LINK}, null as detail ${WRONG_COPIES}`,
);

export const CHECK_ORDER: CheckStatement = statement(
  'check_order',
  `
  select ${ONE_LINK}, null as detail
  ${TYPED_LINKS} and link_types.is_acyclic
  left join topological_order inward on inward.org_id = :orgId and inward.link_type_id = links.link_type_id
    and inward.issue_id = links.inward_issue_id
  left join topological_order outward on outward.org_id = :orgId and outward.link_type_id = links.link_type_id
    and outward.issue_id = links.outward_issue_id
  where links.org_id = :orgId and not coalesce(inward.position < outward.position, false)
  order by links.link_id`,
);

/** SQL: positions of a type that is not acyclic, or of an issue that does not exist. */
export const SURPLUS_POSITIONS = `
  from topological_order
  left join link_types on link_types.org_id = :orgId and link_types.link_type_id = topological_order.link_type_id
  left join issues on issues.org_id = :orgId and issues.issue_id = topological_order.issue_id
  where topological_order.org_id = :orgId and (link_types.is_acyclic is not true or issues.issue_id is null)`;

export const CHECK_POSITIONS: CheckStatement = statement(
  'check_positions',
  `
  select topological_order.link_type_id, '[]'::jsonb as link_ids,
    jsonb_build_array(topological_order.issue_id) as issue_ids, null as detail
  ${SURPLUS_POSITIONS}`,
);

export const CHECK_SHARED_LABELS: CheckStatement = statement(
  'check_shared_labels',
  `
  select link_types.link_type_id, '[]'::jsonb as link_ids, '[]'::jsonb as issue_ids, null as detail
  from link_types
  where link_types.org_id = :orgId and not link_types.shares_label and exists (
    select from link_types others
    where others.org_id = :orgId and others.link_type_id <> link_types.link_type_id
      and (others.inward_label_id in (link_types.inward_label_id, link_types.outward_label_id)
        or others.outward_label_id in (link_types.inward_label_id, link_types.outward_label_id)))`,
);

/** SQL: the links of each issue as its last event about each describes them, and as they are stored. */
const TOLD_AND_STORED = `
  with told as (
    select distinct on (events.issue_id, mentioned.link_id) events.issue_id, mentioned.link_id,
      nullif(change.state -> 'to', 'null') as state
    from events
    cross join lateral jsonb_array_elements(events.changes -> 'links') as change (state)
    cross join lateral (
      select coalesce(change.state #>> '{to,link_id}', change.state #>> '{from,link_id}')::bigint as link_id
    ) mentioned
    where events.org_id = :orgId and events.type in ('IssueLinked', 'IssueUnlinked', 'IssueLinkChanged')
    order by events.issue_id, mentioned.link_id, events.event_id desc
  ), stored as (
    select ends.issue_id, links.link_id, jsonb_build_object('link_id', links.link_id,
      'link_type_id', links.link_type_id, 'direction', ends.direction, 'object_id', ends.object_id) as state
    from links
    cross join lateral (values (links.inward_issue_id, 'inward', links.outward_issue_id),
      (links.outward_issue_id, 'outward', links.inward_issue_id)) as ends (issue_id, direction, object_id)
    where links.org_id = :orgId
  )`;

/** The last event about a link may tell of it wrongly; those of a removed issue are not compared. */
const checkEvents = (name: string, isStored: string): CheckStatement =>
  statement(
    name,
    `
  ${TOLD_AND_STORED}
  select coalesce(stored.state, told.state) ->> 'link_type_id' as link_type_id,
    jsonb_build_array(coalesce(stored.link_id, told.link_id)) as link_ids,
    jsonb_build_array(issues.issue_id) as issue_ids, null as detail
  from stored
  full join told on told.issue_id = stored.issue_id and told.link_id = stored.link_id
  join issues on issues.org_id = :orgId and issues.issue_id = coalesce(stored.issue_id, told.issue_id)
  where stored.state is distinct from told.state and stored.state ${isStored}`,
  );

export const CHECK_MISSING_EVENTS = checkEvents('check_missing_events', 'is not null');
export const CHECK_SURPLUS_EVENTS = checkEvents('check_surplus_events', 'is null');

/** SQL: the last number of each queue's keys, as a row `numbers` beside the row `queues`. */
export const QUEUE_NUMBERS = `
  (
    select split_part(used.key, '-', 1) as queue_key, max(split_part(used.key, '-', 2)::bigint) as last
    from (
      select key from issues where org_id = :orgId
      union all
      select key from issue_aliases where org_id = :orgId
    ) used
    group by split_part(used.key, '-', 1)
  ) numbers`;

/** SQL: the last label of the organisation. */
export const LAST_LABEL = '(select coalesce(max(label_id), 0) from labels where org_id = :orgId)';

/** The columns whose values come from sequences, with the last value that is in use if that is not their maximum. */
const SEQUENCES: readonly (readonly [table: string, column: string, used?: string])[] = [
  ['categories', 'category_id'],
  ['columns', 'column_id'],
  ['comments', 'comment_id'],
  ['events', 'event_id'],
  ['issue_types', 'issue_type_id'],
  ['issues', 'issue_id'],
  ['links', 'link_id'],
  ['priorities', 'priority_id'],
  ['queues', 'queue_id'],
  ['remote_links', 'remote_link_id'],
  ['resolutions', 'resolution_id'],
  ['statuses', 'status_id'],
  ['tags', 'tag_id'],
  ['tokens', 'token_id'],
  ['users', 'user_id'],
  ['topological_order', 'position', 'max(abs(position)) / 1048576'],
];

/**
 * SQL: sequences that are behind the values in use, as rows of their name, of that value, and of what it is for. The sequences
 * are read without a table of tenants, since on Citus only those of the coordinator count.
 */
export const LAGGING_SEQUENCES = `
  (
    with sequences as materialized (
      select named.place, named.name, coalesce(pg_sequence_last_value(seqrelid) + 1, seqstart) as next
      from (values ${SEQUENCES.map(([table, column]) => `('${table}.${column}', pg_get_serial_sequence('${table}', '${column}'))`).join(', ')}
      ) as named (place, name)
      join pg_sequence on seqrelid = named.name::regclass
    )
    select sequences.name, used.used, used.place
    from (
      ${SEQUENCES.map(
        ([table, column, used = `max(${column})`]) =>
          `select '${table}.${column}' as place, ${used} as used from ${table} where org_id = :orgId`,
      ).join(`
      union all `)}
    ) used
    join sequences on sequences.place = used.place
    where used.used >= sequences.next
  ) lagging`;

export const CHECK_COUNTERS: CheckStatement = statement(
  'check_counters',
  `
  select null as link_type_id, '[]'::jsonb as link_ids, '[]'::jsonb as issue_ids,
    format('queue %s is at %s, its issues at %s', queues.key, queues.last_issue_number, numbers.last) as detail
  from queues
  join ${QUEUE_NUMBERS} on numbers.queue_key = queues.key
  where queues.org_id = :orgId and queues.last_issue_number < numbers.last
  union all
  select null, '[]', '[]', format('last_label_id is %s, the last label has %s', last_label_id, ${LAST_LABEL})
  from organisations
  where org_id = :orgId and last_label_id < ${LAST_LABEL}
  union all
  select null, '[]', '[]', format('the sequence of %s is behind %s', lagging.place, lagging.used)
  from ${LAGGING_SEQUENCES}`,
);

/**
 * SQL: the last event whose transaction this PostgreSQL server has not begun yet: a dump of another server was restored
 * here.
 */
export const LAST_FOREIGN_EVENT = `(
    select max(event_id) from events
    where org_id = :orgId and transaction_id >= :nextTransaction::text::xid8)`;

/** SQL: the organisation's tokens that the directory lacks. */
export const TOKENS_TO_ENTER = `tokens
  left join token_directory entries on entries.token_hash = tokens.token_hash and entries.kind = tokens.kind
    and entries.org_id = :orgId
  where tokens.org_id = :orgId and entries.org_id is null`;

export const CHECK_DIRECTORY: CheckStatement = statement(
  'check_directory',
  `
  select null as link_type_id, '[]'::jsonb as link_ids, '[]'::jsonb as issue_ids,
    format('%s token %s', tokens.kind, tokens.token_id) as detail
  from ${TOKENS_TO_ENTER}`,
);

export const CHECK_TRANSACTIONS: CheckStatement = statement(
  'check_transactions',
  `
  select null as link_type_id, '[]'::jsonb as link_ids, '[]'::jsonb as issue_ids, 'up to event ' || last.event_id as detail
  from (select ${LAST_FOREIGN_EVENT} as event_id) last
  where last.event_id is not null`,
);

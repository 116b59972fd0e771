import { ConcurrentChange, type Queryable, type Transaction } from '../../database/database.ts';
import { nextId } from '../../database/next-ids.ts';
import { statement } from '../../database/statement.ts';
import { managedQueue, type Viewer, visibleQueue, writableQueue } from '../access/viewer.ts';
import { type UserColumns, userColumns } from '../users/user-summary.ts';
import type { QueueName } from './queue-name.ts';

export interface NewQueue {
  /** If undefined, it is derived from the queue_id. */
  readonly key: string | undefined;
  readonly identifier: string;
  readonly name: string;
  readonly description?: string | undefined;
  readonly access: 'organisation' | 'members';
  readonly leadId: number;
  readonly issueTypeId: number;
  readonly priorityId: number;
  readonly kanboard?: ProjectSettings | undefined;
}

/** Settings of a project that we store and return to Kanboard's clients, but do not act upon. */
export interface ProjectSettings {
  readonly start_date?: string | undefined;
  readonly end_date?: string | undefined;
  readonly priority_default?: number | undefined;
  readonly priority_start?: number | undefined;
  readonly priority_end?: number | undefined;
  readonly email?: string | undefined;
  /** 1 for a project that a user created as their own. */
  readonly is_private?: number | undefined;
}

const INSERT_QUEUE = statement<'orgId' | 'queueId' | keyof NewQueue>(
  'insert_queue',
  `
  insert into queues (org_id, queue_id, key, identifier, name, description, access, lead_id, default_issue_type_id,
    default_priority_id, kanboard, last_issue_number)
  overriding system value
  select :orgId, :queueId::bigint, chosen.key, :identifier, :name, :description, :access, :leadId, :issueTypeId, :priorityId,
    :kanboard, coalesce((
      select max(split_part(issue_aliases.key, '-', 2)::bigint) from issue_aliases
      where issue_aliases.org_id = :orgId and issue_aliases.key > chosen.key || '-' and issue_aliases.key < chosen.key || '.'
    ), 0)
  from (select coalesce(:key, 'P' || :queueId::bigint || case
    when exists (select from queues where org_id = :orgId and key = 'P' || :queueId::bigint)
    then 'X' || upper(left(replace(gen_random_uuid()::text, '-', ''), 12)) else '' end) as key) as chosen`,
);

/**
 * Returns the queue_id. Issue numbers continue after the aliases that a removed queue with the same key left behind, so
 * that no key refers to two issues.
 */
export async function insertQueue(db: Transaction, orgId: string, queue: NewQueue): Promise<number> {
  const queueId = await nextId(db, 'queues', 'queue_id');
  const kanboard = JSON.stringify(queue.kanboard ?? {});
  await db.query(INSERT_QUEUE({ orgId, queueId, description: undefined, ...queue, kanboard }));
  return queueId;
}

const EXISTS_QUEUE_KEY = statement<'orgId' | 'key'>(
  'exists_queue_key',
  'select from queues where org_id = :orgId and key = :key',
);

export async function existsQueueKey(db: Queryable, orgId: string, key: string): Promise<boolean> {
  const rows = await db.query(EXISTS_QUEUE_KEY({ orgId, key }));
  return rows.length > 0;
}

const DELETE_QUEUE_ROW = statement<'orgId' | 'queueId'>(
  'delete_queue_row',
  'delete from queues where org_id = :orgId and queue_id = :queueId',
);

export async function deleteQueueRow(db: Transaction, orgId: string, queueId: number): Promise<void> {
  await db.query(DELETE_QUEUE_ROW({ orgId, queueId }));
}

export type QueueRow = {
  queue_id: number;
  key: string;
  version: number;
  name: string;
  description: string | null;
  issue_type_id: number;
  issue_type_key: string;
  issue_type_ru: string;
  issue_type_en: string;
  priority_id: number;
  priority_key: string;
  priority_ru: string;
  priority_en: string;
} & UserColumns<'lead'>;

/** SQL: selects QueueRows. */
const QUEUES = `
  select queues.queue_id, queues.key, queues.version, queues.name, queues.description, ${userColumns('lead')},
    issue_types.issue_type_id, issue_types.key as issue_type_key, issue_types.name_ru as issue_type_ru,
    issue_types.name_en as issue_type_en,
    priorities.priority_id, priorities.key as priority_key, priorities.name_ru as priority_ru,
    priorities.name_en as priority_en
  from queues
  join users lead on lead.org_id = :orgId and lead.user_id = queues.lead_id
  join issue_types on issue_types.org_id = :orgId and issue_types.issue_type_id = queues.default_issue_type_id
  join priorities on priorities.org_id = :orgId and priorities.priority_id = queues.default_priority_id`;

const SELECT_QUEUE = statement<keyof Viewer | 'id' | 'key', QueueRow>(
  'select_queue',
  `
  ${QUEUES}
  where queues.org_id = :orgId and ${visibleQueue('queues')}
    and queues.queue_id = coalesce(:id, (select queue_id from queues where org_id = :orgId and key = :key))`,
);

/** Undefined when there is no such queue for this viewer. */
export async function selectQueue(db: Queryable, viewer: Viewer, name: QueueName): Promise<QueueRow | undefined> {
  const [row] = await db.query(SELECT_QUEUE({ ...viewer, id: name.id, key: name.key }));
  return row;
}

const SELECT_QUEUES_PAGE = statement<
  keyof Viewer | 'limit' | 'offset',
  (QueueRow | { queue_id: null }) & { total: number }
>(
  'select_queues_page',
  `
  select counted.total, page.*
  from (
    select count(*) as total from queues where queues.org_id = :orgId and ${visibleQueue('queues')}
  ) counted
  left join (
    ${QUEUES}
    where queues.org_id = :orgId and ${visibleQueue('queues')}
    order by queues.queue_id
    limit :limit offset :offset
  ) page on true
  order by page.queue_id`,
);

/** A page of the queues that the viewer may see, by queue_id, and their total number. */
export async function selectQueuesPage(
  db: Queryable,
  viewer: Viewer,
  { limit, offset }: { readonly limit: number; readonly offset: number },
): Promise<{ rows: QueueRow[]; total: number }> {
  const rows = await db.query(SELECT_QUEUES_PAGE({ ...viewer, limit, offset }));
  return { rows: rows.filter((row) => row.queue_id !== null), total: rows[0]?.total ?? 0 };
}

export interface QueueState {
  readonly id: number;
  readonly key: string;
  readonly name: string;
  readonly isOpen: boolean;
  readonly isActive: boolean;
  /** Whether the viewer may close and reopen it. */
  readonly isManaged: boolean;
}

const SELECT_QUEUE_STATES = statement<keyof Viewer | 'from' | 'limit', QueueState>(
  'select_queue_states',
  `
  select queues.queue_id as id, queues.key, queues.name, queues.access = 'organisation' as "isOpen",
    queues.is_active as "isActive", ${managedQueue('queues')} as "isManaged"
  from queues
  where queues.org_id = :orgId and queues.key >= :from
  order by queues.key
  limit :limit`,
);

/** Queues of the organisation by key, from that key on, including those that the viewer may not see. */
export function selectQueueStates(
  db: Queryable,
  viewer: Viewer,
  { from, limit }: { readonly from: string; readonly limit: number },
): Promise<QueueState[]> {
  return db.query(SELECT_QUEUE_STATES({ ...viewer, from, limit }));
}

/** What the creation of an issue needs to know of its queue. */
export interface QueueForIssue {
  readonly queue_id: number;
  readonly key: string;
  readonly issue_type_id: number;
  readonly priority_id: number;
  readonly may_write: boolean;
  readonly may_manage: boolean;
}

const SELECT_QUEUE_FOR_ISSUE = statement<keyof Viewer | 'id' | 'key', QueueForIssue>(
  'select_queue_for_issue',
  `
  select queues.queue_id, queues.key, queues.default_issue_type_id as issue_type_id,
    queues.default_priority_id as priority_id, ${writableQueue('queues')} as may_write,
    ${managedQueue('queues')} as may_manage
  from queues
  where queues.org_id = :orgId and ${visibleQueue('queues')}
    and queues.queue_id = coalesce(:id, (select queue_id from queues where org_id = :orgId and key = :key))`,
);

/** Undefined when there is no such queue for this viewer. */
export async function selectQueueForIssue(
  db: Queryable,
  viewer: Viewer,
  name: QueueName,
): Promise<QueueForIssue | undefined> {
  const [row] = await db.query(SELECT_QUEUE_FOR_ISSUE({ ...viewer, id: name.id, key: name.key }));
  return row;
}

const SELECT_QUEUES_CALLED = statement<keyof Viewer | 'name', { queue_id: number }>(
  'select_queues_called',
  `
  select queues.queue_id
  from queues
  where queues.org_id = :orgId and ${visibleQueue('queues')}
    and lower(queues.name collate "default") = lower(btrim(:name))
  order by queues.queue_id
  limit 2`,
);

/** The queue_ids of up to two queues with that name, ignoring case, that the viewer may see. */
export async function selectQueuesCalled(db: Queryable, viewer: Viewer, name: string): Promise<number[]> {
  const rows = await db.query(SELECT_QUEUES_CALLED({ ...viewer, name }));
  return rows.map(({ queue_id }) => queue_id);
}

const LOCK_QUEUE = statement<'orgId' | 'queueId'>(
  'lock_queue',
  'select from queues where org_id = :orgId and queue_id = :queueId for no key update',
);

/**
 * Locks the queue against concurrent changes until the end of the transaction. Throws ConcurrentChange if it has just
 * been removed.
 */
export async function lockQueue(db: Transaction, orgId: string, queueId: number): Promise<void> {
  const rows = await db.query(LOCK_QUEUE({ orgId, queueId }));
  if (rows.length === 0) throw new ConcurrentChange();
}

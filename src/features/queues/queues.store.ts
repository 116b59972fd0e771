import type { Queryable } from '../../database/database.ts';
import { type Viewer, viewerValues, visibleQueue } from '../access/viewer.ts';
import { type UserColumns, userColumns } from '../users/user-summary.ts';
import type { QueueName } from './queue-name.ts';

export interface NewQueue {
  /** Without one, the queue's number gives it. */
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

/** What Kanboard's clients say of a project and nothing here acts upon; what they did not say is left out. */
export interface ProjectSettings {
  readonly start_date?: string | undefined;
  readonly end_date?: string | undefined;
  readonly priority_default?: number | undefined;
  readonly priority_start?: number | undefined;
  readonly priority_end?: number | undefined;
  readonly email?: string | undefined;
}

/**
 * Answers the queue_id. Of the keys of a removed queue of the same key, those under which issues that have moved are still
 * found are not given again.
 */
export async function insertQueue(db: Queryable, orgId: string, queue: NewQueue): Promise<number> {
  const [row] = await db.query<{ queue_id: number }>({
    name: 'insert_queue',
    text: `
      insert into queues (org_id, queue_id, key, identifier, name, description, access, lead_id, default_issue_type_id,
        default_priority_id, kanboard, last_issue_number)
      overriding system value
      select $1, next.queue_id, chosen.key, $3, $4, $5, $6, $7, $8, $9, $10, coalesce((
        select max(split_part(issue_aliases.key, '-', 2)::bigint) from issue_aliases
        where issue_aliases.org_id = $1 and issue_aliases.key > chosen.key || '-' and issue_aliases.key < chosen.key || '.'
      ), 0)
      from nextval(pg_get_serial_sequence('queues', 'queue_id')) as next (queue_id)
      cross join lateral (select coalesce($2, 'P' || next.queue_id || case
        when exists (select from queues where org_id = $1 and key = 'P' || next.queue_id)
        then 'X' || upper(left(replace(gen_random_uuid()::text, '-', ''), 12)) else '' end) as key) as chosen
      returning queue_id`,
    values: [
      orgId,
      queue.key,
      queue.identifier,
      queue.name,
      queue.description,
      queue.access,
      queue.leadId,
      queue.issueTypeId,
      queue.priorityId,
      JSON.stringify(queue.kanboard ?? {}),
    ],
  });
  return (row as { queue_id: number }).queue_id;
}

/** Gives a queue a column for each status of the organisation, in the order of the statuses. */
export async function insertColumnsForStatuses(db: Queryable, orgId: string, queueId: number): Promise<void> {
  await db.query({
    name: 'insert_columns_for_statuses',
    text: `
      insert into columns (org_id, queue_id, status_id, title, position)
      select org_id, $2, status_id, name_en, row_number() over (order by position, status_id)
      from statuses
      where org_id = $1`,
    values: [orgId, queueId],
  });
}

/** Gives a queue columns in their order, each with the status of its title, else the one of its key. */
export async function insertColumns(
  db: Queryable,
  orgId: string,
  queueId: number,
  columns: readonly { readonly key: string; readonly name_en: string }[],
): Promise<void> {
  await db.query({
    name: 'insert_columns',
    text: `
      insert into columns (org_id, queue_id, status_id, title, position)
      select $1, $2, (
        select status_id from statuses
        where org_id = $1 and (statuses.name_en = given.name_en or statuses.key = given.key)
        order by statuses.name_en = given.name_en desc, status_id
        limit 1
      ), name_en, ordinality
      from rows from (jsonb_to_recordset($3) as (key text, name_en text)) with ordinality as given`,
    values: [orgId, queueId, JSON.stringify(columns)],
  });
}

export async function existsQueueKey(db: Queryable, orgId: string, key: string): Promise<boolean> {
  const rows = await db.query({
    name: 'exists_queue_key',
    text: 'select from queues where org_id = $1 and key = $2',
    values: [orgId, key],
  });
  return rows.length > 0;
}

export async function deleteQueueRow(db: Queryable, orgId: string, queueId: number): Promise<void> {
  await db.query({
    name: 'delete_queue',
    text: 'delete from queues where org_id = $1 and queue_id = $2',
    values: [orgId, queueId],
  });
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

const SELECT_QUEUE = `
  select queues.queue_id, queues.key, queues.version, queues.name, queues.description, ${userColumns('lead')},
    issue_types.issue_type_id, issue_types.key as issue_type_key, issue_types.name_ru as issue_type_ru,
    issue_types.name_en as issue_type_en,
    priorities.priority_id, priorities.key as priority_key, priorities.name_ru as priority_ru,
    priorities.name_en as priority_en
  from queues
  join users lead on lead.org_id = $1 and lead.user_id = queues.lead_id
  join issue_types on issue_types.org_id = $1 and issue_types.issue_type_id = queues.default_issue_type_id
  join priorities on priorities.org_id = $1 and priorities.priority_id = queues.default_priority_id`;

/** Undefined when there is no such queue for this viewer. */
export async function selectQueue(db: Queryable, viewer: Viewer, name: QueueName): Promise<QueueRow | undefined> {
  const [row] = await db.query<QueueRow>({
    name: 'select_queue',
    text: `
      ${SELECT_QUEUE}
      where queues.org_id = $1 and ${visibleQueue('queues')}
        and queues.queue_id = coalesce($4, (select queue_id from queues where org_id = $1 and key = $5))`,
    values: [...viewerValues(viewer), name.id, name.key],
  });
  return row;
}

/** Some of the queues that the viewer may see, by queue_id, and how many there are. */
export async function selectQueuesPage(
  db: Queryable,
  viewer: Viewer,
  { limit, offset }: { readonly limit: number; readonly offset: number },
): Promise<{ rows: QueueRow[]; total: number }> {
  const rows = await db.query<(QueueRow | { queue_id: null }) & { total: number }>({
    name: 'select_queues_page',
    text: `
      select counted.total, page.*
      from (
        select count(*) as total from queues where queues.org_id = $1 and ${visibleQueue('queues')}
      ) counted
      left join (
        ${SELECT_QUEUE}
        where queues.org_id = $1 and ${visibleQueue('queues')}
        order by queues.queue_id
        limit $4 offset $5
      ) page on true
      order by page.queue_id`,
    values: [...viewerValues(viewer), limit, offset],
  });
  return { rows: rows.filter((row) => row.queue_id !== null), total: rows[0]?.total ?? 0 };
}

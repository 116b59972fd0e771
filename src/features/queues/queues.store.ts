import type { Queryable } from '../../database/database.ts';

export interface NewQueue {
  readonly key: string;
  readonly name: string;
  readonly access: 'organisation' | 'members';
  readonly leadId: number;
  readonly issueTypeId: number;
  readonly priorityId: number;
}

/** Answers the queue_id. */
export async function insertQueue(db: Queryable, orgId: string, queue: NewQueue): Promise<number> {
  const [row] = await db.query<{ queue_id: number }>({
    name: 'insert_queue',
    text: `
      insert into queues (org_id, key, name, access, lead_id, default_issue_type_id, default_priority_id)
      values ($1, $2, $3, $4, $5, $6, $7)
      returning queue_id`,
    values: [orgId, queue.key, queue.name, queue.access, queue.leadId, queue.issueTypeId, queue.priorityId],
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

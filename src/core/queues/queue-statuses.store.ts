import type { Queryable } from '../../database/database.ts';
import { statement } from '../../database/statement.ts';
import { type Viewer, visibleQueue } from '../access/viewer.ts';
import type { StatusRow } from '../dictionaries/dictionaries.store.ts';

export interface QueueStatusRow extends Pick<StatusRow, 'id' | 'key' | 'name_ru' | 'name_en'> {
  queue_id: number;
}

const SELECT_STATUSES_OF_QUEUES = statement<keyof Viewer | 'queueIds', QueueStatusRow>(
  'select_statuses_of_queues',
  `
  select columns.queue_id, statuses.status_id as id, statuses.key, statuses.name_ru, statuses.name_en
  from queues
  join columns on columns.org_id = :orgId and columns.queue_id = queues.queue_id
  join statuses on statuses.org_id = :orgId and statuses.status_id = columns.status_id
  where queues.org_id = :orgId and queues.queue_id = any(:queueIds::bigint[]) and ${visibleQueue('queues')}
  order by columns.queue_id, columns.position, columns.column_id`,
);

/** The statuses that issues of these queues can have, in the order of the columns. */
export function selectStatusesOfQueues(
  db: Queryable,
  viewer: Viewer,
  queueIds: readonly number[],
): Promise<QueueStatusRow[]> {
  return db.query(SELECT_STATUSES_OF_QUEUES({ ...viewer, queueIds }));
}

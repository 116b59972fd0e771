import type { Queryable, Transaction } from '../../database/database.ts';
import { onConstraint } from '../../database/database-error.ts';
import { nextId, nextIds } from '../../database/next-ids.ts';
import { statement } from '../../database/statement.ts';
import { type Viewer, visibleQueue } from '../access/viewer.ts';
import { COLUMN_STATUS_CHANGED, type StatusRow } from '../dictionaries/dictionaries.store.ts';

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

const COUNT_STATUSES = statement<'orgId', { count: number }>(
  'count_statuses',
  'select count(*) from statuses where org_id = :orgId',
);

const INSERT_COLUMNS_FOR_STATUSES = statement<'orgId' | 'queueId' | 'columnIds'>(
  'insert_columns_for_statuses',
  `
  insert into columns (org_id, column_id, queue_id, status_id, title, position)
  overriding system value
  select :orgId, (:columnIds::bigint[])[place], :queueId, status_id, name_en, place
  from (
    select status_id, name_en, row_number() over (order by position, status_id) as place
    from statuses
    where org_id = :orgId
  ) as ordered
  where place <= cardinality(:columnIds::bigint[])`,
);

/** Creates a column of the queue for each status of the organisation, in the order of the statuses. */
export async function insertColumnsForStatuses(db: Transaction, orgId: string, queueId: number): Promise<void> {
  const [row] = await db.query(COUNT_STATUSES({ orgId }));
  const columnIds = await nextIds(db, 'columns', 'column_id', row?.count ?? 0);
  await onConstraint(db.query(INSERT_COLUMNS_FOR_STATUSES({ orgId, queueId, columnIds })), COLUMN_STATUS_CHANGED);
}

const INSERT_COLUMNS = statement<'orgId' | 'queueId' | 'columns' | 'columnIds'>(
  'insert_columns',
  `
  insert into columns (org_id, column_id, queue_id, status_id, title, position)
  overriding system value
  select :orgId, (:columnIds::bigint[])[given.place], :queueId, (
    select status_id from statuses
    where org_id = :orgId and (name_en = given.item ->> 'name_en' or key = given.item ->> 'key')
    order by name_en = given.item ->> 'name_en' desc, status_id
    limit 1
  ), given.item ->> 'name_en', given.place
  from jsonb_array_elements(:columns) with ordinality as given (item, place)`,
);

/** Creates columns in the given order, each with the status whose name is its title, or else whose key matches. */
export async function insertColumns(
  db: Transaction,
  orgId: string,
  queueId: number,
  columns: readonly { readonly key: string; readonly name_en: string }[],
): Promise<void> {
  const columnIds = await nextIds(db, 'columns', 'column_id', columns.length);
  await onConstraint(
    db.query(INSERT_COLUMNS({ orgId, queueId, columns: JSON.stringify(columns), columnIds })),
    COLUMN_STATUS_CHANGED,
  );
}

const SELECT_FIRST_STATUS = statement<'orgId' | 'queueId', Pick<StatusRow, 'id' | 'type'>>(
  'select_first_status',
  `
  select statuses.status_id as id, statuses.type
  from statuses
  left join columns on columns.org_id = :orgId and columns.queue_id = :queueId and columns.status_id = statuses.status_id
  where statuses.org_id = :orgId
  order by columns.position, columns.column_id, statuses.position, statuses.status_id
  limit 1`,
);

/** The status of the queue's first column, or the organisation's first status if the queue has no columns. */
export async function selectFirstStatus(
  db: Queryable,
  orgId: string,
  queueId: number,
): Promise<Pick<StatusRow, 'id' | 'type'>> {
  const [row] = await db.query(SELECT_FIRST_STATUS({ orgId, queueId }));
  return row as Pick<StatusRow, 'id' | 'type'>;
}

const SELECT_LAST_STATUS = statement<'orgId' | 'queueId', { status_id: number }>(
  'select_last_status',
  `
  select status_id from columns
  where org_id = :orgId and queue_id = :queueId
  order by position desc, column_id desc
  limit 1`,
);

/** The status_id of the queue's last column. Undefined if the queue has no columns. */
export async function selectLastStatus(db: Queryable, orgId: string, queueId: number): Promise<number | undefined> {
  const [row] = await db.query(SELECT_LAST_STATUS({ orgId, queueId }));
  return row?.status_id;
}

const HAS_COLUMN = statement<'orgId' | 'queueId' | 'statusId'>(
  'has_column',
  'select from columns where org_id = :orgId and queue_id = :queueId and status_id = :statusId',
);

export async function hasColumn(db: Queryable, orgId: string, queueId: number, statusId: number): Promise<boolean> {
  const rows = await db.query(HAS_COLUMN({ orgId, queueId, statusId }));
  return rows.length > 0;
}

const INSERT_LAST_COLUMN = statement<'orgId' | 'columnId' | 'queueId' | 'statusId'>(
  'insert_last_column',
  `
  insert into columns (org_id, column_id, queue_id, status_id, title, position)
  overriding system value
  select :orgId, :columnId, :queueId, status_id, name_en,
    (select coalesce(max(position), 0) + 1 from columns where org_id = :orgId and queue_id = :queueId)
  from statuses
  where org_id = :orgId and status_id = :statusId
  on conflict on constraint columns_status_id_key do nothing`,
);

/** Appends a column for the status unless the queue already has one. */
export async function insertLastColumn(
  db: Transaction,
  orgId: string,
  queueId: number,
  statusId: number,
): Promise<void> {
  const columnId = await nextId(db, 'columns', 'column_id');
  await onConstraint(db.query(INSERT_LAST_COLUMN({ orgId, columnId, queueId, statusId })), COLUMN_STATUS_CHANGED);
}

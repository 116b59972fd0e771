import { type Viewer, visibleQueue } from '../../core/access/viewer.ts';
import { COLUMN_STATUS_CHANGED } from '../../core/dictionaries/dictionaries.store.ts';
import type { Queryable, Transaction } from '../../database/database.ts';
import { onConstraint } from '../../database/database-error.ts';
import { nextId } from '../../database/next-ids.ts';
import { statement } from '../../database/statement.ts';

export interface ColumnRow {
  column_id: number;
  queue_id: number;
  status_id: number;
  title: string;
  position: number;
  task_limit: number;
  description: string;
}

const COLUMNS = `columns.column_id, queues.queue_id, columns.status_id, columns.title, columns.position, columns.task_limit,
    columns.description`;

const SELECT_COLUMNS = statement<keyof Viewer | 'queueId', ColumnRow | { column_id: null }>(
  'select_columns',
  `
  select ${COLUMNS}
  from queues
  left join columns on columns.org_id = :orgId and columns.queue_id = queues.queue_id
  where queues.org_id = :orgId and queues.queue_id = :queueId and ${visibleQueue('queues')}
  order by columns.position, columns.column_id`,
);

/** The columns of a queue in board order. Undefined if the queue does not exist for this viewer. */
export async function selectColumns(db: Queryable, viewer: Viewer, queueId: number): Promise<ColumnRow[] | undefined> {
  const rows = await db.query(SELECT_COLUMNS({ ...viewer, queueId }));
  return rows.length === 0 ? undefined : rows.filter((row) => row.column_id !== null);
}

const SELECT_COLUMN = statement<keyof Viewer | 'columnId', ColumnRow>(
  'select_column',
  `
  select ${COLUMNS}
  from columns
  join queues on queues.org_id = :orgId and queues.queue_id = columns.queue_id
  where columns.org_id = :orgId and columns.column_id = :columnId and ${visibleQueue('queues')}`,
);

/** Undefined if the column does not exist for this viewer. */
export async function selectColumn(db: Queryable, viewer: Viewer, columnId: number): Promise<ColumnRow | undefined> {
  const [row] = await db.query(SELECT_COLUMN({ ...viewer, columnId }));
  return row;
}

/** What a caller determines of a column. */
export interface ColumnFields {
  readonly title: string;
  readonly taskLimit: number;
  readonly description: string;
}

const INSERT_COLUMN = statement<'orgId' | 'columnId' | 'queueId' | 'statusId' | keyof ColumnFields>(
  'insert_column',
  `
  insert into columns (org_id, column_id, queue_id, status_id, title, task_limit, description, position)
  overriding system value
  select :orgId, :columnId, :queueId, :statusId, :title, :taskLimit, :description,
    (select coalesce(max(position), 0) + 1 from columns where org_id = :orgId and queue_id = :queueId)`,
);

/** Appends a column and returns its id. */
export async function insertColumn(
  db: Transaction,
  orgId: string,
  column: ColumnFields & { readonly queueId: number; readonly statusId: number },
): Promise<number> {
  const columnId = await nextId(db, 'columns', 'column_id');
  await onConstraint(db.query(INSERT_COLUMN({ orgId, columnId, ...column })), COLUMN_STATUS_CHANGED);
  return columnId;
}

const UPDATE_COLUMN = statement<'orgId' | 'columnId' | keyof ColumnFields>(
  'update_column',
  `
  update columns set title = :title, task_limit = :taskLimit, description = :description
  where org_id = :orgId and column_id = :columnId`,
);

export async function updateColumnFields(
  db: Transaction,
  orgId: string,
  columnId: number,
  column: ColumnFields,
): Promise<void> {
  await db.query(UPDATE_COLUMN({ orgId, columnId, ...column }));
}

const UPDATE_COLUMN_POSITIONS = statement<'orgId' | 'queueId' | 'columnId' | 'position'>(
  'update_column_positions',
  `
  with others as (
    select column_id, row_number() over (order by position, column_id) as place
    from columns
    where org_id = :orgId and queue_id = :queueId and column_id <> :columnId
  ), placed as (
    select column_id, place + (place >= :position)::integer as position from others
    union all
    select :columnId, :position
  )
  update columns set position = placed.position
  from placed
  where columns.org_id = :orgId and columns.column_id = placed.column_id and columns.position <> placed.position`,
);

/** Moves a column to a position, from 1, and renumbers the others of its queue without gaps. */
export async function updateColumnPositions(
  db: Transaction,
  orgId: string,
  move: { readonly queueId: number; readonly columnId: number; readonly position: number },
): Promise<void> {
  await db.query(UPDATE_COLUMN_POSITIONS({ orgId, ...move }));
}

const DELETE_COLUMN = statement<'orgId' | 'columnId'>(
  'delete_column',
  'delete from columns where org_id = :orgId and column_id = :columnId',
);

/** A foreign key rejects it if the column has tasks. */
export async function deleteColumn(db: Transaction, orgId: string, columnId: number): Promise<void> {
  await db.query(DELETE_COLUMN({ orgId, columnId }));
}

import type { Viewer } from '../../core/access/viewer.ts';
import { addStatus } from '../../core/dictionaries/dictionaries.service.ts';
import { deleteUnusedStatuses } from '../../core/dictionaries/dictionaries.store.ts';
import { inManagedQueue, requireManagedQueue } from '../../core/queues/queue-members.service.ts';
import { lockQueue } from '../../core/queues/queues.store.ts';
import type { Database, Queryable, Transaction } from '../../database/database.ts';
import { onConstraint } from '../../database/database-error.ts';
import { DomainError, requireValid } from '../../errors.ts';
import { lengthOf, TEXT_LENGTH_MAX } from '../../text-length.ts';
import { texts } from '../../texts.ts';
import {
  type ColumnFields,
  type ColumnRow,
  deleteColumn,
  insertColumn,
  selectColumn,
  selectColumns,
  updateColumnFields,
  updateColumnPositions,
} from './columns.store.ts';

/**
 * The columns of a project. Each stands for a status, which its tasks have in the Tracker API: a new column for the status
 * with its title, which is created if all of that name have a column in the project already, and removed with its last
 * column. Writers lock the queue.
 */

/** Fields of a column; undefined marks an invalid value. */
export type NewColumn = { readonly [Field in keyof ColumnFields]: ColumnFields[Field] | undefined };

const TITLE_LENGTH_MAX = 255;
const TASK_LIMIT_MAX = 2_147_483_647;
const COLUMNS_MAX = 100;

/** The columns of a project in board order. Throws `not_found`. */
export async function listColumns(db: Queryable, viewer: Viewer, projectId: number): Promise<ColumnRow[]> {
  const rows = await selectColumns(db, viewer, projectId);
  if (rows === undefined) throw new DomainError('not_found', texts.queueNotFound);
  return rows;
}

/** Throws `not_found`, also for a column of a project that the viewer may not see. */
export async function getColumn(db: Queryable, viewer: Viewer, columnId: number): Promise<ColumnRow> {
  const row = await selectColumn(db, viewer, columnId);
  if (row === undefined) throw new DomainError('not_found', texts.columnNotFound);
  return row;
}

/**
 * Appends a column and returns its id. Throws `not_found` and `forbidden` for the project, `invalid`, `conflict` for a title
 * that another column has, and `refused` for too many columns.
 */
export function createColumn(db: Database, viewer: Viewer, projectId: number, given: NewColumn): Promise<number> {
  const { orgId } = viewer;
  return inManagedQueue(db, viewer, projectId, async (transaction) => {
    const fields = validColumn(given);
    await lockQueue(transaction, orgId, projectId);
    const columns = await listColumns(transaction, viewer, projectId);
    if (columns.length >= COLUMNS_MAX) throw new DomainError('refused', texts.columnsTooMany);
    refuseTitle(columns, fields.title);
    const taken = columns.map(({ status_id }) => status_id);
    const statusId = await addStatus(transaction, viewer, fields.title, taken);
    return await insertColumn(transaction, orgId, { ...fields, queueId: projectId, statusId });
  });
}

/**
 * Changes a column, whose tasks keep their status. Throws `not_found` and `forbidden` for the column, and `invalid` and
 * `conflict` as `createColumn` does.
 */
export function updateColumn(db: Database, viewer: Viewer, columnId: number, given: NewColumn): Promise<void> {
  return db.transaction(async (transaction) => {
    const columns = await lockColumnsBeside(transaction, viewer, columnId);
    const fields = validColumn(given);
    refuseTitle(
      columns.filter((column) => column.column_id !== columnId),
      fields.title,
    );
    await updateColumnFields(transaction, viewer.orgId, columnId, fields);
  });
}

/**
 * Moves a column to a position, from 1. Throws `not_found` and `forbidden` for the project, and `refused` for a column of
 * another project or a position beyond the last.
 */
export function moveColumn(
  db: Database,
  viewer: Viewer,
  projectId: number,
  { columnId, position }: { readonly columnId: number; readonly position: number },
): Promise<void> {
  const { orgId } = viewer;
  return inManagedQueue(db, viewer, projectId, async (transaction) => {
    await lockQueue(transaction, orgId, projectId);
    const columns = await listColumns(transaction, viewer, projectId);
    if (!columns.some((column) => column.column_id === columnId)) throw refused('column_id');
    if (!Number.isSafeInteger(position) || position < 1 || position > columns.length) throw refused('position');
    await updateColumnPositions(transaction, orgId, { queueId: projectId, columnId, position });
  });
}

/** Throws `not_found` and `forbidden` for the column, and `refused` if it has tasks, open or closed. */
export function removeColumn(db: Database, viewer: Viewer, columnId: number): Promise<void> {
  return db.transaction(async (transaction) => {
    const columns = await lockColumnsBeside(transaction, viewer, columnId);
    await onConstraint(deleteColumn(transaction, viewer.orgId, columnId), {
      issues_status_id_fkey: () => new DomainError('refused', texts.columnHasTasks),
    });
    const removed = columns.filter((column) => column.column_id === columnId);
    await deleteUnusedStatuses(
      transaction,
      viewer.orgId,
      removed.map(({ status_id }) => status_id),
    );
  });
}

/** Locks the project of a column that the viewer manages, and returns its columns. */
async function lockColumnsBeside(db: Transaction, viewer: Viewer, columnId: number): Promise<ColumnRow[]> {
  const { queue_id: queueId } = await getColumn(db, viewer, columnId);
  await requireManagedQueue(db, viewer, queueId);
  await lockQueue(db, viewer.orgId, queueId);
  const columns = await listColumns(db, viewer, queueId);
  if (!columns.some((column) => column.column_id === columnId))
    throw new DomainError('not_found', texts.columnNotFound);
  return columns;
}

function validColumn({ title = '', taskLimit = -1, description }: NewColumn): ColumnFields {
  requireValid({
    title: title.trim() !== '' && lengthOf(title) <= TITLE_LENGTH_MAX,
    task_limit: Number.isSafeInteger(taskLimit) && taskLimit >= 0 && taskLimit <= TASK_LIMIT_MAX,
    description: description !== undefined && lengthOf(description) <= TEXT_LENGTH_MAX,
  });
  return { title, taskLimit, description: description ?? '' };
}

function refuseTitle(columns: readonly ColumnRow[], wanted: string): void {
  if (columns.some(({ title }) => title === wanted)) throw new DomainError('conflict', texts.columnExists(wanted));
}

function refused(field: string): DomainError {
  return new DomainError('refused', undefined, { [field]: texts.formInvalid });
}

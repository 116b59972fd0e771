import type { Schemas } from '../../contract/openrpc.ts';
import type { Methods } from '../rpc/account.ts';
import { idFrom, integerFrom, numberFrom, stringFrom } from '../rpc/values.ts';
import { createColumn, getColumn, listColumns, moveColumn, removeColumn, updateColumn } from './columns.service.ts';
import type { ColumnRow } from './columns.store.ts';

export const columnMethods: Methods<
  'getColumns' | 'getColumn' | 'addColumn' | 'updateColumn' | 'changeColumnPosition' | 'removeColumn'
> = {
  async getColumns({ project_id }, { db, viewer }) {
    const columns = await listColumns(db, viewer, idFrom(project_id));
    return columns.map(serializeColumn);
  },

  async getColumn({ column_id }, { db, viewer }) {
    return serializeColumn(await getColumn(db, viewer, idFrom(column_id)));
  },

  async addColumn({ project_id, ...column }, { db, viewer }) {
    return await createColumn(db, viewer, idFrom(project_id), columnFrom(column));
  },

  async updateColumn({ column_id, ...column }, { db, viewer }) {
    await updateColumn(db, viewer, idFrom(column_id), columnFrom(column));
    return true;
  },

  async changeColumnPosition({ project_id, column_id, position }, { db, viewer }) {
    const move = { columnId: idFrom(column_id), position: numberFrom(position) ?? 0 };
    await moveColumn(db, viewer, idFrom(project_id), move);
    return true;
  },

  async removeColumn({ column_id }, { db, viewer }) {
    await removeColumn(db, viewer, idFrom(column_id));
    return true;
  },
};

function columnFrom(params: Readonly<Record<'title' | 'task_limit' | 'description', unknown>>) {
  return {
    title: stringFrom(params.title),
    taskLimit: integerFrom(params.task_limit ?? 0),
    description: stringFrom(params.description ?? ''),
  };
}

function serializeColumn(row: ColumnRow): Schemas['Column'] {
  return {
    id: row.column_id,
    title: row.title,
    position: row.position,
    project_id: row.queue_id,
    task_limit: row.task_limit,
    description: row.description,
    hide_in_dashboard: 0,
  };
}

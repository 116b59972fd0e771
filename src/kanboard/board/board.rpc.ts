import type { Schemas } from '../../contract/openrpc.ts';
import { scoreOf } from '../../core/issues/shared-fields.ts';
import type { Methods } from '../rpc/account.ts';
import { idFrom } from '../rpc/values.ts';
import type { TaskTagRow } from '../tags/tags.store.ts';
import { serializeFoundTask } from '../tasks/found-task.rpc.ts';
import { type Board, getBoard, listMyTasks } from './board.service.ts';
import { serializeSwimlane } from './swimlanes.rpc.ts';

export const boardMethods: Methods<'getBoard' | 'getMyDashboard'> = {
  async getBoard({ project_id }, { db, viewer }) {
    const board = await getBoard(db, viewer, idFrom(project_id));
    // Without columns there is no swimlane either, as in Kanboard.
    return board.columns.length === 0 ? [] : [serializeBoard(board)];
  },

  async getMyDashboard(_params, { db, viewer }) {
    const tasks = await listMyTasks(db, viewer);
    return tasks.map(({ row, tags }) => ({
      ...serializeFoundTask(row),
      tags: tags.map(serializeTaskTag),
      subtasks: [],
    }));
  },
};

function serializeBoard(board: Board): Schemas['BoardSwimlane'] {
  const columns = board.columns.map((column) => serializeColumn(column, board.isEditable));
  return {
    ...serializeSwimlane(board.projectId),
    columns,
    nb_swimlanes: 1,
    nb_columns: columns.length,
    nb_tasks: sum(columns.map(({ nb_tasks }) => nb_tasks)),
    score: sum(columns.map(({ score }) => score)),
  };
}

function serializeColumn({ column, tasks }: Board['columns'][number], isEditable: boolean): Schemas['BoardColumn'] {
  const open = tasks.filter(({ row }) => row.is_open).length;
  const score = sum(tasks.map(({ row }) => scoreOf(row)));
  return {
    id: column.column_id,
    title: column.title,
    position: column.position,
    task_limit: column.task_limit,
    description: column.description,
    hide_in_dashboard: 0,
    project_id: column.queue_id,
    nb_open_tasks: open,
    tasks: tasks.map(({ row, tags }) => ({
      ...serializeFoundTask(row),
      tags: tags.map(serializeTaskTag),
      is_draggable: isEditable && row.is_open,
    })),
    nb_tasks: tasks.length,
    score,
    column_nb_open_tasks: open,
    // There is one swimlane.
    nb_visible_tasks_across_swimlane: tasks.length,
    nb_unfiltered_tasks_across_swimlane: open,
    cumulative_score_across_swimlane: score,
  };
}

function serializeTaskTag({ tag_id, name, color, task_id }: TaskTagRow): Schemas['TaskTag'] {
  return { id: tag_id, name, color_id: color, task_id };
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}

import type { MethodName, Schemas } from '../../contract/openrpc.ts';
import { scoreOf } from '../../core/issues/shared-fields.ts';
import { swimlaneOf } from '../projects/swimlane.ts';
import type { Account, Methods } from '../rpc/account.ts';
import {
  given,
  idFrom,
  integerFrom,
  nameOf,
  numberFrom,
  ownerFrom,
  required,
  secondsFrom,
  stringFrom,
  stringsFrom,
  timeFrom,
} from '../rpc/values.ts';
import { recurrence, serializeFoundTask } from './found-task.rpc.ts';
import { taskColor } from './task-colors.ts';
import { searchTasks } from './task-search.service.ts';
import { completedAt, secondsOr0 } from './task-times.rpc.ts';
import {
  createTask,
  deleteTask,
  findTaskByReference,
  getTask,
  listOverdueTasks,
  listOverdueTasksOf,
  listTasks,
  moveTask,
  requireWritableProject,
  requireWritableTask,
  setTaskOpen,
  type TaskChanges,
  updateTask,
} from './tasks.service.ts';
import type { OverdueTaskRow, TaskRow } from './tasks.store.ts';

/** The task methods (Kanboard contract, section 6). A task is an issue. */
export const taskMethods: Methods<
  | 'createTask'
  | 'getTask'
  | 'getTaskByReference'
  | 'getAllTasks'
  | 'searchTasks'
  | 'updateTask'
  | 'moveTaskPosition'
  | 'openTask'
  | 'closeTask'
  | 'removeTask'
  | 'getOverdueTasks'
  | 'getOverdueTasksByProject'
  | 'getMyOverdueTasks'
> = {
  async createTask(params, { db, viewer }) {
    await requireWritableProject(db, viewer, idFrom(params.project_id));
    const taskId = await createTask(db, viewer, required(params, 'project_id', integerFrom), {
      ...changesFrom(params),
      columnId: given(params, 'column_id', integerFrom) ?? 0,
      swimlaneId: given(params, 'swimlane_id', swimlaneFrom),
      creatorId: given(params, 'creator_id', integerFrom) ?? 0,
    });
    // 0 instead of false: what Kanboard on SQLite returns if a foreign key fails.
    return taskId ?? 0;
  },

  async getTask({ task_id }, account) {
    return serializeTask(account, await getTask(account.db, account.viewer, idFrom(task_id)));
  },

  async getTaskByReference({ project_id, reference }, account) {
    const row = await findTaskByReference(account.db, account.viewer, idFrom(project_id), stringFrom(reference) ?? '');
    return row === undefined ? null : serializeTask(account, row);
  },

  async getAllTasks({ project_id, status_id }, account) {
    const status = numberFrom(status_id);
    const isOpen = status === 0 || status === 1 ? status === 1 : undefined;
    const rows = await listTasks(account.db, account.viewer, idFrom(project_id), isOpen);
    return rows.map((row) => serializeTask(account, row));
  },

  async searchTasks({ project_id, query }, { db, viewer }) {
    const rows = await searchTasks(db, viewer, idFrom(project_id), given({ query }, 'query', stringFrom) ?? '');
    return rows.map(serializeFoundTask);
  },

  async updateTask(params, { db, viewer }) {
    const taskId = idFrom(params.id);
    await requireWritableTask(db, viewer, taskId);
    await updateTask(db, viewer, taskId, changesFrom(params));
    return true;
  },

  async moveTaskPosition({ project_id, task_id, column_id, position, swimlane_id }, { db, viewer }) {
    await moveTask(db, viewer, idFrom(project_id), {
      taskId: idFrom(task_id),
      columnId: idFrom(column_id),
      position: numberFrom(position) ?? 0,
      // 0 is the current swimlane.
      swimlaneId: numberFrom(swimlane_id) === 0 || swimlane_id === null ? undefined : idFrom(swimlane_id),
    });
    return true;
  },

  async openTask({ task_id }, { db, viewer }) {
    await setTaskOpen(db, viewer, idFrom(task_id), true);
    return true;
  },

  async closeTask({ task_id }, { db, viewer }) {
    await setTaskOpen(db, viewer, idFrom(task_id), false);
    return true;
  },

  async removeTask({ task_id }, { db, viewer }) {
    await deleteTask(db, viewer, idFrom(task_id));
    return true;
  },

  async getOverdueTasks(_params, { db, viewer }) {
    return (await listOverdueTasks(db, viewer)).map(serializeOverdueTask);
  },

  async getOverdueTasksByProject({ project_id }, { db, viewer }) {
    return (await listOverdueTasksOf(db, viewer, idFrom(project_id))).map(serializeOverdueTask);
  },

  async getMyOverdueTasks(_params, { db, viewer }) {
    return (await listOverdueTasks(db, viewer, { ownerId: viewer.userId })).map(serializeOverdueTask);
  },
};

/** Fields without any effect here: they are stored and returned unchanged. */
const PASSIVE_FIELDS = [
  'score',
  'category_id',
  'priority',
  'recurrence_status',
  'recurrence_trigger',
  'recurrence_factor',
  'recurrence_timeframe',
  'recurrence_basedate',
] as const;

type Params<Name extends MethodName> = Parameters<Methods<Name>[Name]>[0];

/** The given fields of a task: null means that a parameter was omitted. Throws `invalid`. */
function changesFrom(params: Omit<Params<'updateTask'>, 'id'>): TaskChanges {
  const passive = PASSIVE_FIELDS.filter((field) => params[field] !== null).map(
    (field) => [field, required(params, field, integerFrom)] as const,
  );
  return {
    title: given(params, 'title', stringFrom),
    color: given(params, 'color_id', stringFrom),
    ownerId: given(params, 'owner_id', ownerFrom),
    dueAt: given(params, 'date_due', timeFrom),
    startedAt: given(params, 'date_started', timeFrom),
    description: given(params, 'description', stringFrom),
    reference: given(params, 'reference', stringFrom),
    tags: given(params, 'tags', stringsFrom),
    timeSpent: given(params, 'time_spent', hoursFrom),
    timeEstimated: given(params, 'time_estimated', hoursFrom),
    kanboard: Object.fromEntries(passive),
  };
}

function swimlaneFrom(value: unknown): number | undefined {
  return idFrom(value) || undefined;
}

function hoursFrom(value: unknown): number | undefined {
  if (value === '') return 0;
  const hours = typeof value === 'boolean' ? undefined : numberFrom(value);
  return hours !== undefined && hours >= 0 ? hours : undefined;
}

function serializeTask({ origin }: Account, row: TaskRow): Schemas['Task'] {
  return { ...taskFields(row), url: `${origin}/v2/issues/${row.key}`, color: taskColor(row.color) };
}

/** The stored fields of a task, in Kanboard's order. */
export function taskFields(row: TaskRow): Omit<Schemas['Task'], 'url' | 'color'> {
  return {
    id: row.id,
    title: row.title,
    description: row.description ?? '',
    date_creation: secondsFrom(row.created_at),
    color_id: row.color,
    project_id: row.project_id,
    column_id: row.column_id,
    owner_id: row.owner_id,
    position: row.position,
    is_active: row.is_open ? 1 : 0,
    date_completed: completedAt(row),
    score: scoreOf(row),
    date_due: secondsOr0(row.due_at),
    category_id: row.kanboard['category_id'] ?? 0,
    creator_id: row.creator_id,
    date_modification: secondsFrom(row.updated_at),
    reference: row.reference,
    date_started: secondsOr0(row.started_at),
    time_spent: row.time_spent,
    time_estimated: row.time_estimated,
    swimlane_id: swimlaneOf(row.project_id),
    date_moved: secondsFrom(row.moved_at),
    ...recurrence(row),
    priority: row.kanboard['priority'] ?? 0,
    external_provider: null,
    external_uri: null,
  };
}

function serializeOverdueTask(row: OverdueTaskRow): Schemas['OverdueTask'] {
  return {
    id: row.id,
    title: row.title,
    date_due: secondsFrom(row.due_at),
    project_id: row.project_id,
    creator_id: row.creator_id,
    owner_id: row.owner_id,
    project_name: row.project_name,
    assignee_username: row.assignee_login,
    assignee_name: nameOf(row.assignee_login, row.assignee_name),
  };
}

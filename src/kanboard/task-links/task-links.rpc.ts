import type { MethodResult } from '../../contract/openrpc.ts';
import type { Methods } from '../rpc/account.ts';
import { idFrom, nameOf } from '../rpc/values.ts';
import { taskTimes } from '../tasks/task-times.rpc.ts';
import type { TaskLinkRow } from './task-link-list.store.ts';
import { createTaskLink, getTaskLink, listTaskLinks, removeTaskLink, updateTaskLink } from './task-links.service.ts';
import type { TaskLinkViewRow } from './task-links.store.ts';

/** The methods for internal task links (Kanboard contract, section 4). */
export const taskLinkMethods: Methods<
  'createTaskLink' | 'updateTaskLink' | 'getTaskLinkById' | 'getAllTaskLinks' | 'removeTaskLink'
> = {
  async createTaskLink({ task_id, opposite_task_id, link_id }, { db, viewer }) {
    return await createTaskLink(db, viewer, newTaskLink(task_id, opposite_task_id, link_id));
  },

  async updateTaskLink({ task_link_id, task_id, opposite_task_id, link_id }, { db, viewer }) {
    await updateTaskLink(db, viewer, idFrom(task_link_id), newTaskLink(task_id, opposite_task_id, link_id));
    return true;
  },

  async getTaskLinkById({ task_link_id }, { db, viewer }) {
    return serializeTaskLinkView(await getTaskLink(db, viewer, idFrom(task_link_id)));
  },

  async getAllTaskLinks({ task_id }, { db, viewer }) {
    return (await listTaskLinks(db, viewer, idFrom(task_id))).map(serializeTaskLink);
  },

  async removeTaskLink({ task_link_id }, { db, viewer }) {
    await removeTaskLink(db, viewer, idFrom(task_link_id));
    return true;
  },
};

function newTaskLink(taskId: unknown, oppositeTaskId: unknown, labelId: unknown) {
  return { taskId: idFrom(taskId), oppositeTaskId: idFrom(oppositeTaskId), labelId: idFrom(labelId) };
}

function serializeTaskLink(row: TaskLinkRow): MethodResult<'getAllTaskLinks'>[number] {
  return {
    id: row.view_id,
    task_id: row.task_id,
    label: row.label,
    title: row.title,
    is_active: row.is_open ? 1 : 0,
    project_id: row.project_id,
    column_id: row.column_id,
    color_id: row.color,
    ...taskTimes(row),
    task_time_spent: row.time_spent,
    task_time_estimated: row.time_estimated,
    task_assignee_id: row.assignee_id ?? 0,
    task_assignee_username: row.assignee_login,
    task_assignee_name: nameOf(row.assignee_login, row.assignee_name),
    column_title: row.column_title,
    project_name: row.project_name,
  };
}

/** On the wire, `link_id` is a label. */
function serializeTaskLinkView(row: TaskLinkViewRow): MethodResult<'getTaskLinkById'> {
  return {
    id: row.view_id,
    opposite_task_id: row.opposite_task_id,
    task_id: row.task_id,
    link_id: row.label_id,
    label: row.label,
    opposite_link_id: row.opposite_label_id ?? 0,
  };
}

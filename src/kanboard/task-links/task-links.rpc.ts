import type { MethodResult } from '../../contract/openrpc.ts';
import type { Methods } from '../rpc/account.ts';
import { idFrom } from '../rpc/values.ts';
import { WrittenResult } from '../rpc/written-result.ts';
import { writeTaskLinks } from './task-link-list.rpc.ts';
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
    const links = await listTaskLinks(db, viewer, idFrom(task_id));
    return new WrittenResult((json) => writeTaskLinks(json, links));
  },

  async removeTaskLink({ task_link_id }, { db, viewer }) {
    await removeTaskLink(db, viewer, idFrom(task_link_id));
    return true;
  },
};

function newTaskLink(taskId: unknown, oppositeTaskId: unknown, labelId: unknown) {
  return { taskId: idFrom(taskId), oppositeTaskId: idFrom(oppositeTaskId), labelId: idFrom(labelId) };
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

import type { Methods } from '../rpc/account.ts';
import { booleanFrom, given, idFrom, integerFrom, ownerFrom, required } from '../rpc/values.ts';
import { copyTask, moveTaskToProject, type TaskDestination } from './task-moves.service.ts';

export const taskMoveMethods: Methods<'moveTaskToProject' | 'duplicateTaskToProject'> = {
  async duplicateTaskToProject({ task_id, with_links, ...params }, { db, viewer }) {
    const withLinks = required({ with_links }, 'with_links', booleanFrom);
    return await copyTask(db, viewer, idFrom(task_id), { ...destinationFrom(params), withLinks });
  },

  async moveTaskToProject({ task_id, ...params }, { db, viewer }) {
    await moveTaskToProject(db, viewer, idFrom(task_id), destinationFrom(params));
    return true;
  },
};

function destinationFrom(
  params: Readonly<Record<'project_id' | 'swimlane_id' | 'column_id' | 'category_id' | 'owner_id', unknown>>,
): TaskDestination {
  // The original accepts any swimlane, and takes the project's own if it has no such one.
  given(params, 'swimlane_id', integerFrom);
  return {
    projectId: idFrom(params.project_id),
    columnId: given(params, 'column_id', integerFrom),
    categoryId: given(params, 'category_id', integerFrom),
    ownerId: given(params, 'owner_id', ownerFrom),
  };
}

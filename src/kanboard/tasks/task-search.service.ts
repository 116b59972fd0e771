import type { Viewer } from '../../core/access/viewer.ts';
import type { Queryable } from '../../database/database.ts';
import { parseTaskQuery } from './task-query.ts';
import { type FoundTaskRow, selectTasksFound } from './task-search.store.ts';
import { requireVisibleProject } from './tasks.service.ts';

/**
 * The open and closed tasks of a project that match a query in Kanboard's query language, by id. Throws `not_found` for a
 * project that the viewer may not see, and `invalid` for a query with too many terms.
 */
export async function searchTasks(
  db: Queryable,
  viewer: Viewer,
  projectId: number,
  query: string,
): Promise<FoundTaskRow[]> {
  await requireVisibleProject(db, viewer, projectId);
  // As the owner or creator of a task, the application account counts as no user.
  return await selectTasksFound(db, viewer, projectId, parseTaskQuery(query, viewer.isApplication ? 0 : viewer.userId));
}

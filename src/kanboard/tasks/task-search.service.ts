import type { Viewer } from '../../core/access/viewer.ts';
import type { Queryable } from '../../database/database.ts';
import { parseTaskQuery } from './task-query.ts';
import { type FoundTaskRow, selectTasksFound } from './task-search.store.ts';
import { requireVisibleProject } from './tasks.service.ts';

/**
 * The tasks of a project that a query in Kanboard's language finds, open and closed, by number. Throws `not_found` for a
 * project that the viewer may not see, and `invalid` for a query that is too long.
 */
export async function searchTasks(
  db: Queryable,
  viewer: Viewer,
  projectId: number,
  query: string,
): Promise<FoundTaskRow[]> {
  await requireVisibleProject(db, viewer, projectId);
  // The application account is nobody, as owner and as creator of tasks.
  return await selectTasksFound(db, viewer, projectId, parseTaskQuery(query, viewer.isApplication ? 0 : viewer.userId));
}

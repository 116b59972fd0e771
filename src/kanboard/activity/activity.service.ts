import type { Viewer } from '../../core/access/viewer.ts';
import type { Queryable } from '../../database/database.ts';
import { DomainError, requireValid } from '../../errors.ts';
import { texts } from '../../texts.ts';
import { type ActivityRow, countVisibleProjects, selectActivity } from './activity.store.ts';

/** What happened to tasks: the entries of Tracker's changelogs, in Kanboard's terms. */

const PROJECTS_MAX = 1000;
const EVENTS_MAX = 50;
const MY_EVENTS_MAX = 100;

/**
 * The latest 50 events of projects that the viewer may see, latest first. `projectIds` is undefined if it is invalid. Throws
 * `invalid`, and `not_found` if the viewer may not see one of the projects.
 */
export async function listActivity(
  db: Queryable,
  viewer: Viewer,
  projectIds: readonly number[] | undefined,
): Promise<ActivityRow[]> {
  requireValid({ project_ids: projectIds !== undefined && projectIds.length <= PROJECTS_MAX });
  const distinct = [...new Set(projectIds)];
  const visible = await countVisibleProjects(db, viewer, distinct);
  if (visible < distinct.length) throw new DomainError('not_found', texts.queueNotFound);
  return await selectActivity(db, viewer, { projectIds: distinct, limit: EVENTS_MAX });
}

/** The latest 100 events of all active projects that the viewer may see, latest first. */
export function listMyActivity(db: Queryable, viewer: Viewer): Promise<ActivityRow[]> {
  return selectActivity(db, viewer, { projectIds: undefined, limit: MY_EVENTS_MAX });
}

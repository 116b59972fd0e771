import { type Viewer, viewerValues, visibleQueue } from '../../core/access/viewer.ts';
import type { ProjectSettings } from '../../core/queues/queues.store.ts';
import { isPerson } from '../../core/users/person.ts';
import type { Queryable } from '../../database/database.ts';

/** A queue in Kanboard's words. */
export interface ProjectRow {
  queue_id: number;
  key: string;
  name: string;
  description: string | null;
  identifier: string;
  access: 'organisation' | 'members';
  is_active: boolean;
  updated_at: Date;
  kanboard: ProjectSettings;
  /** Null where a service account leads the queue, or somebody who was removed. */
  lead_id: number | null;
  is_visible: boolean;
}

const SELECT_PROJECTS = `
  select queues.queue_id, queues.key, queues.name, queues.description, queues.identifier, queues.access, queues.is_active,
    queues.updated_at, queues.kanboard,
    case when ${isPerson('lead')} then lead.user_id end as lead_id,
    ${visibleQueue('queues')} as is_visible
  from queues
  join users lead on lead.org_id = $1 and lead.user_id = queues.lead_id`;

export async function selectProject(db: Queryable, viewer: Viewer, queueId: number): Promise<ProjectRow | undefined> {
  const [row] = await db.query<ProjectRow>({
    name: 'select_project',
    text: `${SELECT_PROJECTS} where queues.org_id = $1 and queues.queue_id = $4`,
    values: [...viewerValues(viewer), queueId],
  });
  return row;
}

export async function selectProjectOfIdentifier(
  db: Queryable,
  viewer: Viewer,
  identifier: string,
): Promise<ProjectRow | undefined> {
  const [row] = await db.query<ProjectRow>({
    name: 'select_project_of_identifier',
    text: `${SELECT_PROJECTS} where queues.org_id = $1 and queues.identifier = $4 and queues.identifier <> ''`,
    values: [...viewerValues(viewer), identifier],
  });
  return row;
}

/** The first project of that name, one that the viewer may see before others. */
export async function selectProjectNamed(db: Queryable, viewer: Viewer, name: string): Promise<ProjectRow | undefined> {
  const [row] = await db.query<ProjectRow>({
    name: 'select_project_named',
    text: `
      ${SELECT_PROJECTS}
      where queues.org_id = $1 and queues.name = $4
      order by is_visible desc, queues.queue_id
      limit 1`,
    values: [...viewerValues(viewer), name],
  });
  return row;
}

/** The projects of the organisation, by name. */
export function selectProjects(db: Queryable, viewer: Viewer): Promise<ProjectRow[]> {
  return db.query<ProjectRow>({
    name: 'select_projects',
    text: `${SELECT_PROJECTS} where queues.org_id = $1 order by queues.name collate "C", queues.queue_id`,
    values: viewerValues(viewer),
  });
}

/** Those that the viewer may see. */
export function selectVisibleProjects(db: Queryable, viewer: Viewer): Promise<ProjectRow[]> {
  return db.query<ProjectRow>({
    name: 'select_visible_projects',
    text: `
      ${SELECT_PROJECTS}
      where queues.org_id = $1 and ${visibleQueue('queues')}
      order by queues.name collate "C", queues.queue_id`,
    values: viewerValues(viewer),
  });
}

export interface ColumnRow {
  column_id: number;
  queue_id: number;
  title: string;
  position: number;
}

/** The columns of a queue in their order. Undefined when there is no such queue for this viewer. */
export async function selectColumns(db: Queryable, viewer: Viewer, queueId: number): Promise<ColumnRow[] | undefined> {
  const rows = await db.query<ColumnRow | { column_id: null }>({
    name: 'select_columns',
    text: `
      select columns.column_id, queues.queue_id, columns.title, columns.position
      from queues
      left join columns on columns.org_id = $1 and columns.queue_id = queues.queue_id
      where queues.org_id = $1 and queues.queue_id = $4 and ${visibleQueue('queues')}
      order by columns.position, columns.column_id`,
    values: [...viewerValues(viewer), queueId],
  });
  return rows.length === 0 ? undefined : rows.filter((row) => row.column_id !== null);
}

import { type Viewer, visibleQueue } from '../../core/access/viewer.ts';
import type { ProjectSettings } from '../../core/queues/queues.store.ts';
import { isPerson } from '../../core/users/person.ts';
import type { Queryable, Transaction } from '../../database/database.ts';
import { statement } from '../../database/statement.ts';

/** A queue, in Kanboard's terms. */
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
  /** Null if the lead is a service account or was removed. */
  lead_id: number | null;
}

/** SQL: selects queues as ProjectRows. */
const PROJECTS = `
  select queues.queue_id, queues.key, queues.name, queues.description, queues.identifier, queues.access, queues.is_active,
    queues.updated_at, queues.kanboard,
    case when ${isPerson('lead')} then lead.user_id end as lead_id
  from queues
  join users lead on lead.org_id = :orgId and lead.user_id = queues.lead_id`;

const SELECT_PROJECT = statement<keyof Viewer | 'queueId', ProjectRow>(
  'select_project',
  `${PROJECTS} where queues.org_id = :orgId and queues.queue_id = :queueId and ${visibleQueue('queues')}`,
);

/** Undefined if the project does not exist for this viewer; likewise in the next two functions. */
export async function selectProject(db: Queryable, viewer: Viewer, queueId: number): Promise<ProjectRow | undefined> {
  const [row] = await db.query(SELECT_PROJECT({ ...viewer, queueId }));
  return row;
}

const SELECT_PROJECT_OF_IDENTIFIER = statement<keyof Viewer | 'identifier', ProjectRow>(
  'select_project_of_identifier',
  `
  ${PROJECTS}
  where queues.org_id = :orgId and queues.identifier = :identifier and queues.identifier <> ''
    and ${visibleQueue('queues')}`,
);

export async function selectProjectOfIdentifier(
  db: Queryable,
  viewer: Viewer,
  identifier: string,
): Promise<ProjectRow | undefined> {
  const [row] = await db.query(SELECT_PROJECT_OF_IDENTIFIER({ ...viewer, identifier }));
  return row;
}

const SELECT_PROJECT_NAMED = statement<keyof Viewer | 'name', ProjectRow>(
  'select_project_named',
  `
  ${PROJECTS}
  where queues.org_id = :orgId and queues.name = :name and ${visibleQueue('queues')}
  order by queues.queue_id
  limit 1`,
);

/** The first project with the name. */
export async function selectProjectNamed(db: Queryable, viewer: Viewer, name: string): Promise<ProjectRow | undefined> {
  const [row] = await db.query(SELECT_PROJECT_NAMED({ ...viewer, name }));
  return row;
}

const SELECT_PROJECTS = statement<'orgId', ProjectRow>(
  'select_projects',
  `${PROJECTS} where queues.org_id = :orgId order by queues.name collate "C", queues.queue_id`,
);

/** All projects of the organisation, by name. */
export function selectProjects(db: Queryable, orgId: string): Promise<ProjectRow[]> {
  return db.query(SELECT_PROJECTS({ orgId }));
}

const SELECT_VISIBLE_PROJECTS = statement<keyof Viewer, ProjectRow>(
  'select_visible_projects',
  `
  ${PROJECTS}
  where queues.org_id = :orgId and ${visibleQueue('queues')}
  order by queues.name collate "C", queues.queue_id`,
);

/** The projects that the viewer may see, by name. */
export function selectVisibleProjects(db: Queryable, viewer: Viewer): Promise<ProjectRow[]> {
  return db.query(SELECT_VISIBLE_PROJECTS({ ...viewer }));
}

/** Changed fields of a project; undefined keeps the current value. */
export interface ProjectChange {
  readonly name: string | undefined;
  readonly description: string | undefined;
  readonly leadId: number | undefined;
  readonly identifier: string | undefined;
  readonly isActive: boolean | undefined;
  readonly settings: ProjectSettings;
}

const UPDATE_PROJECT = statement<'orgId' | 'queueId' | keyof ProjectChange>(
  'update_project',
  `
  update queues
  set name = coalesce(:name, name), description = coalesce(:description, description),
    lead_id = coalesce(:leadId, lead_id), identifier = coalesce(:identifier, identifier),
    is_active = coalesce(:isActive, is_active), kanboard = kanboard || :settings::jsonb,
    version = version + 1, updated_at = greatest(now(), updated_at)
  where org_id = :orgId and queue_id = :queueId`,
);

export async function updateProjectRow(
  db: Transaction,
  orgId: string,
  queueId: number,
  { settings, ...change }: ProjectChange,
): Promise<void> {
  await db.query(UPDATE_PROJECT({ orgId, queueId, ...change, settings: JSON.stringify(settings) }));
}

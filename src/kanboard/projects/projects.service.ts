import { requireAdministrator, requireManager, type Viewer } from '../../core/access/viewer.ts';
import { deleteUnusedStatuses, insertMissingStatuses } from '../../core/dictionaries/dictionaries.store.ts';
import { lockIssuesOfQueue } from '../../core/issues/issues.store.ts';
import { DEFAULT_COLUMNS, DEFAULT_ISSUE_TYPE_ID, DEFAULT_PRIORITY_ID } from '../../core/organisations/defaults.ts';
import { APPLICATION_LOGIN } from '../../core/organisations/organisations.service.ts';
import { lockOrganisation } from '../../core/organisations/organisations.store.ts';
import { insertColumns } from '../../core/queues/queue-columns.store.ts';
import { inManagedQueue } from '../../core/queues/queue-members.service.ts';
import { insertMembers } from '../../core/queues/queue-members.store.ts';
import { parseQueueName } from '../../core/queues/queue-name.ts';
import {
  deleteQueueRow,
  existsQueueKey,
  insertQueue,
  lockQueue,
  type ProjectSettings,
} from '../../core/queues/queues.store.ts';
import { keepReaders } from '../../core/removal/deleted-issues.store.ts';
import { deleteIssues } from '../../core/removal/issue-deletion.service.ts';
import { isEmail } from '../../core/users/email.ts';
import { findPerson, getUserId } from '../../core/users/users.service.ts';
import { ConcurrentChange, type Database, type Queryable } from '../../database/database.ts';
import { onConstraint } from '../../database/database-error.ts';
import { DomainError, requireValid } from '../../errors.ts';
import { lengthOf, TEXT_LENGTH_MAX } from '../../text-length.ts';
import { texts } from '../../texts.ts';
import { selectColumns } from '../columns/columns.store.ts';
import {
  type ProjectRow,
  selectProject,
  selectProjectNamed,
  selectProjectOfIdentifier,
  selectProjects,
  selectVisibleProjects,
  updateProjectRow,
} from './projects.store.ts';

/** A queue, in Kanboard's terms. */
export interface Project {
  readonly id: number;
  readonly key: string;
  readonly name: string;
  readonly description: string | null;
  /** Empty if unset. */
  readonly identifier: string;
  readonly isActive: boolean;
  /** Whether every user of the organisation sees it. */
  readonly isOpen: boolean;
  /** Undefined if the lead is a service account or was removed. */
  readonly ownerId: number | undefined;
  readonly settings: ProjectSettings;
  readonly updatedAt: Date;
}

/** The fields of a new project: undefined if the value is invalid, null if it was omitted. */
export interface NewProject {
  readonly name: string | undefined;
  readonly description: string | null | undefined;
  /** Null makes the caller the owner. */
  readonly ownerId: number | null;
  /** Empty if unset. */
  readonly identifier: string | undefined;
  readonly settings: {
    readonly [Name in keyof Omit<ProjectSettings, 'is_private'>]-?: ProjectSettings[Name] | null;
  } & Pick<ProjectSettings, 'is_private'>;
}

/** Changed fields of a project, as in `NewProject`, but null keeps a field. */
export interface ProjectChanges extends Omit<NewProject, 'name' | 'identifier'> {
  readonly name: string | null | undefined;
  /** 0 for no owner. */
  readonly ownerId: number | null;
  readonly identifier: string | null | undefined;
}

const DATE_LENGTH_MAX = 10;

/**
 * Creates a project with its columns, visible only to its members, and returns its id. The creator and the owner become
 * managers of the project, unless the creator is the application account: then it has no members. Throws `forbidden` for
 * anyone but administrators and managers, `invalid`, `conflict` if the identifier is taken, and `refused` if the owner
 * does not exist.
 */
export function createProject(db: Database, viewer: Viewer, project: NewProject): Promise<number> {
  requireManager(viewer);
  return addProject(db, viewer, project);
}

/** Creates a project of the viewer's own and returns its id. Throws `refused` for readers, and `invalid`. */
export async function createPrivateProject(
  db: Database,
  viewer: Viewer,
  project: Pick<NewProject, 'name' | 'description'>,
): Promise<number> {
  if (viewer.role === 'reader') throw new DomainError('refused', texts.writeForbidden);
  const unset = { start_date: null, end_date: null, priority_default: null, priority_start: null, priority_end: null };
  const settings = { ...unset, email: null, is_private: 1 };
  return await addProject(db, viewer, { ...project, ownerId: null, identifier: '', settings });
}

function addProject(db: Database, viewer: Viewer, project: NewProject): Promise<number> {
  const { orgId } = viewer;
  const { name, description, identifier, settings } = validProject(project);
  return db.transaction(async (transaction) => {
    const ownerId = project.ownerId ?? viewer.userId;
    if (project.ownerId !== null && !(await findPerson(transaction, viewer, { userId: ownerId }))) {
      throw new DomainError('refused', undefined, { owner_id: texts.userUnknown });
    }
    const wanted = parseQueueName(identifier)?.key;
    const key = wanted === undefined || (await existsQueueKey(transaction, orgId, wanted)) ? undefined : wanted;
    const insert = insertQueue(transaction, orgId, {
      key,
      identifier,
      name,
      description,
      access: 'members',
      leadId: ownerId,
      issueTypeId: DEFAULT_ISSUE_TYPE_ID,
      priorityId: DEFAULT_PRIORITY_ID,
      kanboard: settings,
    });
    const projectId = await onConstraint(insert, {
      queues_identifier_key: () => new DomainError('conflict', texts.queueKeyTaken(identifier)),
      // A concurrent writer took the key after we checked: the transaction is retried.
      queues_key_key: () => new ConcurrentChange(),
    });
    await insertMissingStatuses(transaction, orgId, DEFAULT_COLUMNS);
    await insertColumns(transaction, orgId, projectId, DEFAULT_COLUMNS);
    if (!viewer.isApplication) {
      await insertMembers(transaction, orgId, projectId, [...new Set([viewer.userId, ownerId])], 'manager');
    }
    return projectId;
  });
}

/** Deletes a project with its tasks and their links. Throws `not_found`, and `forbidden` for anyone but its managers. */
export function removeProject(db: Database, viewer: Viewer, projectId: number): Promise<void> {
  const { orgId } = viewer;
  return inManagedQueue(db, viewer, projectId, async (transaction) => {
    await lockOrganisation(transaction, orgId, 'links');
    await lockQueue(transaction, orgId, projectId);
    await deleteIssues(transaction, viewer, await lockIssuesOfQueue(transaction, orgId, projectId));
    const columns = await selectColumns(transaction, viewer, projectId);
    await keepReaders(transaction, orgId, projectId);
    await deleteQueueRow(transaction, orgId, projectId);
    await deleteUnusedStatuses(
      transaction,
      orgId,
      (columns ?? []).map(({ status_id }) => status_id),
    );
  });
}

/** Throws `not_found`, also for a project that the viewer may not see. */
export async function getProject(db: Queryable, viewer: Viewer, projectId: number): Promise<Project> {
  const row = await selectProject(db, viewer, projectId);
  if (row === undefined) throw new DomainError('not_found', texts.queueNotFound);
  return toProject(row);
}

/**
 * The first project with the name, or the one with the identifier. Undefined if there is none, and likewise for one that
 * the viewer may not see: the identifier is not a number that the viewer was given, but one that can be guessed.
 */
export async function findProject(
  db: Queryable,
  viewer: Viewer,
  {
    name,
    identifier,
  }: { readonly name: string; readonly identifier?: never } | { readonly name?: never; readonly identifier: string },
): Promise<Project | undefined> {
  const row =
    identifier === undefined
      ? await selectProjectNamed(db, viewer, name)
      : await selectProjectOfIdentifier(db, viewer, identifier.toUpperCase());
  return row && toProject(row);
}

/** All projects of the organisation, by name. Throws `forbidden` for anyone but administrators. */
export async function listAllProjects(db: Queryable, viewer: Viewer): Promise<Project[]> {
  requireAdministrator(viewer);
  return (await selectProjects(db, viewer.orgId)).map(toProject);
}

/** The projects that the viewer may see, by name. */
export async function listVisibleProjects(db: Queryable, viewer: Viewer): Promise<Project[]> {
  return (await selectVisibleProjects(db, viewer)).map(toProject);
}

/**
 * Changes a project; null keeps a field. The key of the queue stays, whatever the identifier. Throws `not_found`,
 * `forbidden` for anyone but its managers, and as `createProject` does.
 */
export function updateProject(
  db: Database,
  viewer: Viewer,
  projectId: number,
  { name, ownerId, ...given }: ProjectChanges,
): Promise<void> {
  const { orgId } = viewer;
  return inManagedQueue(db, viewer, projectId, async (transaction) => {
    const { description, identifier, settings } = validProject({
      ...given,
      identifier: given.identifier === null ? '' : given.identifier,
      name: name === null ? 'unchanged' : name,
    });
    const isOwnerKnown = !ownerId || (await findPerson(transaction, viewer, { userId: ownerId })) !== undefined;
    if (!isOwnerKnown) throw new DomainError('refused', undefined, { owner_id: texts.userUnknown });
    const update = updateProjectRow(transaction, orgId, projectId, {
      name: name ?? undefined,
      description,
      leadId: ownerId === 0 ? await getUserId(transaction, orgId, APPLICATION_LOGIN) : (ownerId ?? undefined),
      identifier: given.identifier === null ? undefined : identifier,
      isActive: undefined,
      settings,
    });
    await onConstraint(update, {
      queues_identifier_key: () => new DomainError('conflict', texts.queueKeyTaken(identifier)),
    });
  });
}

/** What `updateProjectRow` keeps of a project. */
const KEPT = {
  name: undefined,
  description: undefined,
  leadId: undefined,
  identifier: undefined,
  isActive: undefined,
  settings: {},
};

/** Gives a project another name. Throws `not_found`, `forbidden` for anyone but its managers, and `invalid`. */
export function renameProject(db: Database, viewer: Viewer, projectId: number, name: string): Promise<void> {
  return inManagedQueue(db, viewer, projectId, async (transaction) => {
    requireValid({ name: isProjectName(name) });
    await updateProjectRow(transaction, viewer.orgId, projectId, { ...KEPT, name });
  });
}

function isProjectName(name: string): boolean {
  return name !== '' && lengthOf(name) <= TEXT_LENGTH_MAX;
}

/** Enables or disables a project, which its tasks do not notice. Throws `not_found`, and `forbidden` for anyone but its managers. */
export function setProjectActive(db: Database, viewer: Viewer, projectId: number, isActive: boolean): Promise<void> {
  return inManagedQueue(db, viewer, projectId, async (transaction) => {
    await updateProjectRow(transaction, viewer.orgId, projectId, { ...KEPT, isActive });
  });
}

/** Throws `invalid`, naming each invalid field. */
function validProject({ name = '', description, identifier, settings }: Omit<NewProject, 'ownerId'>) {
  const { start_date, end_date, priority_default, priority_start, priority_end, email } = settings;
  requireValid({
    name: isProjectName(name),
    description: description !== undefined,
    identifier: identifier !== undefined && /^[A-Z0-9]{0,50}$/i.test(identifier),
    start_date: start_date === null || (start_date !== undefined && lengthOf(start_date) <= DATE_LENGTH_MAX),
    end_date: end_date === null || (end_date !== undefined && lengthOf(end_date) <= DATE_LENGTH_MAX),
    priority_default: priority_default === null || Number.isSafeInteger(priority_default),
    priority_start: priority_start === null || Number.isSafeInteger(priority_start),
    priority_end: priority_end === null || Number.isSafeInteger(priority_end),
    email: email === null || email === '' || (email !== undefined && isEmail(email)),
  });
  return {
    name,
    description: description ?? undefined,
    identifier: (identifier ?? '').toUpperCase(),
    settings: Object.fromEntries(Object.entries(settings).filter(([, value]) => value !== null)) as ProjectSettings,
  };
}

function toProject(row: ProjectRow): Project {
  return {
    id: row.queue_id,
    key: row.key,
    name: row.name,
    description: row.description,
    identifier: row.identifier,
    isActive: row.is_active,
    isOpen: row.access === 'organisation',
    ownerId: row.lead_id ?? undefined,
    settings: row.kanboard,
    updatedAt: row.updated_at,
  };
}

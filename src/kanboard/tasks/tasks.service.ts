import type { Viewer } from '../../core/access/viewer.ts';
import { getWritableIssue } from '../../core/issues/issue-access.ts';
import {
  addIssue,
  changeIssueFields,
  ensureColumn,
  fieldsOf,
  getWritableQueue,
  KANBOARD_DEFAULTS,
  lockWritableIssue,
  TRACKER_DEFAULTS,
} from '../../core/issues/issue-writes.ts';
import { type IssueFields, selectIssueState } from '../../core/issues/issues.store.ts';
import { isRecurring } from '../../core/issues/recurrence.ts';
import { DUE_AT_MIN, scoreOf } from '../../core/issues/shared-fields.ts';
import { resolutionAfter } from '../../core/issues/status-rules.ts';
import { lockOrganisation } from '../../core/organisations/organisations.store.ts';
import { selectFirstStatus } from '../../core/queues/queue-columns.store.ts';
import { lockQueue, selectQueueForIssue } from '../../core/queues/queues.store.ts';
import { deleteIssues } from '../../core/removal/issue-deletion.service.ts';
import { findPerson } from '../../core/users/users.service.ts';
import { ConcurrentChange, type Database, type Queryable, type Transaction } from '../../database/database.ts';
import { DomainError, requireValid } from '../../errors.ts';
import { lengthOf, TEXT_LENGTH_MAX } from '../../text-length.ts';
import { type Text, texts } from '../../texts.ts';
import { swimlaneOf } from '../projects/swimlane.ts';
import { isTagName, storedTags } from '../tags/task-tags.ts';
import {
  lockAssignee,
  lockPositions,
  type OverdueTaskRow,
  selectOverdueTasks,
  selectStatusOfColumn,
  selectTask,
  selectTaskByReference,
  selectTasks,
  type TaskRow,
  updatePositions,
} from './tasks.store.ts';

/** Changed fields of a task; undefined keeps the current value. */
export interface TaskChanges {
  readonly title: string | undefined;
  readonly color: string | undefined;
  /** Null for no owner. */
  readonly ownerId: number | null | undefined;
  readonly dueAt: Date | null | undefined;
  readonly startedAt: Date | null | undefined;
  readonly description: string | undefined;
  readonly reference: string | undefined;
  readonly tags: readonly string[] | undefined;
  readonly timeSpent: number | undefined;
  readonly timeEstimated: number | undefined;
  /** The score, and fields that are stored and returned without any effect here. */
  readonly kanboard: Readonly<Record<string, number>>;
}

export interface NewTask extends TaskChanges {
  /** 0 for the first column. */
  readonly columnId: number;
  readonly swimlaneId: number | undefined;
  /** 0 for the caller. */
  readonly creatorId: number;
}

export interface TaskMove {
  readonly taskId: number;
  readonly columnId: number;
  readonly position: number;
  readonly swimlaneId: number | undefined;
}

const DESCRIPTION_LENGTH_MAX = 65_536;
const REFERENCE_LENGTH_MAX = 191;
const COLOR_LENGTH_MAX = 50;
const SCORE_MAX = 2_147_483_647;

/**
 * The access check that Kanboard makes before it validates a user's parameters. Throws `not_found` for a project that the
 * viewer may not see, and `forbidden` for one that the viewer may not change. Always passes for the application account.
 */
export async function requireWritableProject(db: Queryable, viewer: Viewer, projectId: number): Promise<void> {
  if (!viewer.isApplication) await getWritableQueue(db, viewer, projectId);
}

/** As `requireWritableProject`, for a task. */
export async function requireWritableTask(db: Queryable, viewer: Viewer, taskId: number): Promise<void> {
  if (!viewer.isApplication) await getWritableIssue(db, viewer, taskId);
}

/** Throws `not_found`, also for a task that the viewer may not see. */
export async function getTask(db: Queryable, viewer: Viewer, taskId: number): Promise<TaskRow> {
  const row = await selectTask(db, viewer, taskId);
  if (row === undefined) throw new DomainError('not_found', texts.issueNotFound);
  return row;
}

/** The first task of a project with the reference. Throws `not_found` for a project that the viewer may not see. */
export async function findTaskByReference(
  db: Queryable,
  viewer: Viewer,
  projectId: number,
  reference: string,
): Promise<TaskRow | undefined> {
  await requireVisibleProject(db, viewer, projectId);
  return await selectTaskByReference(db, viewer, projectId, reference);
}

/**
 * The open or the closed tasks of a project, by id; an empty array if `isOpen` is undefined. Throws `not_found` for a project
 * that the viewer may not see.
 */
export async function listTasks(
  db: Queryable,
  viewer: Viewer,
  projectId: number,
  isOpen: boolean | undefined,
): Promise<TaskRow[]> {
  await requireVisibleProject(db, viewer, projectId);
  return isOpen === undefined ? [] : await selectTasks(db, viewer, projectId, isOpen);
}

/** The overdue tasks that the viewer may see, by id: all, or those of an owner. */
export function listOverdueTasks(
  db: Queryable,
  viewer: Viewer,
  owner: { readonly ownerId?: number } = {},
): Promise<OverdueTaskRow[]> {
  return selectOverdueTasks(db, viewer, owner);
}

/** The overdue tasks of a project, by id. Throws `not_found` for a project that the viewer may not see. */
export async function listOverdueTasksOf(db: Queryable, viewer: Viewer, projectId: number): Promise<OverdueTaskRow[]> {
  await requireVisibleProject(db, viewer, projectId);
  return await selectOverdueTasks(db, viewer, { projectId });
}

/** Throws `not_found` for a project that the viewer may not see. */
export async function requireVisibleProject(db: Queryable, viewer: Viewer, projectId: number): Promise<void> {
  const project = await selectQueueForIssue(db, viewer, { id: projectId, key: undefined });
  if (project === undefined) throw new DomainError('not_found', texts.queueNotFound);
}

/**
 * Creates an open task at the end of a column and returns its id, or undefined if the project, column or swimlane does not
 * exist. Throws `forbidden`, `invalid`, and `refused` for an owner to whom tasks of the project cannot be assigned.
 */
export function createTask(
  db: Database,
  viewer: Viewer,
  projectId: number,
  task: NewTask,
): Promise<number | undefined> {
  const { orgId, userId } = viewer;
  checkChanges({ ...task, title: task.title ?? '' });
  return db.transaction(async (transaction) => {
    const project = await selectQueueForIssue(transaction, viewer, { id: projectId, key: undefined });
    await requireAssignee(transaction, viewer, projectId, task.ownerId);
    if (project === undefined || !hasSwimlane(projectId, task.swimlaneId)) return undefined;
    if (!project.may_write) throw new DomainError('forbidden', texts.writeForbidden);
    const statusId = await statusForTask(transaction, orgId, projectId, task.columnId);
    if (statusId === undefined) return undefined;
    const isOwnCreation = !viewer.isApplication || !(await findPerson(transaction, viewer, { userId: task.creatorId }));
    const blank: IssueFields = {
      ...KANBOARD_DEFAULTS,
      ...TRACKER_DEFAULTS,
      summary: '',
      description: null,
      issueTypeId: project.issue_type_id,
      priorityId: project.priority_id,
      assigneeId: null,
      tags: [],
      statusId,
    };
    const tags = await storedTags(transaction, orgId, projectId, task.tags ?? []);
    const { issueId } = await addIssue(transaction, viewer, {
      queueId: projectId,
      fields: fieldsAfter(blank, { ...task, tags, color: task.color || undefined }),
      isOpen: true,
      createdBy: isOwnCreation ? userId : task.creatorId,
    });
    return issueId;
  });
}

/** Changes fields of a task. Throws `not_found`, `forbidden`, `invalid` and `refused` as `createTask` does. */
export function updateTask(db: Database, viewer: Viewer, taskId: number, changes: TaskChanges): Promise<void> {
  checkChanges(changes);
  return db.transaction(async (transaction) => {
    const { ownerId } = changes;
    const seen = ownerId ? await selectIssueState(transaction, viewer, taskId) : undefined;
    // Lock the user before the issue, as `removeUser` does.
    const mayOwn = ownerId && seen ? await lockAssignee(transaction, viewer.orgId, seen.queue_id, ownerId) : true;
    const issue = await lockWritableIssue(transaction, viewer, taskId, 'change');
    if (seen && seen.queue_id !== issue.queue_id) throw new ConcurrentChange();
    // An unchanged owner stays, even if tasks can no longer be assigned to that user.
    if (!mayOwn && ownerId !== issue.assignee_id) throw refused('owner_id', texts.userUnknown);
    const tags = changes.tags && (await storedTags(transaction, viewer.orgId, issue.queue_id, changes.tags));
    const fields = fieldsAfter(fieldsOf(issue), { ...changes, tags });
    await changeIssueFields(transaction, viewer, issue, fields, issue.is_open);
  });
}

/**
 * Moves a task to a position in a column of its project, without opening or closing it. In a column whose status does not
 * close Tracker's issues, it loses its resolution. Throws `not_found` and `forbidden`
 * for the project, and `refused` if the project lacks the task, column or swimlane, if the position is invalid, or if the
 * task is already there.
 */
export async function moveTask(db: Database, viewer: Viewer, projectId: number, move: TaskMove): Promise<void> {
  const { taskId, columnId, position, swimlaneId } = move;
  const { orgId } = viewer;
  await db.transaction(async (transaction) => {
    await getWritableQueue(transaction, viewer, projectId);
    if (!Number.isSafeInteger(position) || position < 1) throw refused('position', texts.formInvalid);
    if (!hasSwimlane(projectId, swimlaneId)) throw refused('swimlane_id', texts.formInvalid);
    // A move renumbers the neighbours of the task, so moves within a project are serialised.
    await lockQueue(transaction, orgId, projectId);
    const status = await selectStatusOfColumn(transaction, orgId, projectId, columnId);
    if (status === undefined) throw refused('column_id', texts.statusNotFound);
    const statusId = status.id;
    await lockPositions(transaction, orgId, projectId, taskId, statusId);
    const issue = await selectIssueState(transaction, viewer, taskId);
    if (issue?.queue_id !== projectId) throw refused('task_id', texts.issueNotFound);
    if (issue.status_id === statusId && issue.position === position) throw refused('position', texts.formInvalid);
    const before = fieldsOf(issue);
    const fields = { ...before, statusId, resolutionId: resolutionAfter(before, status) };
    await changeIssueFields(transaction, viewer, issue, fields, issue.is_open);
    await updatePositions(transaction, orgId, {
      queueId: projectId,
      issueId: taskId,
      position,
      statusId,
      previousStatusId: issue.status_id,
    });
  });
}

/** Opens or closes a task without moving it. Opened, it has no resolution. Idempotent. Throws `not_found` and `forbidden`. */
export function setTaskOpen(db: Database, viewer: Viewer, taskId: number, isOpen: boolean): Promise<void> {
  return db.transaction(async (transaction) => {
    const seen = await selectIssueState(transaction, viewer, taskId);
    // The next occurrence of a task that recurs takes a number of its queue, which is locked before issues.
    if (seen?.may_write && isRecurring(seen)) await lockQueue(transaction, viewer.orgId, seen.queue_id);
    const issue = await lockWritableIssue(transaction, viewer, taskId, 'change');
    if (isRecurring(issue) && issue.queue_id !== seen?.queue_id) throw new ConcurrentChange();
    const fields = { ...fieldsOf(issue), ...(isOpen && { resolutionId: null }) };
    await changeIssueFields(transaction, viewer, issue, fields, isOpen);
  });
}

/** Deletes a task with its links. Throws `not_found` and `forbidden`. */
export function deleteTask(db: Database, viewer: Viewer, taskId: number): Promise<void> {
  return db.transaction(async (transaction) => {
    await lockOrganisation(transaction, viewer.orgId, 'links');
    const { issue_id } = await lockWritableIssue(transaction, viewer, taskId, 'key');
    await deleteIssues(transaction, viewer, [issue_id]);
  });
}

/** Throws `invalid`. */
function checkChanges({ title, description, color, reference, tags, dueAt, startedAt, kanboard }: TaskChanges): void {
  requireValid({
    title: title === undefined || (title.trim() !== '' && lengthOf(title) <= TEXT_LENGTH_MAX),
    description: lengthOf(description ?? '') <= DESCRIPTION_LENGTH_MAX,
    reference: lengthOf(reference ?? '') <= REFERENCE_LENGTH_MAX,
    color_id: lengthOf(color ?? '') <= COLOR_LENGTH_MAX,
    tags: (tags ?? []).every(isTagName),
    score: Math.abs(kanboard['score'] ?? 0) <= SCORE_MAX,
    date_due: !dueAt || dueAt >= DUE_AT_MIN,
    date_started: !startedAt || !dueAt || startedAt <= dueAt,
  });
}

/** `undefined` keeps the current swimlane. */
function hasSwimlane(projectId: number, swimlaneId: number | undefined): boolean {
  return swimlaneId === undefined || swimlaneId === swimlaneOf(projectId);
}

/** Throws `refused`. */
async function requireAssignee(
  db: Transaction,
  { orgId }: Viewer,
  projectId: number,
  ownerId: number | null | undefined,
): Promise<void> {
  if (ownerId === null || ownerId === undefined) return;
  if (!(await lockAssignee(db, orgId, projectId, ownerId))) throw refused('owner_id', texts.userUnknown);
}

async function statusForTask(
  db: Transaction,
  orgId: string,
  projectId: number,
  columnId: number,
): Promise<number | undefined> {
  if (columnId !== 0) return (await selectStatusOfColumn(db, orgId, projectId, columnId))?.id;
  const first = await selectFirstStatus(db, orgId, projectId);
  await ensureColumn(db, orgId, projectId, first.id);
  return first.id;
}

function fieldsAfter(before: IssueFields, changes: TaskChanges): IssueFields {
  const { score, ...passive } = changes.kanboard;
  return {
    ...before,
    summary: changes.title ?? before.summary,
    description: changes.description === undefined ? before.description : changes.description || null,
    assigneeId: changes.ownerId === undefined ? before.assigneeId : changes.ownerId,
    tags: changes.tags ?? before.tags,
    reference: changes.reference ?? before.reference,
    color: changes.color ?? before.color,
    dueAt: changes.dueAt === undefined ? before.dueAt : changes.dueAt,
    startedAt: changes.startedAt === undefined ? before.startedAt : changes.startedAt,
    timeSpent: changes.timeSpent ?? before.timeSpent,
    timeEstimated: changes.timeEstimated ?? before.timeEstimated,
    kanboard: {
      ...before.kanboard,
      ...passive,
      ...(score !== undefined && score !== scoreOf(before) && { score }),
    },
  };
}

function refused(field: string, text: Text): DomainError {
  return new DomainError('refused', undefined, { [field]: text });
}

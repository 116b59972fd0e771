import type { Viewer } from '../../core/access/viewer.ts';
import {
  changeLink,
  createLink,
  deleteLink,
  lockTypeOf,
  originNow,
} from '../../core/issue-links/issue-links.service.ts';
import { lockLink, type StoredLink, selectLink } from '../../core/issue-links/issue-links.store.ts';
import { type AccessibleIssue, findIssues, getWritableIssue, requireWritable } from '../../core/issues/issue-access.ts';
import { type Direction, opposite } from '../../core/labels/direction.ts';
import { createLabelType } from '../../core/link-types/link-types.service.ts';
import {
  type ClientDatabase,
  ConcurrentChange,
  type Database,
  type Queryable,
  type Transaction,
} from '../../database/database.ts';
import { DomainError } from '../../errors.ts';
import { texts } from '../../texts.ts';
import { readTaskLinks, type TaskLinkRow } from './task-link-list.store.ts';
import { selectLabelType, selectTaskLink, type TaskLinkViewRow } from './task-links.store.ts';

/**
 * Links in Kanboard's terms: tasks by id, labels instead of types and directions, and two views of each link, each with its
 * own id. A task that the viewer may not see is `not_found`; anything else missing is `refused`.
 */

/** The links of a task, except those to tasks that the viewer may not see. Throws `not_found`. */
export async function listTaskLinks(db: ClientDatabase, viewer: Viewer, taskId: number): Promise<TaskLinkRow[]> {
  const rows = await readTaskLinks(db, viewer, taskId);
  if (rows === undefined) throw new DomainError('not_found', texts.issueNotFound);
  return rows;
}

/** One view of a link. Throws `not_found`, also if the viewer may not see both tasks. */
export async function getTaskLink(db: Queryable, viewer: Viewer, viewId: number): Promise<TaskLinkViewRow> {
  const row = await selectTaskLink(db, viewer, viewId);
  if (row === undefined) throw new DomainError('not_found', texts.linkNotFound);
  return row;
}

export interface NewTaskLink {
  readonly taskId: number;
  readonly oppositeTaskId: number;
  /** Describes the task's relationship to the opposite task. */
  readonly labelId: number;
}

/**
 * Links a task to another; returns the id of the first task's view. Throws `not_found` and `forbidden` for the task, and
 * `refused` if anything else is missing or a rule of the link type forbids the link.
 */
export function createTaskLink(db: Database, viewer: Viewer, link: NewTaskLink): Promise<number> {
  return db.transaction(async (transaction) => {
    const { task, oppositeTask } = await getTasks(transaction, viewer, link);
    const { linkTypeId, direction } = await getLabelEnd(transaction, viewer, link);
    const type = await lockTypeOf(transaction, viewer, { linkTypeId, issues: [task, oppositeTask] });
    const write = { type, direction, issue: task, object: oppositeTask };
    const stored = await createLink(transaction, viewer, write, originNow(viewer));
    return viewIdOf(stored, direction);
  });
}

/**
 * Changes the label or the opposite task of a link, or both; its views keep their ids. Throws as `createTaskLink` does, and
 * `refused` for a view of another task.
 */
export function updateTaskLink(db: Database, viewer: Viewer, viewId: number, link: NewTaskLink): Promise<void> {
  return db.transaction(async (transaction) => {
    const { task, oppositeTask } = await getTasks(transaction, viewer, link);
    const current = await selectTaskLink(transaction, viewer, viewId);
    if (current?.task_id !== task.id) throw new DomainError('refused', texts.linkNotFound);
    // With an unchanged label, the link keeps its type, even if the opposite of the label has changed since.
    const isSameLabel = current.label_id === link.labelId;
    const end = isSameLabel
      ? await getStoredEnd(transaction, viewer, viewId)
      : await getLabelEnd(transaction, viewer, link);
    const issues = [task, oppositeTask] as const;
    const type = await lockTypeOf(transaction, viewer, { linkTypeId: end.linkTypeId, issues });
    const stored = await lockLink(transaction, viewer.orgId, linkIdOf(viewId));
    const locked = await selectTaskLink(transaction, viewer, viewId);
    // A concurrent writer changed or deleted the link before we locked it.
    if (stored === undefined || locked?.task_id !== task.id || locked.label_id !== current.label_id) {
      throw new ConcurrentChange();
    }
    if (isSameLabel && stored.link_type_id !== end.linkTypeId) throw new ConcurrentChange();
    if (isSameLabel && locked.opposite_task_id === oppositeTask.id) return;
    await changeLink(transaction, viewer, stored, { ...end, type, issue: task, object: oppositeTask });
  });
}

/**
 * Deletes a link by the id of either view. Only the task of that view has to be writable. Throws `not_found` and `forbidden`
 * for that task.
 */
export function removeTaskLink(db: Database, viewer: Viewer, viewId: number): Promise<void> {
  return db.transaction(async (transaction) => {
    const seen = await selectLink(transaction, viewer.orgId, linkIdOf(viewId));
    if (seen === undefined) throw new DomainError('not_found', texts.linkNotFound);
    const task = await getWritableIssue(transaction, viewer, taskOf(seen, viewId));
    const stored = await lockLink(transaction, viewer.orgId, seen.link_id);
    // A concurrent writer changed or deleted the link before we locked it.
    if (stored === undefined || taskOf(stored, viewId) !== task.id) throw new ConcurrentChange();
    await deleteLink(transaction, viewer, stored);
  });
}

/** The type of a link, and the end that the task is at. */
interface TypeEnd {
  readonly linkTypeId: string;
  readonly direction: Direction;
}

/** The views of link n have the ids 2n-1 and 2n; the first belongs to the end that created it. */
function linkIdOf(viewId: number): number {
  return Math.ceil(viewId / 2);
}

function viewIdOf(link: StoredLink, direction: Direction): number {
  return 2 * link.link_id - (direction === link.first_end ? 1 : 0);
}

function directionOf(link: StoredLink, viewId: number): Direction {
  return viewId % 2 === 1 ? link.first_end : opposite(link.first_end);
}

/** The task that the view belongs to. */
function taskOf(link: StoredLink, viewId: number): number {
  return directionOf(link, viewId) === 'inward' ? link.inward_issue_id : link.outward_issue_id;
}

async function getTasks(
  db: Queryable,
  viewer: Viewer,
  { taskId, oppositeTaskId }: NewTaskLink,
): Promise<{ task: AccessibleIssue; oppositeTask: AccessibleIssue }> {
  const issues = await findIssues(db, viewer, [taskId, oppositeTaskId]);
  const task = issues.find(({ id }) => id === taskId);
  const oppositeTask = issues.find(({ id }) => id === oppositeTaskId);
  if (task === undefined) throw new DomainError('not_found', texts.issueNotFound);
  requireWritable(task);
  if (oppositeTask === undefined) throw new DomainError('refused', texts.issueNotFound);
  return { task, oppositeTask };
}

/** The end at which the label puts the task. Creates the type of the label and its opposite if it does not exist. */
async function getLabelEnd(
  db: Transaction,
  { orgId }: Viewer,
  { labelId, taskId, oppositeTaskId }: NewTaskLink,
): Promise<TypeEnd> {
  const found = await selectLabelType(db, orgId, labelId);
  if (found === undefined) throw new DomainError('refused', texts.labelNotFound(String(labelId)));
  const type =
    found.link_type_id === null
      ? await createLabelType(db, orgId, [found.label_id, found.opposite_label_id], [taskId, oppositeTaskId])
      : found;
  if (type.import_only) throw new DomainError('refused', texts.linkTypeImportOnly(type.link_type_id));
  return { linkTypeId: type.link_type_id, direction: type.inward_label_id === labelId ? 'inward' : 'outward' };
}

/** The current type of the link, and the end that the view belongs to. */
async function getStoredEnd(db: Queryable, { orgId }: Viewer, viewId: number): Promise<TypeEnd> {
  const link = await selectLink(db, orgId, linkIdOf(viewId));
  if (link === undefined) throw new ConcurrentChange();
  return { linkTypeId: link.link_type_id, direction: directionOf(link, viewId) };
}

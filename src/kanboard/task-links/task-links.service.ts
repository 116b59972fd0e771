import type { Viewer } from '../../core/access/viewer.ts';
import { madeNowBy, writeChangedLink, writeNewLink, writeNoLink } from '../../core/issue-links/issue-links.service.ts';
import { type CopiedRules, lockEnds, lockLink, type StoredLink } from '../../core/issue-links/issue-links.store.ts';
import { type AccessibleIssue, findIssues, getWritableIssue, requireWritable } from '../../core/issues/issue-access.ts';
import type { Direction } from '../../core/labels/direction.ts';
import { opposite } from '../../core/labels/direction.ts';
import { createLabelType, getLinkType } from '../../core/link-types/link-types.service.ts';
import { ConcurrentChange, type Database, type Queryable, type Transaction } from '../../database/database.ts';
import { DomainError } from '../../errors.ts';
import { texts } from '../../texts.ts';
import {
  selectLabelType,
  selectTaskLink,
  selectTaskLinks,
  type TaskLinkRow,
  type TaskLinkViewRow,
} from './task-links.store.ts';

/**
 * The use cases of links in Kanboard's terms: tasks by their numbers, labels instead of types and directions, and two
 * views of each link with an id of their own. What is missing at the task that a caller asks for is `not_found`; anything
 * else that is missing is `refused`.
 */

/** The links of a task, without those to tasks that the viewer may not see. Throws `not_found`. */
export async function listTaskLinks(db: Queryable, viewer: Viewer, taskId: number): Promise<TaskLinkRow[]> {
  const rows = await selectTaskLinks(db, viewer, taskId);
  if (rows === undefined) throw new DomainError('not_found', texts.issueNotFound);
  return rows;
}

/** One view of a link. Throws `not_found`, also when the viewer may not see one of the two tasks. */
export async function getTaskLink(db: Queryable, viewer: Viewer, viewId: number): Promise<TaskLinkViewRow> {
  const row = await selectTaskLink(db, viewer, viewId);
  if (row === undefined) throw new DomainError('not_found', texts.linkNotFound);
  return row;
}

export interface NewTaskLink {
  readonly taskId: number;
  readonly oppositeTaskId: number;
  /** What the task is to the opposite task. */
  readonly labelId: number;
}

/**
 * Links a task to another; answers the id of the view that the task has. Throws `not_found` and `forbidden` for the task,
 * and `refused` for everything else that is missing or against a rule.
 */
export function createTaskLink(db: Database, viewer: Viewer, link: NewTaskLink): Promise<number> {
  return db.transaction(async (transaction) => {
    const { task, oppositeTask } = await getTasks(transaction, viewer, link);
    const end = await getLabelEnd(transaction, viewer, link.labelId);
    const stored = await writeNewLink(
      transaction,
      viewer,
      { ...end, issue: task, object: oppositeTask },
      madeNowBy(viewer),
    );
    return viewIdOf(stored, end.direction);
  });
}

/**
 * Gives a link another label, another opposite task, or both; its views keep their ids. Throws as `createTaskLink` does,
 * and `refused` for a view that is not the task's.
 */
export function updateTaskLink(db: Database, viewer: Viewer, viewId: number, link: NewTaskLink): Promise<void> {
  return db.transaction(async (transaction) => {
    const { task, oppositeTask } = await getTasks(transaction, viewer, link);
    const current = await selectTaskLink(transaction, viewer, viewId);
    if (current?.task_id !== task.id) throw new DomainError('refused', texts.linkNotFound);
    // A link keeps its pair of labels, whatever has become of their opposites since. Where another label makes a type, that
    // is before the link is locked: a new type may lock links of its neighbours.
    const isSameLabel = current.link_id === link.labelId;
    const end = isSameLabel ? undefined : await getLabelEnd(transaction, viewer, link.labelId);
    // Issues before their links, as those do who remove an issue.
    await lockEnds(transaction, viewer.orgId, [task.id, oppositeTask.id]);
    const stored = await lockLink(transaction, viewer.orgId, linkIdOf(viewId));
    const locked = await selectTaskLink(transaction, viewer, viewId);
    // Somebody else changed or removed it since our look.
    if (stored === undefined || locked?.task_id !== task.id || locked.link_id !== current.link_id) {
      throw new ConcurrentChange();
    }
    if (isSameLabel && locked.opposite_task_id === oppositeTask.id) return;
    await writeChangedLink(transaction, viewer, stored, {
      ...(end ?? (await getStoredEnd(transaction, viewer, stored, viewId))),
      issue: task,
      object: oppositeTask,
    });
  });
}

/**
 * Removes a link through either of its views. The right to write at the view's own task is enough. Throws `not_found` and
 * `forbidden` for that task.
 */
export function removeTaskLink(db: Database, viewer: Viewer, viewId: number): Promise<void> {
  return db.transaction(async (transaction) => {
    const stored = await lockLink(transaction, viewer.orgId, linkIdOf(viewId));
    if (stored === undefined) throw new DomainError('not_found', texts.linkNotFound);
    await getWritableIssue(transaction, viewer, taskOf(stored, viewId));
    await writeNoLink(transaction, viewer, stored.link_id);
  });
}

/** Where the issue of a new link stands. */
interface LinkEndOfLabel {
  readonly type: CopiedRules;
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

/** The task whose view it is. */
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

/** The end at which a label puts an issue. The type of the label and its opposite comes into being here, if need be. */
async function getLabelEnd(db: Transaction, { orgId }: Viewer, labelId: number): Promise<LinkEndOfLabel> {
  const found = await selectLabelType(db, orgId, labelId);
  if (found === undefined) throw new DomainError('refused', texts.labelNotFound(String(labelId)));
  const type =
    found.link_type_id === null ? await createLabelType(db, orgId, [found.label_id, found.opposite_label_id]) : found;
  if (type.import_only) throw new DomainError('refused', texts.linkTypeImportOnly(type.link_type_id));
  return { type, direction: type.inward_label_id === labelId ? 'inward' : 'outward' };
}

async function getStoredEnd(
  db: Queryable,
  { orgId }: Viewer,
  link: StoredLink,
  viewId: number,
): Promise<LinkEndOfLabel> {
  return { type: await getLinkType(db, orgId, link.link_type_id), direction: directionOf(link, viewId) };
}

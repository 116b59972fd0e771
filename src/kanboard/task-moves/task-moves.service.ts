import type { Viewer } from '../../core/access/viewer.ts';
import { listIssueLinks } from '../../core/issue-links/issue-links.service.ts';
import { type LinkWrite, lockTypesOf, writeLockedLink } from '../../core/issue-links/link-writes.service.ts';
import { findIssuesNamed, issueNotFound } from '../../core/issues/issue-access.ts';
import {
  addIssue,
  changeIssueFields,
  changeIssueQueue,
  ensureColumn,
  fieldsOf,
  getWritableQueue,
  lockWritableIssue,
  TRACKER_DEFAULTS,
} from '../../core/issues/issue-writes.ts';
import { type IssueFields, type IssueState, selectIssueState } from '../../core/issues/issues.store.ts';
import { fieldsInQueue } from '../../core/issues/kanboard-fields.store.ts';
import { copyRemoteLinks } from '../../core/issues/remote-link-copies.store.ts';
import { type Direction, opposite } from '../../core/labels/direction.ts';
import { lockForLinks } from '../../core/link-types/locked-types.store.ts';
import { selectFirstStatus } from '../../core/queues/queue-columns.store.ts';
import { lockQueue } from '../../core/queues/queues.store.ts';
import { ConcurrentChange, type Database, type Queryable, type Transaction } from '../../database/database.ts';
import { DomainError } from '../../errors.ts';
import { texts } from '../../texts.ts';
import { findLabelType } from '../task-links/task-links.service.ts';
import { lockAssignee, selectStatusInProject } from '../tasks/tasks.store.ts';

/** Tasks that go, or are copied, to a project. As in Kanboard, what the project lacks gets its default there. */

export interface TaskDestination {
  readonly projectId: number;
  /** The column whose title to look for, 0 for the first; likewise the category, 0 for none. Undefined is the task's own. */
  readonly columnId: number | undefined;
  readonly categoryId: number | undefined;
  /** Null for no owner. */
  readonly ownerId: number | null | undefined;
}

/** The label of the link from a copy to its original. */
const DUPLICATES_LABEL_ID = 4;

/**
 * Moves a task to the end of a column of a project and opens it. Its links and comments stay. Throws `not_found` and
 * `forbidden` for the task and the project.
 */
export async function moveTaskToProject(
  db: Database,
  viewer: Viewer,
  taskId: number,
  destination: TaskDestination,
): Promise<void> {
  const { projectId } = destination;
  await db.transaction(async (transaction) => {
    const seen = await getWritableState(transaction, viewer, taskId);
    await getWritableQueue(transaction, viewer, projectId);
    const ownerId = await ownerAt(transaction, viewer, seen, destination);
    await lockQueue(transaction, viewer.orgId, projectId);
    const issue = await lockWritableIssue(transaction, viewer, taskId, 'key');
    if (issue.assignee_id !== seen.assignee_id || issue.queue_id !== seen.queue_id) throw new ConcurrentChange();
    const there = await fieldsAt(transaction, viewer, issue, destination);
    let moved = issue;
    if (issue.queue_id !== projectId) {
      await changeIssueQueue(transaction, viewer, issue, { queueId: projectId, ...there });
      moved = await getWritableState(transaction, viewer, taskId);
    }
    const fields: IssueFields = { ...fieldsOf(moved), ...there, resolutionId: null, assigneeId: ownerId };
    await changeIssueFields(transaction, viewer, moved, fields, true);
  });
}

/**
 * Creates a copy of a task in a project, open, with its tags and external links and a link that says that it duplicates the
 * task. `withLinks` copies the task's links too, without those that a rule allows only once at their other end. Returns the
 * id of the copy. Throws `not_found` and `forbidden` for the task and the project.
 */
export async function copyTask(
  db: Database,
  viewer: Viewer,
  taskId: number,
  { withLinks, ...destination }: TaskDestination & { readonly withLinks: boolean },
): Promise<number> {
  const { orgId, userId } = viewer;
  const { projectId } = destination;
  await getWritableState(db, viewer, taskId);
  await getWritableQueue(db, viewer, projectId);
  const duplicates = await findLabelType(db, viewer, DUPLICATES_LABEL_ID);
  return await db.transaction(async (transaction) => {
    const seen = await getWritableState(transaction, viewer, taskId);
    await getWritableQueue(transaction, viewer, projectId);
    const links = [
      ...(duplicates ? [{ ...duplicates, object: { id: taskId, key: seen.key, mayWrite: true } }] : []),
      ...(withLinks ? await linksOf(transaction, viewer, seen) : []),
    ];
    // In the order of decision 8: types, users, the queue, issues.
    const linkTypeIds = links.map(({ linkTypeId }) => linkTypeId);
    if (links.length > 0) await lockForLinks(transaction, orgId, linkTypeIds, []);
    const assigneeId = await ownerAt(transaction, viewer, seen, destination);
    await lockQueue(transaction, orgId, projectId);
    const there = await fieldsAt(transaction, viewer, seen, destination);
    const { recurrence_parent: _parent, recurrence_child: _child, ...kanboard } = there.kanboard;
    const fields = {
      ...fieldsOf(seen),
      ...there,
      ...TRACKER_DEFAULTS,
      kanboard,
      assigneeId,
      startedAt: null,
      timeSpent: null,
    };
    const copy = await addIssue(transaction, viewer, { queueId: projectId, fields, isOpen: true, createdBy: userId });
    await copyRemoteLinks(transaction, orgId, { fromId: taskId, toId: copy.issueId });
    const issue = { id: copy.issueId, key: copy.key, mayWrite: true };
    await addLinks(
      transaction,
      viewer,
      links.map((link) => ({ ...link, issue })),
    );
    return copy.issueId;
  });
}

/** The links of a task to issues that the viewer may see. */
async function linksOf(db: Transaction, viewer: Viewer, { key }: IssueState): Promise<Omit<LinkWrite, 'issue'>[]> {
  const links = await listIssueLinks(db, viewer, key);
  const objects = await findIssuesNamed(
    db,
    viewer,
    links.map(({ object }) => object.key),
  );
  return links.flatMap(({ type, direction }, place) => {
    const object = objects[place];
    return object ? [{ linkTypeId: type.id, direction, object }] : [];
  });
}

async function addLinks(db: Transaction, viewer: Viewer, links: readonly LinkWrite[]): Promise<void> {
  const types = await lockTypesOf(db, viewer, links);
  for (const link of links) {
    const end: Direction | 'none' | undefined = types.get(link.linkTypeId)?.single_end;
    // The issue at the other end has the task already in the only place.
    if (end === undefined || end === opposite(link.direction)) continue;
    await writeLockedLink(db, viewer, types, { before: undefined, after: link });
  }
}

async function getWritableState(db: Queryable, viewer: Viewer, taskId: number): Promise<IssueState> {
  const issue = await selectIssueState(db, viewer, taskId);
  if (issue === undefined) throw issueNotFound(['task_id']);
  if (!issue.may_write) throw new DomainError('forbidden', texts.writeForbidden);
  return issue;
}

/** The owner in the project; none if tasks of the project cannot be assigned to that user. Locks the user. */
async function ownerAt(
  db: Transaction,
  { orgId }: Viewer,
  { assignee_id: current }: IssueState,
  { projectId, ownerId = current }: TaskDestination,
): Promise<number | null> {
  if (ownerId === null) return null;
  return (await lockAssignee(db, orgId, projectId, ownerId)) ? ownerId : null;
}

/** The fields that depend on the project: the status of the column, the category and the priority. */
async function fieldsAt(
  db: Transaction,
  { orgId }: Viewer,
  issue: IssueState,
  { projectId, columnId, categoryId }: TaskDestination,
): Promise<Pick<IssueFields, 'statusId' | 'kanboard'>> {
  const found = await selectStatusInProject(db, orgId, { projectId, taskId: issue.issue_id, columnId });
  const statusId = found ?? (await selectFirstStatus(db, orgId, projectId)).id;
  if (found === undefined) await ensureColumn(db, orgId, projectId, statusId);
  return { statusId, kanboard: await fieldsInQueue(db, orgId, issue, projectId, categoryId) };
}

import type { Viewer } from '../../core/access/viewer.ts';
import {
  type LinkChange,
  type LinkPlan,
  type LinkWrite,
  writeLink,
} from '../../core/issue-links/link-writes.service.ts';
import type { StoredLink } from '../../core/issue-links/link-writes.store.ts';
import { issueNotFound, requireWritable } from '../../core/issues/issue-access.ts';
import { type Direction, opposite } from '../../core/labels/direction.ts';
import { createLabelType } from '../../core/link-types/link-types.service.ts';
import type { Database, Queryable } from '../../database/database.ts';
import { DomainError } from '../../errors.ts';
import { texts } from '../../texts.ts';
import { readTaskLinks, type TaskLinks } from './task-link-list.store.ts';
import {
  type LabelTypeRow,
  type LinkParameters,
  selectLinkOfView,
  selectLinkParameters,
  selectTaskLink,
  type TaskLinkViewRow,
} from './task-links.store.ts';

/**
 * Links in Kanboard's terms: tasks by id, labels instead of types and directions, and two views of each link, each with its
 * own id. A task that the viewer may not see is `not_found`; anything else missing is `refused`.
 */

/** The links of a task, except those to tasks that the viewer may not see. Throws `not_found`. */
export async function listTaskLinks(db: Queryable, viewer: Viewer, taskId: number): Promise<TaskLinks> {
  const links = await readTaskLinks(db, viewer, taskId);
  if (links === undefined) throw new DomainError('not_found', texts.issueNotFound);
  return links;
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
export async function createTaskLink(db: Database, viewer: Viewer, link: NewTaskLink): Promise<number> {
  const { written } = await writeLink(db, viewer, async (on) => {
    const parameters = await selectLinkParameters(on, viewer, { ...link, viewId: undefined });
    return planLink(viewer, parameters.label, { before: undefined, ...requireTasks(parameters) }, link.labelId);
  });
  return 2 * written.link_id - 1;
}

/**
 * Changes the label or the opposite task of a link, or both; its views keep their ids. Throws as `createTaskLink` does, and
 * `refused` for a view of another task.
 */
export async function updateTaskLink(db: Database, viewer: Viewer, viewId: number, link: NewTaskLink): Promise<void> {
  await writeLink(db, viewer, async (on) => {
    const { view, label, ...tasks } = await selectLinkParameters(on, viewer, { ...link, viewId });
    const issues = requireTasks(tasks);
    if (view?.task_id !== link.taskId) {
      throw new DomainError('refused', texts.linkNotFound, {}, { reason: 'link_not_found' });
    }
    if (view.label_id !== link.labelId) return planLink(viewer, label, { before: view, ...issues }, link.labelId);
    if (view.opposite_task_id === link.oppositeTaskId) return { unchanged: view };
    // With an unchanged label, the link keeps its type, even if the opposite of the label has changed since.
    const end = { linkTypeId: view.link_type_id, direction: directionOf(view, viewId) };
    return { change: { before: view, after: { ...end, ...issues } } };
  });
}

/**
 * Deletes a link by the id of either view. Only the task of that view has to be writable. Throws `not_found` and `forbidden`
 * for that task.
 */
export async function removeTaskLink(db: Database, viewer: Viewer, viewId: number): Promise<void> {
  await writeLink(db, viewer, async (on) => {
    const before = await selectLinkOfView(on, viewer, viewId);
    if (!before?.task) throw new DomainError('not_found', texts.linkNotFound, {}, { reason: 'link_not_found' });
    requireWritable(before.task);
    return { change: { before, after: undefined } };
  });
}

/**
 * The link type and the direction that a label means, created if the label and its opposite have no type yet. Undefined for
 * a label that does not exist, or whose links only imports may create. Call it before the transaction that links issues.
 */
export async function findLabelType(
  db: Database,
  viewer: Viewer,
  labelId: number,
): Promise<{ linkTypeId: string; direction: Direction } | undefined> {
  return await db.transaction(async (transaction) => {
    const none = { taskId: 0, oppositeTaskId: 0, labelId, viewId: undefined };
    const { label } = await selectLinkParameters(transaction, viewer, none);
    if (label === null) return undefined;
    if (label.link_type_id === null) {
      const labels = [label.label_id, label.opposite_label_id] as const;
      const type = await createLabelType(transaction, viewer.orgId, labels, []);
      const isInward = type.inward_label_id === labelId;
      return { linkTypeId: type.link_type_id, direction: isInward ? 'inward' : 'outward' };
    }
    if (label.import_only) return undefined;
    return { linkTypeId: label.link_type_id, direction: label.inward_label_id === labelId ? 'inward' : 'outward' };
  });
}

/** The end that a view belongs to: of the views of link n, 2n-1 belongs to the end that created it, and 2n to the other. */
function directionOf(link: StoredLink, viewId: number): Direction {
  return viewId % 2 === 1 ? link.first_end : opposite(link.first_end);
}

function requireTasks({ task, oppositeTask }: Pick<LinkParameters, 'task' | 'oppositeTask'>) {
  if (task === null) throw issueNotFound(['task_id']);
  requireWritable(task);
  if (oppositeTask === null) {
    throw new DomainError(
      'refused',
      texts.issueNotFound,
      {},
      {
        reason: 'issue_not_found',
        details: { missing: ['opposite_task_id'] },
      },
    );
  }
  return { issue: task, object: oppositeTask };
}

/** Plans a link whose label decides on its type, which is created first if the label and its opposite have none. */
function planLink(
  { orgId }: Viewer,
  label: LabelTypeRow | null,
  { before, ...issues }: Pick<LinkChange, 'before'> & Pick<LinkWrite, 'issue' | 'object'>,
  labelId: number,
): LinkPlan {
  if (label === null) {
    throw new DomainError('refused', texts.labelNotFound(String(labelId)), {}, { reason: 'label_not_found' });
  }
  if (label.link_type_id === null) {
    const labels = [label.label_id, label.opposite_label_id] as const;
    return { prepare: (db) => createLabelType(db, orgId, labels, [issues.issue.id, issues.object.id]) };
  }
  if (label.import_only) {
    throw new DomainError('refused', texts.linkTypeImportOnly(label.link_type_id), {}, { reason: 'import_only' });
  }
  const direction = label.inward_label_id === labelId ? 'inward' : 'outward';
  return { change: { before, after: { linkTypeId: label.link_type_id, direction, ...issues } } };
}

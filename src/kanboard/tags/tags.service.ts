import type { Viewer } from '../../core/access/viewer.ts';
import { insertEvents } from '../../core/events/events.store.ts';
import { changeIssueFields, fieldsOf, getWritableQueue, lockWritableIssue } from '../../core/issues/issue-writes.ts';
import { lockQueue } from '../../core/queues/queues.store.ts';
import type { Database, Queryable, Transaction } from '../../database/database.ts';
import { onConstraint } from '../../database/database-error.ts';
import { DomainError, requireValid } from '../../errors.ts';
import { lengthOf } from '../../text-length.ts';
import { texts } from '../../texts.ts';
import {
  deleteTag,
  insertTag,
  replaceTag,
  selectTag,
  selectTags,
  selectTagsOfQueue,
  selectTagsOfTask,
  type TagFields,
  type TagRow,
  updateTagRow,
} from './tags.store.ts';
import { isTagName, storedTags } from './task-tags.ts';

/**
 * The tags of a project. A tag that an issue gets through either API is one of its project's; a tag that is renamed or
 * removed changes on all issues of the project, which the changelog shows.
 */

/** A tag as a caller gives it; undefined marks an invalid value. */
export interface NewTag {
  readonly name: string | undefined;
  /** Null if it is unset. */
  readonly color: string | null | undefined;
}

const COLOR_LENGTH_MAX = 50;

/** The tags of all projects that the viewer may see, by name. */
export function listTags(db: Queryable, viewer: Viewer): Promise<TagRow[]> {
  return selectTags(db, viewer);
}

/** The tags of a project, by name. Throws `not_found`. */
export async function listTagsOf(db: Queryable, viewer: Viewer, projectId: number): Promise<TagRow[]> {
  const rows = await selectTagsOfQueue(db, viewer, projectId);
  if (rows === undefined) throw new DomainError('not_found', texts.queueNotFound);
  return rows;
}

/** The tags of a task, by id. Throws `not_found`. */
export async function listTaskTags(
  db: Queryable,
  viewer: Viewer,
  taskId: number,
): Promise<Pick<TagRow, 'tag_id' | 'name'>[]> {
  const rows = await selectTagsOfTask(db, viewer, taskId);
  if (rows === undefined) throw new DomainError('not_found', texts.issueNotFound);
  return rows;
}

/** Returns the id. Throws `not_found` and `forbidden` for the project, `invalid`, and `conflict` for a name that is taken. */
export function createTag(db: Database, viewer: Viewer, projectId: number, given: NewTag): Promise<number> {
  return db.transaction(async (transaction) => {
    await getWritableQueue(transaction, viewer, projectId);
    const tag = validTag(given);
    const insert = insertTag(transaction, viewer.orgId, projectId, tag);
    return await onConstraint(refuseTakenName(tag.name, insert), {
      tags_queue_id_fkey: () => new DomainError('not_found', texts.queueNotFound),
    });
  });
}

/** Changes a tag on all issues of its project. Throws `not_found` and `forbidden` for the tag, and as `createTag` does. */
export function updateTag(db: Database, viewer: Viewer, tagId: number, given: NewTag): Promise<void> {
  return db.transaction(async (transaction) => {
    const { queue_id: queueId, name } = await lockWritableTag(transaction, viewer, tagId);
    const tag = validTag(given);
    // Before the issues: a transaction that gives the tag to another issue has locked it.
    await refuseTakenName(tag.name, updateTagRow(transaction, viewer.orgId, tagId, tag));
    if (tag.name !== name) await retag(transaction, viewer, { queueId, name, newName: tag.name });
  });
}

/** Removes a tag, also from all issues of its project. Throws `not_found` and `forbidden`. */
export function removeTag(db: Database, viewer: Viewer, tagId: number): Promise<void> {
  return db.transaction(async (transaction) => {
    const { queue_id: queueId, name } = await lockWritableTag(transaction, viewer, tagId);
    // Before the issues, as in updateTag.
    await deleteTag(transaction, viewer.orgId, tagId);
    await retag(transaction, viewer, { queueId, name, newName: null });
  });
}

/**
 * Gives a task exactly these tags. Throws `not_found` and `forbidden` for the project and the task, `invalid` if `tags` is
 * undefined or has an invalid name, and `refused` for a task of another project and for too many tags.
 */
export async function setTaskTags(
  db: Database,
  viewer: Viewer,
  projectId: number,
  { taskId, tags }: { readonly taskId: number; readonly tags: readonly string[] | undefined },
): Promise<void> {
  await db.transaction(async (transaction) => {
    await getWritableQueue(transaction, viewer, projectId);
    const issue = await lockWritableIssue(transaction, viewer, taskId, 'change');
    if (issue.queue_id !== projectId) throw new DomainError('refused', undefined, { task_id: texts.issueNotFound });
    requireValid({ tags: tags?.every(isTagName) ?? false });
    const stored = await storedTags(transaction, viewer.orgId, projectId, tags ?? []);
    await changeIssueFields(transaction, viewer, issue, { ...fieldsOf(issue), tags: stored }, issue.is_open);
  });
}

/** Locks the project of a tag that the viewer may change. Throws `not_found` and `forbidden`. */
async function lockWritableTag(db: Transaction, viewer: Viewer, tagId: number): Promise<TagRow> {
  const { queue_id: queueId } = await getTag(db, viewer, tagId);
  await getWritableQueue(db, viewer, queueId);
  await lockQueue(db, viewer.orgId, queueId);
  return await getTag(db, viewer, tagId);
}

async function getTag(db: Queryable, viewer: Viewer, tagId: number): Promise<TagRow> {
  const row = await selectTag(db, viewer, tagId);
  if (row === undefined) throw new DomainError('not_found', texts.tagNotFound);
  return row;
}

async function retag(db: Transaction, viewer: Viewer, change: Parameters<typeof replaceTag>[2]): Promise<void> {
  const issues = await replaceTag(db, viewer, change);
  const events = issues.map(({ issue_id: issueId, before, after }) => {
    const field = { field: 'tags', from: before, to: after.length === 0 ? null : after };
    return { issueId, type: 'IssueUpdated', changes: { fields: [field] } } as const;
  });
  await insertEvents(db, viewer.orgId, viewer.userId, events);
}

async function refuseTakenName<Result>(name: string, write: Promise<Result>): Promise<Result> {
  return await onConstraint(write, { tags_name_key: () => new DomainError('conflict', texts.tagExists(name)) });
}

function validTag({ name = '', color }: NewTag): TagFields {
  requireValid({
    tag: name.trim() !== '' && isTagName(name),
    color_id: color !== undefined && lengthOf(color ?? '') <= COLOR_LENGTH_MAX,
  });
  return { name, color: color || null };
}

import { requireAdministrator, type Viewer } from '../../core/access/viewer.ts';
import type { Reference } from '../../core/ids/reference.ts';
import { issueNotFound } from '../../core/issues/issue-access.ts';
import { parseIssueName } from '../../core/issues/issue-name.ts';
import { selectIssue, selectIssueByUnique } from '../../core/issues/issue-rows.store.ts';
import {
  addIssue,
  changeIssueFields,
  changeIssueQueue,
  distinctTags,
  ensureColumn,
  getWritableQueue,
  KANBOARD_DEFAULTS,
  lockWritableIssue,
  TRACKER_DEFAULTS,
} from '../../core/issues/issue-writes.ts';
import type { IssueFields, IssueOrigin } from '../../core/issues/issues.store.ts';
import { fieldsInQueue } from '../../core/issues/kanboard-fields.store.ts';
import { dueAtWith, withStoryPoints } from '../../core/issues/shared-fields.ts';
import { closes } from '../../core/issues/status-rules.ts';
import { lockForLinks } from '../../core/link-types/locked-types.store.ts';
import { lockOrganisation } from '../../core/organisations/organisations.store.ts';
import { hasColumn, insertLastColumn, selectFirstStatus } from '../../core/queues/queue-columns.store.ts';
import { lockQueue } from '../../core/queues/queues.store.ts';
import { deleteIssues } from '../../core/removal/issue-deletion.service.ts';
import { ConcurrentChange, type Database, isTransaction, type Queryable } from '../../database/database.ts';
import { onConstraint } from '../../database/database-error.ts';
import { DomainError } from '../../errors.ts';
import { texts } from '../../texts.ts';
import { lockSingleLinks, replaceSingleLinks, SINGLE_LINK_TYPE_IDS } from '../issue-links/issue-links.service.ts';
import { type Issue, toIssue } from './issue.ts';
import { changedFields, followersAfter, type IssueChanges, idsNamed, type NewIssue } from './issue-changes.service.ts';

/** The versions that an update expects, each with its own error. */
export interface ExpectedVersion {
  /** From `?version=`; a mismatch throws `conflict`. */
  readonly version?: number | undefined;
  /** From `If-Match`; a mismatch throws `stale`. */
  readonly matched?: number | undefined;
}

/** Throws `not_found` if the issue does not exist or the viewer may not see it. */
export async function getIssue(db: Queryable, viewer: Viewer, issueName: string): Promise<Issue> {
  const name = parseIssueName(issueName);
  const row = name === undefined ? undefined : await selectIssue(db, viewer, name);
  if (row === undefined) throw issueNotFound(['path']);
  return toIssue(row);
}

/** The viewer's own issue comes first. Throws `not_found` if the viewer may see no issue that was created with this value. */
export async function getIssueByUnique(db: Queryable, viewer: Viewer, unique: string): Promise<Issue> {
  const row = unique.includes('\0') ? undefined : await selectIssueByUnique(db, viewer, unique);
  if (row === undefined) throw new DomainError('not_found', texts.issueNotFound);
  return toIssue(row);
}

/** What only an import can set. */
export interface ImportedState {
  readonly key: string | undefined;
  readonly status: Reference | undefined;
  readonly createdBy: number;
  readonly origin: IssueOrigin;
}

/**
 * Creates an issue at the end of its column, which is the queue's first one by default. Throws `not_found` if the viewer may
 * not see the queue, `forbidden` if the viewer may not change it, or not manage it for an import, `conflict` if the creator has
 * used `unique` before, and `refused` if a field names an unknown object, a link violates a rule, or the import of a viewer
 * who is not an administrator sets `unique` for another user.
 */
export function createIssue(db: Database, viewer: Viewer, issue: NewIssue, imported?: ImportedState): Promise<Issue> {
  return db.transaction(async (transaction) => {
    const { orgId } = viewer;
    const { createdBy = viewer.userId, origin } = imported ?? {};
    if (issue.summary.trim() === '') throw new DomainError('refused', undefined, { summary: texts.fieldRequired });
    if (issue.queue === '') throw new DomainError('refused', undefined, { queue: texts.fieldRequired });
    const links = await lockSingleLinks(transaction, viewer, undefined, issue);
    const queue = await getWritableQueue(transaction, viewer, issue.queue);
    if (imported && !queue.may_manage) throw new DomainError('forbidden', texts.queueManagersOnly);
    // Otherwise, a manager of any queue could learn which values another user has used, and block the rest.
    if (issue.unique !== undefined && createdBy !== viewer.userId && viewer.role !== 'admin') {
      throw new DomainError('refused', undefined, { unique: texts.uniqueOfCreator });
    }
    const number = imported?.key === undefined ? undefined : numberOfKey(imported.key, queue.key);
    const { tags = [], deadline = null, storyPoints = null, ...given } = issue;
    const named = await idsNamed(transaction, viewer, {
      ...given,
      status: imported?.status,
      followers: { add: given.followers ?? [] },
    });
    const status = named.status ?? (await selectFirstStatus(transaction, orgId, queue.queue_id));
    await ensureColumn(transaction, orgId, queue.queue_id, status.id);
    const fields: IssueFields = {
      ...KANBOARD_DEFAULTS,
      ...TRACKER_DEFAULTS,
      resolutionId: named.resolution ?? null,
      summary: issue.summary,
      description: issue.description || null,
      issueTypeId: named.type ?? queue.issue_type_id,
      priorityId: named.priority ?? queue.priority_id,
      assigneeId: named.assignee ?? null,
      authorId: named.author === createdBy ? null : (named.author ?? null),
      followerIds: followersAfter([], named.followers ?? {}),
      tags: distinctTags(tags),
      statusId: status.id,
      dueAt: dueAtWith(deadline, null),
      kanboard: withStoryPoints({}, storyPoints),
    };
    const insert = addIssue(transaction, viewer, {
      queueId: queue.queue_id,
      fields,
      isOpen: !closes(status.type),
      unique: issue.unique,
      number,
      createdBy,
      origin,
    });
    const { issueId, key } = await onConstraint(insert, {
      issues_unique_token_key: () => new DomainError('conflict', texts.uniqueTaken),
    });
    await replaceSingleLinks(transaction, viewer, { id: issueId, key }, links);
    return await getIssue(transaction, viewer, key);
  });
}

/** The number of an imported key. Throws `refused` for a key of another queue. */
function numberOfKey(key: string, queueKey: string): number {
  const [, prefix, number] = /^\s*([a-z0-9]+)-([1-9]\d{0,8})\s*$/i.exec(key) ?? [];
  if (prefix?.toUpperCase() === queueKey && number !== undefined) return Number(number);
  throw new DomainError('refused', undefined, { key: texts.issueKeyOfQueue(queueKey) });
}

/**
 * Updates fields of an issue. Increments its version if a value changes, and writes nothing otherwise. Throws `not_found`,
 * `forbidden`, `conflict` or `stale` for an outdated version, and `refused` as `createIssue` does.
 */
export function updateIssue(
  db: Database,
  viewer: Viewer,
  issueName: string,
  changes: IssueChanges,
  expected: ExpectedVersion = {},
): Promise<Issue> {
  // Set by an attempt that found, after locking the issue, that its queue has no column for the status.
  let queueId: number | undefined;
  return db.transaction(async (transaction) => {
    const lockedQueueId = queueId;
    queueId = undefined;
    if (lockedQueueId !== undefined) {
      await lockForLinks(transaction, viewer.orgId, SINGLE_LINK_TYPE_IDS, []);
      await lockQueue(transaction, viewer.orgId, lockedQueueId);
    }
    const links = await lockSingleLinks(transaction, viewer, issueName, changes);
    const issue = await lockWritableIssue(transaction, viewer, issueName, 'change');
    if (expected.matched !== undefined && expected.matched !== issue.version) {
      throw new DomainError('stale', texts.staleVersion);
    }
    if (expected.version !== undefined && expected.version !== issue.version) {
      throw new DomainError('conflict', texts.issueChanged);
    }
    const { fields, isOpen } = await changedFields(transaction, viewer, issue, changes);
    const isNewStatus = fields.statusId !== issue.status_id;
    if (isNewStatus && !(await hasColumn(transaction, viewer.orgId, issue.queue_id, fields.statusId))) {
      if (isTransaction(db)) {
        // Its caller cannot lock the queue first. PostgreSQL detects a deadlock, and the whole transaction is repeated.
        await lockQueue(transaction, viewer.orgId, issue.queue_id);
      } else if (lockedQueueId !== issue.queue_id) {
        queueId = issue.queue_id;
        throw new ConcurrentChange();
      }
      await insertLastColumn(transaction, viewer.orgId, issue.queue_id, fields.statusId);
    }
    await changeIssueFields(transaction, viewer, issue, fields, isOpen);
    await replaceSingleLinks(transaction, viewer, { id: issue.issue_id, key: issue.key }, links);
    return await getIssue(transaction, viewer, issue.key);
  });
}

/**
 * Moves an issue to another queue, where it gets the next key; its old key becomes an alias. Throws `not_found` and
 * `forbidden` for the issue and the queue.
 */
export function moveIssue(db: Database, viewer: Viewer, issueName: string, queueName: Reference): Promise<Issue> {
  return db.transaction(async (transaction) => {
    const { orgId } = viewer;
    const queue = await getWritableQueue(transaction, viewer, queueName);
    // Lock the queue before the issue, as the creation of an issue with a parent does.
    await lockQueue(transaction, orgId, queue.queue_id);
    const issue = await lockWritableIssue(transaction, viewer, issueName, 'key');
    // Makes the request idempotent, for clients that repeat it after a broken connection.
    if (queue.queue_id === issue.queue_id) return await getIssue(transaction, viewer, issue.key);
    await ensureColumn(transaction, orgId, queue.queue_id, issue.status_id);
    const kanboard = await fieldsInQueue(transaction, orgId, issue, queue.queue_id);
    const there = { queueId: queue.queue_id, statusId: issue.status_id, kanboard };
    const key = await changeIssueQueue(transaction, viewer, issue, there);
    return await getIssue(transaction, viewer, key);
  });
}

/**
 * Deletes an issue with its links. Throws `not_found`, and `forbidden` unless the viewer is an administrator who may change
 * the issue.
 */
export function deleteIssue(db: Database, viewer: Viewer, issueName: string): Promise<void> {
  requireAdministrator(viewer);
  return db.transaction(async (transaction) => {
    await lockOrganisation(transaction, viewer.orgId, 'links');
    const issue = await lockWritableIssue(transaction, viewer, issueName, 'key');
    await deleteIssues(transaction, viewer, [issue.issue_id]);
  });
}

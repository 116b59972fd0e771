import { requireAdministrator, type Viewer } from '../../core/access/viewer.ts';
import { findEntry } from '../../core/dictionaries/dictionaries.service.ts';
import type { Dictionary, StatusRow } from '../../core/dictionaries/dictionaries.store.ts';
import { issueNotFound } from '../../core/issues/issue-access.ts';
import { parseIssueName } from '../../core/issues/issue-name.ts';
import {
  addIssue,
  changeIssueFields,
  changeIssueQueue,
  distinctTags,
  ensureColumn,
  fieldsOf,
  getWritableQueue,
  KANBOARD_DEFAULTS,
  lockWritableIssue,
  TRACKER_DEFAULTS,
} from '../../core/issues/issue-writes.ts';
import {
  type IssueFields,
  type IssueRow,
  type IssueState,
  selectIssue,
  selectIssueByUnique,
} from '../../core/issues/issues.store.ts';
import { fieldsInQueue } from '../../core/issues/kanboard-fields.ts';
import { closes, resolutionAfter } from '../../core/issues/status-rules.ts';
import { lockForLinks } from '../../core/link-types/link-types.store.ts';
import { lockOrganisation } from '../../core/organisations/organisations.store.ts';
import { parseQueueName } from '../../core/queues/queue-name.ts';
import { hasColumn, insertLastColumn, lockQueue, selectFirstStatus } from '../../core/queues/queues.store.ts';
import { deleteIssues } from '../../core/removal/issue-deletion.service.ts';
import { type UserSummary, userFrom } from '../../core/users/user-summary.ts';
import { findUserIdNamed } from '../../core/users/users.service.ts';
import { ConcurrentChange, type Database, isTransaction, type Queryable } from '../../database/database.ts';
import { onConstraint } from '../../database/database-error.ts';
import { DomainError } from '../../errors.ts';
import { type Text, texts } from '../../texts.ts';
import { lockSingleLinks, replaceSingleLinks, SINGLE_LINK_TYPE_IDS } from '../issue-links/issue-links.service.ts';

interface Entry {
  readonly id: number;
  readonly key: string;
  readonly name: Text;
}

interface IssueSummary {
  readonly id: string;
  readonly key: string;
  readonly summary: string;
}

export interface Issue extends IssueSummary {
  /** The internal issue id; `id` is the hex id of the API. */
  readonly number: number;
  readonly version: number;
  readonly description: string | undefined;
  readonly tags: readonly string[];
  readonly aliases: readonly string[];
  readonly parent: IssueSummary | undefined;
  readonly epic: IssueSummary | undefined;
  readonly queue: { readonly id: number; readonly key: string; readonly name: string };
  readonly type: Entry;
  readonly priority: Entry;
  readonly status: Entry & { readonly type: StatusRow['type'] };
  readonly previousStatus: Entry | undefined;
  readonly resolution: (Entry & { readonly setAt: Date; readonly setBy: UserSummary | undefined }) | undefined;
  readonly assignee: UserSummary | undefined;
  readonly createdBy: UserSummary;
  readonly updatedBy: UserSummary;
  readonly createdAt: Date;
  readonly updatedAt: Date;
}

/** A key or an id; for users, a login or a uid. */
type Name = string | number;

export interface NewIssue {
  readonly summary: string;
  readonly queue: Name;
  readonly description?: string | undefined;
  readonly type?: Name | undefined;
  readonly priority?: Name | undefined;
  readonly resolution?: Name | undefined;
  readonly assignee?: Name | undefined;
  readonly tags?: readonly string[] | undefined;
  /** An idempotency key of the client: a second issue with the same value is refused. */
  readonly unique?: string | undefined;
  readonly parent?: string | undefined;
  readonly epic?: string | undefined;
}

/** New values of fields: undefined keeps a field, null clears it. */
export interface IssueChanges {
  readonly summary?: string | null | undefined;
  readonly description?: string | null | undefined;
  readonly type?: Name | null | undefined;
  readonly priority?: Name | null | undefined;
  readonly status?: Name | null | undefined;
  /** A status that is not of a closed type clears it. */
  readonly resolution?: Name | null | undefined;
  readonly assignee?: Name | null | undefined;
  /** Maps the current tags to the new ones. */
  readonly tags?: ((current: readonly string[]) => readonly string[]) | undefined;
  readonly parent?: string | null | undefined;
  readonly epic?: string | null | undefined;
  /** Must be the issue's current queue. */
  readonly queue?: Name | undefined;
}

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

/**
 * Creates an issue at the end of its queue's first column. Throws `not_found` if the viewer may not see the queue,
 * `forbidden` if the viewer may not change it, `conflict` if the viewer has used `unique` before, and `refused` if a field names an
 * unknown object or a link violates a rule.
 */
export function createIssue(db: Database, viewer: Viewer, issue: NewIssue): Promise<Issue> {
  return db.transaction(async (transaction) => {
    const { orgId, userId } = viewer;
    if (issue.summary.trim() === '') throw new DomainError('refused', undefined, { summary: texts.fieldRequired });
    if (issue.queue === '') throw new DomainError('refused', undefined, { queue: texts.fieldRequired });
    const links = await lockSingleLinks(transaction, viewer, undefined, issue);
    const queue = await getWritableQueue(transaction, viewer, issue.queue);
    const named = await idsNamed(transaction, viewer, issue);
    const status = await selectFirstStatus(transaction, orgId, queue.queue_id);
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
      tags: distinctTags(issue.tags ?? []),
      statusId: status.id,
    };
    const insert = addIssue(transaction, viewer, {
      queueId: queue.queue_id,
      fields,
      isOpen: !closes(status.type),
      unique: issue.unique,
      createdBy: userId,
    });
    const { issueId, key } = await onConstraint(insert, {
      issues_unique_token_key: () => new DomainError('conflict', texts.uniqueTaken),
    });
    await replaceSingleLinks(transaction, viewer, { id: issueId, key }, links);
    return await getIssue(transaction, viewer, key);
  });
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
export function moveIssue(db: Database, viewer: Viewer, issueName: string, queueName: string): Promise<Issue> {
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

export function toIssue(row: IssueRow): Issue {
  return {
    number: row.issue_id,
    id: row.hex_id,
    key: row.key,
    version: row.version,
    summary: row.summary,
    description: row.description ?? undefined,
    tags: row.tags,
    aliases: row.aliases,
    parent:
      row.parent_key === null ? undefined : { id: row.parent_hex_id, key: row.parent_key, summary: row.parent_summary },
    epic: row.epic_key === null ? undefined : { id: row.epic_hex_id, key: row.epic_key, summary: row.epic_summary },
    queue: { id: row.queue_id, key: row.queue_key, name: row.queue_name },
    type: { id: row.type_id, key: row.type_key, name: { ru: row.type_ru, en: row.type_en } },
    priority: { id: row.priority_id, key: row.priority_key, name: { ru: row.priority_ru, en: row.priority_en } },
    status: {
      id: row.status_id,
      key: row.status_key,
      name: { ru: row.status_ru, en: row.status_en },
      type: row.status_type,
    },
    previousStatus:
      row.previous_id === null
        ? undefined
        : { id: row.previous_id, key: row.previous_key, name: { ru: row.previous_ru, en: row.previous_en } },
    resolution:
      row.resolution_id === null
        ? undefined
        : {
            id: row.resolution_id,
            key: row.resolution_key,
            name: { ru: row.resolution_ru, en: row.resolution_en },
            setAt: row.resolved_at,
            setBy: row.resolved_by_uid === null ? undefined : userFrom(row, 'resolved_by'),
          },
    assignee: row.assignee_uid === null ? undefined : userFrom(row, 'assignee'),
    createdBy: userFrom(row, 'created_by'),
    updatedBy: userFrom(row, 'updated_by'),
    createdAt: row.created_at,
    updatedAt: row.updated_at,
  };
}

async function changedFields(
  db: Queryable,
  viewer: Viewer,
  issue: IssueState,
  { queue, ...changes }: IssueChanges,
): Promise<{ fields: IssueFields; isOpen: boolean }> {
  refuseEmpty(changes);
  if (queue !== undefined && !isQueue(issue, queue)) {
    throw new DomainError('refused', undefined, { queue: texts.queueNotChangeable });
  }
  const named = await idsNamed(db, viewer, changes);
  const before = fieldsOf(issue);
  const fields: IssueFields = {
    ...before,
    summary: changes.summary ?? before.summary,
    description: changes.description === undefined ? before.description : changes.description || null,
    issueTypeId: named.type ?? before.issueTypeId,
    priorityId: named.priority ?? before.priorityId,
    assigneeId: named.assignee === undefined ? before.assigneeId : named.assignee,
    tags: changes.tags ? distinctTags(changes.tags(before.tags)) : before.tags,
    statusId: named.status?.id ?? before.statusId,
  };
  const { status } = named;
  const isSameStatus = status === undefined || status.id === before.statusId;
  const resolutionId = resolutionAfter(before, status, named.resolution);
  return { fields: { ...fields, resolutionId }, isOpen: isSameStatus ? issue.is_open : !closes(status.type) };
}

/** Throws `refused` if a required field would be cleared. */
function refuseEmpty(changes: IssueChanges): void {
  const empty = (['summary', 'type', 'priority', 'status'] as const).filter(
    (field) => changes[field] === null || (typeof changes[field] === 'string' && changes[field].trim() === ''),
  );
  if (empty.length === 0) return;
  throw new DomainError('refused', undefined, Object.fromEntries(empty.map((field) => [field, texts.fieldRequired])));
}

function isQueue(issue: IssueState, queue: Name): boolean {
  const name = parseQueueName(queue);
  return name !== undefined && (name.key === issue.queue_key || name.id === issue.queue_id);
}

/** The objects named in fields. Throws `refused` with a message for each field that names an unknown object. */
async function idsNamed(
  db: Queryable,
  viewer: Viewer,
  {
    type,
    priority,
    status,
    resolution,
    assignee,
  }: Pick<IssueChanges, 'type' | 'priority' | 'status' | 'resolution' | 'assignee'>,
): Promise<{
  type: number | undefined;
  priority: number | undefined;
  status: StatusRow | undefined;
  resolution: number | null | undefined;
  assignee: number | null | undefined;
}> {
  const unknown: Record<string, Text> = {};
  const entry = async <Of extends Dictionary>(
    dictionary: Of,
    field: string,
    name: Name | null | undefined,
    text: Text,
  ) => {
    if (name === undefined || name === null) return undefined;
    const found = await findEntry(db, viewer, dictionary, name);
    if (found === undefined) unknown[field] = text;
    return found;
  };
  const named = {
    type: (await entry('issue_types', 'type', type, texts.issueTypeNotFound))?.id,
    priority: (await entry('priorities', 'priority', priority, texts.priorityNotFound))?.id,
    status: await entry('statuses', 'status', status, texts.statusNotFound),
    resolution:
      resolution === null ? null : (await entry('resolutions', 'resolution', resolution, texts.resolutionNotFound))?.id,
    assignee:
      assignee === undefined || assignee === null ? assignee : await findUserIdNamed(db, viewer.orgId, assignee),
  };
  if (assignee !== undefined && named.assignee === undefined) unknown['assignee'] = texts.userUnknown;
  if (Object.keys(unknown).length > 0) throw new DomainError('refused', undefined, unknown);
  return named;
}

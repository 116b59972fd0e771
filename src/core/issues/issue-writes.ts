import { ConcurrentChange, type Queryable, type Transaction } from '../../database/database.ts';
import { onConstraint } from '../../database/database-error.ts';
import { DomainError } from '../../errors.ts';
import { texts } from '../../texts.ts';
import type { Viewer } from '../access/viewer.ts';
import { insertEvents, type NewEvent } from '../events/events.store.ts';
import { ambiguous, type Reference } from '../ids/reference.ts';
import { claimIssueKey, takeIssueKey } from '../queues/issue-keys.store.ts';
import { hasColumn, insertLastColumn, selectFirstStatus } from '../queues/queue-columns.store.ts';
import { parseQueueName, type QueueName } from '../queues/queue-name.ts';
import { lockQueue, type QueueForIssue, selectQueueForIssue, selectQueuesCalled } from '../queues/queues.store.ts';
import { insertMissingTags } from '../tags/tags.store.ts';
import { issueNotFound } from './issue-access.ts';
import { parseIssueName } from './issue-name.ts';
import {
  type IssueFields,
  type IssueOrigin,
  type IssueState,
  insertIssue,
  lockIssue,
  selectIssueState,
  unassignIssues,
  updateIssueFields,
  updateIssueQueue,
} from './issues.store.ts';
import { processedFields, recurs, successorOf } from './recurrence.ts';
import { copyRemoteLinks } from './remote-link-copies.store.ts';
import { deadlineOf, storyPointsOf } from './shared-fields.ts';

/**
 * The writes of issues, shared by both APIs. Each records the events that the changelog shows. All functions run in the
 * caller's transaction.
 */

const TAGS_MAX = 100;

/** The column of the issue's status was removed after the transaction had found it: another attempt creates it, or refuses. */
const COLUMN_REMOVED = { issues_status_id_fkey: () => new ConcurrentChange() };

export const DEFAULT_COLOR = 'yellow';

/** The defaults of the fields that only Kanboard's clients can set. */
export const KANBOARD_DEFAULTS = {
  reference: '',
  color: DEFAULT_COLOR,
  dueAt: null,
  startedAt: null,
  timeSpent: null,
  timeEstimated: null,
  kanboard: {},
} as const satisfies Partial<IssueFields>;

/** The defaults of the fields that only Tracker's clients can set. */
export const TRACKER_DEFAULTS = {
  resolutionId: null,
  authorId: null,
  followerIds: [],
} as const satisfies Partial<IssueFields>;

export interface NewIssueWrite {
  readonly queueId: number;
  readonly fields: IssueFields;
  readonly isOpen: boolean;
  readonly unique?: string | undefined;
  /** The number of the key; by default the next one of the queue. */
  readonly number?: number | undefined;
  readonly createdBy: number;
  readonly origin?: IssueOrigin | undefined;
}

/**
 * Creates an issue at the end of its column, with the next key of its queue or with that number. Throws `conflict` for a
 * number that an issue of the queue has or had.
 */
export async function addIssue(
  db: Transaction,
  { orgId, userId }: Viewer,
  { fields, number, origin, ...issue }: NewIssueWrite,
): Promise<{ issueId: number; key: string }> {
  const key =
    number === undefined
      ? await takeIssueKey(db, orgId, issue.queueId)
      : await claimIssueKey(db, orgId, issue.queueId, number);
  if (key === undefined) throw new DomainError('conflict', undefined, { key: texts.issueKeyTaken });
  const issueId = await onConstraint(insertIssue(db, orgId, { ...issue, ...fields, ...origin, key }), COLUMN_REMOVED);
  await insertMissingTags(db, orgId, issue.queueId, fields.tags);
  const created = [
    { field: 'key', from: null, to: key },
    { field: 'queue', from: null, to: issue.queueId },
    ...changesBetween(undefined, fields),
  ];
  await insertEvents(db, orgId, userId, [{ issueId, type: 'IssueCreated', changes: { fields: created } }]);
  return { issueId, key };
}

/**
 * Sets the fields and `isOpen` of a locked issue and raises its version. Writes nothing if nothing changes. A change on
 * which the issue recurs also creates the next occurrence, with its external links; the caller should have locked the queue.
 */
export async function changeIssueFields(
  db: Transaction,
  viewer: Viewer,
  issue: IssueState,
  after: IssueFields,
  isOpen: boolean,
): Promise<void> {
  const { orgId, userId } = viewer;
  const before = fieldsOf(issue);
  if (issue.is_open === isOpen && JSON.stringify(before) === JSON.stringify(after)) return;
  const { issue_id: issueId } = issue;
  const stored = (await recurs(db, viewer, issue, after, isOpen))
    ? await addOccurrence(db, viewer, issue, after)
    : after;
  await onConstraint(updateIssueFields(db, orgId, userId, issueId, stored, isOpen), COLUMN_REMOVED);
  const newTags = after.tags.filter((tag) => !before.tags.includes(tag));
  await insertMissingTags(db, orgId, issue.queue_id, newTags);
  const fields = changesBetween(before, after);
  const updated = fields.filter(({ field }) => field !== 'status');
  const workflow = fields.filter(({ field }) => field === 'status');
  const events: NewEvent[] = [];
  if (updated.length > 0) events.push({ issueId, type: 'IssueUpdated', changes: { fields: updated } });
  if (workflow.length > 0) {
    events.push({ issueId, type: 'IssueWorkflow', changes: { fields: workflow } });
  } else if (issue.is_open !== isOpen) {
    events.push({ issueId, type: 'IssueWorkflow', changes: { isOpen: { from: issue.is_open, to: isOpen } } });
  }
  await insertEvents(db, orgId, userId, events);
}

/** Creates the next occurrence of an issue, and returns the fields of this one. */
async function addOccurrence(
  db: Transaction,
  viewer: Viewer,
  { issue_id: issueId, queue_id: queueId }: IssueState,
  fields: IssueFields,
): Promise<IssueFields> {
  const { orgId, userId } = viewer;
  const first = await selectFirstStatus(db, orgId, queueId);
  const next = successorOf(issueId, fields, first.id, new Date());
  const occurrence = await addIssue(db, viewer, { queueId, fields: next, isOpen: true, createdBy: userId });
  await copyRemoteLinks(db, orgId, { fromId: issueId, toId: occurrence.issueId });
  return processedFields(fields, occurrence.issueId);
}

/** Moves a locked issue to a queue that has a column for the status, and returns its new key. `kanboard` is from `fieldsInQueue`. */
export async function changeIssueQueue(
  db: Transaction,
  { orgId, userId }: Viewer,
  issue: IssueState,
  { queueId, statusId, kanboard }: { readonly queueId: number } & Pick<IssueFields, 'statusId' | 'kanboard'>,
): Promise<string> {
  const key = await takeIssueKey(db, orgId, queueId);
  const { issue_id: issueId } = issue;
  await onConstraint(
    updateIssueQueue(db, orgId, userId, issueId, { queueId, key, statusId, kanboard }),
    COLUMN_REMOVED,
  );
  await insertMissingTags(db, orgId, queueId, issue.tags);
  const fields = [
    { field: 'queue', from: issue.queue_id, to: queueId },
    { field: 'key', from: issue.key, to: key },
  ];
  const events: NewEvent[] = [{ issueId, type: 'IssueMoved', changes: { fields } }];
  if (statusId !== issue.status_id) {
    const status = { field: 'status', from: issue.status_id, to: statusId };
    events.push({ issueId, type: 'IssueWorkflow', changes: { fields: [status] } });
  }
  await insertEvents(db, orgId, userId, events);
  return key;
}

/** Clears the assignee of all issues that are assigned to the user. */
export async function unassignUser(db: Transaction, { orgId, userId }: Viewer, assigneeId: number): Promise<void> {
  const issueIds = await unassignIssues(db, orgId, userId, assigneeId);
  const changes = { fields: [{ field: 'assignee', from: assigneeId, to: null }] };
  const events = issueIds.map((issueId) => ({ issueId, type: 'IssueUpdated', changes }) as const);
  await insertEvents(db, orgId, userId, events);
}

export function fieldsOf(issue: IssueState): IssueFields {
  return {
    summary: issue.summary,
    description: issue.description,
    issueTypeId: issue.issue_type_id,
    priorityId: issue.priority_id,
    assigneeId: issue.assignee_id,
    authorId: issue.author_id,
    followerIds: issue.follower_ids,
    tags: issue.tags,
    statusId: issue.status_id,
    resolutionId: issue.resolution_id,
    reference: issue.reference,
    color: issue.color,
    dueAt: issue.due_at,
    startedAt: issue.started_at,
    timeSpent: issue.time_spent,
    timeEstimated: issue.time_estimated,
    kanboard: issue.kanboard,
  };
}

/** The fields that the changelog reports, by their names in the contract. */
const FIELDS: readonly (readonly [field: string, valueIn: (fields: IssueFields) => unknown])[] = [
  ['summary', ({ summary }) => summary],
  ['description', ({ description }) => description],
  ['type', ({ issueTypeId }) => issueTypeId],
  ['priority', ({ priorityId }) => priorityId],
  ['assignee', ({ assigneeId }) => assigneeId],
  ['tags', ({ tags }) => tags],
  ['status', ({ statusId }) => statusId],
  ['resolution', ({ resolutionId }) => resolutionId],
  ['author', ({ authorId }) => authorId],
  ['followers', ({ followerIds }) => followerIds],
  ['deadline', ({ dueAt }) => deadlineOf(dueAt)],
  ['storyPoints', storyPointsOf],
];

/** The fields that differ, by their names in the contract. An empty list counts as unset. */
function changesBetween(before: IssueFields | undefined, after: IssueFields) {
  return FIELDS.map(([field, valueIn]) => ({
    field,
    from: before ? contentOf(valueIn(before)) : null,
    to: contentOf(valueIn(after)),
  })).filter(({ from, to }) => JSON.stringify(from) !== JSON.stringify(to));
}

function contentOf(value: unknown): unknown {
  return Array.isArray(value) && value.length === 0 ? null : (value ?? null);
}

/**
 * Locks the issue with that name or issue_id. Throws `not_found`, also for an issue that the viewer may not see, and
 * `forbidden` for one that they may not change.
 */
export async function lockWritableIssue(
  db: Transaction,
  viewer: Viewer,
  issueName: string | number,
  strength: 'change' | 'key',
): Promise<IssueState> {
  const name = typeof issueName === 'number' ? issueName : parseIssueName(issueName);
  const issueId = name === undefined ? undefined : await lockIssue(db, viewer, name, strength);
  const issue = issueId === undefined ? undefined : await selectIssueState(db, viewer, issueId);
  if (issue === undefined) throw issueNotFound(typeof issueName === 'string' ? ['path'] : []);
  if (!issue.may_write) throw new DomainError('forbidden', texts.writeForbidden);
  return issue;
}

/** Undefined for an invalid name. Throws `refused` for a name of several queues that the viewer may see. */
export async function findQueueName(db: Queryable, viewer: Viewer, queue: Reference): Promise<QueueName | undefined> {
  if (typeof queue !== 'object') return parseQueueName(queue);
  const [id, other] = await selectQueuesCalled(db, viewer, queue.name);
  if (other !== undefined) throw ambiguous('queue', queue.name);
  return id === undefined ? undefined : { id, key: undefined };
}

/**
 * Throws `not_found`, also for a queue that the viewer may not see, and `forbidden` for one that they may not change.
 */
export async function getWritableQueue(db: Queryable, viewer: Viewer, queueName: Reference): Promise<QueueForIssue> {
  const name = await findQueueName(db, viewer, queueName);
  const queue = name === undefined ? undefined : await selectQueueForIssue(db, viewer, name);
  if (queue === undefined) throw new DomainError('not_found', texts.queueNotFound);
  if (!queue.may_write) throw new DomainError('forbidden', texts.writeForbidden);
  return queue;
}

/**
 * Creates the queue's column for a status, which every issue with that status needs, if it is missing. The caller must
 * not have locked an issue, since this may lock the queue.
 */
export async function ensureColumn(db: Transaction, orgId: string, queueId: number, statusId: number): Promise<void> {
  if (await hasColumn(db, orgId, queueId, statusId)) return;
  // Otherwise concurrent requests could give two columns the same position.
  await lockQueue(db, orgId, queueId);
  await insertLastColumn(db, orgId, queueId, statusId);
}

/** The tags without duplicates, in the given order. Throws `refused` for more than 100. */
export function distinctTags(tags: readonly string[]): string[] {
  const distinct = [...new Set(tags)];
  if (distinct.length > TAGS_MAX) throw new DomainError('refused', undefined, { tags: texts.tagsTooMany });
  return distinct;
}

import type { Queryable, Transaction } from '../../database/database.ts';
import { nextId } from '../../database/next-ids.ts';
import { statement } from '../../database/statement.ts';
import { type Viewer, writableQueue } from '../access/viewer.ts';
import { issueIdNamed } from './issue-name.ts';
import { visibleIssues } from './visible-issues.ts';

const LOCK_ISSUE = lockIssueWhere('lock_issue', issueIdNamed(':issueName'));
const LOCK_ISSUE_BY_ID = lockIssueWhere('lock_issue_by_id', ':issueName::bigint');

function lockIssueWhere(name: string, issueId: string) {
  // The condition must not depend on the issue's row: after waiting for the lock, PostgreSQL evaluates it again, and the
  // issue may have moved to another queue.
  const text = `
    select issues.issue_id
    from issues
    where issues.org_id = :orgId
      and issues.issue_id = (${visibleIssues('issues.issue_id', `issues.issue_id = ${issueId}`)})`;
  const locked = (strength: string, lock: string) =>
    statement<keyof Viewer | 'issueName', { issue_id: number }>(`${name}_${strength}`, `${text} for ${lock} of issues`);
  // `change` allows concurrent links to the issue; `key`, for a move or a deletion, does not.
  return { change: locked('change', 'no key update'), key: locked('key', 'update') };
}

/**
 * Locks the issue with that name or issue_id until the end of the transaction, if the viewer may see it, and returns its
 * issue_id.
 */
export async function lockIssue(
  db: Transaction,
  viewer: Viewer,
  issueName: string | number,
  strength: 'change' | 'key',
): Promise<number | undefined> {
  const lock = (typeof issueName === 'number' ? LOCK_ISSUE_BY_ID : LOCK_ISSUE)[strength];
  const [row] = await db.query(lock({ ...viewer, issueName }));
  return row?.issue_id;
}

/** The stored state of an issue before a change. */
export interface IssueState {
  readonly issue_id: number;
  readonly key: string;
  readonly version: number;
  readonly queue_id: number;
  readonly queue_key: string;
  readonly summary: string;
  readonly description: string | null;
  readonly tags: readonly string[];
  readonly issue_type_id: number;
  readonly priority_id: number;
  readonly status_id: number;
  readonly resolution_id: number | null;
  readonly assignee_id: number | null;
  /** The author if one is set, or else the creator. */
  readonly author_id: number;
  readonly follower_ids: readonly number[];
  readonly created_by: number;
  readonly is_open: boolean;
  readonly position: number;
  readonly reference: string;
  readonly color: string;
  readonly due_at: Date | null;
  readonly started_at: Date | null;
  readonly time_spent: number | null;
  readonly time_estimated: number | null;
  readonly kanboard: Readonly<Record<string, number>>;
  readonly may_write: boolean;
}

/** SQL over the row `issues`: the user_id of the author, who is the creator unless another one is set. */
export const AUTHOR = 'coalesce(issues.author_id, issues.created_by)';

const SELECT_ISSUE_STATE = statement<keyof Viewer | 'issueId', IssueState>(
  'select_issue_state',
  visibleIssues(
    `issues.issue_id, issues.key, issues.version, issues.queue_id, queues.key as queue_key, issues.summary,
      issues.description, issues.tags, issues.issue_type_id, issues.priority_id, issues.status_id,
      issues.resolution_id, issues.assignee_id, ${AUTHOR} as author_id,
      to_jsonb(issues.follower_ids) as follower_ids, issues.created_by, issues.is_open, issues.position, issues.reference,
      issues.color, issues.due_at, issues.started_at, issues.time_spent, issues.time_estimated, issues.kanboard,
      ${writableQueue('queues')} as may_write`,
    'issues.issue_id = :issueId',
  ),
);

export async function selectIssueState(
  db: Queryable,
  viewer: Viewer,
  issueId: number,
): Promise<IssueState | undefined> {
  const [row] = await db.query(SELECT_ISSUE_STATE({ ...viewer, issueId }));
  return row;
}

/** SQL: the position after the last issue of a column. */
function lastPosition(queueId: string, statusId: string): string {
  return `(
    select coalesce(max(placed.position), 0) + 1 from issues placed
    where placed.org_id = :orgId and placed.queue_id = ${queueId} and placed.status_id = ${statusId})`;
}

/** The fields that a change writes; unchanged ones are passed with their stored values. */
export interface IssueFields {
  readonly summary: string;
  readonly description: string | null;
  readonly issueTypeId: number;
  readonly priorityId: number;
  readonly assigneeId: number | null;
  /** Null or the creator's user_id if no other author is set. */
  readonly authorId: number | null;
  readonly followerIds: readonly number[];
  readonly tags: readonly string[];
  readonly statusId: number;
  readonly resolutionId: number | null;
  readonly reference: string;
  readonly color: string;
  readonly dueAt: Date | null;
  readonly startedAt: Date | null;
  readonly timeSpent: number | null;
  readonly timeEstimated: number | null;
  readonly kanboard: Readonly<Record<string, number>>;
}

/** The history of an issue in another tracker; undefined for what happens now, by the creator. */
export interface IssueOrigin {
  readonly createdAt: Date | undefined;
  readonly updatedAt: Date | undefined;
  readonly updatedBy: number | undefined;
  readonly resolvedAt: Date | undefined;
  readonly resolvedBy: number | undefined;
}

/** For an issue without a history. */
export const NO_ORIGIN: IssueOrigin = {
  createdAt: undefined,
  updatedAt: undefined,
  updatedBy: undefined,
  resolvedAt: undefined,
  resolvedBy: undefined,
};

export interface NewIssueRow extends IssueFields, Partial<IssueOrigin> {
  readonly key: string;
  readonly queueId: number;
  readonly isOpen: boolean;
  readonly unique?: string | undefined;
  readonly createdBy: number;
}

const INSERT_ISSUE = statement<'orgId' | 'issueId' | keyof NewIssueRow>(
  'insert_issue',
  `
  insert into issues (org_id, issue_id, key, queue_id, is_open, closed_at, unique_token, created_by, updated_by, created_at,
    updated_at, moved_at, position, summary, description, issue_type_id, priority_id, assignee_id, author_id, follower_ids, tags, status_id, resolution_id,
    resolved_at, resolved_by, reference, color, due_at, started_at, time_spent, time_estimated, kanboard)
  overriding system value
  select :orgId, :issueId, :key, :queueId, :isOpen, case when not :isOpen then coalesce(:resolvedAt::timestamptz, times.updated_at) end,
    :unique, :createdBy, coalesce(:updatedBy::bigint, :createdBy::bigint), times.created_at, times.updated_at,
    times.updated_at, ${lastPosition(':queueId', ':statusId')}, :summary, :description, :issueTypeId, :priorityId, :assigneeId, nullif(:authorId::bigint, :createdBy::bigint),
    :followerIds::bigint[], :tags, :statusId, :resolutionId,
    case when :resolutionId::bigint is not null then coalesce(:resolvedAt::timestamptz, times.updated_at) end,
    case when :resolutionId::bigint is not null then coalesce(:resolvedBy::bigint, :updatedBy::bigint, :createdBy::bigint) end,
    :reference, :color, :dueAt, :startedAt, :timeSpent, :timeEstimated, :kanboard
  from (
    select coalesce(:createdAt::timestamptz, now()) as created_at,
      coalesce(:updatedAt::timestamptz, :createdAt::timestamptz, now()) as updated_at
  ) times`,
);

/** Returns the issue_id. */
export async function insertIssue(db: Transaction, orgId: string, issue: NewIssueRow): Promise<number> {
  const kanboard = JSON.stringify(issue.kanboard);
  const issueId = await nextId(db, 'issues', 'issue_id');
  await db.query(INSERT_ISSUE({ orgId, issueId, unique: undefined, ...NO_ORIGIN, ...issue, kanboard }));
  return issueId;
}

const UPDATE_ISSUE_FIELDS = statement<'orgId' | 'userId' | 'issueId' | 'isOpen' | keyof IssueFields>(
  'update_issue_fields',
  `
  update issues
  set summary = :summary, description = :description, issue_type_id = :issueTypeId, priority_id = :priorityId,
    assignee_id = :assigneeId, author_id = nullif(:authorId::bigint, created_by), follower_ids = :followerIds::bigint[],
    tags = :tags, status_id = :statusId, resolution_id = :resolutionId,
    resolved_at = case when :resolutionId::bigint is null then null
      when resolution_id is distinct from :resolutionId then clock.now else resolved_at end,
    resolved_by = case when :resolutionId::bigint is null then null
      when resolution_id is distinct from :resolutionId then :userId::bigint else resolved_by end,
    reference = :reference, color = :color,
    due_at = :dueAt, started_at = :startedAt, time_spent = :timeSpent, time_estimated = :timeEstimated,
    kanboard = :kanboard, is_open = :isOpen,
    closed_at = case when is_open and not :isOpen then clock.now else closed_at end,
    previous_status_id = case when status_id <> :statusId then status_id else previous_status_id end,
    position = case when status_id <> :statusId then ${lastPosition('issues.queue_id', ':statusId')} else position end,
    moved_at = case when status_id <> :statusId then clock.now else moved_at end,
    version = version + 1, updated_by = :userId, updated_at = greatest(now(), updated_at)
  from (select now()) clock
  where org_id = :orgId and issue_id = :issueId`,
);

/** A new status moves the issue to the end of that column. Raises the version. */
export async function updateIssueFields(
  db: Transaction,
  orgId: string,
  userId: number,
  issueId: number,
  fields: IssueFields,
  isOpen: boolean,
): Promise<void> {
  const kanboard = JSON.stringify(fields.kanboard);
  await db.query(UPDATE_ISSUE_FIELDS({ orgId, userId, issueId, isOpen, ...fields, kanboard }));
}

const TOUCH_ISSUE = statement<'orgId' | 'issueId'>(
  'touch_issue',
  'update issues set updated_at = greatest(now(), updated_at) where org_id = :orgId and issue_id = :issueId',
);

/**
 * Records that something on a locked issue has changed, such as its comments. The version stays: it would refuse changes
 * of fields that others have read before.
 */
export async function touchIssue(db: Transaction, orgId: string, issueId: number): Promise<void> {
  await db.query(TOUCH_ISSUE({ orgId, issueId }));
}

const INSERT_ALIAS = statement<'orgId' | 'issueId'>(
  'insert_alias',
  `
  insert into issue_aliases (org_id, key, issue_id)
  select org_id, key, issue_id from issues where org_id = :orgId and issue_id = :issueId`,
);

const UPDATE_ISSUE_QUEUE = statement<'orgId' | 'issueId' | 'userId' | 'queueId' | 'key' | 'statusId' | 'kanboard'>(
  'update_issue_queue',
  `
  update issues
  set queue_id = :queueId, key = :key, status_id = :statusId, position = ${lastPosition(':queueId', ':statusId')}, moved_at = now(),
    kanboard = :kanboard,
    previous_status_id = case when status_id <> :statusId then status_id else previous_status_id end,
    version = version + 1, updated_by = :userId, updated_at = greatest(now(), updated_at)
  where org_id = :orgId and issue_id = :issueId`,
);

/** Moves the issue to the end of its column in another queue; the old key becomes an alias. Raises the version. */
export async function updateIssueQueue(
  db: Transaction,
  orgId: string,
  userId: number,
  issueId: number,
  {
    kanboard,
    ...there
  }: { readonly queueId: number; readonly key: string } & Pick<IssueFields, 'statusId' | 'kanboard'>,
): Promise<void> {
  await db.query(INSERT_ALIAS({ orgId, issueId }));
  await db.query(UPDATE_ISSUE_QUEUE({ orgId, issueId, userId, ...there, kanboard: JSON.stringify(kanboard) }));
}

const LOCK_ISSUES_OF_QUEUE = statement<'orgId' | 'queueId', { issue_id: number }>(
  'lock_issues_of_queue',
  'select issue_id from issues where org_id = :orgId and queue_id = :queueId order by issue_id for update',
);

/** Locks the issues of a queue until the end of the transaction, in the global lock order. */
export async function lockIssuesOfQueue(db: Transaction, orgId: string, queueId: number): Promise<number[]> {
  const rows = await db.query(LOCK_ISSUES_OF_QUEUE({ orgId, queueId }));
  return rows.map((row) => row.issue_id);
}

export interface DeletedIssueRow {
  issue_id: number;
  key: string;
  summary: string;
}

const DELETE_ISSUE_ROWS = statement<'orgId' | 'issueIds', DeletedIssueRow>(
  'delete_issue_rows',
  `
  with deleted as (
    delete from issues where org_id = :orgId and issue_id = any(:issueIds::bigint[])
    returning issue_id, hex_id, key, summary, queue_id
  ), kept as (
    insert into deleted_issues (org_id, issue_id, hex_id, key, summary, queue_id)
    select :orgId, issue_id, hex_id, key, summary, queue_id from deleted
  )
  select issue_id, key, summary from deleted`,
);

/** Deletes issues, keeps what changelogs show of them, and returns them. */
export function deleteIssueRows(
  db: Transaction,
  orgId: string,
  issueIds: readonly number[],
): Promise<DeletedIssueRow[]> {
  return db.query(DELETE_ISSUE_ROWS({ orgId, issueIds }));
}

const UNASSIGN_ISSUES = statement<'orgId' | 'actorId' | 'assigneeId', { issue_id: number }>(
  'unassign_issues',
  `
  with assigned as materialized (
    select issue_id from issues where org_id = :orgId and assignee_id = :assigneeId order by issue_id for no key update
  )
  update issues
  set assignee_id = null, version = version + 1, updated_by = :actorId, updated_at = greatest(now(), updated_at)
  from assigned
  where issues.org_id = :orgId and issues.issue_id = assigned.issue_id
  returning issues.issue_id`,
);

/** Unassigns all issues of a user, raises their versions, and returns their issue_ids in order. */
export async function unassignIssues(
  db: Transaction,
  orgId: string,
  actorId: number,
  assigneeId: number,
): Promise<number[]> {
  const rows = await db.query(UNASSIGN_ISSUES({ orgId, actorId, assigneeId }));
  return rows.map((row) => row.issue_id).sort((left, right) => left - right);
}

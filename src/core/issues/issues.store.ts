import type { Queryable, Transaction } from '../../database/database.ts';
import { lookup } from '../../database/lookup.ts';
import { statement } from '../../database/statement.ts';
import { type Viewer, visibleQueue, writableQueue } from '../access/viewer.ts';
import type { StatusRow } from '../dictionaries/dictionaries.store.ts';
import { type UserColumns, userColumns } from '../users/user-summary.ts';
import { issueIdNamed } from './issue-name.ts';
import { visibleIssues } from './visible-issues.ts';

/** An issue with the columns of other rows that its representation includes. */
export type IssueRow = {
  issue_id: number;
  hex_id: string;
  key: string;
  version: number;
  summary: string;
  description: string | null;
  tags: string[];
  aliases: string[];
  created_at: Date;
  updated_at: Date;
  queue_id: number;
  queue_key: string;
  queue_name: string;
  type_id: number;
  type_key: string;
  type_ru: string;
  type_en: string;
  priority_id: number;
  priority_key: string;
  priority_ru: string;
  priority_en: string;
  status_id: number;
  status_key: string;
  status_ru: string;
  status_en: string;
  status_type: StatusRow['type'];
} & UserColumns<'created_by'> &
  UserColumns<'updated_by'> &
  (UserColumns<'assignee'> | { assignee_uid: null }) &
  (UserColumns<'resolved_by'> | { resolved_by_uid: null }) &
  (Entry<'previous'> | { previous_id: null }) &
  ((Entry<'resolution'> & { resolved_at: Date }) | { resolution_id: null }) &
  (Single<'parent'> | { parent_key: null }) &
  (Single<'epic'> | { epic_key: null });

type Entry<Alias extends string> = Record<`${Alias}_id`, number> & Record<`${Alias}_${'key' | 'ru' | 'en'}`, string>;
type Single<Alias extends string> = Record<`${Alias}_${'hex_id' | 'key' | 'summary'}`, string>;

/**
 * SQL: selects IssueRows for the column issue_id of `found`, in the order of its column place, without the issues that
 * the viewer may not see. `furtherColumns` of `found` start with a comma.
 */
export function issuesFound(found: string, furtherColumns = ''): string {
  return `
    select issues.issue_id, issues.hex_id, issues.key, issues.version, issues.summary, issues.description, issues.tags,
      issues.created_at, issues.updated_at,
      array(
        select issue_aliases.key from issue_aliases
        where issue_aliases.org_id = :orgId and issue_aliases.issue_id = issues.issue_id
        order by issue_aliases.key
      ) as aliases,
      queues.queue_id, queues.key as queue_key, queues.name as queue_name,
      types.issue_type_id as type_id, types.key as type_key, types.name_ru as type_ru, types.name_en as type_en,
      priorities.priority_id, priorities.key as priority_key, priorities.name_ru as priority_ru,
      priorities.name_en as priority_en,
      statuses.status_id, statuses.key as status_key, statuses.name_ru as status_ru, statuses.name_en as status_en,
      statuses.type as status_type,
      previous.status_id as previous_id, previous.key as previous_key, previous.name_ru as previous_ru,
      previous.name_en as previous_en,
      resolutions.resolution_id, resolutions.key as resolution_key, resolutions.name_ru as resolution_ru,
      resolutions.name_en as resolution_en, issues.resolved_at,
      parent.hex_id as parent_hex_id, parent.key as parent_key, parent.summary as parent_summary,
      epic.hex_id as epic_hex_id, epic.key as epic_key, epic.summary as epic_summary,
      ${userColumns('created_by')},
      ${userColumns('updated_by')},
      ${userColumns('assignee')},
      ${userColumns('resolved_by')}${furtherColumns}
    from ${found}
    join issues on issues.org_id = :orgId and issues.issue_id = found.issue_id
    join queues on queues.org_id = :orgId and queues.queue_id = issues.queue_id and ${visibleQueue('queues')}
    join issue_types types on types.org_id = :orgId and types.issue_type_id = issues.issue_type_id
    join priorities on priorities.org_id = :orgId and priorities.priority_id = issues.priority_id
    join statuses on statuses.org_id = :orgId and statuses.status_id = issues.status_id
    join users created_by on created_by.org_id = :orgId and created_by.user_id = issues.created_by
    join users updated_by on updated_by.org_id = :orgId and updated_by.user_id = issues.updated_by
    left join users assignee on assignee.org_id = :orgId and assignee.user_id = issues.assignee_id
    left join statuses previous on previous.org_id = :orgId and previous.status_id = issues.previous_status_id
    left join resolutions on resolutions.org_id = :orgId and resolutions.resolution_id = issues.resolution_id
    left join users resolved_by on resolved_by.org_id = :orgId and resolved_by.user_id = issues.resolved_by
    left join lateral (${otherEnd('subtask', 'inward', 'outward')}) parent on true
    left join lateral (${otherEnd('epic', 'outward', 'inward')}) epic on true
    order by found.place`;
}

/** SQL: the issue at the other end of the first link of the type that has the row `issues` at the end `own`. */
function otherEnd(linkTypeId: string, own: string, other: string): string {
  return `
      select object.hex_id, object.key, object.summary
      from ${lookup('links', 'links', `links.${own}_issue_id = issues.issue_id`)}
      cross join ${lookup('object', 'issues', `issues.issue_id = links.${other}_issue_id`)}
      join queues object_queue on object_queue.org_id = :orgId and object_queue.queue_id = object.queue_id
      where links.link_type_id = '${linkTypeId}' and ${visibleQueue('object_queue')}
      order by links.link_id
      limit 1`;
}

const SELECT_ISSUE = statement<keyof Viewer | 'issueName', IssueRow>(
  'select_issue',
  issuesFound(`(select ${issueIdNamed(':issueName')} as issue_id, 1 as place) found`),
);

/** The issue with that key or id, if the viewer may see it. */
export async function selectIssue(db: Queryable, viewer: Viewer, issueName: string): Promise<IssueRow | undefined> {
  const [row] = await db.query(SELECT_ISSUE({ ...viewer, issueName }));
  return row;
}

const SELECT_ISSUE_BY_UNIQUE = statement<keyof Viewer | 'unique', IssueRow>(
  'select_issue_by_unique',
  issuesFound(`
      (
        select issue_id, row_number() over (order by created_by <> :userId, issue_id) as place
        from issues
        where org_id = :orgId and unique_token = :unique
      ) found`),
);

/** The issue that the viewer created with that `unique`, or else the first one that the viewer may see. */
export async function selectIssueByUnique(
  db: Queryable,
  viewer: Viewer,
  unique: string,
): Promise<IssueRow | undefined> {
  const [row] = await db.query(SELECT_ISSUE_BY_UNIQUE({ ...viewer, unique }));
  return row;
}

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

const SELECT_ISSUE_STATE = statement<keyof Viewer | 'issueId', IssueState>(
  'select_issue_state',
  visibleIssues(
    `issues.issue_id, issues.key, issues.version, issues.queue_id, queues.key as queue_key, issues.summary,
      issues.description, issues.tags, issues.issue_type_id, issues.priority_id, issues.status_id,
      issues.resolution_id, issues.assignee_id, issues.is_open, issues.position, issues.reference, issues.color, issues.due_at,
      issues.started_at, issues.time_spent, issues.time_estimated, issues.kanboard,
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

export interface NewIssueRow extends IssueFields {
  readonly key: string;
  readonly queueId: number;
  readonly isOpen: boolean;
  readonly unique?: string | undefined;
  readonly createdBy: number;
}

const INSERT_ISSUE = statement<'orgId' | keyof NewIssueRow, { issue_id: number }>(
  'insert_issue',
  `
  insert into issues (org_id, key, queue_id, is_open, closed_at, unique_token, created_by, updated_by, position,
    summary, description, issue_type_id, priority_id, assignee_id, tags, status_id, resolution_id,
    resolved_at, resolved_by, reference, color, due_at, started_at, time_spent, time_estimated, kanboard)
  select :orgId, :key, :queueId, :isOpen, case when not :isOpen then now() end, :unique, :createdBy, :createdBy,
    ${lastPosition(':queueId', ':statusId')},
    :summary, :description, :issueTypeId, :priorityId, :assigneeId, :tags, :statusId, :resolutionId,
    case when :resolutionId::bigint is not null then now() end, case when :resolutionId::bigint is not null then :createdBy::bigint end,
    :reference, :color, :dueAt, :startedAt, :timeSpent, :timeEstimated, :kanboard
  returning issue_id`,
);

/** Returns the issue_id. */
export async function insertIssue(db: Transaction, orgId: string, issue: NewIssueRow): Promise<number> {
  const kanboard = JSON.stringify(issue.kanboard);
  const [row] = await db.query(INSERT_ISSUE({ orgId, unique: undefined, ...issue, kanboard }));
  return (row as { issue_id: number }).issue_id;
}

const UPDATE_ISSUE_FIELDS = statement<'orgId' | 'userId' | 'issueId' | 'isOpen' | keyof IssueFields>(
  'update_issue_fields',
  `
  update issues
  set summary = :summary, description = :description, issue_type_id = :issueTypeId, priority_id = :priorityId,
    assignee_id = :assigneeId, tags = :tags, status_id = :statusId, resolution_id = :resolutionId,
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

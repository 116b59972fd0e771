import { mayWrite, USER, type Viewer, visibleQueue } from '../../core/access/viewer.ts';
import type { StatusRow } from '../../core/dictionaries/dictionaries.store.ts';
import { isPerson } from '../../core/users/person.ts';
import type { Queryable, Transaction } from '../../database/database.ts';
import { statement } from '../../database/statement.ts';

/** An issue, in Kanboard's terms. */
export interface TaskRow {
  id: number;
  key: string;
  title: string;
  description: string | null;
  created_at: Date;
  updated_at: Date;
  moved_at: Date;
  closed_at: Date | null;
  due_at: Date | null;
  started_at: Date | null;
  color: string;
  project_id: number;
  column_id: number;
  /** 0 for no owner and for the application account; likewise `creator_id`. */
  owner_id: number;
  creator_id: number;
  position: number;
  is_open: boolean;
  reference: string;
  time_spent: number | null;
  time_estimated: number | null;
  kanboard: Readonly<Record<string, number>>;
}

/** SQL: the columns of a TaskRow, from `issues` and the tables of `TASK_JOINS`. */
export const TASK_COLUMNS = `
  issues.issue_id as id, issues.key, issues.summary as title, issues.description, issues.created_at, issues.updated_at,
  issues.moved_at, issues.closed_at, issues.due_at, issues.started_at, issues.color, issues.queue_id as project_id,
  columns.column_id, coalesce(assignee.user_id, 0) as owner_id, coalesce(creator.user_id, 0) as creator_id,
  issues.position, issues.is_open, issues.reference, issues.time_spent, issues.time_estimated, issues.kanboard`;

/** SQL: joins the column and the users of the row `issues`. The application account counts as no user. */
export const TASK_JOINS = `
  join columns on columns.org_id = :orgId and columns.queue_id = issues.queue_id and columns.status_id = issues.status_id
  left join users assignee on assignee.org_id = :orgId and assignee.user_id = issues.assignee_id
    and not assignee.is_application
  left join users creator on creator.org_id = :orgId and creator.user_id = issues.created_by and not creator.is_application`;

const SELECT_TASK = statement<keyof Viewer | 'taskId', TaskRow>(
  'select_task',
  `
  select ${TASK_COLUMNS}
  from issues
  join queues on queues.org_id = :orgId and queues.queue_id = issues.queue_id
  ${TASK_JOINS}
  where issues.org_id = :orgId and issues.issue_id = :taskId and ${visibleQueue('queues')}`,
);

/** Undefined if the task does not exist for this viewer. */
export async function selectTask(db: Queryable, viewer: Viewer, taskId: number): Promise<TaskRow | undefined> {
  const [row] = await db.query(SELECT_TASK({ ...viewer, taskId }));
  return row;
}

const SELECT_TASK_BY_REFERENCE = statement<keyof Viewer | 'projectId' | 'reference', TaskRow>(
  'select_task_by_reference',
  `
  select ${TASK_COLUMNS}
  from queues
  join issues on issues.org_id = :orgId and issues.queue_id = queues.queue_id
  ${TASK_JOINS}
  where queues.org_id = :orgId and queues.queue_id = :projectId and ${visibleQueue('queues')}
    and issues.reference <> '' and md5(issues.reference) = md5(:reference) and issues.reference = :reference
  order by issues.issue_id
  limit 1`,
);

/** The first task of a project with the reference. An empty reference matches no task. */
export async function selectTaskByReference(
  db: Queryable,
  viewer: Viewer,
  projectId: number,
  reference: string,
): Promise<TaskRow | undefined> {
  const [row] = await db.query(SELECT_TASK_BY_REFERENCE({ ...viewer, projectId, reference }));
  return row;
}

const SELECT_TASKS = statement<keyof Viewer | 'projectId' | 'isOpen', TaskRow>(
  'select_tasks',
  `
  select ${TASK_COLUMNS}
  from queues
  join issues on issues.org_id = :orgId and issues.queue_id = queues.queue_id
  ${TASK_JOINS}
  where queues.org_id = :orgId and queues.queue_id = :projectId and ${visibleQueue('queues')} and issues.is_open = :isOpen
  order by issues.issue_id`,
);

/** The open or the closed tasks of a project, by id. */
export function selectTasks(db: Queryable, viewer: Viewer, projectId: number, isOpen: boolean): Promise<TaskRow[]> {
  return db.query(SELECT_TASKS({ ...viewer, projectId, isOpen }));
}

export interface OverdueTaskRow {
  id: number;
  title: string;
  due_at: Date;
  project_id: number;
  creator_id: number;
  owner_id: number;
  project_name: string;
  assignee_login: string | null;
  assignee_name: string | null;
}

const SELECT_OVERDUE_TASKS = statement<keyof Viewer | 'projectId' | 'ownerId', OverdueTaskRow>(
  'select_overdue_tasks',
  `
  select issues.issue_id as id, issues.summary as title, issues.due_at, issues.queue_id as project_id,
    coalesce(creator.user_id, 0) as creator_id, coalesce(assignee.user_id, 0) as owner_id, queues.name as project_name,
    assignee.login as assignee_login, assignee.display as assignee_name
  from issues
  join queues on queues.org_id = :orgId and queues.queue_id = issues.queue_id and queues.is_active
    and ${visibleQueue('queues')}
  left join users assignee on assignee.org_id = :orgId and assignee.user_id = issues.assignee_id
    and not assignee.is_application
  left join users creator on creator.org_id = :orgId and creator.user_id = issues.created_by and not creator.is_application
  where issues.org_id = :orgId and issues.is_open and issues.due_at <= now()
    and (:projectId::bigint is null or issues.queue_id = :projectId)
    and (:ownerId::bigint is null or issues.assignee_id = :ownerId)
  order by issues.issue_id`,
);

/** The open tasks of active projects whose due date has passed, by id: of one project or owner, if it is given. */
export function selectOverdueTasks(
  db: Queryable,
  viewer: Viewer,
  { projectId, ownerId }: { readonly projectId?: number; readonly ownerId?: number } = {},
): Promise<OverdueTaskRow[]> {
  return db.query(SELECT_OVERDUE_TASKS({ ...viewer, projectId, ownerId }));
}

type ColumnStatus = Pick<StatusRow, 'id' | 'type'>;

const SELECT_STATUS_OF_COLUMN = statement<'orgId' | 'queueId' | 'columnId', ColumnStatus>(
  'select_status_of_column',
  `
  select statuses.status_id as id, statuses.type
  from columns
  join statuses on statuses.org_id = :orgId and statuses.status_id = columns.status_id
  where columns.org_id = :orgId and columns.queue_id = :queueId and columns.column_id = :columnId`,
);

/** The status of a column. Undefined if the queue has no such column. */
export async function selectStatusOfColumn(
  db: Queryable,
  orgId: string,
  queueId: number,
  columnId: number,
): Promise<ColumnStatus | undefined> {
  const [row] = await db.query(SELECT_STATUS_OF_COLUMN({ orgId, queueId, columnId }));
  return row;
}

const SELECT_STATUS_IN_PROJECT = statement<'orgId' | 'projectId' | 'taskId' | 'columnId', { status_id: number }>(
  'select_status_in_project',
  `
  select columns.status_id from columns
  where columns.org_id = :orgId and columns.queue_id = :projectId
  order by columns.title = (
      select wanted.title
      from issues
      join columns wanted on wanted.org_id = :orgId and wanted.queue_id in (issues.queue_id, :projectId)
      where issues.org_id = :orgId and issues.issue_id = :taskId
        and case when :columnId::bigint is null
          then wanted.queue_id = issues.queue_id and wanted.status_id = issues.status_id
          else wanted.column_id = :columnId end
    ) desc nulls last, columns.position, columns.column_id
  limit 1`,
);

/**
 * The status that a task gets in a project: that of the column with the title of `columnId`, or of the task's own column, or
 * else of the first column. Only columns of the task's project and of this one have titles. Undefined without columns.
 */
export async function selectStatusInProject(
  db: Queryable,
  orgId: string,
  wanted: { readonly projectId: number; readonly taskId: number; readonly columnId: number | undefined },
): Promise<number | undefined> {
  const [row] = await db.query(SELECT_STATUS_IN_PROJECT({ orgId, ...wanted }));
  return row?.status_id;
}

const LOCK_ASSIGNEE = statement<'orgId' | 'queueId' | 'userId'>(
  'lock_assignee',
  `
  select
  from users
  join queues on queues.org_id = :orgId and queues.queue_id = :queueId
  where users.org_id = :orgId and users.user_id = :userId
    and users.is_active and ${isPerson('users')}
    and ${mayWrite('queues', USER)}
  for share of users`,
);

/** Whether tasks of the queue can be assigned to the user. Locks the user against removal until the transaction ends. */
export async function lockAssignee(db: Transaction, orgId: string, queueId: number, userId: number): Promise<boolean> {
  const rows = await db.query(LOCK_ASSIGNEE({ orgId, queueId, userId }));
  return rows.length > 0;
}

const LOCK_POSITIONS = statement<'orgId' | 'queueId' | 'issueId' | 'statusId'>(
  'lock_positions',
  `
  select from issues
  where org_id = :orgId and queue_id = :queueId and (issue_id = :issueId or (is_open and status_id in (
    :statusId, (select moved.status_id from issues moved where moved.org_id = :orgId and moved.issue_id = :issueId))))
  order by issue_id
  for no key update`,
);

/**
 * Locks an issue of the queue and the open issues of its current and its new column, by id: the order in which every
 * writer locks issues.
 */
export async function lockPositions(
  db: Transaction,
  orgId: string,
  queueId: number,
  issueId: number,
  statusId: number,
): Promise<void> {
  await db.query(LOCK_POSITIONS({ orgId, queueId, issueId, statusId }));
}

interface PositionChange {
  readonly queueId: number;
  readonly issueId: number;
  readonly position: number;
  readonly statusId: number;
  readonly previousStatusId: number;
}

const UPDATE_POSITIONS = statement<'orgId' | keyof PositionChange>(
  'update_positions',
  `
  with others as (
    select issue_id, status_id, row_number() over (partition by status_id order by position, issue_id) as place
    from issues
    where org_id = :orgId and queue_id = :queueId and status_id in (:statusId, :previousStatusId) and is_open and issue_id <> :issueId
  ), placed as (
    select issue_id, place + (status_id = :statusId and place >= :position)::integer as position from others
    union all
    select :issueId, least(:position, 1 + (select count(*) from others where status_id = :statusId))
  )
  update issues
  set position = placed.position, moved_at = case when issues.issue_id = :issueId then clock.now else moved_at end
  from placed
  cross join (select now()) clock
  where issues.org_id = :orgId and issues.issue_id = placed.issue_id
    and (issues.position <> placed.position or issues.issue_id = :issueId)`,
);

/**
 * Inserts an issue at a position among the open issues of its column, or at the end if the position is beyond it. Renumbers
 * the open issues of this and of the previous column from 1, without gaps.
 */
export async function updatePositions(db: Transaction, orgId: string, change: PositionChange): Promise<void> {
  await db.query(UPDATE_POSITIONS({ orgId, ...change }));
}

import { mayWrite, USER, type Viewer, viewerValues, visibleQueue } from '../../core/access/viewer.ts';
import { isPerson } from '../../core/users/person.ts';
import type { Queryable, Transaction } from '../../database/database.ts';

/** An issue in Kanboard's words. */
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
  /** 0 for nobody, and for the application account. */
  owner_id: number;
  creator_id: number;
  position: number;
  is_open: boolean;
  reference: string;
  time_spent: number | null;
  time_estimated: number | null;
  kanboard: Readonly<Record<string, number>>;
}

/** SQL: the columns of a TaskRow, from the rows that `TASK_JOINS` brings together. */
export const TASK_COLUMNS = `
  issues.issue_id as id, issues.key, issues.summary as title, issues.description, issues.created_at, issues.updated_at,
  issues.moved_at, issues.closed_at, issues.due_at, issues.started_at, issues.color, issues.queue_id as project_id,
  columns.column_id, coalesce(assignee.user_id, 0) as owner_id, coalesce(creator.user_id, 0) as creator_id,
  issues.position, issues.is_open, issues.reference, issues.time_spent, issues.time_estimated, issues.kanboard`;

/** SQL: what belongs to the row `issues`. The application account is nobody here. */
export const TASK_JOINS = `
  join columns on columns.org_id = $1 and columns.queue_id = issues.queue_id and columns.status_id = issues.status_id
  left join users assignee on assignee.org_id = $1 and assignee.user_id = issues.assignee_id
    and not assignee.is_application
  left join users creator on creator.org_id = $1 and creator.user_id = issues.created_by and not creator.is_application`;

/** Undefined when there is no such task for this viewer. */
export async function selectTask(db: Queryable, viewer: Viewer, taskId: number): Promise<TaskRow | undefined> {
  const [row] = await db.query<TaskRow>({
    name: 'select_task',
    text: `
      select ${TASK_COLUMNS}
      from issues
      join queues on queues.org_id = $1 and queues.queue_id = issues.queue_id
      ${TASK_JOINS}
      where issues.org_id = $1 and issues.issue_id = $4 and ${visibleQueue('queues')}`,
    values: [...viewerValues(viewer), taskId],
  });
  return row;
}

/** The first task of a project that has the reference; an empty one is none. */
export async function selectTaskByReference(
  db: Queryable,
  viewer: Viewer,
  projectId: number,
  reference: string,
): Promise<TaskRow | undefined> {
  const [row] = await db.query<TaskRow>({
    name: 'select_task_by_reference',
    text: `
      select ${TASK_COLUMNS}
      from queues
      join issues on issues.org_id = $1 and issues.queue_id = queues.queue_id
      ${TASK_JOINS}
      where queues.org_id = $1 and queues.queue_id = $4 and ${visibleQueue('queues')}
        and issues.reference <> '' and md5(issues.reference) = md5($5) and issues.reference = $5
      order by issues.issue_id
      limit 1`,
    values: [...viewerValues(viewer), projectId, reference],
  });
  return row;
}

/** The open or the closed tasks of a project, by number. */
export function selectTasks(db: Queryable, viewer: Viewer, projectId: number, isOpen: boolean): Promise<TaskRow[]> {
  return db.query<TaskRow>({
    name: 'select_tasks',
    text: `
      select ${TASK_COLUMNS}
      from queues
      join issues on issues.org_id = $1 and issues.queue_id = queues.queue_id
      ${TASK_JOINS}
      where queues.org_id = $1 and queues.queue_id = $4 and ${visibleQueue('queues')} and issues.is_open = $5
      order by issues.issue_id`,
    values: [...viewerValues(viewer), projectId, isOpen],
  });
}

/** The status of a column of the queue. Undefined when the queue has no such column. */
export async function selectStatusOfColumn(
  db: Queryable,
  orgId: string,
  queueId: number,
  columnId: number,
): Promise<number | undefined> {
  const [row] = await db.query<{ status_id: number }>({
    name: 'select_status_of_column',
    text: 'select status_id from columns where org_id = $1 and queue_id = $2 and column_id = $3',
    values: [orgId, queueId, columnId],
  });
  return row?.status_id;
}

/** Whether tasks of the queue can be given to the user, who cannot be removed until the end of the transaction. */
export async function lockAssignee(db: Transaction, orgId: string, queueId: number, userId: number): Promise<boolean> {
  const rows = await db.query({
    name: 'lock_assignee',
    text: `
      select
      from users
      join queues on queues.org_id = $1 and queues.queue_id = $2
      where users.org_id = $1 and users.user_id = $3
        and users.is_active and ${isPerson('users')}
        and ${mayWrite('queues', USER)}
      for share of users`,
    values: [orgId, queueId, userId],
  });
  return rows.length > 0;
}

/**
 * Locks an issue of the queue, with the open issues of its column and of the column of the status, in the order that
 * everybody keeps.
 */
export async function lockPlaces(
  db: Transaction,
  orgId: string,
  queueId: number,
  issueId: number,
  statusId: number,
): Promise<void> {
  await db.query({
    name: 'lock_places',
    text: `
      select from issues
      where org_id = $1 and queue_id = $2 and (issue_id = $3 or (is_open and status_id in (
        $4, (select moved.status_id from issues moved where moved.org_id = $1 and moved.issue_id = $3))))
      order by issue_id
      for no key update`,
    values: [orgId, queueId, issueId, statusId],
  });
}

/**
 * Puts an issue at a place among the open issues of its column, the last one at most; they and those of the column that it
 * left are numbered from 1 without gaps.
 */
export async function updatePlaces(
  db: Transaction,
  orgId: string,
  {
    queueId,
    issueId,
    position,
    statusId,
    previousStatusId,
  }: {
    readonly queueId: number;
    readonly issueId: number;
    readonly position: number;
    readonly statusId: number;
    readonly previousStatusId: number;
  },
): Promise<void> {
  await db.query({
    name: 'update_places',
    text: `
      with others as (
        select issue_id, status_id, row_number() over (partition by status_id order by position, issue_id) as place
        from issues
        where org_id = $1 and queue_id = $2 and status_id in ($5, $6) and is_open and issue_id <> $3
      ), placed as (
        select issue_id, place + (status_id = $5 and place >= $4)::integer as position from others
        union all
        select $3, least($4, 1 + (select count(*) from others where status_id = $5))
      )
      update issues
      set position = placed.position, moved_at = case when issues.issue_id = $3 then now() else moved_at end
      from placed
      where issues.org_id = $1 and issues.issue_id = placed.issue_id
        and (issues.position <> placed.position or issues.issue_id = $3)`,
    values: [orgId, queueId, issueId, position, statusId, previousStatusId],
  });
}

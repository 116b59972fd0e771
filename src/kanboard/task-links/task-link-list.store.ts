import { type Viewer, visibleToViewer } from '../../core/access/viewer.ts';
import { directionIn, linkEnds } from '../../core/issue-links/link-ends.ts';
import type { Direction } from '../../core/labels/direction.ts';
import { cachedLinkTypes, type LinkTypeRow } from '../../core/link-types/link-types.store.ts';
import { cachedUserNames, type UserNames } from '../../core/users/users.store.ts';
import { ByteCopies, Columns, type DataRow } from '../../database/data-row.ts';
import type { Queryable } from '../../database/database.ts';
import { lookup } from '../../database/lookup.ts';
import type { SharedStatement } from '../../database/shared-statements.ts';
import { statement } from '../../database/statement.ts';

/** A link from the point of view of a task, with ids for what the cache holds. */
export interface TaskLink {
  readonly viewId: number;
  readonly linkTypeId: string;
  readonly direction: Direction;
  /** These describe the other task. */
  readonly taskId: number;
  readonly isOpen: boolean;
  readonly assigneeId: number | null;
  readonly columnPosition: number;
  readonly position: number;
  /**
   * The columns of the other task that are only shown, from `textsAt` on: its title, its project_id, column_id and color,
   * the Unix times when it was closed, when it was started and when it is due, its hours spent and estimated, and the names
   * of its column and its project.
   */
  readonly texts: Buffer;
  readonly textsAt: number;
}

/** As in `select_links_for_viewers`, laterals keep the plan to look-ups by index. */
const SELECT_TASK_LINKS_FOR_VIEWERS = statement<'orgId' | 'taskIds' | 'userIds' | 'applications'>(
  'select_task_links_for_viewers',
  `
  select viewer.place, link.*
  from unnest(:taskIds::bigint[], :userIds::bigint[], :applications::boolean[]) with ordinality
    as viewer (task_id, user_id, is_application, place)
  cross join ${lookup('issues', 'issues', 'issues.issue_id = viewer.task_id')}
  join queues on queues.org_id = :orgId and queues.queue_id = issues.queue_id and ${visibleToViewer('queues')}
  left join lateral (
    select ends.link_id, ends.link_type_id, ends.direction, ends.first_end, object.issue_id, object.is_open,
      object.assignee_id, columns.position as column_position, object.position as task_position, object.summary,
      object.queue_id, columns.column_id, object.color, extract(epoch from object.closed_at),
      extract(epoch from object.started_at), extract(epoch from object.due_at), object.time_spent,
      object.time_estimated, columns.title, object_queue.name
    from ${linkEnds('issues')} ends
    cross join ${lookup('object', 'issues', 'issues.issue_id = ends.object_id')}
    join queues object_queue on object_queue.org_id = :orgId and object_queue.queue_id = object.queue_id
    join columns on columns.org_id = :orgId and columns.queue_id = object.queue_id
      and columns.status_id = object.status_id
    where ${visibleToViewer('object_queue')}
  ) link on true`,
);

interface WantedLinks {
  readonly taskId: number;
  readonly userId: number;
  readonly isApplication: boolean;
}

const TASK_LINKS: SharedStatement<WantedLinks, TaskLink | undefined> = {
  bind: (orgId, wanted) =>
    SELECT_TASK_LINKS_FOR_VIEWERS({
      orgId,
      taskIds: wanted.map(({ taskId }) => taskId),
      userIds: wanted.map(({ userId }) => userId),
      applications: wanted.map(({ isApplication }) => isApplication),
    }),
  rowOf,
};

/** The links of a task, and the rows that they refer to by id. */
export interface TaskLinks {
  /** In Kanboard's order. */
  readonly links: readonly TaskLink[];
  readonly types: ReadonlyMap<string, LinkTypeRow>;
  /** A user who was removed after the links were read is missing. */
  readonly users: ReadonlyMap<number, UserNames>;
}

/**
 * The links of a task. Undefined if the task does not exist for this viewer. One statement reads for all calls that wait
 * (decision 9).
 */
export async function readTaskLinks(
  db: Queryable,
  { orgId, userId, isApplication }: Viewer,
  taskId: number,
): Promise<TaskLinks | undefined> {
  const [found = []] = await db.readShared(TASK_LINKS, orgId, [{ taskId, userId, isApplication }]);
  if (found.length === 0) return undefined;
  const rows = found.filter((row) => row !== undefined);
  const types = await cachedLinkTypes(
    db,
    orgId,
    rows.map(({ linkTypeId }) => linkTypeId),
  );
  const users = await cachedUserNames(
    db,
    orgId,
    rows.flatMap(({ assigneeId }) => assigneeId ?? []),
  );
  // A type that is missing was deleted, and its links with it, after they were read.
  const links = rows.filter(({ linkTypeId }) => types.has(linkTypeId));
  return { links: links.sort(inKanboardsOrder(types)), types, users };
}

function inKanboardsOrder(types: ReadonlyMap<string, LinkTypeRow>) {
  const labelOf = ({ linkTypeId, direction }: TaskLink) =>
    types.get(linkTypeId)?.[direction === 'inward' ? 'inward_label_id' : 'outward_label_id'] ?? 0;
  return (left: TaskLink, right: TaskLink): number =>
    labelOf(left) - labelOf(right) ||
    right.columnPosition - left.columnPosition ||
    Number(right.isOpen) - Number(left.isOpen) ||
    left.position - right.position ||
    left.taskId - right.taskId ||
    left.viewId - right.viewId;
}

const TRUE = 't'.charCodeAt(0);
const copies = new ByteCopies();

/** Reads the columns in the order of the statement. Undefined for the row of the outer join, which a task without links has. */
function rowOf({ bytes, start, end }: DataRow): TaskLink | undefined {
  const columns = new Columns(bytes, start);
  columns.skip();
  const linkId = columns.number();
  if (linkId === null) return undefined;
  const linkTypeId = columns.text() as string;
  const direction = directionIn(columns);
  const firstEnd = directionIn(columns);
  const taskId = columns.number() as number;
  columns.skip();
  const isOpen = bytes[columns.at] === TRUE;
  const assigneeId = columns.number();
  const columnPosition = columns.number() as number;
  const position = columns.number() as number;
  const textsAt = copies.copy(bytes, columns.next, end);
  return {
    viewId: 2 * linkId - (direction === firstEnd ? 1 : 0),
    linkTypeId,
    direction,
    taskId,
    isOpen,
    assigneeId,
    columnPosition,
    position,
    texts: copies.block,
    textsAt,
  };
}

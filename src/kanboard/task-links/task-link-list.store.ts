import { type Viewer, visibleToViewer } from '../../core/access/viewer.ts';
import { linkEnds } from '../../core/issue-links/link-ends.ts';
import type { Direction } from '../../core/labels/direction.ts';
import { cachedLinkTypes } from '../../core/link-types/link-types.store.ts';
import { cachedUserNames } from '../../core/users/users.store.ts';
import { Columns, type DataRow } from '../../database/data-row.ts';
import type { Queryable } from '../../database/database.ts';
import { lookup } from '../../database/lookup.ts';
import type { SharedStatement } from '../../database/shared-reads.ts';
import { statement } from '../../database/statement.ts';

/** A link as seen from one of its tasks, in Kanboard's terms. All columns but `view_id` and `label` describe the other task. */
export interface TaskLinkRow {
  view_id: number;
  task_id: number;
  label: string;
  title: string;
  is_open: boolean;
  project_id: number;
  column_id: number;
  color: string;
  closed_at: Date | null;
  started_at: Date | null;
  due_at: Date | null;
  time_spent: number | null;
  time_estimated: number | null;
  assignee_id: number | null;
  assignee_login: string | null;
  assignee_name: string | null;
  column_title: string;
  project_name: string;
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
    select ends.link_id, ends.link_type_id, ends.direction, ends.first_end, object.issue_id, object.summary,
      object.is_open, object.queue_id, columns.column_id, object.color,
      extract(epoch from object.closed_at), extract(epoch from object.started_at), extract(epoch from object.due_at),
      object.time_spent, object.time_estimated, object.assignee_id, columns.title, object_queue.name,
      columns.position as column_position, object.position as task_position
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

/** A row with the columns that name it and order it. The cached names are filled in last. */
interface ListedRow extends TaskLinkRow {
  readonly link_type_id: string;
  readonly direction: Direction;
  readonly column_position: number;
  readonly task_position: number;
  label_id: number;
}

const TASK_LINKS: SharedStatement<WantedLinks, ListedRow | undefined> = {
  bind: (orgId, wanted) =>
    SELECT_TASK_LINKS_FOR_VIEWERS({
      orgId,
      taskIds: wanted.map(({ taskId }) => taskId),
      userIds: wanted.map(({ userId }) => userId),
      applications: wanted.map(({ isApplication }) => isApplication),
    }),
  rowOf,
};

/**
 * The links of a task, in Kanboard's order. Undefined if the task does not exist for this viewer. One statement reads for
 * all calls that wait (decision 9).
 */
export async function readTaskLinks(
  db: Queryable,
  { orgId, userId, isApplication }: Viewer,
  taskId: number,
): Promise<TaskLinkRow[] | undefined> {
  const [found = []] = await db.readShared(TASK_LINKS, orgId, [{ taskId, userId, isApplication }]);
  if (found.length === 0) return undefined;
  const rows = found.filter((row) => row !== undefined);
  const types = await cachedLinkTypes(
    db,
    orgId,
    rows.map(({ link_type_id }) => link_type_id),
  );
  const users = await cachedUserNames(
    db,
    orgId,
    rows.flatMap(({ assignee_id }) => assignee_id ?? []),
  );
  for (const row of rows) {
    const type = types.get(row.link_type_id);
    const assignee = row.assignee_id === null ? undefined : users.get(row.assignee_id);
    if (type) {
      row.label_id = row.direction === 'inward' ? type.inward_label_id : type.outward_label_id;
      row.label = row.direction === 'inward' ? type.inward_label : type.outward_label;
    }
    row.assignee_login = assignee?.login ?? null;
    row.assignee_name = assignee?.name ?? null;
  }
  // A type that is missing was deleted, and its links with it, after they were read.
  return rows.filter(({ label_id }) => label_id !== NO_LABEL).sort(inKanboardsOrder);
}

function inKanboardsOrder(left: ListedRow, right: ListedRow): number {
  return (
    left.label_id - right.label_id ||
    right.column_position - left.column_position ||
    Number(right.is_open) - Number(left.is_open) ||
    left.task_position - right.task_position ||
    left.task_id - right.task_id ||
    left.view_id - right.view_id
  );
}

const NO_LABEL = 0;

/** Reads the columns in the order of the statement. Undefined for the row of the outer join, which a task without links has. */
function rowOf({ bytes, start }: DataRow): ListedRow | undefined {
  const columns = new Columns(bytes, start);
  columns.skip();
  const linkId = columns.number();
  if (linkId === null) return undefined;
  const number = () => columns.number() as number;
  const text = () => columns.text() as string;
  const linkTypeId = text();
  const direction = text() as Direction;
  const firstEnd = text();
  return {
    view_id: 2 * linkId - (direction === firstEnd ? 1 : 0),
    link_type_id: linkTypeId,
    direction,
    task_id: number(),
    title: text(),
    is_open: text() === 't',
    project_id: number(),
    column_id: number(),
    color: text(),
    closed_at: dateOf(columns.text()),
    started_at: dateOf(columns.text()),
    due_at: dateOf(columns.text()),
    time_spent: numberOf(columns.text()),
    time_estimated: numberOf(columns.text()),
    assignee_id: columns.number(),
    column_title: text(),
    project_name: text(),
    column_position: number(),
    task_position: number(),
    label_id: NO_LABEL,
    label: '',
    assignee_login: null,
    assignee_name: null,
  };
}

function numberOf(text: string | null): number | null {
  return text === null ? null : Number(text);
}

function dateOf(epochSeconds: string | null): Date | null {
  return epochSeconds === null ? null : new Date(Number(epochSeconds) * 1000);
}

import { type Viewer, visibleQueue } from '../../core/access/viewer.ts';
import type { VersionedLink, WrittenLink } from '../../core/issue-links/link-writes.store.ts';
import { ACCESSIBLE_ISSUE, type AccessibleIssue } from '../../core/issues/issue-access.ts';
import { visibleIssues } from '../../core/issues/visible-issues.ts';
import type { Queryable } from '../../database/database.ts';
import { statement } from '../../database/statement.ts';

/** SQL: Kanboard's id of a link at the end `direction` (see `links.link_id`). */
const VIEW_ID = '2 * ends.link_id - (ends.direction = ends.first_end)::integer';

/** SQL: the label id of a link at the end `direction`. */
const LABEL = `case ends.direction when 'inward' then link_types.inward_label_id else link_types.outward_label_id end`;

/** One view of a link, without the columns of the other task. */
export interface TaskLinkViewRow {
  view_id: number;
  opposite_task_id: number;
  task_id: number;
  label_id: number;
  label: string;
  /** The current opposite of the label. */
  opposite_label_id: number | null;
}

/** SQL: one view of a link, if the viewer may see both tasks. */
function taskLinkView(columns: string): string {
  return `
  select ${VIEW_ID} as view_id, ends.object_id as opposite_task_id, ends.issue_id as task_id, labels.label_id,
    ${columns}
  from (
    select 'inward' as direction, inward_issue_id as issue_id, outward_issue_id as object_id, links.*
    from links where links.org_id = :orgId and links.link_id = (:viewId::bigint + 1) / 2
    union all
    select 'outward', outward_issue_id, inward_issue_id, links.*
    from links where links.org_id = :orgId and links.link_id = (:viewId::bigint + 1) / 2
  ) ends
  join link_types on link_types.org_id = :orgId and link_types.link_type_id = ends.link_type_id
  join labels on labels.org_id = :orgId and labels.label_id = ${LABEL}
  join issues task on task.org_id = :orgId and task.issue_id = ends.issue_id
  join queues task_queue on task_queue.org_id = :orgId and task_queue.queue_id = task.queue_id
  join issues object on object.org_id = :orgId and object.issue_id = ends.object_id
  join queues object_queue on object_queue.org_id = :orgId and object_queue.queue_id = object.queue_id
  where ${VIEW_ID} = :viewId and ${visibleQueue('task_queue')} and ${visibleQueue('object_queue')}`;
}

const SELECT_TASK_LINK = statement<keyof Viewer | 'viewId', TaskLinkViewRow>(
  'select_task_link',
  taskLinkView('labels.label, labels.opposite_id as opposite_label_id'),
);

/** Undefined if the link does not exist, or the viewer may not see both tasks. */
export async function selectTaskLink(
  db: Queryable,
  viewer: Viewer,
  viewId: number,
): Promise<TaskLinkViewRow | undefined> {
  const [row] = await db.query(SELECT_TASK_LINK({ ...viewer, viewId }));
  return row;
}

/** The pair of a label and its opposite, with the link type of the pair if it exists already. */
export type LabelTypeRow = { label_id: number; opposite_label_id: number } & (
  | { link_type_id: string; inward_label_id: number; import_only: boolean }
  | { link_type_id: null }
);

const LABEL_TYPE = `
  select wanted.label_id, coalesce(wanted.opposite_id, wanted.label_id) as opposite_label_id, types.link_type_id,
    types.inward_label_id, types.import_only
  from labels wanted
  left join link_types types on types.org_id = :orgId
    and least(types.inward_label_id, types.outward_label_id)
      = least(wanted.label_id, coalesce(wanted.opposite_id, wanted.label_id))
    and greatest(types.inward_label_id, types.outward_label_id)
      = greatest(wanted.label_id, coalesce(wanted.opposite_id, wanted.label_id))
  where wanted.org_id = :orgId and wanted.label_id = :labelId::bigint`;

/** SQL: a task, if the viewer may see it. */
function accessibleTask(taskId: string): string {
  return visibleIssues(ACCESSIBLE_ISSUE, `issues.issue_id = ${taskId}`);
}

/** One view of a link, with the link's row. */
export type StoredView = VersionedLink & WrittenLink & Omit<TaskLinkViewRow, 'label' | 'opposite_label_id'>;

/** What the parameters of a call denote. What does not exist is null, as is a task that the viewer may not see. */
export interface LinkParameters {
  readonly task: AccessibleIssue | null;
  readonly oppositeTask: AccessibleIssue | null;
  readonly label: LabelTypeRow | null;
  /** Null also if the viewer may not see both of its tasks. */
  readonly view: StoredView | null;
}

const SELECT_LINK_PARAMETERS = statement<
  keyof Viewer | 'taskId' | 'oppositeTaskId' | 'labelId' | 'viewId',
  Omit<LinkParameters, 'view'> & (StoredView | { readonly view_id: null })
>(
  'select_link_parameters',
  `
  select (select to_jsonb(found) from (${accessibleTask(':taskId')}) found) as task,
    (select to_jsonb(found) from (${accessibleTask(':oppositeTaskId')}) found) as "oppositeTask",
    (select to_jsonb(found) from (${LABEL_TYPE}) found) as label, view.*
  from (select) as call
  left join lateral (${taskLinkView(`
    ends.link_id, ends.link_type_id, ends.inward_issue_id, ends.outward_issue_id, ends.first_end, ends.version,
    ends.created_at, ends.updated_at`)}) view on true`,
);

/** `viewId` is undefined for a new link. */
export async function selectLinkParameters(
  db: Queryable,
  viewer: Viewer,
  ids: {
    readonly taskId: number;
    readonly oppositeTaskId: number;
    readonly labelId: number;
    readonly viewId: number | undefined;
  },
): Promise<LinkParameters> {
  const [row] = await db.query(SELECT_LINK_PARAMETERS({ ...viewer, ...ids }));
  if (row === undefined) throw new Error('The statement returns one row.');
  return { ...row, view: row.view_id === null ? null : row };
}

const SELECT_LINK_OF_VIEW = statement<
  keyof Viewer | 'viewId',
  VersionedLink & { readonly task: AccessibleIssue | null }
>(
  'select_link_of_view',
  `
  select link.link_id, link.link_type_id, link.inward_issue_id, link.outward_issue_id, link.first_end, link.version,
    (select to_jsonb(found) from (${accessibleTask('link.task_id')}) found) as task
  from (
    select links.*, case (:viewId::bigint % 2 = 1) = (first_end = 'inward')
      when true then inward_issue_id else outward_issue_id end as task_id
    from links
    where org_id = :orgId and link_id = (:viewId + 1) / 2
    offset 0
  ) link`,
);

/** The link that a view belongs to, and the view's task, which is null if the viewer may not see it. */
export async function selectLinkOfView(
  db: Queryable,
  viewer: Viewer,
  viewId: number,
): Promise<(VersionedLink & { readonly task: AccessibleIssue | null }) | undefined> {
  const [row] = await db.query(SELECT_LINK_OF_VIEW({ ...viewer, viewId }));
  return row;
}

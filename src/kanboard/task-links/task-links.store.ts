import { type Viewer, visibleQueue } from '../../core/access/viewer.ts';
import type { CopiedRules } from '../../core/link-types/link-types.store.ts';
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

const SELECT_TASK_LINK = statement<keyof Viewer | 'viewId', TaskLinkViewRow>(
  'select_task_link',
  `
  select ${VIEW_ID} as view_id, ends.object_id as opposite_task_id, ends.issue_id as task_id, labels.label_id,
    labels.label, labels.opposite_id as opposite_label_id
  from (
    select 'inward' as direction, inward_issue_id as issue_id, outward_issue_id as object_id, link_id, link_type_id,
      first_end
    from links where links.org_id = :orgId and links.link_id = (:viewId::bigint + 1) / 2
    union all
    select 'outward', outward_issue_id, inward_issue_id, link_id, link_type_id, first_end
    from links where links.org_id = :orgId and links.link_id = (:viewId::bigint + 1) / 2
  ) ends
  join link_types on link_types.org_id = :orgId and link_types.link_type_id = ends.link_type_id
  join labels on labels.org_id = :orgId and labels.label_id = ${LABEL}
  join issues task on task.org_id = :orgId and task.issue_id = ends.issue_id
  join queues task_queue on task_queue.org_id = :orgId and task_queue.queue_id = task.queue_id
  join issues object on object.org_id = :orgId and object.issue_id = ends.object_id
  join queues object_queue on object_queue.org_id = :orgId and object_queue.queue_id = object.queue_id
  where ${VIEW_ID} = :viewId and ${visibleQueue('task_queue')} and ${visibleQueue('object_queue')}`,
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
  | (CopiedRules & { inward_label_id: number; import_only: boolean })
  | { link_type_id: null }
);

const SELECT_LABEL_TYPE = statement<'orgId' | 'labelId', LabelTypeRow>(
  'select_label_type',
  `
  select labels.label_id, coalesce(labels.opposite_id, labels.label_id) as opposite_label_id, types.link_type_id,
    types.inward_label_id, types.is_symmetric, types.is_antisymmetric, types.is_acyclic, types.single_end,
    types.shares_label, types.import_only
  from labels
  left join link_types types on types.org_id = :orgId
    and least(types.inward_label_id, types.outward_label_id)
      = least(labels.label_id, coalesce(labels.opposite_id, labels.label_id))
    and greatest(types.inward_label_id, types.outward_label_id)
      = greatest(labels.label_id, coalesce(labels.opposite_id, labels.label_id))
  where labels.org_id = :orgId and labels.label_id = :labelId::bigint`,
);

/** Undefined if the label does not exist. */
export async function selectLabelType(
  db: Queryable,
  orgId: string,
  labelId: number,
): Promise<LabelTypeRow | undefined> {
  const [row] = await db.query(SELECT_LABEL_TYPE({ orgId, labelId }));
  return row;
}

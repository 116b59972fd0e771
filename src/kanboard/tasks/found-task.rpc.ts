import type { Schemas } from '../../contract/openrpc.ts';
import { scoreOf } from '../../core/issues/shared-fields.ts';
import { SWIMLANE_NAME, swimlaneOf } from '../projects/swimlane.ts';
import { nameOf, secondsFrom } from '../rpc/values.ts';
import type { FoundTaskRow } from './task-search.store.ts';
import { taskTimes } from './task-times.rpc.ts';
import type { TaskRow } from './tasks.store.ts';

/** A task with what a list shows beside it. */
export function serializeFoundTask(row: FoundTaskRow): Schemas['FoundTask'] {
  return {
    nb_comments: row.comments,
    nb_files: 0,
    nb_subtasks: 0,
    nb_completed_subtasks: 0,
    nb_links: row.links,
    nb_external_links: row.external_links,
    is_milestone: row.is_milestone ? 1 : null,
    id: row.id,
    reference: row.reference,
    title: row.title,
    description: row.description ?? '',
    date_creation: secondsFrom(row.created_at),
    date_modification: secondsFrom(row.updated_at),
    ...taskTimes(row),
    color_id: row.color,
    project_id: row.project_id,
    column_id: row.column_id,
    swimlane_id: swimlaneOf(row.project_id),
    owner_id: row.owner_id,
    creator_id: row.creator_id,
    position: row.position,
    is_active: row.is_open ? 1 : 0,
    score: scoreOf(row),
    category_id: row.kanboard['category_id'] ?? 0,
    priority: row.kanboard['priority'] ?? 0,
    date_moved: secondsFrom(row.moved_at),
    ...recurrence(row),
    time_estimated: row.time_estimated,
    time_spent: row.time_spent,
    assignee_username: row.assignee_login,
    assignee_name: nameOf(row.assignee_login, row.assignee_name),
    assignee_email: nameOf(row.assignee_login, row.assignee_email),
    assignee_avatar_path: null,
    category_name: row.category_name,
    category_description: null,
    category_color_id: row.category_color,
    column_name: row.column_title,
    column_position: row.column_position,
    swimlane_name: SWIMLANE_NAME,
    project_name: row.project_name,
  };
}

/** Seven adjacent members of most results that contain tasks. */
export function recurrence({ kanboard }: TaskRow) {
  return {
    recurrence_status: kanboard['recurrence_status'] ?? 0,
    recurrence_trigger: kanboard['recurrence_trigger'] ?? 0,
    recurrence_factor: kanboard['recurrence_factor'] ?? 0,
    recurrence_timeframe: kanboard['recurrence_timeframe'] ?? 0,
    recurrence_basedate: kanboard['recurrence_basedate'] ?? 0,
    recurrence_parent: kanboard['recurrence_parent'] ?? null,
    recurrence_child: kanboard['recurrence_child'] ?? null,
  };
}

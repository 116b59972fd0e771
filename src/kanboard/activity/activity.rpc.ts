import type { Schemas } from '../../contract/openrpc.ts';
import { markup } from '../../markup.ts';
import { SWIMLANE_NAME } from '../projects/swimlane.ts';
import type { Methods } from '../rpc/account.ts';
import { idFrom, nameOf, secondsFrom } from '../rpc/values.ts';
import { taskFields } from '../tasks/tasks.rpc.ts';
import { listActivity, listMyActivity } from './activity.service.ts';
import type { ActivityRow, CommentOfEvent } from './activity.store.ts';

export const activityMethods: Methods<'getMyActivityStream' | 'getProjectActivity' | 'getProjectActivities'> = {
  async getMyActivityStream(_params, { db, viewer }) {
    return (await listMyActivity(db, viewer)).map(serializeActivity);
  },

  async getProjectActivity({ project_id }, { db, viewer }) {
    return (await listActivity(db, viewer, [idFrom(project_id)])).map(serializeActivity);
  },

  async getProjectActivities({ project_ids }, { db, viewer }) {
    const ids = Array.isArray(project_ids) ? project_ids.map(idFrom) : undefined;
    return (await listActivity(db, viewer, ids)).map(serializeActivity);
  },
};

type EventName = Schemas['Activity']['event_name'];

function serializeActivity(row: ActivityRow): Schemas['Activity'] {
  const login = row.author_id === null ? null : row.author_login;
  const author = row.author_name || row.author_login;
  const name = eventNameOf(row);
  const title = titleOf(name, author, row);
  return {
    id: row.event_id,
    date_creation: secondsFrom(row.event_at),
    event_name: name,
    creator_id: row.author_id ?? 0,
    project_id: row.project_id,
    task_id: row.id,
    author_username: login,
    author_name: nameOf(login, row.author_name),
    email: nameOf(login, row.author_email),
    avatar_path: null,
    ...(row.comment && { comment: serializeComment(row.id, row.comment) }),
    task: {
      ...taskFields(row),
      category_name: row.category_name,
      swimlane_name: SWIMLANE_NAME,
      project_name: row.project_name,
      column_title: row.column_title,
      assignee_username: row.assignee_login,
      assignee_name: nameOf(row.assignee_login, row.assignee_name),
      creator_username: row.creator_login,
      creator_name: nameOf(row.creator_login, row.creator_name),
      category_description: null,
      column_position: row.column_position,
    },
    author,
    event_title: title,
    event_content: markup`<p class="activity-title">${title}</p>`.toString(),
  };
}

function serializeComment(taskId: number, comment: CommentOfEvent): NonNullable<Schemas['Activity']['comment']> {
  return {
    id: comment.id,
    task_id: taskId,
    user_id: comment.user_id ?? 0,
    date_creation: comment.created_at,
    date_modification: comment.updated_at,
    comment: comment.text,
    reference: comment.reference,
    visibility: comment.visibility,
    username: comment.login,
    name: nameOf(comment.login, comment.name),
    email: nameOf(comment.login, comment.email),
    avatar_path: null,
  };
}

function eventNameOf({ event_type: type, changes }: ActivityRow): EventName {
  switch (type) {
    case 'IssueCreated':
      return 'task.create';
    case 'IssueMoved':
      return 'task.move.project';
    case 'IssueWorkflow':
      if (changes.isOpen === undefined) return 'task.move.column';
      return changes.isOpen.to ? 'task.open' : 'task.close';
    case 'IssueCommentAdded':
      return 'comment.create';
    case 'IssueCommentUpdated':
      return 'comment.update';
    case 'IssueCommentRemoved':
      return 'comment.delete';
    case 'IssueLinked':
    case 'IssueLinkChanged':
      return 'task_internal_link.create_update';
    case 'IssueUnlinked':
      return 'task_internal_link.delete';
    default:
      return changes.fields?.every(({ field }) => field === 'assignee') ? 'task.assignee_change' : 'task.update';
  }
}

/** The titles are Kanboard's, since clients show them as they are. */
function titleOf(name: EventName, author: string, row: ActivityRow): string {
  const task = `the task #${row.id}`;
  const assignee = row.assignee_name || row.assignee_login;
  switch (name) {
    case 'task.create':
      return `${author} created ${task}`;
    case 'task.update':
      return `${author} updated ${task}`;
    case 'task.assignee_change':
      return assignee
        ? `${author} changed the assignee of ${task} to ${assignee}`
        : `${author} removed the assignee of ${task}`;
    case 'task.move.project':
      return `${author} moved ${task} "${row.title}" to the project "${row.project_name}"`;
    case 'task.move.column':
      return `${author} moved ${task} to the column "${row.column_title}"`;
    case 'task.open':
      return `${author} opened ${task}`;
    case 'task.close':
      return `${author} closed ${task}`;
    case 'comment.create':
      return `${author} commented on ${task}`;
    case 'comment.update':
      return `${author} updated a comment on ${task}`;
    case 'comment.delete':
      return `${author} removed a comment on ${task}`;
    case 'task_internal_link.create_update':
      return `${author} set a new internal link for ${task}`;
    case 'task_internal_link.delete':
      return `${author} removed an internal link for ${task}`;
  }
}

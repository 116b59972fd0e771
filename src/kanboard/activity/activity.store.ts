import { type Viewer, visibleQueue } from '../../core/access/viewer.ts';
import { IS_HIDDEN_EVENT } from '../../core/changelog/hidden-events.ts';
import { type CommentVisibility, visibleComment } from '../../core/comments/comments.store.ts';
import type { Changes, EventType } from '../../core/events/events.store.ts';
import type { Queryable } from '../../database/database.ts';
import { lookup } from '../../database/lookup.ts';
import { statement } from '../../database/statement.ts';
import { TASK_COLUMNS, TASK_JOINS, type TaskRow } from '../tasks/tasks.store.ts';

/** An event with its author, its task as it is now, and the comment that it is about if there still is one. */
export type ActivityRow = TaskRow & {
  event_id: number;
  event_type: EventType;
  event_at: Date;
  changes: Changes;
  /** Null for the application account. */
  author_id: number | null;
  author_login: string;
  author_name: string | null;
  author_email: string | null;
  assignee_login: string | null;
  assignee_name: string | null;
  creator_login: string | null;
  creator_name: string | null;
  category_name: string | null;
  column_title: string;
  column_position: number;
  project_name: string;
  comment: CommentOfEvent | null;
};

export interface CommentOfEvent {
  readonly id: number;
  readonly text: string;
  readonly visibility: CommentVisibility;
  readonly reference: string;
  /** Unix times in seconds. */
  readonly created_at: number;
  readonly updated_at: number;
  /** Null for the application account. */
  readonly user_id: number | null;
  readonly login: string | null;
  readonly name: string | null;
  readonly email: string | null;
}

/**
 * How far back the events of the organisation are traversed. Event ids rather than events, which bounds what is read with
 * any plan; all organisations share the ids.
 */
const RECENT_IDS = 2000;

const EVENT_COLUMNS =
  'events.event_id, events.issue_id, events.type, events.user_id, events.created_at, events.changes';

const IS_LISTED_QUEUE = `${visibleQueue('queues')}
      and case when :projectIds::bigint[] is null then queues.is_active else queues.queue_id = any(:projectIds) end`;

const IS_LISTED_EVENT = `events.type not in ('IssueCloned', 'IssueDeleted') and not ${IS_HIDDEN_EVENT}`;

/** SQL: the latest events of the row `issues`. */
function latestOfIssue(limit: string): string {
  return `lateral (
      select ${EVENT_COLUMNS}
      from events
      where events.org_id = :orgId and events.issue_id = issues.issue_id and ${IS_LISTED_EVENT}
      order by events.transaction_id desc, events.event_id desc
      limit ${limit}
    )`;
}

/**
 * Most requests need only the latest events of the organisation. If too few of those are listed, it reads one event of each
 * listed issue to find those that changed last, and then their events.
 */
const SELECT_ACTIVITY = statement<keyof Viewer | 'projectIds' | 'limit', ActivityRow>(
  'select_activity',
  `
  with recent as materialized (
    select ${EVENT_COLUMNS}
    from events
    cross join ${lookup('issues', 'issues', 'issues.issue_id = events.issue_id')}
    join queues on queues.org_id = :orgId and queues.queue_id = issues.queue_id
    where events.org_id = :orgId
      and events.event_id > (
        select max(newest.event_id) - ${RECENT_IDS} from events newest where newest.org_id = :orgId)
      and ${IS_LISTED_QUEUE}
      and ${IS_LISTED_EVENT}
    order by events.event_id desc
    limit :limit
  ),
  changed as materialized (
    select issues.issue_id
    from queues
    join issues on issues.org_id = :orgId and issues.queue_id = queues.queue_id
    cross join ${latestOfIssue('1')} entry
    where (select count(*) from recent) < :limit and queues.org_id = :orgId
      and ${IS_LISTED_QUEUE}
    order by entry.event_id desc
    limit :limit
  ),
  latest as materialized (
    select * from recent where (select count(*) from recent) = :limit
    union all (
      select entry.*
      from changed issues
      cross join ${latestOfIssue(':limit')} entry
      order by entry.event_id desc
      limit :limit
    )
  )
  select latest.event_id, latest.type as event_type, latest.created_at as event_at, latest.changes,
    case when not author.is_application then author.user_id end as author_id, author.login as author_login,
    author.display as author_name, author.email as author_email,
    ${TASK_COLUMNS},
    assignee.login as assignee_login, assignee.display as assignee_name,
    creator.login as creator_login, creator.display as creator_name,
    categories.name as category_name, columns.title as column_title, columns.position as column_position,
    queues.name as project_name,
    case when comments.comment_id is not null then jsonb_build_object(
      'id', comments.comment_id, 'text', comments.text, 'visibility', comments.visibility, 'reference', comments.reference,
      'created_at', floor(extract(epoch from comments.created_at))::bigint,
      'updated_at', floor(extract(epoch from comments.updated_at))::bigint,
      'user_id', commenter.user_id, 'login', commenter.login, 'name', commenter.display, 'email', commenter.email
    ) end as comment
  from latest
  join users author on author.org_id = :orgId and author.user_id = latest.user_id
  join issues on issues.org_id = :orgId and issues.issue_id = latest.issue_id
  join queues on queues.org_id = :orgId and queues.queue_id = issues.queue_id
  ${TASK_JOINS}
  left join categories on categories.org_id = :orgId and categories.queue_id = issues.queue_id
    and categories.category_id = coalesce((issues.kanboard ->> 'category_id')::bigint, 0)
  left join comments on comments.org_id = :orgId and comments.issue_id = issues.issue_id
    and comments.comment_id = (latest.changes -> 'comments' -> 0 ->> 'comment_id')::bigint
    and ${visibleComment('comments.visibility', 'comments.created_by')}
  left join users commenter on commenter.org_id = :orgId and commenter.user_id = comments.created_by
    and not commenter.is_application
  order by latest.event_id desc`,
);

/** The latest events of these projects, or of all active ones, that the viewer may see; latest first. */
export function selectActivity(
  db: Queryable,
  viewer: Viewer,
  { projectIds, limit }: { readonly projectIds: readonly number[] | undefined; readonly limit: number },
): Promise<ActivityRow[]> {
  return db.query(SELECT_ACTIVITY({ ...viewer, projectIds, limit }));
}

const COUNT_VISIBLE_PROJECTS = statement<keyof Viewer | 'projectIds', { count: number }>(
  'count_visible_projects',
  `
  select count(*) from queues
  where queues.org_id = :orgId and queues.queue_id = any(:projectIds::bigint[]) and ${visibleQueue('queues')}`,
);

/** How many of these projects the viewer may see. */
export async function countVisibleProjects(
  db: Queryable,
  viewer: Viewer,
  projectIds: readonly number[],
): Promise<number> {
  const [row] = await db.query(COUNT_VISIBLE_PROJECTS({ ...viewer, projectIds }));
  return row?.count ?? 0;
}

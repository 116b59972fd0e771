import { visibleQueue } from '../access/viewer.ts';
import { visibleComment } from '../comments/comments.store.ts';
import { visibleDeleted } from '../removal/deleted-issues.store.ts';

/**
 * SQL: whether the event is only about links to issues that the viewer may not see, or could not before they were
 * deleted. Who could see an issue that left no row is unknown (it was lost, or deleted by an early version): only
 * administrators are told that a link was there.
 */
const IS_ABOUT_HIDDEN_LINKS = `(events.changes -> 'links' is not null and events.changes -> 'fields' is null and not exists (
        select from jsonb_array_elements(events.changes -> 'links') as link (change)
        cross join lateral (values (link.change -> 'from'), (link.change -> 'to')) as state (value)
        left join issues object on object.org_id = :orgId and object.issue_id = (state.value ->> 'object_id')::bigint
        left join queues object_queue on object_queue.org_id = :orgId and object_queue.queue_id = object.queue_id
        left join deleted_issues deleted
          on deleted.org_id = :orgId and deleted.issue_id = (state.value ->> 'object_id')::bigint
        left join queues deleted_queue on deleted_queue.org_id = :orgId and deleted_queue.queue_id = deleted.queue_id
        where jsonb_typeof(state.value) = 'object' and (
          (object.issue_id is not null and ${visibleQueue('object_queue')})
          or (deleted.issue_id is not null and ${visibleDeleted('deleted', 'deleted_queue')})
          or (object.issue_id is null and deleted.issue_id is null and :role = 'admin'))))`;

/** SQL: whether the event is about a comment that the viewer may not see, or could not before it was removed. */
const IS_ABOUT_HIDDEN_COMMENT = `(events.changes -> 'comments' is not null
        and not ${visibleComment("events.changes -> 'comments' -> 0 ->> 'visibility'", 'events.user_id')})`;

/** SQL: whether the row `events`, of an issue that the viewer may see, does not exist for the viewer. */
export const IS_HIDDEN_EVENT = `(${IS_ABOUT_HIDDEN_LINKS} or ${IS_ABOUT_HIDDEN_COMMENT})`;

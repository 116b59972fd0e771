import type { Queryable } from '../../database/database.ts';
import { lookup } from '../../database/lookup.ts';
import { statement } from '../../database/statement.ts';
import { type Viewer, visibleQueue } from '../access/viewer.ts';
import type { StatusRow } from '../dictionaries/dictionaries.store.ts';
import { type UserColumns, type UserSummary, userColumns, userSummaries } from '../users/user-summary.ts';
import { issueIdNamed } from './issue-name.ts';

/** An issue with the columns of other rows that its representation includes. */
export type IssueRow = {
  issue_id: number;
  hex_id: string;
  key: string;
  version: number;
  summary: string;
  description: string | null;
  tags: string[];
  followers: UserSummary[];
  due_at: Date | null;
  story_points: number | null;
  aliases: string[];
  created_at: Date;
  updated_at: Date;
  queue_id: number;
  queue_key: string;
  queue_name: string;
  type_id: number;
  type_key: string;
  type_ru: string;
  type_en: string;
  priority_id: number;
  priority_key: string;
  priority_ru: string;
  priority_en: string;
  status_id: number;
  status_key: string;
  status_ru: string;
  status_en: string;
  status_type: StatusRow['type'];
} & UserColumns<'created_by'> &
  UserColumns<'updated_by'> &
  /** Null if it is the creator. */
  (UserColumns<'author'> | { author_uid: null }) &
  (UserColumns<'assignee'> | { assignee_uid: null }) &
  (UserColumns<'resolved_by'> | { resolved_by_uid: null }) &
  (Entry<'previous'> | { previous_id: null }) &
  ((Entry<'resolution'> & { resolved_at: Date }) | { resolution_id: null }) &
  (Single<'parent'> | { parent_key: null }) &
  (Single<'epic'> | { epic_key: null });

type Entry<Alias extends string> = Record<`${Alias}_id`, number> & Record<`${Alias}_${'key' | 'ru' | 'en'}`, string>;
type Single<Alias extends string> = Record<`${Alias}_${'hex_id' | 'key' | 'summary'}`, string>;

/**
 * SQL: selects IssueRows for the column issue_id of `found`, in the order of its column place, without the issues that
 * the viewer may not see. `furtherColumns` of `found` start with a comma.
 */
export function issuesFound(found: string, furtherColumns = ''): string {
  return `
    select issues.issue_id, issues.hex_id, issues.key, issues.version, issues.summary, issues.description, issues.tags,
      issues.created_at, issues.updated_at, issues.due_at, issues.kanboard -> 'score' as story_points,
      ${userSummaries('issues.follower_ids')} as followers,
      array(
        select issue_aliases.key from issue_aliases
        where issue_aliases.org_id = :orgId and issue_aliases.issue_id = issues.issue_id
        order by issue_aliases.key
      ) as aliases,
      queues.queue_id, queues.key as queue_key, queues.name as queue_name,
      types.issue_type_id as type_id, types.key as type_key, types.name_ru as type_ru, types.name_en as type_en,
      priorities.priority_id, priorities.key as priority_key, priorities.name_ru as priority_ru,
      priorities.name_en as priority_en,
      statuses.status_id, statuses.key as status_key, statuses.name_ru as status_ru, statuses.name_en as status_en,
      statuses.type as status_type,
      previous.status_id as previous_id, previous.key as previous_key, previous.name_ru as previous_ru,
      previous.name_en as previous_en,
      resolutions.resolution_id, resolutions.key as resolution_key, resolutions.name_ru as resolution_ru,
      resolutions.name_en as resolution_en, issues.resolved_at,
      parent.hex_id as parent_hex_id, parent.key as parent_key, parent.summary as parent_summary,
      epic.hex_id as epic_hex_id, epic.key as epic_key, epic.summary as epic_summary,
      ${userColumns('created_by')},
      ${userColumns('updated_by')},
      ${userColumns('author')},
      ${userColumns('assignee')},
      ${userColumns('resolved_by')}${furtherColumns}
    from ${found}
    join issues on issues.org_id = :orgId and issues.issue_id = found.issue_id
    join queues on queues.org_id = :orgId and queues.queue_id = issues.queue_id and ${visibleQueue('queues')}
    join issue_types types on types.org_id = :orgId and types.issue_type_id = issues.issue_type_id
    join priorities on priorities.org_id = :orgId and priorities.priority_id = issues.priority_id
    join statuses on statuses.org_id = :orgId and statuses.status_id = issues.status_id
    join users created_by on created_by.org_id = :orgId and created_by.user_id = issues.created_by
    join users updated_by on updated_by.org_id = :orgId and updated_by.user_id = issues.updated_by
    left join users author on author.org_id = :orgId and author.user_id = issues.author_id
    left join users assignee on assignee.org_id = :orgId and assignee.user_id = issues.assignee_id
    left join statuses previous on previous.org_id = :orgId and previous.status_id = issues.previous_status_id
    left join resolutions on resolutions.org_id = :orgId and resolutions.resolution_id = issues.resolution_id
    left join users resolved_by on resolved_by.org_id = :orgId and resolved_by.user_id = issues.resolved_by
    left join lateral (${otherEnd('subtask', 'inward', 'outward')}) parent on true
    left join lateral (${otherEnd('epic', 'outward', 'inward')}) epic on true
    order by found.place`;
}

/** SQL: the issue at the other end of the first link of the type that has the row `issues` at the end `own`. */
function otherEnd(linkTypeId: string, own: string, other: string): string {
  return `
      select object.hex_id, object.key, object.summary
      from ${lookup('links', 'links', `links.${own}_issue_id = issues.issue_id`)}
      cross join ${lookup('object', 'issues', `issues.issue_id = links.${other}_issue_id`)}
      join queues object_queue on object_queue.org_id = :orgId and object_queue.queue_id = object.queue_id
      where links.link_type_id = '${linkTypeId}' and ${visibleQueue('object_queue')}
      order by links.link_id
      limit 1`;
}

const SELECT_ISSUE = statement<keyof Viewer | 'issueName', IssueRow>(
  'select_issue',
  issuesFound(`(select ${issueIdNamed(':issueName')} as issue_id, 1 as place) found`),
);

/** The issue with that key or id, if the viewer may see it. */
export async function selectIssue(db: Queryable, viewer: Viewer, issueName: string): Promise<IssueRow | undefined> {
  const [row] = await db.query(SELECT_ISSUE({ ...viewer, issueName }));
  return row;
}

const SELECT_ISSUE_BY_UNIQUE = statement<keyof Viewer | 'unique', IssueRow>(
  'select_issue_by_unique',
  issuesFound(`
      (
        select issue_id, row_number() over (order by created_by <> :userId, issue_id) as place
        from issues
        where org_id = :orgId and unique_token = :unique
      ) found`),
);

/** The issue that the viewer created with that `unique`, or else the first one that the viewer may see. */
export async function selectIssueByUnique(
  db: Queryable,
  viewer: Viewer,
  unique: string,
): Promise<IssueRow | undefined> {
  const [row] = await db.query(SELECT_ISSUE_BY_UNIQUE({ ...viewer, unique }));
  return row;
}

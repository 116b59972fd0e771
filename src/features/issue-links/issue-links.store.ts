import type { Queryable } from '../../database/database.ts';
import { type Viewer, viewerValues, visibleQueue } from '../access/viewer.ts';
import { issueIdNamed } from '../issues/issue-name.ts';
import { type UserColumns, userColumns } from '../users/user-summary.ts';

/** The end of a link at which an issue stands: the subtask inward, its parent outward. */
export type Direction = 'inward' | 'outward';

/** A link as one of its issues sees it; columns of the other issue start with `object_`. */
export type IssueLinkRow = {
  issue_key: string;
  link_id: number;
  link_type_id: string;
  inward_ru: string;
  inward_en: string;
  outward_ru: string;
  outward_en: string;
  direction: Direction;
  created_at: Date;
  updated_at: Date;
  object_hex_id: string;
  object_key: string;
  object_summary: string;
  status_id: number;
  status_key: string;
  status_ru: string;
  status_en: string;
} & UserColumns<'created_by'> &
  UserColumns<'updated_by'> &
  (UserColumns<'assignee'> | { assignee_uid: null });

/** An issue without links: what the outer join leaves. */
type NoLinkRow = { issue_key: string; link_id: null };

const LIST_ISSUE_LINKS = `
  with issue as materialized (
    select issues.issue_id, issues.key
    from issues
    join queues on queues.org_id = $1 and queues.queue_id = issues.queue_id
    where issues.org_id = $1 and issues.issue_id = ${issueIdNamed('$4')} and ${visibleQueue('queues')}
  )
  select issue.key as issue_key, link.*
  from issue
  left join lateral (
    select
      ends.link_id, ends.link_type_id, ends.direction, ends.created_at, ends.updated_at,
      coalesce(inward.name_ru, inward.label) as inward_ru, coalesce(inward.name_en, inward.label) as inward_en,
      coalesce(outward.name_ru, outward.label) as outward_ru, coalesce(outward.name_en, outward.label) as outward_en,
      object.hex_id as object_hex_id, object.key as object_key, object.summary as object_summary,
      statuses.status_id, statuses.key as status_key, statuses.name_ru as status_ru, statuses.name_en as status_en,
      ${userColumns('created_by')},
      ${userColumns('updated_by')},
      ${userColumns('assignee')}
    from (
      select 'inward' as direction, outward_issue_id as object_id, links.*
      from links where links.org_id = $1 and links.inward_issue_id = issue.issue_id
      union all
      select 'outward', inward_issue_id, links.*
      from links where links.org_id = $1 and links.outward_issue_id = issue.issue_id
    ) ends
    join link_types on link_types.org_id = $1 and link_types.link_type_id = ends.link_type_id
    join labels inward on inward.org_id = $1 and inward.label_id = link_types.inward_label_id
    join labels outward on outward.org_id = $1 and outward.label_id = link_types.outward_label_id
    join issues object on object.org_id = $1 and object.issue_id = ends.object_id
    join queues on queues.org_id = $1 and queues.queue_id = object.queue_id
    join statuses on statuses.org_id = $1 and statuses.status_id = object.status_id
    join users created_by on created_by.org_id = $1 and created_by.user_id = ends.created_by
    join users updated_by on updated_by.org_id = $1 and updated_by.user_id = ends.updated_by
    left join users assignee on assignee.org_id = $1 and assignee.user_id = object.assignee_id
    where ${visibleQueue('queues')}
  ) link on true
  order by link.link_id`;

/**
 * The links of the issue of that name, both directions, by link id. Undefined when there is no such issue for this
 * viewer.
 */
export async function selectIssueLinks(
  db: Queryable,
  viewer: Viewer,
  issueName: string,
): Promise<IssueLinkRow[] | undefined> {
  const rows = await db.query<IssueLinkRow | NoLinkRow>({
    name: 'list_issue_links',
    text: LIST_ISSUE_LINKS,
    values: [...viewerValues(viewer), issueName],
  });
  return rows.length === 0 ? undefined : rows.filter((row) => row.link_id !== null);
}

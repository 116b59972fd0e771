import type { Queryable } from '../../database/database.ts';
import { lookup } from '../../database/lookup.ts';
import { statement } from '../../database/statement.ts';
import { type Viewer, visibleQueue } from '../access/viewer.ts';
import { IS_NAMED_ISSUE, visibleIssues } from '../issues/visible-issues.ts';
import type { Direction } from '../labels/direction.ts';
import { LABEL_NAMES, type LinkTypeColumns } from '../link-types/link-type-summary.ts';
import { type UserColumns, userColumns } from '../users/user-summary.ts';
import { IS_SELECTED_END, linkEnds } from './link-ends.ts';

/** A link from the point of view of one of its issues; columns of the other issue start with `object_`. */
export type IssueLinkRow = {
  issue_id: number;
  issue_key: string;
  link_id: number;
  version: number;
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
} & LinkTypeColumns &
  UserColumns<'created_by'> &
  UserColumns<'updated_by'> &
  (UserColumns<'assignee'> | { assignee_uid: null });

/** The row of the outer join for an issue without links. */
type NoLinkRow = { issue_key: string; link_id: null };

/** SQL: the issue whose links are listed. */
const ISSUE_COLUMNS = 'issues.issue_id, issues.key as issue_key';

/** SQL: the issue that :issueName names, if the viewer may see it. */
const ISSUE = `issue as materialized (${visibleIssues(ISSUE_COLUMNS, IS_NAMED_ISSUE)})`;

/** SQL: the links of the row `issue` that meet the condition on `ends` and whose other issue the viewer may see. */
function visibleLinks(condition: string): string {
  return `
    select
      ends.link_id, ends.version, ends.link_type_id, ends.direction, ends.created_at, ends.updated_at,
      ${LABEL_NAMES},
      object.hex_id as object_hex_id, object.key as object_key, object.summary as object_summary,
      statuses.status_id, statuses.key as status_key, statuses.name_ru as status_ru, statuses.name_en as status_en,
      ${userColumns('created_by')},
      ${userColumns('updated_by')},
      ${userColumns('assignee')}
    from ${linkEnds('issue')} ends
    join link_types on link_types.org_id = :orgId and link_types.link_type_id = ends.link_type_id
    join labels inward on inward.org_id = :orgId and inward.label_id = link_types.inward_label_id
    join labels outward on outward.org_id = :orgId and outward.label_id = link_types.outward_label_id
    cross join ${lookup('object', 'issues', 'issues.issue_id = ends.object_id')}
    join queues on queues.org_id = :orgId and queues.queue_id = object.queue_id
    join statuses on statuses.org_id = :orgId and statuses.status_id = object.status_id
    join users created_by on created_by.org_id = :orgId and created_by.user_id = ends.created_by
    join users updated_by on updated_by.org_id = :orgId and updated_by.user_id = ends.updated_by
    left join users assignee on assignee.org_id = :orgId and assignee.user_id = object.assignee_id
    where ${visibleQueue('queues')} and ${condition}`;
}

const SELECT_ISSUE_LINKS = statement<keyof Viewer | 'issueName', IssueLinkRow | NoLinkRow>(
  'select_issue_links',
  `
  with ${ISSUE}
  select issue.*, link.*
  from issue
  left join lateral (${visibleLinks('true')}) link on true
  order by link.link_id`,
);

/** The links of an issue in both directions, by link_id. Undefined for an issue that the viewer may not see. */
export async function selectIssueLinks(
  db: Queryable,
  viewer: Viewer,
  issueName: string,
): Promise<IssueLinkRow[] | undefined> {
  const rows = await db.query(SELECT_ISSUE_LINKS({ ...viewer, issueName }));
  return rows.length === 0 ? undefined : rows.filter((row) => row.link_id !== null);
}

const SELECT_ISSUE_LINK = statement<keyof Viewer | 'issueName' | 'linkId', IssueLinkRow>(
  'select_issue_link',
  `
  with ${ISSUE}
  select issue.*, link.*
  from issue
  cross join lateral (${visibleLinks('ends.link_id = :linkId')}) link`,
);

/** A link from the point of view of the issue with that key or id. */
export async function selectIssueLink(
  db: Queryable,
  viewer: Viewer,
  issueName: string,
  linkId: number,
): Promise<IssueLinkRow | undefined> {
  const [row] = await db.query(SELECT_ISSUE_LINK({ ...viewer, issueName, linkId }));
  return row;
}

/** Selects a page of an issue's links: all of them, or those of certain types in certain directions. */
export interface LinkFilter {
  readonly ends: readonly { readonly linkTypeId: string; readonly direction: Direction }[] | undefined;
  readonly limit: number;
  readonly offset: number;
}

const SELECT_ISSUE_LINKS_PAGE = statement<
  keyof Viewer | 'issueName' | 'linkTypeIds' | 'directions' | 'limit' | 'offset',
  (IssueLinkRow | NoLinkRow) & { total: number }
>(
  'select_issue_links_page',
  `
  with ${ISSUE},
  found as materialized (
    select issue.*, link.*
    from issue
    cross join lateral (${visibleLinks(IS_SELECTED_END)}) link
  )
  select (select count(*) from found) as total, page.*
  from issue
  left join (select * from found order by link_id limit :limit offset :offset) page on true
  order by page.link_id`,
);

/** A page of the issue's links and their total number. Undefined for an issue that the viewer may not see. */
export async function selectIssueLinksPage(
  db: Queryable,
  viewer: Viewer,
  issueName: string,
  { ends, limit, offset }: LinkFilter,
): Promise<{ total: number; links: IssueLinkRow[] } | undefined> {
  const rows = await db.query(
    SELECT_ISSUE_LINKS_PAGE({
      ...viewer,
      issueName,
      linkTypeIds: ends?.map(({ linkTypeId }) => linkTypeId),
      directions: ends?.map(({ direction }) => direction),
      limit,
      offset,
    }),
  );
  const [first] = rows;
  return first && { total: first.total, links: rows.filter((row) => row.link_id !== null) };
}

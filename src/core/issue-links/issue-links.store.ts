import type { Queryable, Transaction } from '../../database/database.ts';
import { statement } from '../../database/statement.ts';
import { type Viewer, visibleQueue } from '../access/viewer.ts';
import { IS_NAMED_ISSUE, visibleIssues } from '../issues/visible-issues.ts';
import type { Direction } from '../labels/direction.ts';
import { LABEL_NAMES, type LinkTypeColumns } from '../link-types/link-type-summary.ts';
import type { CopiedRules } from '../link-types/link-types.store.ts';
import { type UserColumns, userColumns } from '../users/user-summary.ts';

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
    from (
      select 'inward' as direction, outward_issue_id as object_id, links.*
      from links where links.org_id = :orgId and links.inward_issue_id = issue.issue_id
      union all
      select 'outward', inward_issue_id, links.*
      from links where links.org_id = :orgId and links.outward_issue_id = issue.issue_id
    ) ends
    join link_types on link_types.org_id = :orgId and link_types.link_type_id = ends.link_type_id
    join labels inward on inward.org_id = :orgId and inward.label_id = link_types.inward_label_id
    join labels outward on outward.org_id = :orgId and outward.label_id = link_types.outward_label_id
    join issues object on object.org_id = :orgId and object.issue_id = ends.object_id
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

const SELECT_LINKS_OF_ISSUES = statement<keyof Viewer | 'issueIds', IssueLinkRow>(
  'select_links_of_issues',
  `
  with issue as materialized (${visibleIssues(ISSUE_COLUMNS, 'issues.issue_id = any(:issueIds::bigint[])')})
  select issue.*, link.*
  from issue
  cross join lateral (${visibleLinks('true')}) link
  order by issue.issue_id, link.link_id`,
);

/** The links of those issues that the viewer may see, by issue_id and link_id. */
export function selectLinksOfIssues(
  db: Queryable,
  viewer: Viewer,
  issueIds: readonly number[],
): Promise<IssueLinkRow[]> {
  return db.query(SELECT_LINKS_OF_ISSUES({ ...viewer, issueIds }));
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
    cross join lateral (${visibleLinks(`
      (:linkTypeIds::text[] is null
        or (ends.link_type_id, ends.direction) in (select * from unnest(:linkTypeIds::text[], :directions::text[])))
    `)}) link
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

/** A link's row, without columns of other tables. */
export interface StoredLink {
  readonly link_id: number;
  readonly link_type_id: string;
  readonly inward_issue_id: number;
  readonly outward_issue_id: number;
  readonly first_end: Direction;
}

export interface NewLinkRow extends CopiedRules {
  readonly inwardIssueId: number;
  readonly outwardIssueId: number;
  readonly firstEnd: Direction;
  readonly createdBy: number;
  readonly updatedBy: number;
  /** If undefined, the time of the transaction. */
  readonly createdAt: Date | undefined;
  readonly updatedAt: Date | undefined;
}

const INSERT_LINK = statement<'orgId' | keyof NewLinkRow, StoredLink>(
  'insert_link',
  `
  insert into links (org_id, link_type_id, is_symmetric, is_antisymmetric, is_acyclic, single_end, shares_label,
    one_link_per_pair, inward_issue_id, outward_issue_id, first_end, created_by, updated_by, created_at, updated_at)
  select :orgId, :link_type_id, :is_symmetric, :is_antisymmetric, :is_acyclic, :single_end, :shares_label,
    one_link_per_pair, :inwardIssueId, :outwardIssueId, :firstEnd, :createdBy, :updatedBy,
    coalesce(:createdAt, now()), coalesce(:updatedAt, :createdAt, now())
  from organisations
  where org_id = :orgId
  returning link_id, link_type_id, inward_issue_id, outward_issue_id, first_end`,
);

export async function insertLink(db: Transaction, orgId: string, link: NewLinkRow): Promise<StoredLink> {
  const [row] = await db.query(INSERT_LINK({ orgId, ...link }));
  return row as StoredLink;
}

export interface LinkChangeRow extends CopiedRules {
  readonly inwardIssueId: number;
  readonly outwardIssueId: number;
  readonly firstEnd: Direction;
  readonly updatedBy: number;
}

const UPDATE_LINK = statement<'orgId' | 'linkId' | keyof LinkChangeRow, StoredLink>(
  'update_link',
  `
  update links
  set link_type_id = :link_type_id, is_symmetric = :is_symmetric, is_antisymmetric = :is_antisymmetric,
    is_acyclic = :is_acyclic, single_end = :single_end, shares_label = :shares_label,
    inward_issue_id = :inwardIssueId, outward_issue_id = :outwardIssueId, first_end = :firstEnd,
    updated_by = :updatedBy, updated_at = greatest(now(), created_at), version = version + 1
  where org_id = :orgId and link_id = :linkId
  returning link_id, link_type_id, inward_issue_id, outward_issue_id, first_end`,
);

/** Changes a locked link in place and raises its version. */
export async function updateLink(
  db: Transaction,
  orgId: string,
  linkId: number,
  link: LinkChangeRow,
): Promise<StoredLink> {
  const [row] = await db.query(UPDATE_LINK({ orgId, linkId, ...link }));
  return row as StoredLink;
}

const DELETE_LINK_ROW = statement<'orgId' | 'linkId'>(
  'delete_link_row',
  'delete from links where org_id = :orgId and link_id = :linkId',
);

export async function deleteLinkRow(db: Transaction, orgId: string, linkId: number): Promise<void> {
  await db.query(DELETE_LINK_ROW({ orgId, linkId }));
}

const DELETE_LINKS_OF = statement<'orgId' | 'issueIds', StoredLink>(
  'delete_links_of',
  `
  delete from links
  where org_id = :orgId and (inward_issue_id = any(:issueIds::bigint[]) or outward_issue_id = any(:issueIds::bigint[]))
  returning link_id, link_type_id, inward_issue_id, outward_issue_id, first_end`,
);

/** Deletes all links of the issues, in both directions, and returns them. */
export function deleteLinksOf(db: Transaction, orgId: string, issueIds: readonly number[]): Promise<StoredLink[]> {
  return db.query(DELETE_LINKS_OF({ orgId, issueIds }));
}

const DELETE_LINKS_OF_LABEL = statement<'orgId' | 'labelId', StoredLink>(
  'delete_links_of_label',
  `
  delete from links
  using link_types
  where links.org_id = :orgId and link_types.org_id = :orgId and link_types.link_type_id = links.link_type_id
    and (link_types.inward_label_id = :labelId or link_types.outward_label_id = :labelId)
  returning links.link_id, links.link_type_id, links.inward_issue_id, links.outward_issue_id, links.first_end`,
);

/** Deletes the links that have the label at one end, and returns them. */
export function deleteLinksOfLabel(db: Transaction, orgId: string, labelId: number): Promise<StoredLink[]> {
  return db.query(DELETE_LINKS_OF_LABEL({ orgId, labelId }));
}

const SELECT_LINK = statement<'orgId' | 'linkId', StoredLink>(
  'select_link',
  `
  select link_id, link_type_id, inward_issue_id, outward_issue_id, first_end
  from links where org_id = :orgId and link_id = :linkId`,
);

export async function selectLink(db: Queryable, orgId: string, linkId: number): Promise<StoredLink | undefined> {
  const [row] = await db.query(SELECT_LINK({ orgId, linkId }));
  return row;
}

const LOCK_LINK = statement<'orgId' | 'linkId', StoredLink & { version: number }>(
  'lock_link',
  `
  with organisation as materialized (
    select from organisations where org_id = :orgId for key share
  )
  select links.link_id, links.link_type_id, links.inward_issue_id, links.outward_issue_id, links.first_end,
    links.version
  from organisation
  cross join links
  where links.org_id = :orgId and links.link_id = :linkId
  for update of links`,
);

/** Locks a link against concurrent changes; everything that it depends on must already be locked. */
export async function lockLink(
  db: Transaction,
  orgId: string,
  linkId: number,
): Promise<(StoredLink & { version: number }) | undefined> {
  const [row] = await db.query(LOCK_LINK({ orgId, linkId }));
  return row;
}

const LOCK_SINGLE_LINK = { inward: lockSingleLinkAt('inward'), outward: lockSingleLinkAt('outward') };

function lockSingleLinkAt(end: Direction) {
  return statement<'orgId' | 'linkTypeId' | 'issueId', StoredLink>(
    `lock_single_link_${end}`,
    `
    select link_id, link_type_id, inward_issue_id, outward_issue_id, first_end
    from links where org_id = :orgId and link_type_id = :linkTypeId and ${end}_issue_id = :issueId
    order by link_id
    limit 1
    for update`,
  );
}

/** Locks the only link of the type that has the issue at that end, if there is one. */
export async function lockSingleLink(
  db: Transaction,
  orgId: string,
  linkTypeId: string,
  issueId: number,
  end: Direction,
): Promise<StoredLink | undefined> {
  const [row] = await db.query(LOCK_SINGLE_LINK[end]({ orgId, linkTypeId, issueId }));
  return row;
}

const LOCK_PAIR = statement<'orgId' | 'lower' | 'higher'>(
  'lock_pair',
  `select pg_advisory_xact_lock(hashtextextended(format('%s %s-%s', :orgId::text, :lower::text, :higher::text), 0))`,
);

/** Serialises the creation of links between two issues whose types share labels. */
export async function lockPair(
  db: Transaction,
  orgId: string,
  [lower, higher]: readonly [lower: number, higher: number],
): Promise<void> {
  await db.query(LOCK_PAIR({ orgId, lower, higher }));
}

const EXISTS_SAME_LABEL = statement<'orgId' | 'linkTypeId' | 'inwardIssueId' | 'outwardIssueId' | 'linkId'>(
  'exists_same_label',
  `
  select
  from link_types own
  join links on links.org_id = :orgId and links.link_id is distinct from :linkId
    and ((links.inward_issue_id = :inwardIssueId and links.outward_issue_id = :outwardIssueId)
      or (links.inward_issue_id = :outwardIssueId and links.outward_issue_id = :inwardIssueId))
  join link_types other on other.org_id = :orgId and other.link_type_id = links.link_type_id
  where own.org_id = :orgId and own.link_type_id = :linkTypeId
    and case when links.inward_issue_id = :inwardIssueId
      then own.inward_label_id = other.inward_label_id or own.outward_label_id = other.outward_label_id
      else own.inward_label_id = other.outward_label_id or own.outward_label_id = other.inward_label_id end
  limit 1`,
);

/** Whether a link other than `linkId` has one of the type's labels at the same end of the same two issues. */
export async function existsSameLabel(
  db: Queryable,
  orgId: string,
  link: {
    readonly linkId: number | undefined;
    readonly linkTypeId: string;
    readonly inwardIssueId: number;
    readonly outwardIssueId: number;
  },
): Promise<boolean> {
  const rows = await db.query(
    EXISTS_SAME_LABEL({
      orgId,
      linkTypeId: link.linkTypeId,
      inwardIssueId: link.inwardIssueId,
      outwardIssueId: link.outwardIssueId,
      linkId: link.linkId,
    }),
  );
  return rows.length > 0;
}

import type { Queryable, Transaction } from '../../database/database.ts';
import { type Viewer, viewerValues, visibleQueue } from '../access/viewer.ts';
import { issueIdNamed } from '../issues/issue-name.ts';
import type { Direction } from '../labels/direction.ts';
import { type UserColumns, userColumns } from '../users/user-summary.ts';

/** A link as one of its issues sees it; columns of the other issue start with `object_`. */
export type IssueLinkRow = {
  issue_id: number;
  issue_key: string;
  link_id: number;
  version: number;
  link_type_id: string;
  inward_ru: string;
  inward_en: string;
  outward_ru: string;
  outward_en: string;
  direction: Direction;
  first_end: Direction;
  created_at: Date;
  updated_at: Date;
  object_id: number;
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

/** SQL: the issue that $4 names, if the viewer may see it. */
const ISSUE = `
  issue as materialized (
    select issues.issue_id, issues.key as issue_key
    from issues
    join queues on queues.org_id = $1 and queues.queue_id = issues.queue_id
    where issues.org_id = $1 and issues.issue_id = ${issueIdNamed('$4')} and ${visibleQueue('queues')}
  )`;

/** SQL: the links of the row `issue` that meet the condition on `ends`, without those to issues the viewer may not see. */
function linksSeen(condition: string): string {
  return `
    select
      ends.link_id, ends.version, ends.link_type_id, ends.direction, ends.first_end, ends.created_at, ends.updated_at,
      coalesce(inward.name_ru, inward.label) as inward_ru, coalesce(inward.name_en, inward.label) as inward_en,
      coalesce(outward.name_ru, outward.label) as outward_ru, coalesce(outward.name_en, outward.label) as outward_en,
      ends.object_id, object.hex_id as object_hex_id, object.key as object_key, object.summary as object_summary,
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
    where ${visibleQueue('queues')} and ${condition}`;
}

const LIST_ISSUE_LINKS = `
  with ${ISSUE}
  select issue.*, link.*
  from issue
  left join lateral (${linksSeen('true')}) link on true
  order by link.link_id`;

const FIND_ISSUE_LINK = `
  with ${ISSUE}
  select issue.*, link.*
  from issue
  cross join lateral (${linksSeen('ends.link_id = $5')}) link`;

const LIST_ISSUE_LINKS_PAGE = `
  with ${ISSUE},
  found as materialized (
    select issue.*, link.*
    from issue
    cross join lateral (${linksSeen(`
      ($5::text[] is null or (ends.link_type_id, ends.direction) in (select * from unnest($5::text[], $6::text[])))
    `)}) link
  )
  select (select count(*) from found) as total, page.*
  from issue
  left join (select * from found order by link_id limit $7 offset $8) page on true
  order by page.link_id`;

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

/** The links of several issues that the viewer may see, each issue's by link id. */
export function selectLinksOfIssues(
  db: Queryable,
  viewer: Viewer,
  issueIds: readonly number[],
): Promise<IssueLinkRow[]> {
  return db.query<IssueLinkRow>({
    name: 'list_links_of_issues',
    text: `
      with issue as materialized (
        select issues.issue_id, issues.key as issue_key
        from issues
        join queues on queues.org_id = $1 and queues.queue_id = issues.queue_id
        where issues.org_id = $1 and issues.issue_id = any($4::bigint[]) and ${visibleQueue('queues')}
      )
      select issue.*, link.*
      from issue
      cross join lateral (${linksSeen('true')}) link
      order by issue.issue_id, link.link_id`,
    values: [...viewerValues(viewer), issueIds],
  });
}

/** One link as the issue of that name sees it. */
export async function selectIssueLink(
  db: Queryable,
  viewer: Viewer,
  issueName: string,
  linkId: number,
): Promise<IssueLinkRow | undefined> {
  const [row] = await db.query<IssueLinkRow>({
    name: 'find_issue_link',
    text: FIND_ISSUE_LINK,
    values: [...viewerValues(viewer), issueName, linkId],
  });
  return row;
}

/** Which links of an issue a page shows: all, or those of certain types at certain ends. */
export interface LinkFilter {
  readonly ends: readonly { readonly linkTypeId: string; readonly direction: Direction }[] | undefined;
  readonly limit: number;
  readonly offset: number;
}

/** A page of the links, and how many there are on all pages. Undefined when there is no such issue for this viewer. */
export async function selectIssueLinksPage(
  db: Queryable,
  viewer: Viewer,
  issueName: string,
  { ends, limit, offset }: LinkFilter,
): Promise<{ total: number; links: IssueLinkRow[] } | undefined> {
  const rows = await db.query<(IssueLinkRow | NoLinkRow) & { total: number }>({
    name: 'list_issue_links_page',
    text: LIST_ISSUE_LINKS_PAGE,
    values: [
      ...viewerValues(viewer),
      issueName,
      ends?.map(({ linkTypeId }) => linkTypeId),
      ends?.map(({ direction }) => direction),
      limit,
      offset,
    ],
  });
  const [first] = rows;
  return first && { total: first.total, links: rows.filter((row) => row.link_id !== null) };
}

/** A link without what others know of it. */
export interface StoredLink {
  readonly link_id: number;
  readonly link_type_id: string;
  readonly inward_issue_id: number;
  readonly outward_issue_id: number;
  readonly first_end: Direction;
}

/** The rules that a link's row copies from its type. */
export interface CopiedRules {
  readonly link_type_id: string;
  readonly is_symmetric: boolean;
  readonly is_antisymmetric: boolean;
  readonly is_acyclic: boolean;
  readonly single_end: Direction | 'none';
  readonly shares_label: boolean;
}

export interface NewLinkRow {
  readonly type: CopiedRules;
  readonly inwardIssueId: number;
  readonly outwardIssueId: number;
  readonly firstEnd: Direction;
  readonly createdBy: number;
  readonly updatedBy: number;
  /** Undefined for the time of the transaction. */
  readonly createdAt: Date | undefined;
  readonly updatedAt: Date | undefined;
}

export async function insertLink(db: Transaction, orgId: string, link: NewLinkRow): Promise<StoredLink> {
  const [row] = await db.query<StoredLink>({
    name: 'insert_link',
    text: `
      insert into links (org_id, link_type_id, is_symmetric, is_antisymmetric, is_acyclic, single_end, shares_label,
        one_link_per_pair, inward_issue_id, outward_issue_id, first_end, created_by, updated_by, created_at, updated_at)
      select $1, $2, $3, $4, $5, $6, $7, one_link_per_pair, $8, $9, $10, $11, $12,
        coalesce($13, now()), coalesce($14, $13, now())
      from organisations
      where org_id = $1
      returning link_id, link_type_id, inward_issue_id, outward_issue_id, first_end`,
    values: [
      ...ruleValues(orgId, link.type),
      link.inwardIssueId,
      link.outwardIssueId,
      link.firstEnd,
      link.createdBy,
      link.updatedBy,
      link.createdAt,
      link.updatedAt,
    ],
  });
  return row as StoredLink;
}

export interface LinkChangeRow {
  readonly type: CopiedRules;
  readonly inwardIssueId: number;
  readonly outwardIssueId: number;
  readonly firstEnd: Direction;
  readonly updatedBy: number;
}

/** Changes a link in place and raises its version. Undefined when it is gone. */
export async function updateLink(
  db: Transaction,
  orgId: string,
  linkId: number,
  link: LinkChangeRow,
): Promise<StoredLink | undefined> {
  const [row] = await db.query<StoredLink>({
    name: 'update_link',
    text: `
      update links
      set link_type_id = $2, is_symmetric = $3, is_antisymmetric = $4, is_acyclic = $5, single_end = $6, shares_label = $7,
        inward_issue_id = $8, outward_issue_id = $9, first_end = $10, updated_by = $11,
        updated_at = greatest(now(), created_at), version = version + 1
      where org_id = $1 and link_id = $12
      returning link_id, link_type_id, inward_issue_id, outward_issue_id, first_end`,
    values: [
      ...ruleValues(orgId, link.type),
      link.inwardIssueId,
      link.outwardIssueId,
      link.firstEnd,
      link.updatedBy,
      linkId,
    ],
  });
  return row;
}

function ruleValues(orgId: string, type: CopiedRules): readonly unknown[] {
  return [
    orgId,
    type.link_type_id,
    type.is_symmetric,
    type.is_antisymmetric,
    type.is_acyclic,
    type.single_end,
    type.shares_label,
  ];
}

/** Answers what was deleted; undefined when somebody else was first. */
export async function deleteLink(db: Transaction, orgId: string, linkId: number): Promise<StoredLink | undefined> {
  const [row] = await db.query<StoredLink>({
    name: 'delete_link',
    text: `
      delete from links where org_id = $1 and link_id = $2
      returning link_id, link_type_id, inward_issue_id, outward_issue_id, first_end`,
    values: [orgId, linkId],
  });
  return row;
}

/** Deletes the links of issues at both of their ends, and answers them. */
export function deleteLinksOf(db: Transaction, orgId: string, issueIds: readonly number[]): Promise<StoredLink[]> {
  return db.query<StoredLink>({
    name: 'delete_links_of_issues',
    text: `
      delete from links
      where org_id = $1 and (inward_issue_id = any($2::bigint[]) or outward_issue_id = any($2::bigint[]))
      returning link_id, link_type_id, inward_issue_id, outward_issue_id, first_end`,
    values: [orgId, issueIds],
  });
}

/** Deletes the links that carry a label at one of their ends, and answers them. */
export function deleteLinksOfLabel(db: Transaction, orgId: string, labelId: number): Promise<StoredLink[]> {
  return db.query<StoredLink>({
    name: 'delete_links_of_label',
    text: `
      delete from links
      using link_types
      where links.org_id = $1 and link_types.org_id = $1 and link_types.link_type_id = links.link_type_id
        and (link_types.inward_label_id = $2 or link_types.outward_label_id = $2)
      returning links.link_id, links.link_type_id, links.inward_issue_id, links.outward_issue_id, links.first_end`,
    values: [orgId, labelId],
  });
}

/** Makes everybody wait who links issues by a type that has the label. */
export async function lockTypesOfLabel(db: Transaction, orgId: string, labelId: number): Promise<void> {
  await db.query({
    name: 'lock_types_of_label',
    text: `
      select from link_types where org_id = $1 and (inward_label_id = $2 or outward_label_id = $2)
      order by link_type_id
      for update`,
    values: [orgId, labelId],
  });
}

/** Locks issues against removal, in the order in which everybody locks them. */
export async function lockEnds(db: Transaction, orgId: string, issueIds: readonly number[]): Promise<void> {
  await db.query({
    name: 'lock_ends',
    text: `
      select from issues where org_id = $1 and issue_id = any($2::bigint[])
      order by issue_id
      for key share`,
    values: [orgId, issueIds],
  });
}

/** Locks a link against other changes and answers it with its version. */
export async function lockLink(
  db: Transaction,
  orgId: string,
  linkId: number,
): Promise<(StoredLink & { version: number }) | undefined> {
  const [row] = await db.query<StoredLink & { version: number }>({
    name: 'lock_link',
    text: `
      select link_id, link_type_id, inward_issue_id, outward_issue_id, first_end, version
      from links where org_id = $1 and link_id = $2
      for update`,
    values: [orgId, linkId],
  });
  return row;
}

/** Locks the one link of the type in which the issue stands at that end, if there is one. */
export async function lockSingleLink(
  db: Transaction,
  orgId: string,
  linkTypeId: string,
  issueId: number,
  end: Direction,
): Promise<StoredLink | undefined> {
  const [row] = await db.query<StoredLink>({
    name: `lock_single_${end}_link`,
    text: `
      select link_id, link_type_id, inward_issue_id, outward_issue_id, first_end
      from links where org_id = $1 and link_type_id = $2 and ${end}_issue_id = $3
      order by link_id
      limit 1
      for update`,
    values: [orgId, linkTypeId, issueId],
  });
  return row;
}

/** Makes everybody else wait who links these two issues by a type that shares a label with another. */
export async function lockPair(db: Transaction, orgId: string, issueIds: readonly [number, number]): Promise<void> {
  const [lower, higher] = [Math.min(...issueIds), Math.max(...issueIds)];
  await db.query({
    name: 'lock_pair',
    text: `select pg_advisory_xact_lock(hashtextextended(format('%s %s-%s', $1::text, $2::text, $3::text), 0))`,
    values: [orgId, lower, higher],
  });
}

/** Whether another link than `linkId` shows one of the type's labels at the same end of the same two issues. */
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
  const rows = await db.query({
    name: 'exists_same_label',
    text: `
      select
      from link_types own
      join links on links.org_id = $1 and links.link_id is distinct from $5
        and ((links.inward_issue_id = $3 and links.outward_issue_id = $4)
          or (links.inward_issue_id = $4 and links.outward_issue_id = $3))
      join link_types other on other.org_id = $1 and other.link_type_id = links.link_type_id
      where own.org_id = $1 and own.link_type_id = $2
        and case when links.inward_issue_id = $3
          then own.inward_label_id = other.inward_label_id or own.outward_label_id = other.outward_label_id
          else own.inward_label_id = other.outward_label_id or own.outward_label_id = other.inward_label_id end
      limit 1`,
    values: [orgId, link.linkTypeId, link.inwardIssueId, link.outwardIssueId, link.linkId],
  });
  return rows.length > 0;
}

/**
 * The links of the type by which `from` leads to `to`, each from its inward to its outward end, and all others that can be
 * reached on the way; empty when there is no way. Links that close a cycle already do no harm: each issue is met once.
 */
export async function selectWay(
  db: Queryable,
  orgId: string,
  linkTypeId: string,
  from: number,
  to: number,
  walk: Direction,
): Promise<{ inward: number; outward: number }[]> {
  // The walk goes against or along the links; where an issue has one link at most at that end, it is a single line.
  const [start, goal, next] = walk === 'outward' ? [from, to, 'inward'] : [to, from, 'outward'];
  return await db.query<{ inward: number; outward: number }>({
    name: `select_way_${walk}`,
    text: `
      with recursive reached (issue_id) as (
        select $3::bigint
        union
        select links.${walk}_issue_id
        from reached
        join links on links.org_id = $1 and links.link_type_id = $2 and links.${next}_issue_id = reached.issue_id
        where reached.issue_id <> $4
      )
      select links.inward_issue_id as inward, links.outward_issue_id as outward
      from reached
      join links on links.org_id = $1 and links.link_type_id = $2 and links.${next}_issue_id = reached.issue_id
      where exists (select from reached where issue_id = $4)`,
    values: [orgId, linkTypeId, start, goal],
  });
}

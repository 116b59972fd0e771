import type { Queryable } from '../../database/database.ts';
import { lookup } from '../../database/lookup.ts';
import { statement } from '../../database/statement.ts';
import { type Viewer, visibleQueue } from '../access/viewer.ts';
import { issueIdNamed } from '../issues/issue-name.ts';
import type { Direction } from '../labels/direction.ts';
import { IS_SELECTED_END, linkEnds } from './link-ends.ts';

/** Selects the issues and links around the named issues. */
export interface GraphQuery {
  /** Normalised names; those that name nothing, or an issue that the viewer may not see, are ignored. */
  readonly issueNames: readonly string[];
  /** How many links away from these an issue may be. */
  readonly depth: number;
  /** The link types to follow, each from this end; undefined for all. */
  readonly ends: readonly { readonly linkTypeId: string; readonly direction: Direction }[] | undefined;
  /** The end from which links are followed; undefined for both. */
  readonly direction: Direction | undefined;
}

/** At most one issue and one link more than these are read. */
export interface GraphLimits {
  readonly issuesMax: number;
  readonly linksMax: number;
}

export interface GraphIssueRow {
  readonly issue_id: number;
  readonly hex_id: string;
  readonly key: string;
  readonly summary: string;
  readonly status_id: number;
  readonly status_key: string;
  readonly status_ru: string;
  readonly status_en: string;
}

export interface GraphLinkRow {
  readonly link_id: number;
  readonly link_type_id: string;
  readonly inward_issue_id: number;
  readonly outward_issue_id: number;
}

/** The columns of the other kind of row are null. */
type GraphRow = (GraphIssueRow & { readonly link_id: null }) | GraphLinkRow;

/** SQL: joins the issue with the id in `issueId` as `issue`, if the viewer may see it. */
function visibleIssue(issueId: string): string {
  return `
      cross join ${lookup('issue', 'issues', `issues.issue_id = ${issueId}`)}
      cross join ${lookup('queue', 'queues', `queues.queue_id = issue.queue_id and ${visibleQueue('queues')}`)}`;
}

const IS_FOLLOWED = `(:direction::text is null or ends.direction = :direction) and ${IS_SELECTED_END}`;

/**
 * A breadth-first search. A row of `levels` holds the issues at one distance from the first ones, and all issues found so
 * far (`seen`), so that each issue's links are followed once, and cycles end. The arrays are read in subqueries because
 * PostgreSQL allows no aggregate function in the recursive term; `offset 0` keeps it from running them once for each use.
 * An issue that the viewer may not see is not part of any level, so nothing beyond it is found through it.
 */
const SELECT_LINK_GRAPH = statement<
  keyof Viewer | 'issueNames' | 'depth' | 'linkTypeIds' | 'directions' | 'direction' | 'issuesMax' | 'linksMax',
  GraphRow
>(
  'select_link_graph',
  `
  with recursive levels (depth, issue_ids, seen) as (
    select 0, first.issue_ids, first.issue_ids
    from (
      select array(
        select distinct issue.issue_id
        from unnest(:issueNames::text[]) as wanted (issue_name)
        ${visibleIssue(issueIdNamed('wanted.issue_name'))}
        order by issue.issue_id
      ) as issue_ids
      offset 0
    ) first
    union all
    select levels.depth + 1, next.issue_ids, levels.seen || next.issue_ids
    from levels
    cross join lateral (
      select array(
        select issue.issue_id
        from (
          select ends.object_id
          from unnest(levels.issue_ids) as near (issue_id)
          cross join lateral ${linkEnds('near')} ends
          where ${IS_FOLLOWED}
          except
          select unnest(levels.seen)
        ) far
        ${visibleIssue('far.object_id')}
        order by issue.issue_id
        limit :issuesMax::integer + 1 - cardinality(levels.seen)
      ) as issue_ids
      offset 0
    ) next
    where levels.depth < :depth::integer
      and cardinality(levels.seen) <= :issuesMax::integer
      and cardinality(next.issue_ids) > 0
  ),
  found as materialized (
    select levels.depth, found.issue_id
    from levels
    cross join lateral unnest(levels.issue_ids) as found (issue_id)
  ),
  found_links as materialized (
    select distinct ends.link_id, ends.link_type_id, ends.inward_issue_id, ends.outward_issue_id
    from found
    cross join lateral ${linkEnds('found')} ends
    join found object on object.issue_id = ends.object_id
    where ${IS_FOLLOWED}
    order by ends.link_id
    limit :linksMax::integer + 1
  )
  select found.depth, found.issue_id, issue.hex_id, issue.key, issue.summary,
    statuses.status_id, statuses.key as status_key, statuses.name_ru as status_ru, statuses.name_en as status_en,
    null::bigint as link_id, null::text as link_type_id,
    null::bigint as inward_issue_id, null::bigint as outward_issue_id
  from found
  cross join ${lookup('issue', 'issues', 'issues.issue_id = found.issue_id')}
  join statuses on statuses.org_id = :orgId and statuses.status_id = issue.status_id
  union all
  select null, null, null, null, null, null, null, null, null,
    found_links.link_id, found_links.link_type_id, found_links.inward_issue_id, found_links.outward_issue_id
  from found_links
  order by depth, issue_id, link_id`,
);

/**
 * The issues that links lead to from the named ones, nearest first and then by issue_id, and the links between any two of
 * them that are followed from either end, by link_id.
 */
export async function selectLinkGraph(
  db: Queryable,
  viewer: Viewer,
  { issueNames, depth, ends, direction }: GraphQuery,
  limits: GraphLimits,
): Promise<{ issues: GraphIssueRow[]; links: GraphLinkRow[] }> {
  const rows = await db.query(
    SELECT_LINK_GRAPH({
      ...viewer,
      ...limits,
      issueNames,
      depth,
      direction,
      linkTypeIds: ends?.map(({ linkTypeId }) => linkTypeId),
      directions: ends?.map((end) => end.direction),
    }),
  );
  const issues: GraphIssueRow[] = [];
  const links: GraphLinkRow[] = [];
  for (const row of rows) {
    if (row.link_id === null) issues.push(row);
    else links.push(row);
  }
  return { issues, links };
}

import type { Queryable, Transaction } from '../../database/database.ts';
import { statement } from '../../database/statement.ts';
import type { Edge } from './topological-sort.ts';

const LOCK_ORDER = statement<'orgId' | 'linkTypeId'>(
  'lock_order',
  `select pg_advisory_xact_lock(hashtextextended(:orgId || ' ' || :linkTypeId, 0))`,
);

/** Serialises the changes of a type's order. */
export async function lockOrder(db: Transaction, orgId: string, linkTypeId: string): Promise<void> {
  await db.query(LOCK_ORDER({ orgId, linkTypeId }));
}

const LOCK_ORDER_OF = statement<'orgId' | 'linkTypeId' | 'issueIds'>(
  'lock_order_of',
  `
  select from topological_order
  where org_id = :orgId and link_type_id = :linkTypeId and issue_id = any(:issueIds::bigint[])
  order by issue_id
  for no key update`,
);

/** Makes writers of links that have one of the issues as an end wait. */
export async function lockOrderOf(
  db: Transaction,
  orgId: string,
  linkTypeId: string,
  issueIds: readonly number[],
): Promise<void> {
  await db.query(LOCK_ORDER_OF({ orgId, linkTypeId, issueIds }));
}

/** An issue that must be moved before a link can be in order. */
export interface Displaced {
  readonly issue_id: number;
  readonly position: number;
  /** Whether links lead to it from the new link's outward end, or from it to the inward end. */
  readonly side: 'outward' | 'inward';
}

const SELECT_DISPLACED = statement<'orgId' | 'linkTypeId' | 'inwardIssueId' | 'outwardIssueId', Displaced>(
  'select_displaced',
  `
  with recursive ends as materialized (
    select outward.position as lower, inward.position as upper
    from topological_order inward
    join topological_order outward on outward.org_id = :orgId and outward.link_type_id = :linkTypeId
      and outward.issue_id = :outwardIssueId
    where inward.org_id = :orgId and inward.link_type_id = :linkTypeId and inward.issue_id = :inwardIssueId
      and inward.position > outward.position
  ), outward_side (issue_id, position) as (
    select :outwardIssueId::bigint, lower from ends
    union
    ${displacedBy('outward', 'inward')}
  ), inward_side (issue_id, position) as (
    select :inwardIssueId::bigint, upper from ends
    union
    ${displacedBy('inward', 'outward')}
  )
  select 'outward' as side, issue_id, position from outward_side
  union all
  select 'inward', issue_id, position from inward_side`,
);

/** SQL: the issues between the ends that links lead to from those found so far, in that direction. */
function displacedBy(end: 'inward' | 'outward', other: 'inward' | 'outward'): string {
  return `
    select next.issue_id, next.position
    from ${end}_side
    cross join ends
    join links on links.org_id = :orgId and links.${other}_issue_id = ${end}_side.issue_id
      and links.link_type_id = :linkTypeId
    join topological_order next on next.org_id = :orgId and next.link_type_id = :linkTypeId
      and next.issue_id = links.${end}_issue_id and next.position between ends.lower and ends.upper
    where ${end}_side.issue_id <> :${other}IssueId`;
}

/**
 * The issues that stand between the ends of a link that is out of order and that links connect to one of the ends; empty
 * if the link is in order. An issue is on both sides only if the link closes a cycle. Terminates on existing cycles,
 * since it visits each issue once.
 */
export function selectDisplaced(
  db: Queryable,
  orgId: string,
  linkTypeId: string,
  ends: { readonly inwardIssueId: number; readonly outwardIssueId: number },
): Promise<Displaced[]> {
  return db.query(SELECT_DISPLACED({ orgId, linkTypeId, ...ends }));
}

const REORDER = statement<'orgId' | 'linkTypeId' | 'issueIds'>(
  'reorder',
  `
  with places as materialized (
    select position, row_number() over (order by position) as place
    from topological_order
    where org_id = :orgId and link_type_id = :linkTypeId and issue_id = any(:issueIds::bigint[])
  )
  update topological_order
  set position = places.position
  from unnest(:issueIds::bigint[]) with ordinality as given (issue_id, place)
  join places on places.place = given.place
  where topological_order.org_id = :orgId and topological_order.link_type_id = :linkTypeId
    and topological_order.issue_id = given.issue_id`,
);

/** Gives locked issues each other's positions, so that they are in this order. */
export async function reorder(
  db: Transaction,
  orgId: string,
  linkTypeId: string,
  issueIds: readonly number[],
): Promise<void> {
  await db.query(REORDER({ orgId, linkTypeId, issueIds }));
}

const SELECT_LINKS_AMONG = statement<'orgId' | 'linkTypeId' | 'issueIds', Edge>(
  'select_links_among',
  `
  select inward_issue_id, outward_issue_id
  from links
  where org_id = :orgId and link_type_id = :linkTypeId
    and inward_issue_id = any(:issueIds::bigint[]) and outward_issue_id = any(:issueIds::bigint[])
  order by link_id`,
);

/** The links of the type with both ends among the issues. */
export function selectLinksAmong(
  db: Queryable,
  orgId: string,
  linkTypeId: string,
  issueIds: readonly number[],
): Promise<Edge[]> {
  return db.query(SELECT_LINKS_AMONG({ orgId, linkTypeId, issueIds }));
}

export interface StoredEdge extends Edge {
  readonly link_id: number;
}

const SELECT_LINKS_OF_TYPE = statement<'orgId' | 'linkTypeId', StoredEdge>(
  'select_links_of_type',
  `
  select link_id, inward_issue_id, outward_issue_id from links
  where org_id = :orgId and link_type_id = :linkTypeId
  order by link_id`,
);

/** All links of the type, to be sorted topologically. */
export function selectLinksOfType(db: Queryable, orgId: string, linkTypeId: string): Promise<StoredEdge[]> {
  return db.query(SELECT_LINKS_OF_TYPE({ orgId, linkTypeId }));
}

const DELETE_ORDER = statement<'orgId' | 'linkTypeId'>(
  'delete_order',
  'delete from topological_order where org_id = :orgId and link_type_id = :linkTypeId',
);

export async function deleteOrder(db: Transaction, orgId: string, linkTypeId: string): Promise<void> {
  await db.query(DELETE_ORDER({ orgId, linkTypeId }));
}

const INSERT_ORDER = statement<'orgId' | 'linkTypeId' | 'issueIds'>(
  'insert_order',
  `
  insert into topological_order (org_id, link_type_id, issue_id)
  select :orgId, :linkTypeId, given.issue_id
  from unnest(:issueIds::bigint[]) with ordinality as given (issue_id, place)
  order by given.place`,
);

/** Places issues of a type that has no order yet. */
export async function insertOrder(
  db: Transaction,
  orgId: string,
  linkTypeId: string,
  issueIds: readonly number[],
): Promise<void> {
  await db.query(INSERT_ORDER({ orgId, linkTypeId, issueIds }));
}

import type { Queryable, Transaction } from '../../database/database.ts';
import { statement } from '../../database/statement.ts';
import type { Direction } from '../labels/direction.ts';
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

/** SQL: a position beyond all others, so far from them that many issues can move in between. */
export const FRESH_POSITION = `nextval('topological_order_position_seq') * 1048576`;

/** A link by its ends. */
export interface Ends {
  readonly inwardIssueId: number;
  readonly outwardIssueId: number;
}

/** An issue that links connect with an end of a link that is out of order. */
export interface Displaced {
  /** Whether links lead to the issue from the outward end, or from the issue to the inward end. */
  readonly side: Direction;
  readonly issue_id: number;
  readonly position: number;
}

const SELECT_DISPLACED = statement<'orgId' | 'linkTypeId' | keyof Ends | 'isWhole' | 'limit', Displaced>(
  'select_displaced',
  `
  with recursive ends as materialized (
    select outward.position as lower, inward.position as upper
    from topological_order inward
    join topological_order outward on outward.org_id = :orgId and outward.link_type_id = :linkTypeId
      and outward.issue_id = :outwardIssueId
    where inward.org_id = :orgId and inward.link_type_id = :linkTypeId and inward.issue_id = :inwardIssueId
      and inward.position >= outward.position
  ), outward_side (issue_id, position) as (
    select :outwardIssueId::bigint, lower from ends
    union
    ${displacedBy('outward', 'inward')}
  ), inward_side (issue_id, position) as (
    select :inwardIssueId::bigint, upper from ends
    union
    ${displacedBy('inward', 'outward')}
  )
  (select 'outward' as side, issue_id, position from outward_side limit :limit)
  union all
  (select 'inward', issue_id, position from inward_side limit :limit)`,
);

/**
 * SQL: the issues to which links lead from those found so far, in the direction of `end`. Laterals keep the plan to
 * look-ups by index, whatever PostgreSQL knows about the tables.
 */
function displacedBy(end: Direction, other: Direction): string {
  return `
    select next.issue_id, next.position
    from ${end}_side
    cross join ends
    cross join lateral (
      select links.${end}_issue_id as issue_id
      from links
      where links.org_id = :orgId and links.${other}_issue_id = ${end}_side.issue_id
        and links.link_type_id = :linkTypeId
      offset 0
    ) link
    cross join lateral (
      select topological_order.issue_id, topological_order.position
      from topological_order
      where topological_order.org_id = :orgId and topological_order.link_type_id = :linkTypeId
        and topological_order.issue_id = link.issue_id
      offset 0
    ) next
    where ${end}_side.issue_id <> :${other}IssueId
      and (:isWhole::boolean or next.position between ends.lower and ends.upper)`;
}

/**
 * The issues on either side of a link that is out of order, as far as they are positioned between its ends or, with
 * `isWhole`, all of them; none if the link is in order. At most `limit` of each side: PostgreSQL stops the search there.
 * It visits each issue once, so it also terminates on existing cycles. An issue is on both sides only if the link closes
 * a cycle.
 */
export function selectDisplaced(
  db: Queryable,
  orgId: string,
  linkTypeId: string,
  ends: Ends,
  { isWhole, limit }: { readonly isWhole: boolean; readonly limit: number },
): Promise<Displaced[]> {
  return db.query(SELECT_DISPLACED({ orgId, linkTypeId, ...ends, isWhole, limit }));
}

const MOVE_ISSUES = {
  outward: moveIssuesAt('outward', 'inward', { nearest: 'min', beyond: '>', sign: 1 }),
  inward: moveIssuesAt('inward', 'outward', { nearest: 'max', beyond: '<', sign: -1 }),
};

/**
 * Division truncates, so there is no room for the issues if `step` is 0; if it is null, they move beyond all others. Fresh
 * positions are drawn even if they are not needed: a part that reads no table runs on the coordinator of Citus.
 */
function moveIssuesAt(
  end: Direction,
  other: Direction,
  { nearest, beyond, sign }: { nearest: 'min' | 'max'; beyond: '>' | '<'; sign: 1 | -1 },
) {
  return statement<'orgId' | 'linkTypeId' | 'issueIds' | 'position' | 'isWhole', { issue_id: number }>(
    `move_issues_${end}`,
    `
    with nearest as materialized (
      select ${nearest}(next.position) as position
      from unnest(:issueIds::bigint[]) as given (issue_id)
      cross join lateral (
        select links.${end}_issue_id as issue_id
        from links
        where links.org_id = :orgId and links.${other}_issue_id = given.issue_id and links.link_type_id = :linkTypeId
        offset 0
      ) link
      cross join lateral (
        select topological_order.position
        from topological_order
        where topological_order.org_id = :orgId and topological_order.link_type_id = :linkTypeId
          and topological_order.issue_id = link.issue_id and topological_order.position ${beyond} :position
        offset 0
      ) next
      where not :isWhole::boolean
    ), room as materialized (
      select (nearest.position - :position::bigint) / (cardinality(:issueIds::bigint[]) + 1) as step from nearest
    ), fresh as materialized (
      select given.issue_id, given.place, ${sign} * ${FRESH_POSITION} as position
      from unnest(:issueIds::bigint[]) with ordinality as given (issue_id, place)
      order by given.place
    )
    update topological_order
    set position = coalesce(:position::bigint + room.step * fresh.place, fresh.position)
    from room
    cross join fresh
    where topological_order.org_id = :orgId and topological_order.link_type_id = :linkTypeId
      and topological_order.issue_id = fresh.issue_id and room.step is distinct from 0
    returning topological_order.issue_id`,
  );
}

/**
 * Moves locked issues, in this order, to places between `position` and the nearest issue beyond it that is next to one of
 * them in the direction of `end`; beyond all others if there is none, or with `isWhole`. Returns false, and moves none, if
 * there is no room.
 */
export async function moveIssues(
  db: Transaction,
  orgId: string,
  linkTypeId: string,
  end: Direction,
  place: { readonly issueIds: readonly number[]; readonly position: number; readonly isWhole: boolean },
): Promise<boolean> {
  const moved = await db.query(MOVE_ISSUES[end]({ orgId, linkTypeId, ...place }));
  return moved.length > 0;
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
  insert into topological_order (org_id, link_type_id, issue_id, position)
  select :orgId, :linkTypeId, given.issue_id, ${FRESH_POSITION}
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

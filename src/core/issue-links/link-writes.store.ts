import type { Database, Transaction } from '../../database/database.ts';
import { statement } from '../../database/statement.ts';
import type { NewEvent } from '../events/events.store.ts';
import type { Direction } from '../labels/direction.ts';
import { ORGANISATION_OF_LINKS, SHARED_GATE } from '../organisations/organisations.store.ts';
import { FRESH_POSITION } from '../topological-order/topological-order.store.ts';

/**
 * The statements that write a link as a transaction of its own. Each takes its locks in the global order (decision 8),
 * checks under them what no constraint can check, and records the events. It writes nothing if that is not enough: a row
 * that the caller has read is gone or has changed, the type shares a label, the link is out of its type's topological
 * order, or another is in its place. The caller then takes explicit locks (locked-link-writes.store.ts).
 */

/** A link's row, without columns of other tables. */
export interface StoredLink {
  readonly link_id: number;
  readonly link_type_id: string;
  readonly inward_issue_id: number;
  readonly outward_issue_id: number;
  readonly first_end: Direction;
}

export interface VersionedLink extends StoredLink {
  readonly version: number;
}

/** What the database decides about a written link. */
export interface WrittenLink {
  readonly link_id: number;
  readonly version: number;
  readonly created_at: Date;
  readonly updated_at: Date;
}

export interface LinkEnds {
  readonly linkTypeId: string;
  readonly inwardIssueId: number;
  readonly outwardIssueId: number;
  readonly firstEnd: Direction;
}

/** The parameters of all statements: who writes, and what the issues record. */
interface WriteContext {
  readonly orgId: string;
  readonly userId: number;
  readonly events: readonly NewEvent[];
}

/** SQL: whether the issue_id is that of an end of the link. */
const isEnd = (column: string) => `${column} in (:inwardIssueId::bigint, :outwardIssueId::bigint)`;

/** SQL: whether the ends need a position. */
const IS_ORDERED = `type.is_acyclic and not (type.shares_label or type.is_taken)`;

/** SQL: whether another link has the issue at the end, and the type allows only one there. */
const isTaken = (end: Direction, isOther: string) => `
      link_types.single_end = '${end}' and exists (
        select from links others
        where others.org_id = :orgId and others.${end}_issue_id = :${end}IssueId
          and others.link_type_id = :linkTypeId and ${isOther})`;

/**
 * SQL: the gate, the organisation, the type, the issues and their positions, each locked after the one before: each part reads
 * the one before it, and PostgreSQL locks a row only once the whole FROM clause has produced it. A row that had to wait
 * for its lock is read again. `isOther` tells other links from the one that is written.
 */
const locked = (isOther: string) => `${ORGANISATION_OF_LINKS}, type as materialized (
    select link_types.link_type_id, link_types.is_symmetric, link_types.is_antisymmetric, link_types.is_acyclic,
      link_types.single_end, link_types.shares_label, organisation.one_link_per_pair,
      ${isTaken('inward', isOther)} or ${isTaken('outward', isOther)} as is_taken
    from organisation
    cross join link_types
    where link_types.org_id = :orgId and link_types.link_type_id = :linkTypeId
    for key share of link_types
  ), ends as materialized (
    select issues.issue_id
    from type
    cross join issues
    where issues.org_id = :orgId and ${isEnd('issues.issue_id')}
    order by issues.issue_id
    for key share of issues
  ), positions as materialized (
    select topological_order.issue_id, topological_order.position
    from (select count(*) from ends) as locked
    cross join type
    join topological_order on topological_order.org_id = :orgId and topological_order.link_type_id = :linkTypeId
      and ${isEnd('topological_order.issue_id')}
    where ${IS_ORDERED}
    order by topological_order.issue_id
    for share of topological_order
  ), placed as (
    insert into topological_order (org_id, link_type_id, issue_id, position)
    select :orgId, :linkTypeId, ends.issue_id,
      ${FRESH_POSITION} * case when ends.issue_id = :inwardIssueId then -1 else 1 end
    from type
    cross join ends
    where ${IS_ORDERED} and not exists (
      select from positions where positions.issue_id = ends.issue_id)
    order by ends.issue_id
    on conflict do nothing
    returning issue_id, position
  ), ordered as (
    select * from positions union all select * from placed
  )`;

/** SQL: whether the locked rows allow the link. A link of an issue to itself is left to the constraint. */
const IS_ALLOWED = `
  :inwardIssueId in (select issue_id from ends) and :outwardIssueId in (select issue_id from ends)
  and not type.shares_label and not type.is_taken and (
    not type.is_acyclic or :inwardIssueId = :outwardIssueId
    or (select position from ordered where issue_id = :inwardIssueId)
      < (select position from ordered where issue_id = :outwardIssueId))`;

/** SQL: inserts the events of the row `written`. */
function recorded(changes: string): string {
  return `
  recorded as (
    insert into events (org_id, user_id, issue_id, type, changes)
    select :orgId, :userId, (given.event ->> 'issueId')::bigint, given.event ->> 'type', ${changes}
    from written
    cross join jsonb_array_elements(:events::jsonb) with ordinality as given (event, place)
    order by given.place
  )`;
}

const INSERT_LINK = statement<keyof WriteContext | keyof LinkEnds | keyof LinkOrigin, WrittenLink>(
  'insert_link',
  `
  with ${locked('true')}, written as (
    insert into links (org_id, link_type_id, is_symmetric, is_antisymmetric, is_acyclic, single_end, shares_label,
      one_link_per_pair, inward_issue_id, outward_issue_id, first_end, created_by, updated_by, created_at, updated_at)
    select :orgId, type.link_type_id, type.is_symmetric, type.is_antisymmetric, type.is_acyclic, type.single_end,
      type.shares_label, type.one_link_per_pair, :inwardIssueId, :outwardIssueId, :firstEnd, :createdBy, :updatedBy,
      coalesce(:createdAt, now()), coalesce(:updatedAt, :createdAt, now())
    from type
    cross join (select count(*) from ordered) as ready
    where ${IS_ALLOWED}
    returning link_id, version, created_at, updated_at
  ), ${recorded(`jsonb_set(given.event -> 'changes', '{links,0,to,link_id}', to_jsonb(written.link_id))`)}
  select * from written`,
);

/** The authors and times of a link; an undefined time is that of the transaction. */
export interface LinkOrigin {
  readonly createdBy: number;
  readonly updatedBy: number;
  readonly createdAt: Date | undefined;
  readonly updatedAt: Date | undefined;
}

/** Inserts a link. The events get its link_id. Undefined if the link needs locks, or a row that it needs is gone. */
export async function insertLink(
  db: Database,
  context: WriteContext,
  ends: LinkEnds,
  origin: LinkOrigin,
): Promise<WrittenLink | undefined> {
  const [row] = await db.execute(INSERT_LINK({ ...parametersOf(context), ...ends, ...origin }));
  return row;
}

/** SQL: whether the row `links` is still the one that the caller has read. */
const IS_SEEN = `
  links.org_id = :orgId and links.link_id = :linkId and links.version = :seenVersion
  and links.link_type_id = :seenLinkTypeId and links.inward_issue_id = :seenInwardIssueId
  and links.outward_issue_id = :seenOutwardIssueId and links.first_end = :seenFirstEnd`;

type Seen = 'linkId' | 'seenVersion' | 'seenLinkTypeId' | 'seenInwardIssueId' | 'seenOutwardIssueId' | 'seenFirstEnd';

const UPDATE_LINK = statement<keyof WriteContext | keyof LinkEnds | Seen, WrittenLink>(
  'update_link',
  `
  with ${locked('others.link_id <> :linkId')}, written as (
    update links
    set link_type_id = type.link_type_id, is_symmetric = type.is_symmetric, is_antisymmetric = type.is_antisymmetric,
      is_acyclic = type.is_acyclic, single_end = type.single_end, shares_label = type.shares_label,
      inward_issue_id = :inwardIssueId, outward_issue_id = :outwardIssueId, first_end = :firstEnd,
      updated_by = :userId, updated_at = greatest(now(), links.created_at), version = links.version + 1
    from type
    cross join (select count(*) from ordered) as ready
    where ${IS_SEEN} and ${IS_ALLOWED}
    returning links.link_id, links.version, links.created_at, links.updated_at
  ), ${recorded(`given.event -> 'changes'`)}
  select * from written`,
);

/** Changes a link in place and raises its version. Undefined as in `insertLink`, or if the link is not as seen. */
export async function updateLink(
  db: Database,
  context: WriteContext,
  seen: VersionedLink,
  ends: LinkEnds,
): Promise<WrittenLink | undefined> {
  const [row] = await db.execute(UPDATE_LINK({ ...parametersOf(context), ...seenParameters(seen), ...ends }));
  return row;
}

const DELETE_LINK = statement<keyof WriteContext | Seen, WrittenLink>(
  'delete_link',
  `
  with ${SHARED_GATE}, written as (
    delete from links using gate where ${IS_SEEN}
    returning links.link_id, links.version, links.created_at, links.updated_at
  ), ${recorded(`given.event -> 'changes'`)}
  select * from written`,
);

/** Deletes a link. Undefined if it is not as seen. */
export async function deleteLink(
  db: Database,
  context: WriteContext,
  seen: VersionedLink,
): Promise<WrittenLink | undefined> {
  const [row] = await db.execute(DELETE_LINK({ ...parametersOf(context), ...seenParameters(seen) }));
  return row;
}

function parametersOf({ orgId, userId, events }: WriteContext) {
  return { orgId, userId, events: JSON.stringify(events) };
}

function seenParameters(seen: VersionedLink) {
  return {
    linkId: seen.link_id,
    seenVersion: seen.version,
    seenLinkTypeId: seen.link_type_id,
    seenInwardIssueId: seen.inward_issue_id,
    seenOutwardIssueId: seen.outward_issue_id,
    seenFirstEnd: seen.first_end,
  };
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

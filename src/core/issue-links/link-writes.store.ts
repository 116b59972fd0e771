import type { Database, Queryable, Transaction } from '../../database/database.ts';
import { isRefusedTogether } from '../../database/database-error.ts';
import type { SharedStatement } from '../../database/shared-statements.ts';
import { statement } from '../../database/statement.ts';
import type { NewEvent } from '../events/events.store.ts';
import type { Direction } from '../labels/direction.ts';
import { OPEN_ORGANISATION_OF_LINKS, SHARED_GATE } from '../organisations/organisations.store.ts';
import { FRESH_POSITION } from '../topological-order/topological-order.store.ts';

/**
 * The statements that write links as a transaction of their own. Each takes its locks in the global order (decision 8),
 * checks under them what no constraint can check, and records the events. It does not write a link if that is not enough:
 * a row that the caller has read is gone, locked or changed, the type shares a label, the link is out of its type's
 * topological order, or another is in its place. The caller then takes explicit locks (locked-link-writes.store.ts), unless
 * the link is there already.
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

/** The authors and times of a link; an undefined time is that of the transaction. */
export interface LinkOrigin {
  readonly createdBy: number;
  readonly updatedBy: number;
  readonly createdAt: Date | undefined;
  readonly updatedAt: Date | undefined;
}

/** Who writes, and what the issues record. */
interface WriteContext {
  readonly orgId: string;
  readonly userId: number;
  readonly events: readonly NewEvent[];
}

/** SQL: whether another link has the issue at the end, and the type allows only one there. */
const isTaken = (end: Direction) => `
      types.single_end = '${end}' and exists (
        select from links others
        where others.org_id = :orgId and others.${end}_issue_id = given.${end}_issue_id
          and others.link_type_id = given.link_type_id and others.link_id <> given.link_id)`;

/**
 * SQL: whether the type is acyclic and a link that excludes this one joins the issues already. Constraints notice it only
 * after the issues have got positions.
 */
const isJoined = (inward: Direction, outward: Direction) => `
      types.is_acyclic and exists (
        select from links others
        where others.org_id = :orgId and others.inward_issue_id = given.${inward}_issue_id
          and others.outward_issue_id = given.${outward}_issue_id and others.link_id <> given.link_id
          and (others.link_type_id = given.link_type_id or types.one_link_per_pair))`;

/** SQL: the position of the issue at the end. */
const positionAt = (end: Direction) => `(
      select ordered.position from ordered
      where ordered.link_type_id = ruled.link_type_id and ordered.issue_id = ruled.${end}_issue_id)`;

/**
 * SQL: `allowed`, those of the links `given` that may be written, with the columns that they copy. The gate, the
 * organisation, the types, the issues and their positions are locked, each after the one before: each part reads the one
 * before it, and PostgreSQL locks a row only once the whole FROM clause has produced it. Links that need what another
 * transaction has locked are left out, so that no link waits for the lock of another. A link of an issue to itself is left
 * to the constraint.
 */
const ALLOWED = `${OPEN_ORGANISATION_OF_LINKS}, types as materialized (
    select link_types.link_type_id, link_types.is_symmetric, link_types.is_antisymmetric, link_types.is_acyclic,
      link_types.single_end, link_types.shares_label, organisation.one_link_per_pair
    from organisation
    cross join link_types
    where link_types.org_id = :orgId and link_types.link_type_id = any(array(select link_type_id from given))
    order by link_types.link_type_id
    for key share of link_types skip locked
  ), ends as materialized (
    select issues.issue_id
    from (select count(*) from types) as locked
    cross join issues
    where issues.org_id = :orgId and issues.issue_id = any(array(
      select inward_issue_id from given union all select outward_issue_id from given))
    order by issues.issue_id
    for key share of issues skip locked
  ), ruled as materialized (
    select given.link_id, given.link_type_id, given.inward_issue_id, given.outward_issue_id, types.is_symmetric,
      types.is_antisymmetric, types.is_acyclic, types.single_end, types.shares_label, types.one_link_per_pair
    from given
    join types on types.link_type_id = given.link_type_id
    where given.inward_issue_id in (select issue_id from ends) and given.outward_issue_id in (select issue_id from ends)
      and given.inward_issue_id <> given.outward_issue_id and not types.shares_label
      and not (${isTaken('inward')})
      and not (${isTaken('outward')})
      and not (${isJoined('inward', 'outward')})
      and not (${isJoined('outward', 'inward')})
  ), nodes as materialized (
    select ruled.link_type_id, node.issue_id, min(node.side) as side
    from ruled
    cross join lateral (values (ruled.inward_issue_id, -1), (ruled.outward_issue_id, 1)) as node (issue_id, side)
    where ruled.is_acyclic
    group by ruled.link_type_id, node.issue_id
  ), positions as materialized (
    select topological_order.link_type_id, topological_order.issue_id, topological_order.position
    from topological_order
    where topological_order.org_id = :orgId
      and topological_order.link_type_id = any(array(select link_type_id from nodes))
      and topological_order.issue_id = any(array(select issue_id from nodes))
    order by topological_order.issue_id, topological_order.link_type_id
    for share of topological_order skip locked
  ), placed as (
    insert into topological_order (org_id, link_type_id, issue_id, position)
    select :orgId, nodes.link_type_id, nodes.issue_id, ${FRESH_POSITION} * nodes.side
    from nodes
    where not exists (
      select from positions where positions.link_type_id = nodes.link_type_id and positions.issue_id = nodes.issue_id)
    order by nodes.issue_id, nodes.link_type_id
    on conflict do nothing
    returning link_type_id, issue_id, position
  ), ordered as (
    select * from positions union all select * from placed
  ), allowed as materialized (
    select ruled.*
    from ruled
    cross join (select count(*) from ordered) as ready
    where not ruled.is_acyclic or ${positionAt('inward')} < ${positionAt('outward')}
  )`;

/** SQL: inserts the events of the links `given` that are among the rows `written`. */
function recorded(changes: string): string {
  return `
  recorded as (
    insert into events (org_id, user_id, issue_id, type, changes)
    select :orgId, given.user_id, (event.value ->> 'issueId')::bigint, event.value ->> 'type', ${changes}
    from written
    join given on given.link_id = written.link_id
    cross join jsonb_array_elements(given.events) with ordinality as event (value, place)
    order by written.link_id, event.place
  )`;
}

/** A link to be inserted. Its events get its link_id. */
interface NewLink extends LinkEnds, LinkOrigin {
  readonly userId: number;
  readonly events: readonly NewEvent[];
}

/** A link of another transaction that is in the place of one of these delays the others no longer than this. */
const PATIENCE_MS = 200;

const INSERT_LINKS = statement<'orgId' | 'links'>(
  'insert_links',
  `
  with given as materialized (
    select nextval('links_link_id_seq') as link_id, link.*
    from (select set_config('lock_timeout', '${PATIENCE_MS}', true)) as patience
    cross join jsonb_to_recordset(:links::jsonb) as link (
      place integer, link_type_id text, inward_issue_id bigint, outward_issue_id bigint, first_end text,
      created_by bigint, updated_by bigint, created_at timestamptz, updated_at timestamptz, user_id bigint, events jsonb)
  ), ${ALLOWED}, written as (
    insert into links (org_id, link_id, link_type_id, is_symmetric, is_antisymmetric, is_acyclic, single_end,
      shares_label, one_link_per_pair, inward_issue_id, outward_issue_id, first_end, created_by, updated_by, created_at,
      updated_at)
    select :orgId, allowed.link_id, allowed.link_type_id, allowed.is_symmetric, allowed.is_antisymmetric,
      allowed.is_acyclic, allowed.single_end, allowed.shares_label, allowed.one_link_per_pair, allowed.inward_issue_id,
      allowed.outward_issue_id, given.first_end, given.created_by, given.updated_by, coalesce(given.created_at, now()),
      coalesce(given.updated_at, given.created_at, now())
    from allowed
    join given on given.link_id = allowed.link_id
    order by least(allowed.inward_issue_id, allowed.outward_issue_id),
      greatest(allowed.inward_issue_id, allowed.outward_issue_id), allowed.link_id
    on conflict do nothing
    returning link_id, version, created_at, updated_at
  ), ${recorded(`jsonb_set(event.value -> 'changes', '{links,0,to,link_id}', to_jsonb(written.link_id))`)}
  select given.place, written.link_id, written.version, extract(epoch from written.created_at) * 1000,
    extract(epoch from written.updated_at) * 1000
  from written
  join given on given.link_id = written.link_id`,
);

const NEW_LINKS: SharedStatement<NewLink, WrittenLink> = {
  bind: (orgId, links) => INSERT_LINKS({ orgId, links: JSON.stringify(links.map(toRow)) }),
  rowOf({ fields: [, linkId, version, createdMs, updatedMs] }) {
    return {
      link_id: Number(linkId),
      version: Number(version),
      created_at: new Date(Number(createdMs)),
      updated_at: new Date(Number(updatedMs)),
    };
  },
};

function toRow(link: NewLink, index: number) {
  return {
    place: index + 1,
    link_type_id: link.linkTypeId,
    inward_issue_id: link.inwardIssueId,
    outward_issue_id: link.outwardIssueId,
    first_end: link.firstEnd,
    created_by: link.createdBy,
    updated_by: link.updatedBy,
    created_at: link.createdAt,
    updated_at: link.updatedAt,
    user_id: link.userId,
    events: link.events,
  };
}

/**
 * Inserts a link, with one statement and transaction for all clients that insert one at the same moment. Its events get
 * its link_id. Undefined if it needs explicit locks, or if an error of any of these links has undone all of them.
 */
export async function insertLink(db: Database, orgId: string, link: NewLink): Promise<WrittenLink | undefined> {
  try {
    const [rows] = await db.executeShared(NEW_LINKS, orgId, [link]);
    return rows?.[0];
  } catch (error) {
    if (isRefusedTogether(error)) return undefined;
    throw error;
  }
}

const FIND_DUPLICATE = statement<'orgId' | 'linkTypeId' | 'inwardIssueId' | 'outwardIssueId', { link_id: number }>(
  'find_duplicate',
  `
  select link_id
  from links
  where org_id = :orgId
    and ((inward_issue_id = :inwardIssueId and outward_issue_id = :outwardIssueId)
      or (inward_issue_id = :outwardIssueId and outward_issue_id = :inwardIssueId))
    and (one_link_per_pair
      or (link_type_id = :linkTypeId and (is_symmetric or is_antisymmetric or inward_issue_id = :inwardIssueId)))
  limit 1`,
);

/** The link_id of a link that keeps this one out of an index of pairs, such as `links_ends_key`. */
export async function findDuplicate(db: Queryable, orgId: string, ends: LinkEnds): Promise<number | undefined> {
  const { linkTypeId, inwardIssueId, outwardIssueId } = ends;
  const [row] = await db.query(FIND_DUPLICATE({ orgId, linkTypeId, inwardIssueId, outwardIssueId }));
  return row?.link_id;
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
  with given as (
    select :linkId::bigint as link_id, :linkTypeId::text as link_type_id, :inwardIssueId::bigint as inward_issue_id,
      :outwardIssueId::bigint as outward_issue_id, :userId::bigint as user_id, :events::jsonb as events
  ), ${ALLOWED}, written as (
    update links
    set link_type_id = allowed.link_type_id, is_symmetric = allowed.is_symmetric,
      is_antisymmetric = allowed.is_antisymmetric, is_acyclic = allowed.is_acyclic, single_end = allowed.single_end,
      shares_label = allowed.shares_label, inward_issue_id = allowed.inward_issue_id,
      outward_issue_id = allowed.outward_issue_id, first_end = :firstEnd,
      updated_by = :userId, updated_at = greatest(now(), links.created_at), version = links.version + 1
    from allowed
    where ${IS_SEEN}
    returning links.link_id, links.version, links.created_at, links.updated_at
  ), ${recorded(`event.value -> 'changes'`)}
  select * from written`,
);

/** Changes a link in place and raises its version. Undefined if it needs explicit locks, or is not as seen. */
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
  with given as (
    select :linkId::bigint as link_id, :userId::bigint as user_id, :events::jsonb as events
  ), ${SHARED_GATE}, written as (
    delete from links using gate where ${IS_SEEN}
    returning links.link_id, links.version, links.created_at, links.updated_at
  ), ${recorded(`event.value -> 'changes'`)}
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

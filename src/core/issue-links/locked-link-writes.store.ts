import type { Queryable, Transaction } from '../../database/database.ts';
import { statement } from '../../database/statement.ts';
import type { Direction } from '../labels/direction.ts';
import type { LockedType } from '../link-types/locked-types.store.ts';
import { SHARED_GATE } from '../organisations/organisations.store.ts';
import { FRESH_POSITION } from '../topological-order/topological-order.store.ts';
import type { LinkEnds, LinkOrigin, VersionedLink, WrittenLink } from './link-writes.store.ts';

/**
 * Explicit locks of links, and the checks and writes of a transaction that has locked everything they depend on
 * (`lockTypesOf`). In a distributed database, each of these statements is one task on one node.
 */

const INSERT_POSITIONS = statement<'orgId' | 'linkTypeId' | 'inwardIssueId' | 'outwardIssueId'>(
  'insert_positions',
  `
  insert into topological_order (org_id, link_type_id, issue_id, position)
  values (:orgId, :linkTypeId, :inwardIssueId, -${FRESH_POSITION}), (:orgId, :linkTypeId, :outwardIssueId, ${FRESH_POSITION})
  on conflict on constraint topological_order_pkey do nothing`,
);

/** Gives the ends of a link of an acyclic type a position beyond all others, where they have none. */
async function insertPositions(db: Transaction, orgId: string, ends: LinkEnds): Promise<void> {
  const { linkTypeId, inwardIssueId, outwardIssueId } = ends;
  // The constraint refuses a link of an issue to itself.
  if (inwardIssueId === outwardIssueId) return;
  await db.query(INSERT_POSITIONS({ orgId, linkTypeId, inwardIssueId, outwardIssueId }));
}

/** The columns that the row of a link copies from its type and its organisation. */
type Copied = keyof ReturnType<typeof copiesOf>;

const INSERT_LOCKED_LINK = statement<'orgId' | keyof LinkEnds | keyof LinkOrigin | Copied, WrittenLink>(
  'insert_locked_link',
  `
  insert into links (org_id, link_type_id, is_symmetric, is_antisymmetric, is_acyclic, single_end, shares_label,
    one_link_per_pair, inward_issue_id, outward_issue_id, first_end, created_by, updated_by, created_at, updated_at)
  values (:orgId, :linkTypeId, :isSymmetric, :isAntisymmetric, :isAcyclic, :singleEnd, :sharesLabel,
    :oneLinkPerPair, :inwardIssueId, :outwardIssueId, :firstEnd, :createdBy, :updatedBy,
    coalesce(:createdAt, now()), coalesce(:updatedAt, :createdAt, now()))
  returning link_id, version, created_at, updated_at`,
);

/** Inserts a link, without its events. */
export async function insertLockedLink(
  db: Transaction,
  orgId: string,
  type: LockedType,
  ends: LinkEnds,
  origin: LinkOrigin,
): Promise<WrittenLink> {
  if (type.is_acyclic) await insertPositions(db, orgId, ends);
  const [row] = await db.query(INSERT_LOCKED_LINK({ orgId, ...ends, ...origin, ...copiesOf(type) }));
  return row as WrittenLink;
}

const UPDATE_LOCKED_LINK = statement<
  'orgId' | 'userId' | 'linkId' | 'seenVersion' | keyof LinkEnds | Copied,
  WrittenLink
>(
  'update_locked_link',
  `
  update links
  set link_type_id = :linkTypeId, is_symmetric = :isSymmetric, is_antisymmetric = :isAntisymmetric,
    is_acyclic = :isAcyclic, single_end = :singleEnd, shares_label = :sharesLabel, one_link_per_pair = :oneLinkPerPair,
    inward_issue_id = :inwardIssueId, outward_issue_id = :outwardIssueId, first_end = :firstEnd,
    updated_by = :userId, updated_at = greatest(now(), created_at), version = version + 1
  where org_id = :orgId and link_id = :linkId and version = :seenVersion
  returning link_id, version, created_at, updated_at`,
);

/** Changes a link in place and raises its version, without its events. Undefined if the link is not as seen. */
export async function updateLockedLink(
  db: Transaction,
  { orgId, userId }: { readonly orgId: string; readonly userId: number },
  type: LockedType,
  seen: VersionedLink,
  ends: LinkEnds,
): Promise<WrittenLink | undefined> {
  if (type.is_acyclic) await insertPositions(db, orgId, ends);
  const [row] = await db.query(
    UPDATE_LOCKED_LINK({
      orgId,
      userId,
      linkId: seen.link_id,
      seenVersion: seen.version,
      ...ends,
      ...copiesOf(type),
    }),
  );
  return row;
}

const DELETE_LOCKED_LINK = statement<'orgId' | 'linkId' | 'seenVersion', WrittenLink>(
  'delete_locked_link',
  `
  delete from links where org_id = :orgId and link_id = :linkId and version = :seenVersion
  returning link_id, version, created_at, updated_at`,
);

/** Deletes a link, without its events. Undefined if it is not as seen. */
export async function deleteLockedLink(
  db: Transaction,
  orgId: string,
  seen: VersionedLink,
): Promise<WrittenLink | undefined> {
  const [row] = await db.query(DELETE_LOCKED_LINK({ orgId, linkId: seen.link_id, seenVersion: seen.version }));
  return row;
}

function copiesOf(type: LockedType) {
  return {
    isSymmetric: type.is_symmetric,
    isAntisymmetric: type.is_antisymmetric,
    isAcyclic: type.is_acyclic,
    singleEnd: type.single_end,
    sharesLabel: type.shares_label,
    oneLinkPerPair: type.one_link_per_pair,
  };
}

const LOCK_LINK = statement<'orgId' | 'linkId'>(
  'lock_link',
  `
  with ${SHARED_GATE}
  select
  from gate
  cross join links
  where links.org_id = :orgId and links.link_id = :linkId
  for update of links`,
);

/** Locks a link, if it exists, against concurrent changes; everything that it depends on must already be locked. */
export async function lockLink(db: Transaction, orgId: string, linkId: number): Promise<void> {
  await db.query(LOCK_LINK({ orgId, linkId }));
}

const LOCK_SINGLE_LINK = { inward: lockSingleLinkAt('inward'), outward: lockSingleLinkAt('outward') };

function lockSingleLinkAt(end: Direction) {
  return statement<'orgId' | 'linkTypeId' | 'issueId', VersionedLink>(
    `lock_single_link_${end}`,
    `
    select link_id, link_type_id, inward_issue_id, outward_issue_id, first_end, version
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
): Promise<VersionedLink | undefined> {
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

const FIND_SAME_LABEL = statement<
  'orgId' | 'linkTypeId' | 'inwardIssueId' | 'outwardIssueId' | 'linkId',
  { link_id: number }
>(
  'find_same_label',
  `
  select links.link_id
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

/** The link_id of a link other than `linkId` that has one of the type's labels at the same end of the same two issues. */
export async function findSameLabel(
  db: Queryable,
  orgId: string,
  link: {
    readonly linkId: number | undefined;
    readonly linkTypeId: string;
    readonly inwardIssueId: number;
    readonly outwardIssueId: number;
  },
): Promise<number | undefined> {
  const [row] = await db.query(
    FIND_SAME_LABEL({
      orgId,
      linkTypeId: link.linkTypeId,
      inwardIssueId: link.inwardIssueId,
      outwardIssueId: link.outwardIssueId,
      linkId: link.linkId,
    }),
  );
  return row?.link_id;
}

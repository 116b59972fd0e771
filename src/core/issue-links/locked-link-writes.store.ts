import type { Transaction } from '../../database/database.ts';
import { statement } from '../../database/statement.ts';
import type { LockedType } from '../link-types/link-types.store.ts';
import { FRESH_POSITION } from '../topological-order/topological-order.store.ts';
import type { LinkEnds, LinkOrigin, VersionedLink, WrittenLink } from './link-writes.store.ts';

/**
 * Writes of links in a transaction that has locked everything they depend on (`lockTypesOf`). In a distributed database,
 * each of these statements is one task on one node.
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

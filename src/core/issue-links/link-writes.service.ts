import { ConcurrentChange, type Database, type Queryable, type Transaction } from '../../database/database.ts';
import { onConstraint } from '../../database/database-error.ts';
import { DomainError } from '../../errors.ts';
import { texts } from '../../texts.ts';
import type { Viewer } from '../access/viewer.ts';
import { insertEvents } from '../events/events.store.ts';
import { type AccessibleIssue, selectVisibleNames } from '../issues/issue-access.ts';
import { type Direction, opposite } from '../labels/direction.ts';
import { lockTypesOfLabels } from '../link-types/link-types.store.ts';
import { type LockedType, lockForLinks } from '../link-types/locked-types.store.ts';
import { putInOrder } from '../topological-order/topological-order.service.ts';
import { lockOrder } from '../topological-order/topological-order.store.ts';
import { directionAt, linkEvents, objectAt } from './link-events.ts';
import {
  deleteLink,
  deleteLinksOf,
  deleteLinksOfLabel,
  findDuplicate,
  insertLink,
  type LinkEnds,
  type LinkOrigin,
  updateLink,
  type VersionedLink,
  type WrittenLink,
} from './link-writes.store.ts';
import {
  deleteLockedLink,
  findSameLabel,
  insertLockedLink,
  lockLink,
  lockPair,
  lockSingleLink,
  updateLockedLink,
} from './locked-link-writes.store.ts';

/**
 * Writes links between issues, for both APIs. Database constraints enforce most rules. Two need a query under a lock:
 * the order of an acyclic type, and duplicates through types that share a label. Every write records its events.
 */

/** An issue at one end of a link, with the key that error messages use. */
type LinkEnd = Pick<AccessibleIssue, 'id' | 'key' | 'mayWrite'>;

/** A link to be written, from the point of view of the issue that it is written for. */
export interface LinkWrite {
  readonly linkTypeId: string;
  readonly issue: LinkEnd;
  readonly direction: Direction;
  readonly object: LinkEnd;
}

/** A link before and after a write: it is created if it was not there before, and deleted if it is not there after. */
export interface LinkChange {
  readonly before: VersionedLink | undefined;
  readonly after: LinkWrite | undefined;
}

/** What a request amounts to, after reading what it is about: one of the three. */
export interface LinkPlan {
  readonly change?: LinkChange;
  /** The link, if it is already as requested. */
  readonly unchanged?: WrittenLink;
  /** Writes what must be there before the change can be planned: the type of a pair of labels. */
  readonly prepare?: (db: Transaction) => Promise<unknown>;
}

/** The plan that was carried out, and what became of the link. */
interface Outcome<Plan> {
  readonly plan: Plan;
  readonly written: WrittenLink;
}

/**
 * Plans a write and carries it out. The first attempt sends a single statement, which writes everything or nothing. If it
 * writes nothing, and no such link is there already, a transaction plans again and locks everything that the write may
 * need. A transaction that is under way makes no such attempt, whose locks it would keep in another order. Nor is there one
 * with Citus, which would take the statement apart. Throws `refused` with the rule that the link would break.
 */
export async function writeLink<Plan extends LinkPlan>(
  db: Database,
  viewer: Viewer,
  plan: (db: Queryable) => Promise<Plan>,
  origin: LinkOrigin = originNow(viewer),
): Promise<Outcome<Plan>> {
  if (db.prefersOneStatement) {
    const planned = await plan(db);
    const written = planned.unchanged ?? (planned.change && (await writeAtOnce(db, viewer, planned.change, origin)));
    if (written) return { plan: planned, written };
  }
  return await db.transaction((transaction) => writeUnderLocks(transaction, viewer, plan, origin));
}

async function writeUnderLocks<Plan extends LinkPlan>(
  db: Transaction,
  viewer: Viewer,
  plan: (db: Queryable) => Promise<Plan>,
  origin: LinkOrigin,
): Promise<Outcome<Plan>> {
  let planned = await plan(db);
  if (planned.prepare) {
    await planned.prepare(db);
    planned = await plan(db);
  }
  const { before, after } = planned.change ?? {};
  const types = await lockTypesOf(db, viewer, after ? [after] : []);
  if (before) {
    await lockLink(db, viewer.orgId, before.link_id);
    planned = await plan(db);
    const { after: changed } = planned.change ?? {};
    // A concurrent change made the request one of another type or issue, which is not locked.
    if (changed && !isSameWrite(changed, after)) throw new ConcurrentChange();
  }
  if (planned.change) await deleteHiddenSingle(db, viewer, types, planned.change);
  const written =
    planned.unchanged ?? (planned.change && (await writeLockedLink(db, viewer, types, planned.change, origin)));
  if (written === undefined) throw new ConcurrentChange();
  return { plan: planned, written };
}

/**
 * Deletes the link that is in the place of this one, at an end that may have only one, if the viewer may change the issue
 * there but not see the other one: a refusal would reveal it.
 */
async function deleteHiddenSingle(
  db: Transaction,
  viewer: Viewer,
  types: ReadonlyMap<string, LockedType>,
  { before, after }: LinkChange,
): Promise<void> {
  if (after === undefined) return;
  const end = types.get(after.linkTypeId)?.single_end ?? 'none';
  if (end === 'none') return;
  const { id, mayWrite } = end === after.direction ? after.issue : after.object;
  const single = mayWrite ? await lockSingleLink(db, viewer.orgId, after.linkTypeId, id, end) : undefined;
  if (single === undefined || single.link_id === before?.link_id) return;
  const visible = await selectVisibleNames(db, viewer, [objectAt(single, id)]);
  if (visible.size === 0) await writeLockedLink(db, viewer, types, { before: single, after: undefined });
}

function isSameWrite(one: LinkWrite, other: LinkWrite | undefined): boolean {
  return one.linkTypeId === other?.linkTypeId && one.issue.id === other.issue.id && one.object.id === other.object.id;
}

/**
 * Locks everything that links depend on, before any link is locked or written (decision 8). The result omits types that
 * do not exist.
 */
export async function lockTypesOf(
  db: Transaction,
  { orgId }: Viewer,
  links: readonly Pick<LinkWrite, 'linkTypeId' | 'issue' | 'object'>[],
): Promise<ReadonlyMap<string, LockedType>> {
  if (links.length === 0) return new Map();
  const issueIds = links.flatMap(({ issue, object }) => [issue.id, object.id]);
  const linkTypeIds = links.map(({ linkTypeId }) => linkTypeId);
  const locked = await lockForLinks(db, orgId, linkTypeIds, issueIds);
  const types = new Map(locked.map((type) => [type.link_type_id, type]));
  for (const { is_acyclic, link_type_id } of locked) if (is_acyclic) await lockOrder(db, orgId, link_type_id);
  const pairs = links
    .filter(({ linkTypeId }) => types.get(linkTypeId)?.shares_label)
    .map(({ issue, object }) => [Math.min(issue.id, object.id), Math.max(issue.id, object.id)] as const)
    .sort(([lowerA, higherA], [lowerB, higherB]) => lowerA - lowerB || higherA - higherB);
  for (const pair of pairs) await lockPair(db, orgId, pair);
  return types;
}

/**
 * Writes a link whose type and issues `lockTypesOf` has locked, as is the link itself if there was one before. Throws
 * `refused` with the rule that the link would break.
 */
export async function writeLockedLink(
  db: Transaction,
  viewer: Viewer,
  types: ReadonlyMap<string, LockedType>,
  change: LinkChange,
  origin: LinkOrigin = originNow(viewer),
): Promise<WrittenLink> {
  const { before, after } = change;
  const written = after
    ? await writeLockedRow(db, viewer, types, before, after, origin)
    : before && (await deleteLockedLink(db, viewer.orgId, before));
  if (written === undefined) throw new ConcurrentChange();
  const stored = after && storedLink(written.link_id, rowEndsOf(before, after));
  await insertEvents(db, viewer.orgId, viewer.userId, linkEvents(before, stored));
  if (after && types.get(after.linkTypeId)?.is_acyclic) await putInOrder(db, viewer, after.linkTypeId, endsOf(after));
  return written;
}

/** Inserts or updates the row of a link. Undefined if it is not as seen before. */
async function writeLockedRow(
  db: Transaction,
  viewer: Viewer,
  types: ReadonlyMap<string, LockedType>,
  before: VersionedLink | undefined,
  after: LinkWrite,
  origin: LinkOrigin,
): Promise<WrittenLink | undefined> {
  const type = types.get(after.linkTypeId);
  // The type has been removed meanwhile.
  if (type === undefined) throw new ConcurrentChange();
  if (type.shares_label) await refuseSameLabel(db, viewer, after, before?.link_id);
  const ends = rowEndsOf(before, after);
  return await translateLinkErrors(
    after,
    before ? updateLockedLink(db, viewer, type, before, ends) : insertLockedLink(db, viewer.orgId, type, ends, origin),
  );
}

/**
 * Writes a link with its events, with one statement. Undefined if that statement does not suffice. Throws `refused` if the
 * issues have such a link already.
 */
async function writeAtOnce(
  db: Database,
  viewer: Viewer,
  { before, after }: LinkChange,
  origin: LinkOrigin,
): Promise<WrittenLink | undefined> {
  const { orgId, userId } = viewer;
  if (after === undefined) {
    return before && (await deleteLink(db, { orgId, userId, events: linkEvents(before, undefined) }, before));
  }
  const ends = rowEndsOf(before, after);
  const events = linkEvents(before, storedLink(before?.link_id, ends));
  if (before === undefined) {
    const inserted = await insertLink(db, orgId, { ...ends, ...origin, userId, events });
    if (inserted) return inserted;
    // Clients that repeat their links are refused before they make others wait for the order of an acyclic type.
    const duplicate = await findDuplicate(db, orgId, ends);
    if (duplicate !== undefined) throw alreadyLinked(after, duplicate);
    return undefined;
  }
  return await translateLinkErrors(after, updateLink(db, { orgId, userId, events }, before, ends));
}

function rowEndsOf(before: VersionedLink | undefined, after: LinkWrite): LinkEnds {
  return { linkTypeId: after.linkTypeId, ...endsOf(after), firstEnd: firstEndOf(before, after) };
}

/** The end of the issue that the link was created from, also after a change of the direction. */
function firstEndOf(before: VersionedLink | undefined, { issue, direction }: LinkWrite): Direction {
  const isFirst = before === undefined || directionAt(before, issue.id) === before.first_end;
  return isFirst ? direction : opposite(direction);
}

/** The row as it will be stored. The statement that inserts a link puts its new link_id into the events. */
function storedLink(linkId = 0, { linkTypeId, inwardIssueId, outwardIssueId, firstEnd }: LinkEnds) {
  return {
    link_id: linkId,
    link_type_id: linkTypeId,
    inward_issue_id: inwardIssueId,
    outward_issue_id: outwardIssueId,
    first_end: firstEnd,
  };
}

/** Deletes all links of locked issues that are about to be deleted; the issues at the other ends record the change. */
export async function deleteLinksOfIssues(db: Transaction, viewer: Viewer, issueIds: readonly number[]): Promise<void> {
  const deleted = await deleteLinksOf(db, viewer.orgId, issueIds);
  const removed = new Set(issueIds);
  const elsewhere = deleted
    .flatMap((link) => linkEvents(link, undefined))
    .filter(({ issueId }) => !removed.has(issueId));
  await insertEvents(db, viewer.orgId, viewer.userId, elsewhere);
}

/**
 * Deletes all links that have the label at one end, before the label itself is deleted; both issues record that. The
 * caller has locked the organisation for `rules`, so that none of these links can appear.
 */
export async function deleteLinksWithLabel(db: Transaction, viewer: Viewer, labelId: number): Promise<void> {
  await lockTypesOfLabels(db, viewer.orgId, [labelId]);
  const deleted = await deleteLinksOfLabel(db, viewer.orgId, labelId);
  const events = deleted.flatMap((link) => linkEvents(link, undefined));
  await insertEvents(db, viewer.orgId, viewer.userId, events);
}

export function originNow({ userId }: Viewer): LinkOrigin {
  return { createdBy: userId, updatedBy: userId, createdAt: undefined, updatedAt: undefined };
}

function endsOf({ direction, issue, object }: LinkWrite) {
  return direction === 'inward'
    ? { inwardIssueId: issue.id, outwardIssueId: object.id }
    : { inwardIssueId: object.id, outwardIssueId: issue.id };
}

/**
 * Throws `refused` if the issues already have a link with the same label at the same end, through a type that shares
 * the label. Constraints cannot see such a duplicate, since the types differ.
 */
async function refuseSameLabel(
  db: Queryable,
  { orgId }: Viewer,
  link: LinkWrite,
  linkId: number | undefined,
): Promise<void> {
  const same = await findSameLabel(db, orgId, { linkId, linkTypeId: link.linkTypeId, ...endsOf(link) });
  if (same !== undefined) throw alreadyLinked(link, same);
}

function alreadyLinked({ linkTypeId, issue, object }: LinkWrite, linkId?: number): DomainError {
  return new DomainError(
    'refused',
    texts.alreadyLinked(issue.key, object.key),
    {},
    {
      reason: 'already_linked',
      conflict: { issueId: issue.id, link: { linkTypeId, linkId, objectId: object.id } },
    },
  );
}

const SECOND: Readonly<Record<string, 'second_parent' | 'second_epic'>> = {
  subtask: 'second_parent',
  epic: 'second_epic',
};

/** Awaits a write, and translates violated constraints to `refused`. */
async function translateLinkErrors<Result>(link: LinkWrite, write: Promise<Result>): Promise<Result> {
  const { linkTypeId, issue, object, direction } = link;
  const linked = () => alreadyLinked(link);
  const secondSingle = (end: Direction) => () => {
    const single = end === direction ? issue : object;
    return new DomainError(
      'refused',
      texts.secondSingle(linkTypeId, single.key),
      {},
      {
        reason: SECOND[linkTypeId] ?? 'second_link',
        conflict: { issueId: single.id, link: { linkTypeId, direction: end } },
      },
    );
  };
  const selfLink = () =>
    new DomainError(
      'refused',
      texts.selfLink(issue.key),
      {},
      {
        reason: 'self_link',
        conflict: { issueId: issue.id },
      },
    );
  return await onConstraint(write, {
    links_pair_key: linked,
    links_ends_key: linked,
    links_unordered_ends_key: linked,
    links_single_inward_key: secondSingle('inward'),
    links_single_outward_key: secondSingle('outward'),
    links_self_check: selfLink,
    // An end was removed before it could be locked.
    links_inward_issue_id_fkey: () => new ConcurrentChange(),
    links_outward_issue_id_fkey: () => new ConcurrentChange(),
    topological_order_issue_id_fkey: () => new ConcurrentChange(),
  });
}

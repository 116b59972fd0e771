import { ConcurrentChange, type Queryable, type Transaction } from '../../database/database.ts';
import { onConstraint } from '../../database/database-error.ts';
import { DomainError } from '../../errors.ts';
import { texts } from '../../texts.ts';
import type { Viewer } from '../access/viewer.ts';
import { insertEvents, type LinkChange, type NewEvent } from '../events/events.store.ts';
import { selectVisibleKeys } from '../issues/issue-access.ts';
import type { Direction } from '../labels/direction.ts';
import { opposite } from '../labels/direction.ts';
import { lockLinkType } from '../link-types/link-types.store.ts';
import {
  type CopiedRules,
  deleteLink,
  deleteLinksOf,
  deleteLinksOfLabel,
  existsSameLabel,
  insertLink,
  lockEnds,
  lockPair,
  lockTypesOfLabel,
  type StoredLink,
  selectWay,
  updateLink,
} from './issue-links.store.ts';

/**
 * Writes of links under the rules of their types. Constraints hold every rule but one, whoever writes and from wherever;
 * cycles are looked for after the write, under a lock that all writers of the type take. Every write leaves its events.
 * All functions run in the caller's transaction.
 */

/** How many issues of a cycle a refusal names. */
const NAMED_ISSUES_MAX = 20;

/** An issue that stands at an end of a link, with the key that refusals call it by. */
export interface LinkEnd {
  readonly id: number;
  readonly key: string;
}

/** A link from the side of the issue that makes it. */
export interface LinkWrite {
  readonly type: CopiedRules;
  readonly issue: LinkEnd;
  readonly direction: Direction;
  readonly object: LinkEnd;
}

/** Who made and changed a link, and when: an import brings its own. */
export interface LinkOrigin {
  readonly createdBy: number;
  readonly updatedBy: number;
  readonly createdAt: Date | undefined;
  readonly updatedAt: Date | undefined;
}

export function madeNowBy({ userId }: Viewer): LinkOrigin {
  return { createdBy: userId, updatedBy: userId, createdAt: undefined, updatedAt: undefined };
}

/** Throws `refused`, saying which rule it was. */
export async function writeNewLink(
  db: Transaction,
  viewer: Viewer,
  link: LinkWrite,
  origin: LinkOrigin,
): Promise<StoredLink> {
  const ends = endsOf(link);
  // A new row would lock its ends itself, in whatever order they stand in it.
  await lockEnds(db, viewer.orgId, [link.issue.id, link.object.id]);
  await lockAcyclic(db, viewer, link);
  await refuseSameLabel(db, viewer, link, undefined);
  const stored = await refusing(
    link,
    insertLink(db, viewer.orgId, { ...link.type, ...ends, firstEnd: link.direction, ...origin }),
  );
  await refuseCycle(db, viewer, link);
  await insertEvents(db, viewer.orgId, viewer.userId, events(undefined, stored));
  return stored;
}

/** Gives a stored link another type, direction or object; the issue stays at its end, and the link keeps its id. */
export async function writeChangedLink(
  db: Transaction,
  viewer: Viewer,
  current: StoredLink,
  link: LinkWrite,
): Promise<StoredLink> {
  const wasFirst = directionAt(current, link.issue.id) === current.first_end;
  const firstEnd = wasFirst ? link.direction : opposite(link.direction);
  await lockAcyclic(db, viewer, link);
  await refuseSameLabel(db, viewer, link, current.link_id);
  const stored = await refusing(
    link,
    updateLink(db, viewer.orgId, current.link_id, {
      ...link.type,
      ...endsOf(link),
      firstEnd,
      updatedBy: viewer.userId,
    }),
  );
  if (stored === undefined) throw new DomainError('not_found', texts.linkNotFound);
  await refuseCycle(db, viewer, link);
  await insertEvents(db, viewer.orgId, viewer.userId, events(current, stored));
  return stored;
}

/** Throws `not_found` when somebody else was first. */
export async function writeNoLink(db: Transaction, viewer: Viewer, linkId: number): Promise<void> {
  const removed = await deleteLink(db, viewer.orgId, linkId);
  if (removed === undefined) throw new DomainError('not_found', texts.linkNotFound);
  await insertEvents(db, viewer.orgId, viewer.userId, events(removed, undefined));
}

/** Removes all links of issues that are about to go; the issues at their other ends note that. */
export async function writeNoLinks(db: Transaction, viewer: Viewer, issueIds: readonly number[]): Promise<void> {
  const removed = await deleteLinksOf(db, viewer.orgId, issueIds);
  const going = new Set(issueIds);
  const elsewhere = removed.flatMap((link) => events(link, undefined)).filter(({ issueId }) => !going.has(issueId));
  await insertEvents(db, viewer.orgId, viewer.userId, elsewhere);
}

/** Removes all links that carry a label at one of their ends, before the label goes itself; both issues note that. */
export async function writeNoLinksOfLabel(db: Transaction, viewer: Viewer, labelId: number): Promise<void> {
  // Links first and their types then, as those do who give a link another type; and once more those made in between.
  const removed = await deleteLinksOfLabel(db, viewer.orgId, labelId);
  await lockTypesOfLabel(db, viewer.orgId, labelId);
  const removedSince = await deleteLinksOfLabel(db, viewer.orgId, labelId);
  const removals = [...removed, ...removedSince].flatMap((link) => events(link, undefined));
  await insertEvents(db, viewer.orgId, viewer.userId, removals);
}

/** The end of a stored link at which the issue stands. */
export function directionAt(link: StoredLink, issueId: number): Direction {
  return link.inward_issue_id === issueId ? 'inward' : 'outward';
}

/** The issue at the other end. */
export function objectAt(link: StoredLink, issueId: number): number {
  return link.inward_issue_id === issueId ? link.outward_issue_id : link.inward_issue_id;
}

function endsOf({ direction, issue, object }: LinkWrite): { inwardIssueId: number; outwardIssueId: number } {
  return direction === 'inward'
    ? { inwardIssueId: issue.id, outwardIssueId: object.id }
    : { inwardIssueId: object.id, outwardIssueId: issue.id };
}

async function lockAcyclic(db: Transaction, { orgId }: Viewer, { type }: LinkWrite): Promise<void> {
  if (type.is_acyclic) await lockLinkType(db, orgId, type.link_type_id);
}

/**
 * Two types with a label in common are two types to every constraint, but the same label between the same issues is a
 * duplicate all the same. That a type has become such a one, a writer learns from the foreign key.
 */
async function refuseSameLabel(
  db: Transaction,
  { orgId }: Viewer,
  link: LinkWrite,
  linkId: number | undefined,
): Promise<void> {
  const { type, issue, object } = link;
  if (!type.shares_label) return;
  await lockPair(db, orgId, [issue.id, object.id]);
  if (await existsSameLabel(db, orgId, { linkId, linkTypeId: type.link_type_id, ...endsOf(link) })) {
    throw new DomainError('refused', texts.alreadyLinked(issue.key, object.key));
  }
}

/** Waits for a write, and says what a constraint means when it refuses. */
async function refusing<Result>(
  { type, issue, object, direction }: LinkWrite,
  write: Promise<Result>,
): Promise<Result> {
  const linked = new DomainError('refused', texts.alreadyLinked(issue.key, object.key));
  const single = direction === type.single_end ? issue : object;
  const secondSingle = new DomainError('refused', texts.secondSingle(type.link_type_id, single.key));
  return await onConstraint(write, {
    links_pair_key: linked,
    links_ends_key: linked,
    links_unordered_ends_key: linked,
    links_single_inward_key: secondSingle,
    links_single_outward_key: secondSingle,
    links_self_check: new DomainError('refused', texts.selfLink(issue.key)),
    links_inward_issue_id_fkey: new DomainError('not_found', texts.issueNotFound),
    links_outward_issue_id_fkey: new DomainError('not_found', texts.issueNotFound),
    // The rules changed between our look at them and the write: look again.
    links_link_type_id_fkey: new ConcurrentChange(),
    links_one_link_per_pair_fkey: new ConcurrentChange(),
  });
}

/** Throws `refused`, with the keys along the way, when the link just written closes a cycle. */
async function refuseCycle(db: Queryable, viewer: Viewer, { type, ...link }: LinkWrite): Promise<void> {
  if (!type.is_acyclic) return;
  const { inwardIssueId, outwardIssueId } = endsOf({ type, ...link });
  const walk = type.single_end === 'outward' ? 'inward' : 'outward';
  const reached = await selectWay(db, viewer.orgId, type.link_type_id, outwardIssueId, inwardIssueId, walk);
  if (reached.length === 0) return;
  const cycle = [inwardIssueId, ...shortestWay(reached, outwardIssueId, inwardIssueId)];
  const keys = await selectVisibleKeys(db, viewer, cycle);
  const names = cycle.map((issueId) => keys.get(issueId) ?? '…');
  const shown = names.length > NAMED_ISSUES_MAX ? [...names.slice(0, NAMED_ISSUES_MAX - 2), '…', names.at(-1)] : names;
  throw new DomainError('refused', texts.cycle(type.link_type_id, shown.join(' → ')));
}

/** Breadth first; `links` are known to lead there. */
function shortestWay(links: readonly { inward: number; outward: number }[], from: number, to: number): number[] {
  const next = new Map<number, number[]>();
  for (const { inward, outward } of links) {
    const others = next.get(inward);
    if (others) others.push(outward);
    else next.set(inward, [outward]);
  }
  const cameFrom = new Map<number, number>();
  const queue = [from];
  for (const issue of queue) {
    if (issue === to) break;
    for (const neighbour of next.get(issue) ?? []) {
      if (neighbour === from || cameFrom.has(neighbour)) continue;
      cameFrom.set(neighbour, issue);
      queue.push(neighbour);
    }
  }
  const way = [to];
  for (let issue: number | undefined = to; issue !== undefined && issue !== from; ) {
    issue = cameFrom.get(issue);
    if (issue !== undefined) way.unshift(issue);
  }
  return way;
}

/** One event for each issue that a change touched, in the order of issue numbers. */
function events(before: StoredLink | undefined, after: StoredLink | undefined): NewEvent[] {
  const issues = new Set(
    [before, after].flatMap((link) => (link ? [link.inward_issue_id, link.outward_issue_id] : [])),
  );
  return [...issues]
    .sort((left, right) => left - right)
    .flatMap((issueId) => {
      const from = changeAt(before, issueId);
      const to = changeAt(after, issueId);
      if (JSON.stringify(from) === JSON.stringify(to)) return [];
      const type = from && to ? 'IssueLinkChanged' : to ? 'IssueLinked' : 'IssueUnlinked';
      return [{ issueId, type, changes: { links: [{ from, to }] } } as const];
    });
}

function changeAt(link: StoredLink | undefined, issueId: number): LinkChange | null {
  if (link === undefined || (link.inward_issue_id !== issueId && link.outward_issue_id !== issueId)) return null;
  return {
    link_id: link.link_id,
    link_type_id: link.link_type_id,
    direction: directionAt(link, issueId),
    object_id: objectAt(link, issueId),
  };
}

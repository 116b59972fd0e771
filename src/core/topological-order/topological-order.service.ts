import type { Transaction } from '../../database/database.ts';
import { DomainError } from '../../errors.ts';
import { texts } from '../../texts.ts';
import type { Viewer } from '../access/viewer.ts';
import { selectVisibleNames } from '../issues/issue-access.ts';
import type { Direction } from '../labels/direction.ts';
import {
  type Ends,
  insertOrder,
  lockOrderOf,
  moveIssues,
  selectDisplaced,
  selectLinksAmong,
  selectLinksOfType,
} from './topological-order.store.ts';
import { type Edge, sortTopologically } from './topological-sort.ts';

/**
 * The topological order of an acyclic type's links (decision 10), maintained much as by Pearce and Kelly (2006). A link
 * whose ends are in order closes no cycle.
 */

/** The maximum number of a cycle's issues in an error message. */
const NAMED_ISSUES_MAX = 20;

/** How many issues of each side the first search finds. Each further one finds twice as many. */
const FIRST_LIMIT = 100;

/** The issues on one side of a link that is out of order, from the link's end outwards. */
interface Side {
  readonly end: Direction;
  readonly issueIds: readonly number[];
  /** The position of the link's other end, beyond which the side must move. */
  readonly beyond: number;
}

/**
 * Puts the ends of a link that was just written in order; both have a position. Throws `refused` with the keys of the
 * cycle if the link closes one. The caller has locked the order, so that no other transaction changes it before it can
 * see the link.
 */
export async function putInOrder(db: Transaction, viewer: Viewer, linkTypeId: string, ends: Ends): Promise<void> {
  const { orgId } = viewer;
  const locked = new Set<number>();
  let isWhole = false;
  for (;;) {
    const side = await findSmallerSide(db, orgId, linkTypeId, ends, isWhole);
    if (side === undefined) return;
    const { end, issueIds, beyond } = side;
    if (issueIds.includes(end === 'outward' ? ends.inwardIssueId : ends.outwardIssueId)) {
      throw await cycleError(db, viewer, linkTypeId, ends, issueIds);
    }
    const missing = issueIds.filter((issueId) => !locked.has(issueId));
    if (missing.length > 0) {
      await lockOrderOf(db, orgId, linkTypeId, missing);
      for (const issueId of missing) locked.add(issueId);
      // Search again: a link that was written before these locks were granted may lead to more issues.
      continue;
    }
    if (await moveIssues(db, orgId, linkTypeId, end, { issueIds, position: beyond, isWhole })) return;
    // There is no room before the next issue. The whole side can always move.
    isWhole = true;
  }
}

/** The smaller side of a link, or the one that is found first. Undefined if the link is in order. */
async function findSmallerSide(
  db: Transaction,
  orgId: string,
  linkTypeId: string,
  ends: Ends,
  isWhole: boolean,
): Promise<Side | undefined> {
  for (let limit = FIRST_LIMIT; ; limit *= 2) {
    const displaced = await selectDisplaced(db, orgId, linkTypeId, ends, { isWhole, limit });
    const positionOf = new Map(displaced.map(({ issue_id, position }) => [issue_id, position]));
    const [upper, lower] = [positionOf.get(ends.inwardIssueId), positionOf.get(ends.outwardIssueId)];
    if (upper === undefined || lower === undefined) return undefined;
    const outward = displaced
      .filter(({ side }) => side === 'outward')
      .sort((one, other) => one.position - other.position);
    const inward = displaced
      .filter(({ side }) => side === 'inward')
      .sort((one, other) => other.position - one.position);
    const [smaller, end, beyond] =
      outward.length <= inward.length ? ([outward, 'outward', upper] as const) : ([inward, 'inward', lower] as const);
    if (smaller.length < limit) return { end, beyond, issueIds: smaller.map(({ issue_id }) => issue_id) };
  }
}

/** Stores the first order of a type. Returns the links of a cycle instead if there is one. */
export async function computeOrder(db: Transaction, orgId: string, linkTypeId: string) {
  const { order, cycle } = sortTopologically(await selectLinksOfType(db, orgId, linkTypeId));
  if (cycle.length === 0) await insertOrder(db, orgId, linkTypeId, order);
  return cycle;
}

async function cycleError(
  db: Transaction,
  viewer: Viewer,
  linkTypeId: string,
  { inwardIssueId, outwardIssueId }: Ends,
  reached: readonly number[],
): Promise<DomainError> {
  const links = await selectLinksAmong(db, viewer.orgId, linkTypeId, reached);
  const cycle = [inwardIssueId, ...shortestPath(links, outwardIssueId, inwardIssueId)];
  const visible = await selectVisibleNames(db, viewer, cycle);
  const names = cycle.map((issueId) => visible.get(issueId) ?? null);
  const last = names.at(-1) ?? null;
  const shown = names.length > NAMED_ISSUES_MAX ? [...names.slice(0, NAMED_ISSUES_MAX - 2), null, last] : names;
  const keys = shown.map((name) => name?.key ?? '…').join(' → ');
  return new DomainError('refused', texts.cycle(linkTypeId, keys), {}, { reason: 'cycle', details: { cycle: shown } });
}

/** A breadth-first search; `links` must contain a path. */
function shortestPath(links: readonly Edge[], from: number, to: number): number[] {
  const next = new Map<number, number[]>();
  for (const { inward_issue_id, outward_issue_id } of links) {
    const others = next.get(inward_issue_id);
    if (others) others.push(outward_issue_id);
    else next.set(inward_issue_id, [outward_issue_id]);
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
  const path = [to];
  for (let issue: number | undefined = to; issue !== undefined && issue !== from; ) {
    issue = cameFrom.get(issue);
    if (issue !== undefined) path.unshift(issue);
  }
  return path;
}

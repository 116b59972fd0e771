import type { Transaction } from '../../database/database.ts';
import { DomainError } from '../../errors.ts';
import { texts } from '../../texts.ts';
import type { Viewer } from '../access/viewer.ts';
import { selectVisibleKeys } from '../issues/issue-access.ts';
import {
  type Displaced,
  insertOrder,
  lockOrderOf,
  reorder,
  selectDisplaced,
  selectLinksAmong,
  selectLinksOfType,
} from './topological-order.store.ts';
import { type Edge, sortTopologically } from './topological-sort.ts';

/**
 * The topological order of an acyclic type's links (decision 10), maintained by the algorithm of Pearce and Kelly (2006).
 * A link whose ends are in order closes no cycle.
 */

/** The maximum number of a cycle's issues in an error message. */
const NAMED_ISSUES_MAX = 20;

/**
 * Puts the ends of a link that was just written in order; both have a position. Throws `refused` with the keys of the
 * cycle if the link closes one. The caller has locked the order, so that nobody else changes it until the link is
 * visible to them.
 */
export async function putInOrder(
  db: Transaction,
  viewer: Viewer,
  linkTypeId: string,
  ends: { readonly inwardIssueId: number; readonly outwardIssueId: number },
): Promise<void> {
  const locked = new Set<number>();
  for (;;) {
    const displaced = await selectDisplaced(db, viewer.orgId, linkTypeId, ends);
    if (displaced.length === 0) return;
    await refuseCycle(db, viewer, linkTypeId, ends, displaced);
    const missing = displaced.map(({ issue_id }) => issue_id).filter((issueId) => !locked.has(issueId));
    if (missing.length === 0) {
      await reorder(db, viewer.orgId, linkTypeId, [...sideOf(displaced, 'inward'), ...sideOf(displaced, 'outward')]);
      return;
    }
    await lockOrderOf(db, viewer.orgId, linkTypeId, missing);
    for (const issueId of missing) locked.add(issueId);
    // Search again: a link that was written before these locks were granted may lead to more issues.
  }
}

/** Stores the order of a type that has none yet. Returns the links of a cycle instead if there is one. */
export async function computeOrder(db: Transaction, orgId: string, linkTypeId: string) {
  const { order, cycle } = sortTopologically(await selectLinksOfType(db, orgId, linkTypeId));
  if (cycle.length === 0) await insertOrder(db, orgId, linkTypeId, order);
  return cycle;
}

/** The issues of one side, in their current order. */
function sideOf(displaced: readonly Displaced[], side: Displaced['side']): number[] {
  return displaced
    .filter((issue) => issue.side === side)
    .sort((left, right) => left.position - right.position)
    .map(({ issue_id }) => issue_id);
}

async function refuseCycle(
  db: Transaction,
  viewer: Viewer,
  linkTypeId: string,
  { inwardIssueId, outwardIssueId }: { readonly inwardIssueId: number; readonly outwardIssueId: number },
  displaced: readonly Displaced[],
): Promise<void> {
  const reached = sideOf(displaced, 'outward');
  if (!reached.includes(inwardIssueId)) return;
  const links = await selectLinksAmong(db, viewer.orgId, linkTypeId, reached);
  const cycle = [inwardIssueId, ...shortestPath(links, outwardIssueId, inwardIssueId)];
  const keys = await selectVisibleKeys(db, viewer, cycle);
  const names = cycle.map((issueId) => keys.get(issueId) ?? '…');
  const shown = names.length > NAMED_ISSUES_MAX ? [...names.slice(0, NAMED_ISSUES_MAX - 2), '…', names.at(-1)] : names;
  throw new DomainError('refused', texts.cycle(linkTypeId, shown.join(' → ')));
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

import type { Queryable } from '../../database/database.ts';
import { DomainError } from '../../errors.ts';
import { texts } from '../../texts.ts';
import type { Viewer } from '../access/viewer.ts';
import { selectVisibleKeys } from '../issues/issue-access.ts';
import type { CopiedRules } from '../link-types/link-types.store.ts';
import { selectPath } from './issue-links.store.ts';

/** The maximum number of a cycle's issues in an error message. */
const NAMED_ISSUES_MAX = 20;

/**
 * Throws `refused` with the keys of the cycle if the link that was just written closes one. The caller holds the lock
 * of the acyclic type.
 */
export async function refuseCycle(
  db: Queryable,
  viewer: Viewer,
  type: CopiedRules,
  { inwardIssueId, outwardIssueId }: { readonly inwardIssueId: number; readonly outwardIssueId: number },
): Promise<void> {
  const direction = type.single_end === 'outward' ? 'inward' : 'outward';
  const reached = await selectPath(db, viewer.orgId, type.link_type_id, outwardIssueId, inwardIssueId, direction);
  if (reached.length === 0) return;
  const cycle = [inwardIssueId, ...shortestPath(reached, outwardIssueId, inwardIssueId)];
  const keys = await selectVisibleKeys(db, viewer, cycle);
  const names = cycle.map((issueId) => keys.get(issueId) ?? '…');
  const shown = names.length > NAMED_ISSUES_MAX ? [...names.slice(0, NAMED_ISSUES_MAX - 2), '…', names.at(-1)] : names;
  throw new DomainError('refused', texts.cycle(type.link_type_id, shown.join(' → ')));
}

/** A breadth-first search; `links` must contain a path. */
function shortestPath(links: readonly { inward: number; outward: number }[], from: number, to: number): number[] {
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
  const path = [to];
  for (let issue: number | undefined = to; issue !== undefined && issue !== from; ) {
    issue = cameFrom.get(issue);
    if (issue !== undefined) path.unshift(issue);
  }
  return path;
}

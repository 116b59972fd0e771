/** A directed edge from the inward to the outward issue. */
export interface Edge {
  readonly inward_issue_id: number;
  readonly outward_issue_id: number;
}

/**
 * Sorts the issues of the links such that each link leads to a later issue. If links form a cycle, returns the links of
 * one, in order, and the order ends before the issues on and behind cycles. Takes time linear in the number of links.
 */
export function sortTopologically<Link extends Edge>(links: readonly Link[]): { order: number[]; cycle: Link[] } {
  const arriving = new Map<number, Set<Link>>();
  const leaving = new Map<number, Link[]>();
  for (const link of links) {
    arriving.set(link.outward_issue_id, (arriving.get(link.outward_issue_id) ?? new Set()).add(link));
    const others = leaving.get(link.inward_issue_id);
    if (others) others.push(link);
    else leaving.set(link.inward_issue_id, [link]);
  }
  // Issues without incoming links are on no cycle. Removing them may leave other issues without incoming links.
  const order = [...leaving.keys()].filter((issue) => !arriving.has(issue));
  for (const issue of order) {
    for (const link of leaving.get(issue) ?? []) {
      const others = arriving.get(link.outward_issue_id);
      others?.delete(link);
      if (others?.size === 0) {
        arriving.delete(link.outward_issue_id);
        order.push(link.outward_issue_id);
      }
    }
  }
  // Each remaining issue has an incoming link, so following these backwards must revisit an issue.
  const [start] = arriving.keys();
  const path: Link[] = [];
  const places = new Map<number, number>();
  for (let issue = start; issue !== undefined; ) {
    const place = places.get(issue);
    if (place !== undefined) return { order, cycle: path.slice(place).reverse() };
    places.set(issue, path.length);
    const [link] = arriving.get(issue) ?? [];
    if (link === undefined) break;
    path.push(link);
    issue = link.inward_issue_id;
  }
  return { order, cycle: [] };
}

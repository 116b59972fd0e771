/** A directed edge from the inward to the outward issue. */
interface Edge {
  readonly inward_issue_id: number;
  readonly outward_issue_id: number;
}

/** Returns the links of one cycle, in order, or an empty array. Takes time linear in the number of links. */
export function findCycle<Link extends Edge>(links: readonly Link[]): Link[] {
  const arriving = new Map<number, Set<Link>>();
  const leaving = new Map<number, Link[]>();
  for (const link of links) {
    arriving.set(link.outward_issue_id, (arriving.get(link.outward_issue_id) ?? new Set()).add(link));
    const others = leaving.get(link.inward_issue_id);
    if (others) others.push(link);
    else leaving.set(link.inward_issue_id, [link]);
  }
  // Issues without incoming links are on no cycle. Removing them may leave other issues without incoming links.
  const unreached = [...leaving.keys()].filter((issue) => !arriving.has(issue));
  for (const issue of unreached) {
    for (const link of leaving.get(issue) ?? []) {
      const others = arriving.get(link.outward_issue_id);
      others?.delete(link);
      if (others?.size === 0) {
        arriving.delete(link.outward_issue_id);
        unreached.push(link.outward_issue_id);
      }
    }
  }
  // Each remaining issue has an incoming link, so following these backwards must revisit an issue.
  const [start] = arriving.keys();
  const path: Link[] = [];
  const places = new Map<number, number>();
  for (let issue = start; issue !== undefined; ) {
    const place = places.get(issue);
    if (place !== undefined) return path.slice(place).reverse();
    places.set(issue, path.length);
    const [link] = arriving.get(issue) ?? [];
    if (link === undefined) break;
    path.push(link);
    issue = link.inward_issue_id;
  }
  return [];
}

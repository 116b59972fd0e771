/** A link as an arrow from its inward to its outward end. */
interface Arrow {
  readonly inward_issue_id: number;
  readonly outward_issue_id: number;
}

/** The links of one cycle, in order, or none when there is no cycle. Takes time in proportion to the number of links. */
export function findCycle<Link extends Arrow>(links: readonly Link[]): Link[] {
  const arriving = new Map<number, Set<Link>>();
  const leaving = new Map<number, Link[]>();
  for (const link of links) {
    arriving.set(link.outward_issue_id, (arriving.get(link.outward_issue_id) ?? new Set()).add(link));
    const others = leaving.get(link.inward_issue_id);
    if (others) others.push(link);
    else leaving.set(link.inward_issue_id, [link]);
  }
  // Issues that nothing leads to are on no cycle; without them, others are left that nothing leads to.
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
  // Something leads to each issue that is left: going back, sooner or later one is met again.
  const [start] = arriving.keys();
  const way: Link[] = [];
  const places = new Map<number, number>();
  for (let issue = start; issue !== undefined; ) {
    const place = places.get(issue);
    if (place !== undefined) return way.slice(place).reverse();
    places.set(issue, way.length);
    const [link] = arriving.get(issue) ?? [];
    if (link === undefined) break;
    way.push(link);
    issue = link.inward_issue_id;
  }
  return [];
}

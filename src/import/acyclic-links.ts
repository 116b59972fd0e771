/** The links of one acyclic type that have been read: for each issue, the issues that links lead to, and come from. */
export class AcyclicLinks {
  readonly #leaving = new Map<number, number[]>();
  readonly #arriving = new Map<number, number[]>();

  /** Adds the link, and returns true, unless it would close a cycle. */
  add(from: number, to: number): boolean {
    if (from === to || this.#reaches(to, from)) return false;
    append(this.#leaving, from, to);
    append(this.#arriving, to, from);
    return true;
  }

  /** Searches from both ends by turns, so that it costs no more than twice the smaller side. */
  #reaches(from: number, to: number): boolean {
    const forward = new Set([from]);
    const backward = new Set([to]);
    const searches = [search(this.#leaving, forward), search(this.#arriving, backward)] as const;
    for (;;) {
      for (const [place, one] of searches.entries()) {
        const { value, done } = one.next();
        if (done) return false;
        if ((place === 0 ? backward : forward).has(value)) return true;
      }
    }
  }
}

/** Adds the issues that can be reached to `found`, and yields each. */
function* search(neighbours: ReadonlyMap<number, readonly number[]>, found: Set<number>): Generator<number, void> {
  // A set also iterates over what is added to it meanwhile.
  for (const issue of found) {
    for (const neighbour of neighbours.get(issue) ?? []) {
      if (found.has(neighbour)) continue;
      found.add(neighbour);
      yield neighbour;
    }
  }
}

function append(lists: Map<number, number[]>, key: number, value: number): void {
  const list = lists.get(key);
  if (list) list.push(value);
  else lists.set(key, [value]);
}

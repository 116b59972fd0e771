import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { sortTopologically } from '../../src/core/topological-order/topological-sort.ts';

interface DirectedLink {
  readonly inward_issue_id: number;
  readonly outward_issue_id: number;
}

const graphs = fc.array(
  fc.record({ inward_issue_id: fc.integer({ min: 1, max: 8 }), outward_issue_id: fc.integer({ min: 1, max: 8 }) }),
  { maxLength: 16 },
);

test('a cycle is found if and only if there is one', () => {
  fc.assert(
    fc.property(graphs, (links) => {
      expect(sortTopologically(links).cycle.length > 0).toBe(hasCycle(links));
    }),
  );
});

test('without a cycle, each issue is in the order once, and each link leads to a later one', () => {
  fc.assert(
    fc.property(graphs, (links) => {
      fc.pre(!hasCycle(links));
      const { order } = sortTopologically(links);
      const issues = new Set(
        links.flatMap(({ inward_issue_id, outward_issue_id }) => [inward_issue_id, outward_issue_id]),
      );
      expect(order.toSorted()).toEqual([...issues].sort());
      for (const link of links) {
        expect(order.indexOf(link.inward_issue_id)).toBeLessThan(order.indexOf(link.outward_issue_id));
      }
    }),
  );
});

test('each link of the cycle leads to the next one, and the last to the first', () => {
  fc.assert(
    fc.property(graphs, (links) => {
      const { cycle } = sortTopologically(links);
      for (const [place, link] of cycle.entries()) {
        expect(links).toContain(link);
        expect(cycle[(place + 1) % cycle.length]?.inward_issue_id).toBe(link.outward_issue_id);
      }
    }),
  );
});

test('a chain of 100 000 links has no cycle until it is closed', () => {
  const chain = Array.from({ length: 100_000 }, (_unused, place) => ({
    inward_issue_id: place,
    outward_issue_id: place + 1,
  }));
  expect(sortTopologically(chain).cycle).toEqual([]);
  const { cycle } = sortTopologically([...chain, { inward_issue_id: 100_000, outward_issue_id: 0 }]);
  expect(cycle).toHaveLength(100_001);
});

/** A slow but obvious reference: whether any issue is reachable from itself. */
function hasCycle(links: readonly DirectedLink[]): boolean {
  return links.some((start) => {
    const reached = new Set([start.outward_issue_id]);
    for (const issue of reached) {
      for (const link of links) if (link.inward_issue_id === issue) reached.add(link.outward_issue_id);
    }
    return reached.has(start.inward_issue_id);
  });
}

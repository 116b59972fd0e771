import { expect, test } from '@jest/globals';
import { sortTopologically } from '../../src/core/topological-order/topological-sort.ts';
import { AcyclicLinks } from '../../src/import/acyclic-links.ts';

test('of links in any order, exactly those that close a cycle are rejected', () => {
  const links = new AcyclicLinks();
  const added: { inward_issue_id: number; outward_issue_id: number }[] = [];
  // All pairs of 12 issues, shuffled: 5 and 144 share no divisor.
  for (let place = 0; place < 144; place += 1) {
    const [inward_issue_id, outward_issue_id] = [Math.trunc(((place * 5) % 144) / 12), ((place * 5) % 144) % 12];
    const candidate = { inward_issue_id, outward_issue_id };
    const { cycle } = sortTopologically([...added, candidate]);
    expect(links.add(inward_issue_id, outward_issue_id)).toBe(cycle.length === 0);
    if (cycle.length === 0) added.push(candidate);
  }
  expect(added).toHaveLength(66);
});

import { expect, test } from '@jest/globals';
import { useDemoServer } from '../support/server-process.ts';

const server = useDemoServer();
const HEADERS = { Authorization: 'OAuth demo-token', 'X-Org-ID': '1' };

/** Where a client starts that knows only the example of the demo. */
const STARTS = [
  '/issues/JUNE-2',
  '/issues/JUNE-2/links',
  '/issues/JUNE-2/changelog',
  '/linktypes',
  '/queues',
  '/fields',
];

test.each(['/v2', '/v3'])(
  'every self reachable from the demo under %s returns an object with that self',
  async (version) => {
    const base = `${server()}${version}`;
    const queued = new Set<string>();
    for (const path of STARTS) for (const self of selvesIn(await read(`${base}${path}`))) queued.add(self);
    expect(queued.size).toBeGreaterThan(20);

    // Iterating a Set includes values that are added meanwhile.
    for (const self of queued) {
      expect(self).toContain(`${base}/`);
      const response = await read(self);
      expect(response).toMatchObject({ self });
      for (const found of selvesIn(response)) queued.add(found);
      if (/\/issues\/[A-Z]+-\d+$/.test(self)) {
        for (const found of selvesIn(await read(`${self}/links`))) queued.add(found);
      }
    }
    for (const kind of [
      'links',
      'linktypes',
      'users',
      'statuses',
      'queues',
      'priorities',
      'issuetypes',
      'issues',
      'fields',
    ]) {
      expect([...queued].some((self) => self.includes(`/${kind}/`))).toBe(true);
    }
  },
);

async function read(url: string): Promise<unknown> {
  const response = await fetch(url, { headers: HEADERS });
  expect([url, response.status]).toEqual([url, 200]);
  return await response.json();
}

function selvesIn(value: unknown): string[] {
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([name, member]) =>
    name === 'self' && typeof member === 'string' ? [member] : selvesIn(member),
  );
}

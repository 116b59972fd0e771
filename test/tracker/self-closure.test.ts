import { expect, test } from '@jest/globals';
import { useDemoServer } from '../support/server-process.ts';

const server = useDemoServer();
const HEADERS = { Authorization: 'OAuth demo-token', 'X-Org-ID': '1' };

/** Where a client begins that knows nothing of the demo but its example. */
const STARTS = [
  '/issues/JUNE-2',
  '/issues/JUNE-2/links',
  '/issues/JUNE-2/changelog',
  '/linktypes',
  '/queues',
  '/fields',
];

test.each(['/v2', '/v3'])('from the demo on, every self under %s answers an object with that self', async (version) => {
  const base = `${server()}${version}`;
  const waiting = new Set<string>();
  for (const path of STARTS) for (const self of selvesIn(await read(`${base}${path}`))) waiting.add(self);
  expect(waiting.size).toBeGreaterThan(20);

  // A set goes on over what is added to it.
  for (const self of waiting) {
    expect(self).toContain(`${base}/`);
    const answer = await read(self);
    expect(answer).toMatchObject({ self });
    for (const found of selvesIn(answer)) waiting.add(found);
    if (/\/issues\/[A-Z]+-\d+$/.test(self)) {
      for (const found of selvesIn(await read(`${self}/links`))) waiting.add(found);
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
    expect([...waiting].some((self) => self.includes(`/${kind}/`))).toBe(true);
  }
});

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

import { expect, test } from '@jest/globals';
import { run } from '../support/server-process.ts';

// The runs in small, with a random seed. `npm run races` and the others run them in full.

interface Report {
  readonly seed: number;
  readonly figures: Readonly<Record<string, unknown>>;
  readonly problems: readonly string[];
}

async function stress(name: string): Promise<Report> {
  const { code, stdout, stderr } = await run([process.execPath, `stress/${name}.js`, '--quick', '--json'], {});
  expect(stdout === '' ? stderr : '').toBe('');
  const report = JSON.parse(stdout) as Report;
  expect([code, report.problems]).toEqual([0, []]);
  return report;
}

test('races: conflicting writers on two servers break no rule, and store as many links as the rules allow', async () => {
  const { figures } = await stress('races');
  expect(figures).toMatchObject({ identicalRounds: 5, statuses: { 201: expect.any(Number), 422: expect.any(Number) } });
});

test('soak: idle connections, slow readers and slow senders leave nothing open', async () => {
  const { figures } = await stress('soak');
  expect(figures).toMatchObject({ requests: expect.any(Number), openFiles: expect.any(Object) });
});

test('chaos: kills lose no acknowledged write, and repeat none', async () => {
  const { figures } = await stress('chaos');
  expect(figures).toMatchObject({ kills: { server: expect.any(Number), postgres: expect.any(Number) } });
});

test('failover: a promotion loses no acknowledged write, and the servers follow it', async () => {
  const { figures } = await stress('failover');
  expect(figures).toMatchObject({
    kills: 1,
    acknowledged: expect.any(Object),
    firstWriteAfterPromotionMs: expect.any(Object),
  });
});

test('replicas: reads miss no acknowledged write, while a replica is paused and resumed', async () => {
  const { figures } = await stress('replicas');
  expect(figures).toMatchObject({ pairs: 200, stale: 0, pauses: expect.any(Number) });
});

test('servers: reads of many organisations succeed through one server, and spread over four', async () => {
  const { figures } = await stress('servers');
  expect(figures).toMatchObject({
    organisations: 8,
    issues: 400,
    readsPerSecond: expect.any(Object),
    ratio: expect.any(Number),
  });
});

test('leaks: no operation shows what is hidden, or tells it from what does not exist', async () => {
  const { figures } = await stress('leaks');
  expect(figures).toMatchObject({ plantedLeaksFound: expect.any(Number), namingOperations: expect.any(Number) });
});

test('fuzz: generated requests get only responses that the contracts declare, and break no stored rule', async () => {
  const { figures } = await stress('fuzz');
  expect(figures).toMatchObject({ requests: 400, findings: 0, statuses: { 200: expect.any(Number) } });
});

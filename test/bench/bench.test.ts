import { availableParallelism } from 'node:os';
import { expect, test } from '@jest/globals';
import { run } from '../support/server-process.ts';

const BENCH = [process.execPath, 'bench/main.js', '--smoke', '--json'];
const CONTESTANTS = [
  'links',
  ...(availableParallelism() < 2 ? [] : ['linksWorkers']),
  'taskLinks',
  'fastify',
  'expressKnex',
  'bareNode',
  'relates',
  'depends',
  'dependsConnected',
];

test('the benchmark runs on a small data set, checks the answers and prints one JSON object with figures and ratios', async () => {
  const { code, stdout, stderr } = await run(BENCH, {});
  expect(code === 0 ? '' : stderr).toBe('');
  const report = JSON.parse(stdout) as {
    results: { name: string; requestsPerSecond: number; p50Ms: number; p99Ms: number }[];
    ratios: Record<string, number | null>;
  };
  expect(report.results.map(({ name }) => name)).toEqual(expect.arrayContaining(CONTESTANTS));
  for (const result of report.results) {
    expect(result).toMatchObject({ p50Ms: expect.any(Number), p99Ms: expect.any(Number) });
    expect(result.requestsPerSecond).toBeGreaterThan(0);
  }
  expect(report.ratios).toMatchObject({
    linksVsFastify: expect.any(Number),
    linksVsExpressKnex: expect.any(Number),
    linksVsBareNode: expect.any(Number),
    taskLinksVsLinks: expect.any(Number),
    dependsVsRelates: expect.any(Number),
    dependsConnectedVsRelates: expect.any(Number),
  });
});

test('the benchmark of transfers needs no database, and its second export has the bytes of the first', async () => {
  const { code, stdout, stderr } = await run([process.execPath, 'bench/transfer.js', '100'], {});
  expect(code === 0 ? '' : stderr).toBe('');
  const measured = { seconds: expect.any(Number), megabytes: expect.any(Number) };
  const figures = { load: measured, export: measured, loadAgain: measured, exportAgain: measured };
  expect(JSON.parse(stdout)).toMatchObject({ issues: 100, links: 400, ...figures, isSame: true });
  expect(stderr).toMatch(/ s {2}load first\.ndjson --org bench-2\n/);
});

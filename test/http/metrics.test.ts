import { readFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { afterAll, beforeAll, expect, jest, test } from '@jest/globals';
import { readConfig } from '../../src/config.ts';
import { createLog, type Log } from '../../src/log.ts';
import { listenForMetrics } from '../../src/metrics.ts';
import { serve } from '../../src/serve.ts';
import {
  type GivenAccount,
  type GivenOrganisation,
  givenAccount,
  givenIssue,
  givenOrganisation,
  givenQueue,
} from '../support/builders.ts';
import { freePort, PROGRAM, type ServerProcess, startServer } from '../support/server-process.ts';
import { useDatabase } from '../support/test-database.ts';

const database = useDatabase();
let organisation: GivenOrganisation;
let account: GivenAccount & { readonly id: number };
let issue: string;
let other: string;
let server: ServerProcess;

beforeAll(async () => {
  const { db } = database();
  organisation = await givenOrganisation(db);
  account = await givenAccount(db, organisation, 'admin');
  const queue = (await givenQueue(db, organisation)).key;
  [issue, other] = [(await givenIssue(db, organisation, queue)).key, (await givenIssue(db, organisation, queue)).key];
  server = await startServer([...PROGRAM, 'serve'], { DATABASE_URL: database().url, SHUTDOWN_DELAY: '600' });
});
afterAll(async () => {
  await server.stop();
});

function get(path: string, headers: Record<string, string> = organisation.admin.headers): Promise<Response> {
  return fetch(`${server.url}${path}`, { headers });
}

async function callRpc(body: unknown): Promise<void> {
  const { orgId, login, secret } = account;
  const Authorization = `Basic ${Buffer.from(`${login}:${secret}`).toString('base64')}`;
  const url = `${server.url}/kanboard/${orgId}/jsonrpc.php`;
  await (await fetch(url, { method: 'POST', headers: { Authorization }, body: JSON.stringify(body) })).text();
}

const rpc = (method: string, params: object = {}) => ({ jsonrpc: '2.0', method, params, id: 1 });

/** The samples by name and labels, as Prometheus reads them. */
async function samples(): Promise<Map<string, number>> {
  const text = await (await get('/metrics')).text();
  const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  return new Map(lines.map((line) => [line.slice(0, line.lastIndexOf(' ')), Number(line.split(' ').at(-1))]));
}

test('requests are counted by operation and status, and calls by procedure and outcome', async () => {
  const requests = (operation: string, status: number) =>
    `issue_links_http_requests_total{operation="${operation}",status="${status}"}`;
  await get(`/v2/issues/${issue}/links`);
  await get(`/v2/issues/${issue}/links`);
  await get('/v2/issues/NONE-1/links');
  await get(`/v2/issues/${issue}`);
  await get('/v2/nothing');
  await callRpc(rpc('getVersion'));
  await callRpc([rpc('getVersion'), rpc('createLink', { label: '' }), rpc('getMe')]);
  await callRpc(rpc('unknownProcedure'));

  const after = await samples();
  expect(after.get(requests('listIssueLinks', 200))).toBe(2);
  expect(after.get(requests('listIssueLinks', 404))).toBe(1);
  expect(after.get(requests('getIssue', 200))).toBe(1);
  expect(after.get(requests('unknown', 404))).toBe(1);
  expect(after.get(requests('unknown', 200))).toBe(1);
  expect(after.get(requests('getVersion', 200))).toBe(1);
  expect(after.get(requests('batch', 200))).toBe(1);
  expect(after.get('issue_links_procedure_calls_total{procedure="getVersion",outcome="result"}')).toBe(2);
  expect(after.get('issue_links_procedure_calls_total{procedure="getMe",outcome="result"}')).toBe(1);
  expect(after.get('issue_links_procedure_calls_total{procedure="createLink",outcome="failure"}')).toBe(1);
  expect(after.get('issue_links_http_request_duration_seconds_count{operation="listIssueLinks"}')).toBe(3);
  expect(after.get('issue_links_http_request_duration_seconds_bucket{le="30",operation="listIssueLinks"}')).toBe(3);
});

test('the database handle, the cache and the process are described', async () => {
  let before: Map<string, number>;
  let after: Map<string, number>;
  const grown = (name: string) => (after.get(name) ?? NaN) - (before.get(name) ?? NaN);
  // A server that misses notifications for a second, as on a busy machine, uses no value of its cache.
  do {
    before = await samples();
    await get(`/v2/issues/${issue}/links`);
    await fetch(`${server.url}/v2/issues/${issue}/links`, {
      method: 'POST',
      headers: organisation.admin.headers,
      body: JSON.stringify({ relationship: 'relates', issue: other }),
    });
    after = await samples();
  } while (grown('issue_links_cache_hits_total') === 0);
  // The links of the issue, and the two issues of the new link.
  expect(grown('issue_links_shared_reads_total')).toBe(3);
  expect(grown('issue_links_shared_read_statements_total')).toBe(2);
  expect(grown('issue_links_shared_writes_total')).toBe(1);
  expect(grown('issue_links_shared_write_statements_total')).toBe(1);
  expect(after.get('issue_links_database_connections')).toBeGreaterThan(0);
  expect(after.get('issue_links_database_connections_max')).toBe(16);
  expect(after.get('issue_links_database_waiting')).toBe(0);
  expect(after.get('issue_links_cache_entries')).toBeGreaterThan(0);
  expect(after.get('process_resident_memory_bytes')).toBeGreaterThan(10_000_000);
});

test('the metrics are for programs of this machine, unless METRICS_PORT is set', async () => {
  expect((await get('/metrics', { 'X-Forwarded-For': '192.0.2.1' })).status).toBe(404);
  expect((await fetch(`${server.url}/metrics`, { method: 'POST' })).status).toBe(405);
  const port = await freePort();
  const second = await startServer([...PROGRAM, 'serve'], { DATABASE_URL: database().url, METRICS_PORT: String(port) });
  expect((await fetch(`${second.url}/metrics`)).status).toBe(404);
  const response = await fetch(`http://127.0.0.1:${port}/metrics`, { headers: { 'X-Forwarded-For': '192.0.2.1' } });
  expect(response.headers.get('Content-Type')).toMatch(/^text\/plain; version=0\.0\.4/);
  expect(await response.text()).toContain('# TYPE issue_links_http_requests_total counter');
  expect((await fetch(`http://127.0.0.1:${port}/v2/myself`)).status).toBe(404);
  expect(await second.stop()).toMatchObject({ code: 0 });
});

test('a METRICS_PORT that is in use stops the start', async () => {
  const taken = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => taken.once('listening', resolve));
  const { port } = taken.address() as { port: number };
  const start = startServer([...PROGRAM, 'serve'], { DATABASE_URL: database().url, METRICS_PORT: String(port) });
  await expect(start).rejects.toThrow(`Port ${port} on 127.0.0.1 is in use: set METRICS_PORT`);
  taken.close();
});

test('metrics that cannot be collected are 503, and a warning in the log', async () => {
  const warn = jest.fn();
  const metricsPort = await freePort();
  const source = () => Promise.reject(new Error('a worker does not respond'));
  const address = { metricsPort, host: '127.0.0.1' };
  const close = await listenForMetrics(source, address, { warn } as unknown as Log);
  expect((await fetch(`http://127.0.0.1:${metricsPort}/metrics`)).status).toBe(503);
  expect(warn.mock.calls).toEqual([[{ err: expect.any(Error) }, 'the metrics could not be collected']]);
  close?.();
});

test('alerts and dashboard use metrics that exist', async () => {
  const text = await (await get('/metrics')).text();
  const existing = new Set([...text.matchAll(/^# TYPE (\w+)/gm)].map(([, name]) => name));
  for (const file of ['prometheus/alerts.yaml', 'grafana/dashboard.json']) {
    const source = await readFile(new URL(`../../deploy/${file}`, import.meta.url), 'utf8');
    const used = [...source.matchAll(/\b(?:issue_links|nodejs|process)_\w+/g)].map(([name]) =>
      name.replace(/_bucket$/, ''),
    );
    expect(used.length).toBeGreaterThan(5);
    expect(used.filter((name) => !existing.has(name))).toEqual([]);
  }
});

test('a log line names the operation, the client and the credentials', async () => {
  await fetch(`${server.url}/v2/issues/${issue}/links`, {
    headers: { ...organisation.admin.headers, 'X-Request-Id': 'log-rest' },
  });
  await callRpc(rpc('getVersion'));
  await get('/v2/issues/x/links', { Authorization: 'OAuth wrong', 'X-Request-Id': 'log-wrong' });
  const lines = async (id: string) => {
    for (let attempt = 0; attempt < 100; attempt += 1) {
      const found = server
        .output()
        .split('\n')
        .find((line) => line.includes(id) && line.endsWith('}'));
      if (found !== undefined) return JSON.parse(found) as unknown;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    throw new Error(`No line with ${id}`);
  };
  const address = '127.0.0.1';
  expect(await lines('log-rest')).toMatchObject({
    req: { address },
    operation: 'listIssueLinks',
    orgId: organisation.orgId,
    userId: organisation.admin.id,
    tokenId: expect.any(Number),
  });
  expect(await lines('"operation":"getVersion"')).toMatchObject({ orgId: account.orgId, userId: account.id });
  const refused = await lines('log-wrong');
  expect(refused).toMatchObject({ req: { address }, res: { statusCode: 401 } });
  expect(refused).not.toHaveProperty('userId');
  expect(server.output()).not.toContain(organisation.admin.token);
});

test('a stopping server fails /readyz until SHUTDOWN_DELAY is over, and then stops by itself', async () => {
  const environment = { DATABASE_URL: database().url, PORT: '0', SHUTDOWN_DELAY: '1' };
  const delayed = await serve(readConfig(environment), createLog('silent'), {});
  const stopped = delayed.stop();
  expect((await fetch(`${delayed.url}/readyz`)).status).toBe(503);
  await stopped;
  await expect(fetch(`${delayed.url}/readyz`)).rejects.toThrow();
});

// The last test, since it stops the server.
test('a stopping server fails /readyz and serves requests, and a second signal ends the delay', async () => {
  expect((await get('/readyz')).status).toBe(200);
  const stopped = server.stop();
  let ready = await get('/readyz');
  while (ready.status === 200) ready = await get('/readyz');
  expect(ready.status).toBe(503);
  expect(ready.headers.get('Retry-After')).toBe('5');
  expect(await ready.json()).toEqual({ status: 'unavailable', problem: 'the server is stopping' });
  expect((await get('/healthz')).status).toBe(200);
  const response = await get(`/v2/issues/${issue}/links`);
  expect(response.status).toBe(200);
  await response.text();
  await server.stop();
  expect(await stopped).toEqual({ code: 0, signal: null });
});

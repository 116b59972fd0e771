import { randomUUID } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { Agent, type IncomingMessage, request } from 'node:http';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, expect, jest, test } from '@jest/globals';
import { openDatabase } from '../../src/database/open-database.ts';
import { warnOfFewConnections } from '../../src/database/postgres.ts';
import { startEmbeddedPostgres } from '../../src/embedded-postgres/embedded-postgres.ts';
import type { Log } from '../../src/log.ts';
import { MinuteLimit } from '../../src/minute-limit.ts';
import { type GivenOrganisation, givenIssue, givenOrganisation, givenQueue } from '../support/builders.ts';
import { openDatabaseProxy } from '../support/database-proxy.ts';
import { freePort, PROGRAM, run, type ServerProcess, startServer } from '../support/server-process.ts';
import { untilWaiting } from '../support/statements.ts';
import { urlOf, useDatabase } from '../support/test-database.ts';

/**
 * Two workers that share a port. Most tests use one server; those that leave it changed come late: one uses up the limit of
 * wrong tokens, the next one kills a worker, and the last one stops the server.
 */

const SERVE = [...PROGRAM, 'serve'];
const MAX_CONNECTIONS = 24;
/** For one address: of each worker's 12, three quarters. */
const ADDRESS_MAX = 18;

const database = useDatabase();
const db = () => database().db;
let folder: string;
let auditLog: string;
let server: ServerProcess;
let org: GivenOrganisation;
let queue: string;
/** Persistent connections of each test, one to each worker. */
let clients: Client[];

interface Client {
  readonly worker: number;
  readonly agent: Agent;
}

interface Answer {
  readonly status: number;
  readonly body: string;
}

interface Line {
  readonly worker?: number;
  readonly pid?: number;
  readonly msg: string;
  readonly reason?: string;
  readonly req?: { readonly id: string };
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'issue-links-workers-'));
  auditLog = join(folder, 'audit.log');
  server = await startServer(SERVE, {
    DATABASE_URL: database().url,
    WORKERS: '2',
    MAX_CONNECTIONS: String(MAX_CONNECTIONS),
    AUDIT_LOG: auditLog,
  });
  org = await givenOrganisation(db(), { language: 'en' });
  queue = (await givenQueue(db(), org)).key;
});
beforeEach(async () => {
  clients = await connectToAll();
});
afterEach(() => {
  for (const { agent } of clients) agent.destroy();
});
afterAll(async () => {
  await server.stop('SIGKILL');
  await rm(folder, { recursive: true, force: true });
});

async function send(
  agent: Agent,
  method: string,
  path: string,
  body?: object,
  headers: Record<string, string> = {},
): Promise<Answer> {
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    const sent = request(`${server.url}${path}`, {
      agent,
      method,
      headers: { ...org.admin.headers, 'Content-Type': 'application/json', ...headers },
    });
    sent.once('response', resolve).once('error', reject);
    sent.end(body && JSON.stringify(body));
  });
  return { status: response.statusCode ?? 0, body: await text(response) };
}

const parsed: Line[] = [];
let parsedTo = 0;

/** The complete lines that the server has logged so far. */
function lines(): readonly Line[] {
  const output = server.output();
  const end = output.lastIndexOf('\n') + 1;
  const added = output.slice(parsedTo, end).split('\n');
  parsedTo = end;
  for (const line of added) if (line.startsWith('{') && line.endsWith('}')) parsed.push(JSON.parse(line) as Line);
  return parsed;
}

async function untilLine(isWanted: (line: Line) => boolean): Promise<Line> {
  for (;;) {
    const line = lines().find(isWanted);
    if (line) return line;
    await sleep(20);
  }
}

/** The processes of the workers, by number; of those that were replaced, the last. */
function pids(): Map<number, number> {
  const started = lines().filter(({ msg }) => msg === 'a worker is listening');
  return new Map(started.map(({ worker = 0, pid = 0 }) => [worker, pid]));
}

/** Opens connections until each worker has one. */
async function connectToAll(): Promise<Client[]> {
  const found = new Map<number, Client>();
  while (found.size < 2) {
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    const id = randomUUID();
    await send(agent, 'GET', `/v3/issues/${queue}-1/links`, undefined, { 'X-Request-Id': id });
    const { worker = 0 } = await untilLine(({ req }) => req?.id === id);
    if (found.has(worker)) agent.destroy();
    else found.set(worker, { worker, agent });
  }
  return [...found.values()].sort((one, other) => one.worker - other.worker);
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    // Where nothing reaps orphans, as in some containers, a process that has ended remains as a zombie.
    return !existsSync('/proc/self/stat') || !/\) Z /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return false;
  }
}

test('both workers serve the port, what one writes the other reads at once, and each request is logged once', async () => {
  expect(clients.map(({ worker }) => worker)).toEqual([1, 2]);
  for (const [writer, reader] of [clients, [...clients].reverse()] as [Client, Client][]) {
    const [issue, other] = [await givenIssue(db(), org, queue), await givenIssue(db(), org, queue)];
    const path = `/v3/issues/${issue.key}/links`;
    expect(await send(reader.agent, 'GET', path)).toEqual({ status: 200, body: '[]' });
    const id = randomUUID();
    const link = { relationship: 'relates', issue: other.key };
    expect((await send(writer.agent, 'POST', path, link, { 'X-Request-Id': id })).status).toBe(201);
    expect(JSON.parse((await send(reader.agent, 'GET', path)).body)).toMatchObject([{ object: { key: other.key } }]);
    expect((await untilLine(({ req }) => req?.id === id)).worker).toBe(writer.worker);
    expect(lines().filter(({ req }) => req?.id === id)).toHaveLength(1);
    expect((await send(reader.agent, 'GET', '/readyz')).status).toBe(200);
  }
  expect(server.output().match(/is listening on/g)).toHaveLength(1);
});

test('the metrics that any worker shows are those of all, by worker', async () => {
  const { key } = await givenIssue(db(), org, queue);
  const read = async ({ agent }: Client) => {
    const id = randomUUID();
    await send(agent, 'GET', `/v3/issues/${key}`, undefined, { 'X-Request-Id': id });
    return (await untilLine(({ req }) => req?.id === id)).worker ?? 0;
  };
  const reads = new Map<string, number>();
  for (const client of [...clients, ...clients.slice(1)]) {
    const worker = String(await read(client));
    reads.set(worker, (reads.get(worker) ?? 0) + 1);
  }
  const sample = /^issue_links_http_requests_total\{operation="getIssue",status="200",worker="(\d)"\} (\d+)$/gm;
  for (const { agent } of clients) {
    const { status, body } = await send(agent, 'GET', '/metrics');
    expect(status).toBe(200);
    const shown = [...body.matchAll(sample)].map(([, worker = '', value]) => [worker, Number(value)] as const);
    expect(new Map(shown)).toEqual(reads);
  }
  const { body } = await send(clients[0]?.agent ?? new Agent(), 'GET', '/metrics');
  expect(body.match(/^process_resident_memory_bytes\{worker="\d"\} \d+$/gm)).toHaveLength(2);
  expect(body.match(/^process_start_time_seconds\{worker="\d"\} \d+$/gm)).toHaveLength(2);
  expect(body.match(/^nodejs_version_info\{.*worker="\d"\} 1$/gm)).toHaveLength(2);
  expect(body.match(/^# TYPE issue_links_http_requests_total counter$/gm)).toHaveLength(1);
});

test('a PostgreSQL that accepts too few connections for all workers is a warning', async () => {
  const warn = jest.fn();
  const log = { warn } as unknown as Log;
  await warnOfFewConnections(database(), 1, log);
  expect(warn).not.toHaveBeenCalled();
  await warnOfFewConnections(database(), 1_000_000, log);
  expect(warn.mock.calls).toEqual([
    [{ maxConnections: expect.any(Number), needed: 20_000_000 }, expect.stringContaining('raise its max_connections')],
  ]);
});

test('many workers still allow a login a few wrong passwords', () => {
  const limit = new MinuteLimit(20);
  limit.divide(64);
  expect(limit.max).toBe(3);
});

test('both workers append whole lines to the audit log', async () => {
  const before = (await readFile(auditLog, 'utf8')).split('\n').length;
  const changes = clients.flatMap(({ agent }) =>
    Array.from({ length: 10 }, (_, number) =>
      send(agent, 'PATCH', '/v3/linktypes/relates', { inward: { ru: `Связь ${number}`, en: `Relation ${number}` } }),
    ),
  );
  for (const { status } of await Promise.all(changes)) expect(status).toBe(200);
  const after = (await readFile(auditLog, 'utf8')).split('\n').slice(before - 1, -1);
  expect(after.map((line) => (JSON.parse(line) as { action: string }).action)).toEqual(
    Array.from(changes, () => 'updateLinkType'),
  );
});

test('the workers divide MAX_CONNECTIONS, and the share of an address', async () => {
  for (const { agent } of clients) agent.destroy();
  const open: Socket[] = [];
  for (let refused = 0; refused < MAX_CONNECTIONS / 2; ) {
    const socket = await openBusy();
    if (socket) open.push(socket);
    else refused += 1;
  }
  expect(open.length).toBeLessThanOrEqual(ADDRESS_MAX);
  // The workers may notice late that the clients are gone.
  expect(open.length).toBeGreaterThanOrEqual(ADDRESS_MAX - clients.length);
  await untilLine(({ msg }) => msg.includes('its share of MAX_CONNECTIONS'));
  for (const socket of open) socket.destroy();
  // Until both workers have noticed.
  for (let served = 0; served < 4; ) {
    const socket = await openBusy();
    served = socket ? served + 1 : 0;
    socket?.destroy();
  }
});

/** A connection that the server has served, with a further request that has only begun; undefined if the server has closed it. */
async function openBusy(): Promise<Socket | undefined> {
  const { hostname, port } = new URL(server.url);
  const socket = connect(Number(port), hostname);
  socket.on('error', () => undefined).write('GET /healthz HTTP/1.1\r\nHost: x\r\n\r\nGET /');
  return await new Promise((resolve) => {
    socket.once('data', () => {
      resolve(socket);
    });
    socket.once('close', () => {
      resolve(undefined);
    });
  });
}

test('the workers divide the limit of wrong tokens from an address', async () => {
  const wrong = { Authorization: 'OAuth wrong' };
  let unauthenticated = 0;
  // New connections go to the workers in turn. Until both refuse.
  for (let refused = 0; refused < 10; ) {
    const { status } = await send(new Agent(), 'GET', '/v3/myself', undefined, wrong);
    expect([401, 429]).toContain(status);
    if (status === 401) unauthenticated += 1;
    refused = status === 401 ? 0 : refused + 1;
  }
  expect(unauthenticated).toBe(300);
  for (const { agent } of clients) expect((await send(agent, 'GET', '/v3/myself')).status).toBe(200);
});

test('a worker that is killed is replaced, and the clients of the other notice nothing', async () => {
  const [victim = 0, other = 0] = [1, 2].map((number) => pids().get(number));
  const path = `/v3/issues/${(await givenIssue(db(), org, queue)).key}/links`;
  let isOver = false;
  const statuses = new Set<number>();
  const readOn = async () => {
    while (!isOver) statuses.add((await send(clients[1]?.agent ?? new Agent(), 'GET', path)).status);
  };
  const failures: unknown[] = [];
  const agents = new Set<Agent>();
  /** Each request on a connection of its own. */
  const readAnew = async () => {
    while (!isOver) {
      const agent = new Agent();
      agents.add(agent);
      const answer = await send(agent, 'GET', path).catch((error: unknown) => {
        if (!isOver) failures.push(error);
      });
      if (answer) statuses.add(answer.status);
      agents.delete(agent);
      agent.destroy();
    }
  };
  /** What the other worker shows, also while the replacement is starting. */
  const readMetrics = async () => {
    while (!isOver) {
      const { status, body } = await send(clients[1]?.agent ?? new Agent(), 'GET', '/metrics');
      statuses.add(body.includes('process_resident_memory_bytes{worker="2"}') ? status : 0);
    }
  };
  const readers = [readOn(), readMetrics(), readAnew(), readAnew()];
  process.kill(victim, 'SIGKILL');
  await untilLine(({ msg, pid }) => msg === 'a worker has ended and is replaced' && pid === victim);
  await untilLine(({ msg, worker, pid }) => msg === 'a worker is listening' && worker === 1 && pid !== victim);
  isOver = true;
  // The connection that the victim was about to accept, if any, stays without an answer (decision 31).
  for (const agent of agents) agent.destroy();
  await Promise.all(readers);
  expect([...statuses]).toEqual([200]);
  // Those that the victim was serving or about to accept.
  expect(failures.length).toBeLessThanOrEqual(3);
  expect(pids().get(2)).toBe(other);
  // `beforeEach` finds both workers again.
});

test('SIGTERM ends a worker that is still waiting for the database', async () => {
  const proxy = await openDatabaseProxy(database().connection);
  const environment = { DATABASE_URL: urlOf(proxy.connection), DATABASE_WAIT_SECONDS: '600', WORKERS: '2' };
  const starting = await startServer(SERVE, environment);
  const count = (text: string) => starting.output().split(text).length - 1;
  while (count('a worker is listening') < 2) await sleep(20);
  await proxy.cut();
  process.kill(Number(/"pid":(\d+)/.exec(starting.output())?.[1]), 'SIGKILL');
  while (count('waiting for the database') === 0) await sleep(20);
  const stopped = starting.stop();
  while (count('"stopping"') === 0) await sleep(20);
  await proxy.restore();
  expect(await stopped).toEqual({ code: 0, signal: null });
  expect(count('a worker is listening')).toBe(2);
  await proxy.cut();
});

test.each([
  ['its port is in use', () => ({ PORT: new URL(server.url).port }), /^Port \d+ on 127\.0\.0\.1 is in use: set PORT/],
  ['HOST is of another machine', () => ({ HOST: '203.0.113.9' }), /^HOST=203\.0\.113\.9 is not an address of this/],
])('serve with workers exits with 1 and one message if %s, and leaves no process', async (_what, given, message) => {
  const environment = { DATABASE_URL: database().url, PORT: '0', WORKERS: '2', ...given() };
  // It waits for the end of all processes that have its output.
  const { code, stdout, stderr } = await run(SERVE, environment);
  expect(stderr).toMatch(message);
  expect(stderr.trim()).not.toContain('\n');
  expect(code).toBe(1);
  expect(stdout).not.toContain('listening');
});

test.each([
  [{ TEST_MODE: 'on', WORKERS: '2' }, 'WORKERS: cannot be combined with TEST_MODE=on'],
  [{ WORKERS: '0' }, 'WORKERS: must be a number of processes, from 1 to 64, or auto'],
])('%j is refused, and nothing is created', async (environment, problem) => {
  const dataDir = join(folder, 'refused');
  const { code, stdout, stderr } = await run(SERVE, { DATA_DIR: dataDir, ...environment });
  expect({ code, stdout, stderr }).toEqual({
    code: 1,
    stdout: '',
    stderr: `The environment is invalid.\n${problem}\n`,
  });
  expect(existsSync(dataDir)).toBe(false);
});

test('the supervisor serves METRICS_PORT, and when it is killed, its workers and the embedded PostgreSQL end', async () => {
  const dataDir = join(folder, 'data');
  const metricsPort = await freePort();
  const environment = { DATA_DIR: dataDir, DEMO: 'off', WORKERS: '2', METRICS_PORT: String(metricsPort) };
  const supervised = await startServer(SERVE, environment);
  const pidsOf = () => [...supervised.output().matchAll(/"pid":(\d+)/g)].map(([, pid]) => Number(pid));
  while (pidsOf().length < 2) await sleep(20);
  const processes = pidsOf();
  const metrics = await (await fetch(`http://127.0.0.1:${metricsPort}/metrics`)).text();
  expect(metrics.match(/^process_cpu_seconds_total\{worker="\d"\}/gm)).toHaveLength(2);
  expect((await fetch(`${supervised.url}/metrics`)).status).toBe(404);
  const postgres = await startEmbeddedPostgres({ dataDir, create: false, log: { info() {}, warn() {}, error() {} } });
  const beside = openDatabase(postgres.connection, { info: () => undefined, warn: () => undefined });
  expect(await beside.query({ name: '', text: 'show max_connections', values: [] })).toEqual([
    { max_connections: '120' },
  ]);
  await beside.close();
  await postgres.stop();
  await supervised.stop('SIGKILL');
  while (processes.some(isRunning)) await sleep(20);
  while (existsSync(join(dataDir, 'postgres', 'postmaster.pid'))) await sleep(20);
  expect(supervised.output()).toContain('the supervisor is gone: this worker ends');
});

// The last test, since it stops the server.
test('SIGTERM lets both workers finish their requests, and no process is left', async () => {
  const path = `/v3/issues/${(await givenIssue(db(), org, queue)).key}/links`;
  const processes = [...pids().values()];
  const { responses, stopped } = await db().transaction(async (holder) => {
    await holder.query({ name: '', text: 'lock table links in access exclusive mode', values: [] });
    const waiting = clients.map(({ agent }) => send(agent, 'GET', path));
    await untilWaiting(db(), 2);
    const end = server.stop();
    while (await isListening()) await sleep(5);
    return { responses: waiting, stopped: end };
  });
  for (const { status } of await Promise.all(responses)) expect(status).toBe(200);
  expect(await stopped).toEqual({ code: 0, signal: null });
  expect(processes.filter(isRunning)).toEqual([]);
  await untilLine(({ msg }) => msg === 'stopped');
});

async function isListening(): Promise<boolean> {
  const { hostname, port } = new URL(server.url);
  return await new Promise((resolve) => {
    const socket = connect(Number(port), hostname, () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => {
      resolve(false);
    });
  });
}

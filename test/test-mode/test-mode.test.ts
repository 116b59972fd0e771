import { afterAll, beforeAll, beforeEach, expect, test as jestTest } from '@jest/globals';
import { openDatabase } from '../../src/database/open-database.ts';
import { prepareSnapshot } from '../../src/test-mode/snapshot.ts';
import { type AppInstance, startInstance } from '../support/app-instance.ts';
import {
  type GivenOrganisation,
  type GivenUser,
  givenApplication,
  givenOrganisation,
  givenQueue,
  givenUser,
} from '../support/builders.ts';
import { runCommand } from '../support/command-line.ts';
import { snapshot } from '../support/snapshot.ts';
import { createTestDatabase, isOnCitus, useDatabase } from '../support/test-database.ts';

/** A server with TEST_MODE=on refuses to start there. */
const test = isOnCitus ? jestTest.skip : jestTest;

const database = useDatabase();
let organisation: GivenOrganisation;
let member: GivenUser;
let queue: string;
let rpc: { readonly Authorization: string };
let app: AppInstance;
let other: AppInstance;

beforeAll(async () => {
  const { db } = database();
  organisation = await givenOrganisation(db, { language: 'en' });
  member = await givenUser(db, organisation.orgId);
  queue = (await givenQueue(db, organisation)).key;
  const { login, secret } = await givenApplication(db, organisation);
  rpc = { Authorization: `Basic ${Buffer.from(`${login}:${secret}`).toString('base64')}` };
  app = await startInstance(database().connection, { testMode: true });
  other = await startInstance(database().connection, { testMode: true });
  for (const summary of ['One', 'Two']) await post('/v3/issues', { queue, summary });
  await post(`/v3/issues/${queue}-1/links`, { relationship: 'relates', issue: `${queue}-2` });
  await prepareSnapshot(db);
});
afterAll(async () => {
  await app.stop();
  await other.stop();
});
beforeEach(async () => {
  await send('POST', '/v3/_test/reset');
});

interface Options {
  readonly body?: unknown;
  readonly headers?: Record<string, string>;
  readonly url?: string;
}

async function send(method: string, path: string, { body, headers = {}, url = app.url }: Options = {}) {
  const response = await fetch(`${url}${path}`, {
    method,
    headers: { ...organisation.admin.headers, ...headers },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  return {
    status: response.status,
    headers: response.headers,
    body: (text === '' ? undefined : JSON.parse(text)) as unknown,
  };
}

function post(path: string, body: unknown) {
  return send('POST', path, { body });
}

test('a reset restores data, ids and keys, on every server', async () => {
  const links = await send('GET', `/v2/issues/${queue}-1/links`);
  const tables = await snapshot(database().db);
  const create = () => post('/v3/issues', { queue, summary: 'Three' });
  const { body: first } = await create();
  const linked = await post(`/v3/issues/${queue}-3/links`, { relationship: 'relates', issue: `${queue}-1` });
  await send('PATCH', `/v3/issues/${queue}-1`, { body: { summary: 'Changed' } });
  await send('DELETE', `/v3/issues/${queue}-2`);
  expect((await send('POST', '/v3/_test/reset')).status).toBe(204);

  expect(await snapshot(database().db)).toEqual(tables);
  for (const { url } of [app, other]) {
    expect((await send('GET', `/v2/issues/${queue}-1/links`, { url })).body).toEqual(
      JSON.parse(JSON.stringify(links.body).replaceAll(app.url, url)),
    );
  }
  const { body: again } = await create();
  expect(again).toMatchObject({ key: `${queue}-3` });
  expect(first).toMatchObject({ key: `${queue}-3` });
  const relinked = await post(`/v3/issues/${queue}-3/links`, { relationship: 'relates', issue: `${queue}-1` });
  expect(relinked.body).toMatchObject({ id: (linked.body as { id: number }).id });
});

test('a reset restores what servers have cached', async () => {
  const { body: before } = await send('GET', '/v3/linktypes');
  await post('/v3/linktypes', {
    id: 'tests',
    inward: { ru: 'т', en: 'tests' },
    outward: { ru: 'тт', en: 'is tested by' },
  });
  await post('/v3/issues', { queue, summary: 'Three' });
  expect((await post(`/v3/issues/${queue}-1/links`, { relationship: 'tests', issue: `${queue}-3` })).status).toBe(201);
  await send('POST', '/v3/_test/reset');
  expect((await send('GET', '/v3/linktypes')).body).toEqual(before);
  const refused = await post(`/v3/issues/${queue}-1/links`, { relationship: 'tests', issue: `${queue}-2` });
  expect(refused.status).toBe(400);
});

test('the routes need a token with the scope admin, and are not there without TEST_MODE', async () => {
  const before = await snapshot(database().db);
  await post('/v3/issues', { queue, summary: 'Kept' });
  const after = await snapshot(database().db);
  expect(after).not.toEqual(before);
  expect((await send('POST', '/v3/_test/reset', { headers: member.headers })).status).toBe(403);
  expect((await send('POST', '/v3/_test/reset', { headers: { Authorization: '' } })).status).toBe(401);
  const resets = app.log.filter((line) => line.includes('"action":"_test/reset"'));
  expect(resets.some((line) => line.includes('"outcome":"done"'))).toBe(true);
  expect(resets.filter((line) => line.includes('"outcome":"refused"'))).toHaveLength(2);
  expect((await send('GET', '/v3/_test/reset')).status).toBe(405);
  expect((await send('POST', '/v3/_test/unknown')).status).toBe(404);
  const plain = await startInstance(database().connection);
  const { url } = plain;
  expect((await send('POST', '/v3/_test/reset', { url })).status).toBe(404);
  const preferred = await send('GET', `/v2/issues/${queue}-1/links`, { url, headers: { Prefer: 'code=503' } });
  expect(preferred.status).toBe(200);
  await plain.stop();
  expect(await snapshot(database().db)).toEqual(after);
});

test('the command resets with TEST_MODE=on only', async () => {
  const before = await snapshot(database().db);
  await post('/v3/issues', { queue, summary: 'Gone' });
  const environment = { DATABASE_URL: database().url };
  const refused = await runCommand(['reset'], environment);
  expect(refused).toMatchObject({ code: 2, stderr: expect.stringContaining('TEST_MODE=on') as unknown });
  expect(await snapshot(database().db)).not.toEqual(before);
  expect(await runCommand(['reset'], { ...environment, TEST_MODE: 'on' })).toMatchObject({ code: 0 });
  expect(await snapshot(database().db)).toEqual(before);
});

test('Prefer forces an error in the form of each API, and nothing is done', async () => {
  const before = await snapshot(database().db);
  const Prefer = 'code=503';
  const refused = await send('POST', '/v3/issues', {
    body: { queue, summary: 'Not written' },
    headers: { Prefer, 'Accept-Language': 'en' },
  });
  expect(refused).toMatchObject({
    status: 503,
    body: { statusCode: 503, errors: {}, errorsData: {}, errorMessages: ['A test has requested this response.'] },
  });
  const call = { jsonrpc: '2.0', method: 'createTask', params: { title: 'x', project_id: 1 }, id: 1 };
  const failed = await send('POST', '/jsonrpc.php', { body: call, headers: { ...rpc, Prefer: 'code=429, delay=1' } });
  expect(failed).toMatchObject({
    status: 429,
    body: { jsonrpc: '2.0', error: { code: 429, message: 'Too Many Requests' }, id: null },
  });
  expect(await snapshot(database().db)).toEqual(before);
});

test.each(['code=200', 'code=abc', 'code=600', 'delay=60001', 'delay=-1'])('Prefer: %s is refused', async (Prefer) => {
  const before = await snapshot(database().db);
  const refused = await send('POST', '/v3/issues', { body: { queue, summary: 'x' }, headers: { Prefer } });
  expect(refused).toMatchObject({ status: 400, body: { errorMessages: [expect.stringContaining('Prefer')] } });
  expect(await snapshot(database().db)).toEqual(before);
});

test('Prefer: delay carries the request out later', async () => {
  const started = Date.now();
  const read = await send('GET', `/v2/issues/${queue}-1/links`, { headers: { Prefer: 'respond-async, delay=300' } });
  expect(read).toMatchObject({ status: 200, body: [{ object: { key: `${queue}-2` } }] });
  expect(Date.now() - started).toBeGreaterThanOrEqual(290);
});

test('a request is not carried out if its client disconnects during the delay', async () => {
  const before = await snapshot(database().db);
  const sent = fetch(`${app.url}/v3/issues`, {
    method: 'POST',
    headers: { ...organisation.admin.headers, Prefer: 'delay=200' },
    body: JSON.stringify({ queue, summary: 'Abandoned' }),
    signal: AbortSignal.timeout(50),
  });
  await expect(sent).rejects.toThrow();
  // Delayed likewise, and therefore later.
  await send('GET', `/v2/issues/${queue}-1/links`, { headers: { Prefer: 'delay=400' } });
  expect(await snapshot(database().db)).toEqual(before);
});

test('responses are forced in advance, for requests that match, as often as requested', async () => {
  const path = `/v2/issues/${queue}-1/links`;
  const rule = { method: 'GET', path: '/v2/issues/*/links', status: 503, retryAfter: 2, times: 2 };
  expect(await post('/v3/_test/responses', rule)).toMatchObject({ status: 201, body: rule });
  expect((await send('GET', `/v2/issues/${queue}-1`)).status).toBe(200);
  expect((await send('GET', '/v3/_test/responses')).body).toEqual([rule]);
  const forced = await send('GET', `${path}?x=1`);
  expect(forced.status).toBe(503);
  expect(forced.headers.get('Retry-After')).toBe('2');
  expect((await send('GET', path)).status).toBe(503);
  expect((await send('GET', path)).status).toBe(200);

  await post('/v3/_test/responses', { status: 500 });
  expect((await send('GET', path)).status).toBe(500);
  expect((await send('GET', path)).status).toBe(200);
  await post('/v3/_test/responses', { status: 500, times: 9 });
  expect((await send('DELETE', '/v3/_test/responses')).status).toBe(204);
  expect((await send('GET', path)).status).toBe(200);
});

test.each([
  [{}, 'status'],
  [{ status: 200 }, 'status'],
  [{ status: '503' }, 'status'],
  [{ status: 503, times: 0 }, 'times'],
  [{ status: 503, path: 'issues' }, 'path'],
  [{ delayMs: 60_001 }, 'delayMs'],
  [{ status: 503, procedure: 'getTask' }, 'procedure'],
])('a forced response is refused by member: %j', async (rule, member) => {
  const refused = await post('/v3/_test/responses', rule);
  expect(refused.status).toBe(400);
  expect(Object.keys((refused.body as { errors: object }).errors)).toEqual([member]);
  expect((await send('GET', '/v3/_test/responses')).body).toEqual([]);
});

test('the journal lists what clients sent, without secrets', async () => {
  const body = { queue, summary: 'Journal' };
  const created = await send('POST', '/v3/issues?x=1', { body, headers: { 'X-Request-Id': 'journal-1' } });
  await send('GET', `/v2/issues/${queue}-1/links`, { headers: { Prefer: 'code=500' } });
  const call = { jsonrpc: '2.0', method: 'getVersion', id: 1 };
  await send('POST', '/jsonrpc.php', { body: call, headers: rpc });
  const { body: entries } = await send('GET', '/v2/_test/requests');
  expect(created.status).toBe(201);
  expect(entries).toEqual([
    {
      id: 'journal-1',
      receivedAt: expect.stringMatching(/^2\d{3}-.*Z$/),
      durationMs: expect.any(Number),
      method: 'POST',
      url: '/v3/issues?x=1',
      status: 201,
      body: JSON.stringify(body),
    },
    expect.objectContaining({ method: 'GET', url: `/v2/issues/${queue}-1/links`, status: 500 }),
    expect.objectContaining({ url: '/jsonrpc.php', status: 200, body: JSON.stringify(call) }),
  ]);
  expect(JSON.stringify(entries)).not.toContain(organisation.admin.token);
  expect((await send('DELETE', '/v3/_test/requests')).status).toBe(204);
  expect((await send('GET', '/v3/_test/requests')).body).toEqual([]);
});

test('a role that may not suspend foreign keys is refused, and no snapshot is taken', async () => {
  const own = await createTestDatabase('template_issue_links');
  const role = `role_${own.connection.database}`;
  const run = (text: string) => own.db.query({ name: '', text, values: [] });
  await run(`create role ${role} login password 'secret'`);
  await run(`grant all on all tables in schema public to ${role}`);
  const db = openDatabase({ ...own.connection, user: role, password: 'secret' }, { info() {}, warn() {} });
  await expect(prepareSnapshot(db)).rejects.toThrow('grant set on parameter session_replication_role');
  expect(await run(`select to_regnamespace('issue_links_snapshot') as schema`)).toEqual([{ schema: null }]);
  await db.close();
  await run(`drop owned by ${role}; drop role ${role}`);
  await own.drop();
});

test('a snapshot of another schema is refused', async () => {
  const { db } = database();
  await db.query({ name: '', text: `update issue_links_snapshot.state set migration = 'old'`, values: [] });
  await expect(prepareSnapshot(db)).rejects.toThrow('The schema has changed');
  await db.query({
    name: '',
    text: 'update issue_links_snapshot.state set migration = (select name from schema_migrations order by id desc limit 1)',
    values: [],
  });
  await prepareSnapshot(db);
});

import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { PROGRAM, run, startServer } from '../support/server-process.ts';
import { createTestDatabase, type TestDatabase } from '../support/test-database.ts';

const EXAMPLES = fileURLToPath(new URL('../../docs/test-double/', import.meta.url));
const SERVE = [...PROGRAM, 'serve'];

let folder: string;
let database: TestDatabase;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'issue-links-seed-'));
  database = await createTestDatabase('template_issue_links');
});
afterAll(async () => {
  await rm(folder, { recursive: true, force: true });
  await database.drop();
});

async function get(url: string, token: string): Promise<{ status: number; body: unknown }> {
  const response = await fetch(url, { headers: { Authorization: `OAuth ${token}`, 'Accept-Language': 'en' } });
  return { status: response.status, body: await response.json() };
}

async function call(url: string, [login, secret]: readonly [string, string], method: string, params: object = []) {
  const Authorization = `Basic ${Buffer.from(`${login}:${secret}`).toString('base64')}`;
  const response = await fetch(`${url}/jsonrpc.php`, {
    method: 'POST',
    headers: { Authorization },
    body: JSON.stringify({ jsonrpc: '2.0', method, params, id: 1 }),
  });
  return { status: response.status, result: ((await response.json()) as { result?: unknown }).result };
}

async function withSeed<Result>(
  environment: Record<string, string>,
  work: (url: string, output: () => string) => Promise<Result>,
): Promise<Result> {
  const own = await createTestDatabase('template_issue_links');
  const server = await startServer(SERVE, { DATABASE_URL: own.url, ...environment });
  try {
    return await work(server.url, server.output);
  } finally {
    await server.stop();
    await own.drop();
  }
}

/** Expects the start to fail with that message, and the database to be empty afterwards. */
async function expectRefused(environment: Record<string, string>, message: RegExp | string): Promise<void> {
  const outcome = await run(SERVE, { PORT: '0', DATABASE_URL: database.url, ...environment });
  expect(outcome.stderr).toMatch(message);
  expect(outcome).toMatchObject({ code: 1, stdout: expect.not.stringContaining('is listening') as unknown });
  expect(await database.db.query({ name: '', text: 'select org_id from organisations', values: [] })).toEqual([]);
}

async function seedFile(name: string, content: string): Promise<string> {
  const path = join(folder, name);
  await writeFile(path, content);
  return path;
}

test('the example seed is served to the clients of both APIs', async () => {
  await withSeed({ SEED: join(EXAMPLES, 'seed.yaml') }, async (url, output) => {
    const links = await get(`${url}/v2/issues/TEST-2/links`, 'bob-token');
    expect(links).toMatchObject({
      status: 200,
      body: [
        { type: { id: 'epic' }, object: { key: 'TEST-1', display: 'Release' } },
        {
          type: { id: 'depends' },
          direction: 'outward',
          object: { key: 'TEST-3' },
          createdBy: { display: 'Bob Brown' },
        },
        { type: { id: 'subtask' }, object: { key: 'TEST-10' } },
      ],
    });
    expect(await get(`${url}/v3/issues/TEST-2`, 'alice-token')).toMatchObject({
      body: { tags: ['api'], epic: { key: 'TEST-1' }, createdBy: { display: 'Bob Brown' } },
    });
    expect(await get(`${url}/v3/issues/TEST-3`, 'bob-token')).toMatchObject({
      body: { version: 1, status: { key: 'closed' }, priority: { key: 'critical' }, type: { key: 'bug' } },
    });
    expect(await get(`${url}/v3/issues/TEST-3/comments`, 'bob-token')).toMatchObject({
      body: [{ text: 'Cannot be reproduced.', createdBy: { display: 'Alice Adams' } }],
    });
    expect(await get(`${url}/v3/issues/TEST-10/links`, 'bob-token')).toMatchObject({
      body: [{ type: { id: 'subtask' } }, { type: { id: 'tests' }, object: { key: 'TEST-3' } }],
    });
    expect(await get(`${url}/v3/issues/SECRET-1`, 'bob-token')).toMatchObject({ status: 404 });
    expect(await get(`${url}/v3/issues/SECRET-1`, 'alice-token')).toMatchObject({ status: 200 });
    expect(await get(`${url}/v3/issues/TEST-1/links`, 'bob-token')).toMatchObject({ body: [{ type: { id: 'epic' } }] });
    expect(await get(`${url}/v3/issues/TEST-1`, 'expired-token')).toMatchObject({ status: 401 });
    expect(await get(`${url}/v3/issues/JUNE-2`, 'demo-token')).toMatchObject({ status: 401 });
    expect(await call(url, ['jsonrpc', 'kanboard-token'], 'getAllProjects')).toMatchObject({
      result: [{ name: 'Secret' }, { name: 'Test' }],
    });
    expect(await call(url, ['alice', 'alice-password'], 'getMe')).toMatchObject({ result: { username: 'alice' } });
    expect(output()).toContain('seed applied');
  });
});

test('NDJSON has an object on each line', async () => {
  await withSeed({ SEED: join(EXAMPLES, 'seed.ndjson') }, async (url) => {
    expect(await get(`${url}/v2/issues/TEST-2/links`, 'alice-token')).toMatchObject({
      body: [
        { type: { id: 'subtask' }, object: { key: 'TEST-1' } },
        { type: { id: 'depends' }, object: { key: 'TEST-3' } },
      ],
    });
  });
});

test('INIT_ORG, INIT_LOGIN, INIT_TOKEN and INIT_QUEUE are a minimal seed', async () => {
  const init = { INIT_ORG: '42', INIT_LOGIN: 'ci', INIT_TOKEN: 'ci-token', INIT_QUEUE: 'CI' };
  await withSeed(init, async (url) => {
    expect(await get(`${url}/v3/queues`, 'ci-token')).toMatchObject({ status: 200, body: [{ key: 'CI' }] });
    expect(await get(`${url}/v3/myself`, 'ci-token')).toMatchObject({ body: { login: 'ci' } });
    expect(await call(url, ['jsonrpc', 'ci-token'], 'getAllProjects')).toMatchObject({ result: [{ name: 'CI' }] });
  });
});

test('a database that is not empty stays as it is', async () => {
  const own = await createTestDatabase('template_issue_links');
  const environment = { DATABASE_URL: own.url, SEED: join(EXAMPLES, 'seed.ndjson') };
  const first = await startServer(SERVE, environment);
  await first.stop();
  expect(first.output()).toMatch(/"via":"start","action":"seed","outcome":"done".*"file":".*seed\.ndjson"/);
  const again = await startServer(SERVE, { ...environment, SEED: join(EXAMPLES, 'seed.yaml') });
  expect(await get(`${again.url}/v3/issues/TEST-2`, 'alice-token')).toMatchObject({ status: 200 });
  expect(await get(`${again.url}/v3/issues/TEST-10`, 'alice-token')).toMatchObject({ status: 404 });
  await again.stop();
  expect(again.output()).toContain('the database is not empty, so the seed is not applied');
  expect(again.output()).not.toContain('"via":"start"');
  await own.drop();
});

test.each([
  ['a file that does not exist', 'missing.yaml', undefined, /SEED=.*missing\.yaml cannot be read/],
  ['invalid YAML', 'a.yaml', 'organisations: [', /a\.yaml is invalid, and nothing was written/],
  ['no organisation', 'b.yaml', 'organisations: []', /There is no organisation/],
  ['an unknown member at the top', 'c.yaml', 'organisations: []\nusers: []', /users: is unknown/],
  [
    'unknown and unfit members',
    'd.yaml',
    'organisations: [{id: a, nmae: x, users: [{login: b, role: boss}]}]',
    /organisations\[0\]\.nmae: is unknown\.\norganisations\[0\]\.users\[0\]\.role: must be one of admin, manager, member, reader/,
  ],
  [
    'an unknown field of an issue',
    'e.yaml',
    'organisations: [{id: a, queues: [{key: A}], issues: [{key: A-1, summary: x, asignee: b}]}]',
    /organisations\[0\]\.issues\[0\]: asignee: There is no such field/,
  ],
  [
    'a link that breaks a rule',
    'f.yaml',
    'organisations: [{id: a, queues: [{key: A}], issues: [{key: A-1, summary: x}], links: [{issue: A-1, relationship: relates, object: A-1}]}]',
    /organisations\[0\]\.links\[0\]: .*A-1/,
  ],
  [
    'a key that is there twice',
    'g.yaml',
    'organisations: [{id: a, queues: [{key: A}], issues: [{key: A-2, summary: x}, {key: A-2, summary: y}]}]',
    /organisations\[0\]\.issues\[1\]: key: The key is taken/,
  ],
  [
    'a login that Basic authentication cannot carry',
    'k.yaml',
    "organisations: [{id: a, users: [{login: 'a:b'}]}]",
    /organisations\[0\]\.users\[0\]: A login must have .* without a colon/,
  ],
  ['a line that is not JSON', 'h.ndjson', '{"organisation": {"id": "a"}}\n{"user"', /line 2: /],
  ['a line of an unknown kind', 'i.ndjson', '{"organisation": {"id": "a"}}\n{"uesr": {}}', /line 2: must be an object/],
  [
    'an object before its organisation',
    'j.ndjson',
    '{"user": {"login": "a"}}',
    /line 1: an organisation must come first/,
  ],
])('a seed is refused for %s, and nothing is written', async (_name, file, content, message) => {
  const path = content === undefined ? join(folder, file) : await seedFile(file, content);
  await expectRefused({ SEED: path }, message);
});

test('variables that contradict each other are refused by name', async () => {
  const path = join(EXAMPLES, 'seed.yaml');
  await expectRefused({ SEED: path, DEMO: 'on' }, /SEED: cannot be combined with DEMO=on/);
  await expectRefused({ SEED: path, INIT_ORG: '1' }, /INIT_ORG: cannot be combined with SEED/);
  await expectRefused({ INIT_TOKEN: 'x', INIT_QUEUE: 'A' }, /INIT_TOKEN: needs INIT_ORG\nINIT_QUEUE: needs INIT_ORG/);
  await expectRefused({ TEST_MODE: 'yes' }, /TEST_MODE/);
});

test('the example is what the guide shows', async () => {
  const guide = await readFile(new URL('../../docs/test-double.md', import.meta.url), 'utf8');
  const [, shown] = /```json\n(\{"organisation"[\s\S]*?)```/.exec(guide) ?? [];
  expect(shown).toBe(await readFile(join(EXAMPLES, 'seed.ndjson'), 'utf8'));
});

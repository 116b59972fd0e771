import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { runCommand } from '../support/command-line.ts';
import { type Environment, PROGRAM, run, startServer } from '../support/server-process.ts';
import { snapshot } from '../support/snapshot.ts';
import { untilWaiting } from '../support/statements.ts';
import { createTestDatabase, type TestDatabase } from '../support/test-database.ts';

const START = [process.execPath, fileURLToPath(new URL('../../scripts/start.js', import.meta.url))];
const NPM_START = ['npm', 'start'];
const SERVE = [...PROGRAM, 'serve'];
const DEMO = { Authorization: 'OAuth demo-token', 'X-Org-ID': '1' };

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'issue-links-serve-'));
});
afterAll(async () => {
  await rm(folder, { recursive: true, force: true });
});

/** The process id of the embedded PostgreSQL. */
async function postgresPid(dataDir: string): Promise<number> {
  return Number.parseInt(await readFile(join(dataDir, 'postgres', 'postmaster.pid'), 'utf8'), 10);
}

async function expectStopped(url: string, dataDir: string, postgres: number): Promise<void> {
  await expect(fetch(url)).rejects.toThrow('fetch failed');
  expect(() => process.kill(postgres, 0)).toThrow('ESRCH');
  expect(await readdir(join(dataDir, 'postgres'))).not.toContain('postmaster.pid');
}

async function demoLinks(url: string): Promise<{ id: number }[]> {
  const response = await fetch(`${url}/v2/issues/JUNE-2/links`, { headers: DEMO });
  expect(response.status).toBe(200);
  return (await response.json()) as { id: number }[];
}

async function demoLabels(url: string): Promise<unknown> {
  return await callDemo(url, 'getAllLinks');
}

async function callDemo(url: string, method: string, params: object = []): Promise<unknown> {
  const response = await fetch(`${url}/jsonrpc.php`, {
    method: 'POST',
    headers: { Authorization: `Basic ${Buffer.from('jsonrpc:demo-token').toString('base64')}` },
    body: JSON.stringify({ jsonrpc: '2.0', method, params, id: 1 }),
  });
  expect(response.status).toBe(200);
  return ((await response.json()) as { result: unknown }).result;
}

/** Expects a start to exit with 1 and one line on standard error. */
async function expectStartFailure(environment: Environment, message: RegExp): Promise<void> {
  const outcome = await run(SERVE, { PORT: '0', ...environment });
  expect(outcome.stderr).toMatch(message);
  expect(outcome.stderr.trim()).not.toContain('\n');
  expect(outcome).toMatchObject({ code: 1, signal: null });
  expect(outcome.stdout).not.toContain('is listening');
}

test('the first start creates the demo and prints a command that returns the documented link with all fields', async () => {
  const dataDir = join(folder, 'first');
  const server = await startServer(START, { DATA_DIR: dataDir });
  const { url } = server;
  expect(url).toMatch(/^http:\/\/127\.0\.0\.1:[1-9]\d+$/);
  expect(server.output()).toContain(
    `curl -H 'Authorization: OAuth demo-token' -H 'X-Org-ID: 1' ${url}/v2/issues/JUNE-2/links`,
  );
  expect(server.output()).toContain(
    `curl -u jsonrpc:demo-token ${url}/jsonrpc.php -d '{"jsonrpc":"2.0","method":"getAllLinks","id":1}'`,
  );
  expect(await demoLabels(url)).toContainEqual({ id: 2, label: 'blocks', opposite_id: 3 });

  const user = { self: `${url}/v2/users/1120000000049224`, id: '1120000000049224', display: 'Иван Иванов' };
  const links = await demoLinks(url);
  expect(links.filter(({ id }) => id === 4709605)).toEqual([
    {
      self: `${url}/v2/issues/JUNE-2/links/4709605`,
      id: 4709605,
      type: {
        self: `${url}/v2/linktypes/subtask`,
        id: 'subtask',
        inward: 'Подзадача',
        outward: 'Родительская задача',
      },
      direction: 'outward',
      object: {
        self: `${url}/v2/issues/TREK-9844`,
        id: '593cd211ef7e8a332414f2a7',
        key: 'TREK-9844',
        display: 'subtask',
      },
      createdBy: user,
      updatedBy: user,
      createdAt: '2017-06-11T05:16:01.421+0000',
      updatedAt: '2017-06-11T05:16:01.421+0000',
      assignee: user,
      status: { self: `${url}/v2/statuses/1`, id: '1', key: 'open', display: 'Открыт' },
      relationship: 'is parent task for',
    },
  ]);

  const postgres = await postgresPid(dataDir);
  expect(await server.stop('SIGTERM')).toEqual({ code: 0, signal: null });
  await expectStopped(url, dataDir, postgres);
});

test('npm start creates the demo, and forwards SIGTERM to the server', async () => {
  const dataDir = join(folder, 'npm');
  const server = await startServer(NPM_START, { DATA_DIR: dataDir });
  const postgres = await postgresPid(dataDir);
  expect((await demoLinks(server.url)).map(({ id }) => id)).toContain(4709605);
  expect(await server.stop('SIGTERM')).toEqual({ code: 0, signal: null });
  await expectStopped(server.url, dataDir, postgres);
});

test('no data is lost when the server is killed and started again', async () => {
  const dataDir = join(folder, 'killed');
  const first = await startServer(SERVE, { DATA_DIR: dataDir });
  const made = await runCommand('org create 123', { DATA_DIR: dataDir });
  expect(made).toMatchObject({ code: 0, stderr: '', database: `the embedded PostgreSQL in ${dataDir}` });
  expect(await first.stop('SIGKILL')).toEqual({ code: null, signal: 'SIGKILL' });

  const second = await startServer(SERVE, { DATA_DIR: dataDir });
  expect((await demoLinks(second.url)).map(({ id }) => id)).toContain(4709605);
  const again = await runCommand('org create 123', { DATA_DIR: dataDir });
  expect(again).toMatchObject({ code: 1, stderr: 'The organisation 123 already exists.\n' });
  const postgres = await postgresPid(dataDir);
  expect(await second.stop('SIGINT')).toEqual({ code: 0, signal: null });
  await expectStopped(second.url, dataDir, postgres);
});

test('commands use the embedded database of a running server, which accepts their tokens at once', async () => {
  const dataDir = join(folder, 'beside');
  const environment = { DATA_DIR: dataDir, DEMO: 'off' };
  const server = await startServer(SERVE, environment);
  const postgres = await postgresPid(dataDir);
  const issueLinks = async (args: string, input = '') => {
    const { code, stdout, stderr } = await runCommand(args, { DATA_DIR: dataDir }, input);
    expect({ args, code, stderr }).toEqual({ args, code: 0, stderr: '' });
    return stdout.trim();
  };
  const read = async (token: string, headers: Record<string, string>) => {
    const all = { Authorization: `Bearer ${token}`, ...headers };
    return (await fetch(`${server.url}/v2/issues/TEST-1/links`, { headers: all })).status;
  };

  await issueLinks('org create 123 --cloud-id bpf1');
  await issueLinks('user create --org 123 --login anna');
  await issueLinks('queue create --org 123 --key TEST');
  const token = 'a-token-from-elsewhere';
  await issueLinks('token create --org 123 --user anna --value-stdin', token);
  expect(await read(token, { 'X-Cloud-Org-ID': 'bpf1' })).toBe(404);
  expect(await read(token, { 'X-Org-ID': '124' })).toBe(403);
  await issueLinks('token revoke --org 123 --user anna');
  expect(await read(token, {})).toBe(401);

  expect(await postgresPid(dataDir)).toBe(postgres);
  expect(await server.stop()).toEqual({ code: 0, signal: null });
  await expectStopped(server.url, dataDir, postgres);
});

test('a server finishes requests before it stops', async () => {
  const database = await createTestDatabase('template_issue_links');
  const server = await startServer(SERVE, { DATABASE_URL: database.url, DEMO: 'on' });
  const { response, stopped } = await database.db.transaction(async (holder) => {
    await holder.query({ name: '', text: 'lock table links in access exclusive mode', values: [] });
    const waiting = fetch(`${server.url}/v2/issues/JUNE-2/links`, { headers: DEMO });
    await untilWaiting(database.db, 1);
    const end = server.stop();
    await until(() => isRefused(server.url));
    return { response: waiting, stopped: end };
  });
  expect((await response).status).toBe(200);
  expect(await stopped).toEqual({ code: 0, signal: null });
  await database.drop();
});

test('an idle keep-alive connection does not delay the stop of a server', async () => {
  const database = await createTestDatabase('template_issue_links');
  const server = await startServer(SERVE, { DATABASE_URL: database.url });
  const { hostname, port } = new URL(server.url);
  const idle = connect(Number(port), hostname);
  const closed = new Promise((resolve) => idle.once('close', resolve));
  idle.on('error', () => undefined).write('GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n');
  await new Promise((resolve) => idle.once('data', resolve));
  expect(await server.stop()).toEqual({ code: 0, signal: null });
  await closed;
  await database.drop();
});

test('a server whose output is closed still serves and stops', async () => {
  const database = await createTestDatabase('template_issue_links');
  const server = await startServer(SERVE, { DATABASE_URL: database.url });
  server.stopReading();
  for (let call = 1; call <= 3; call += 1) expect((await fetch(`${server.url}/openapi.json`)).status).toBe(200);
  expect(await server.stop()).toEqual({ code: 0, signal: null });

  const quiet = await startServer(SERVE, { DATABASE_URL: database.url });
  quiet.stopReading();
  expect(await quiet.stop()).toEqual({ code: 0, signal: null });
  await database.drop();
});

test('with DATABASE_URL no embedded PostgreSQL starts, and the demo is created only with DEMO=on', async () => {
  const database = await createTestDatabase('template0');
  const dataDir = join(folder, 'none');
  const environment = { DATABASE_URL: database.url, DATA_DIR: dataDir };

  const plain = await startServer(SERVE, environment);
  expect(plain.output()).toContain('npx issue-links org create');
  expect((await fetch(`${plain.url}/readyz`)).status).toBe(200);
  expect((await fetch(`${plain.url}/v2/issues/JUNE-2/links`, { headers: DEMO })).status).toBe(401);
  expect(await plain.stop()).toEqual({ code: 0, signal: null });
  expect(await database.db.query({ name: '', text: 'select from organisations', values: [] })).toEqual([]);

  const withDemo = await startServer(SERVE, { ...environment, DEMO: 'on' });
  expect((await demoLinks(withDemo.url)).map(({ id }) => id)).toContain(4709605);
  await withDemo.stop();
  expect(await readdir(folder)).not.toContain('none');
  await database.drop();
});

test('with DEMO=off an empty embedded database stays empty', async () => {
  const server = await startServer(SERVE, { DATA_DIR: join(folder, 'empty'), DEMO: 'off' });
  expect(server.output()).toContain('npx issue-links org create');
  expect((await fetch(`${server.url}/v2/issues/JUNE-2/links`, { headers: DEMO })).status).toBe(401);
  expect(await server.stop()).toEqual({ code: 0, signal: null });
});

test('npm start -- --reset recreates the demo as it was at first', async () => {
  const environment = { DATA_DIR: join(folder, 'reset') };
  const first = await startServer(SERVE, environment);
  const before = await demoLinks(first.url);
  const labels = await demoLabels(first.url);
  const tasks = await callDemo(first.url, 'getAllTasks', [1, 1]);
  const link = `${first.url}/v2/issues/JUNE-2/links/4709605`;
  expect((await fetch(link, { method: 'DELETE', headers: DEMO })).status).toBe(204);
  expect(await callDemo(first.url, 'createTask', { title: 'mine', project_id: 1 })).toEqual(expect.any(Number));
  expect(await callDemo(first.url, 'createLink', ['mine'])).toEqual(expect.any(Number));
  await first.stop();

  const second = await startServer([...NPM_START, '--', '--reset'], environment);
  expect(withoutUrl(await demoLinks(second.url), second.url)).toEqual(withoutUrl(before, first.url));
  expect(await demoLabels(second.url)).toEqual(labels);
  expect(withoutUrl(await callDemo(second.url, 'getAllTasks', [1, 1]), second.url)).toEqual(
    withoutUrl(tasks, first.url),
  );
  expect(await second.stop()).toEqual({ code: 0, signal: null });
});

test('--reset creates the demo in an empty database, also with DATABASE_URL', async () => {
  const database = await createTestDatabase('template_issue_links');
  const server = await startServer([...SERVE, '--reset'], { DATABASE_URL: database.url });
  expect((await demoLinks(server.url)).map(({ id }) => id)).toContain(4709605);
  await server.stop();
  expect(server.output()).toContain('"via":"start","action":"demo reset","outcome":"done"');
  await database.drop();
});

test('--reset exits with 1 and changes nothing if the database holds another organisation', async () => {
  const database = await createTestDatabase('template_issue_links');
  const environment = { DATABASE_URL: database.url };
  // Organisation 1 is normally the demo, but here the operator has created it.
  expect(await runCommand('org create 1', environment)).toMatchObject({ code: 0 });
  await expectNoReset(database, environment, /it holds 1 besides the demo: nothing was changed\. Use another DATA_DIR/);
  await database.drop();

  const beside = await createTestDatabase('template_issue_links');
  const server = await startServer([...SERVE, '--reset'], { DATABASE_URL: beside.url });
  for (const org of ['124', '123']) await runCommand(`org create ${org}`, { DATABASE_URL: beside.url });
  await server.stop();
  await expectNoReset(beside, { DATABASE_URL: beside.url }, /it holds 123, 124 besides the demo: nothing was changed/);
  await beside.drop();
});

test('--reset fails and changes nothing while a server runs, on a public address, and with DEMO=off', async () => {
  const database = await createTestDatabase('template_issue_links');
  const environment = { DATABASE_URL: database.url };
  const server = await startServer(SERVE, { ...environment, DEMO: 'on' });
  await expectNoReset(
    database,
    { ...environment, PORT: new URL(server.url).port },
    /is in use: set PORT to a free one/,
  );
  await server.stop();
  await expectNoReset(database, { ...environment, HOST: '0.0.0.0' }, /can be reached from other machines/);
  await expectNoReset(
    database,
    { ...environment, DEMO: 'off' },
    /^--reset creates demo data, which DEMO=off forbids/,
    2,
  );
  await database.drop();
});

test('serve exits with 1 and one message if its port is in use, and leaves no PostgreSQL running', async () => {
  const database = await createTestDatabase('template_issue_links');
  const server = await startServer(SERVE, { DATABASE_URL: database.url });
  const { port } = new URL(server.url);
  const dataDir = join(folder, 'in-use');
  const message = `^Port ${port} on 127\\.0\\.0\\.1 is in use: set PORT to a free one, or stop the program that uses it\\.\n$`;
  await expectStartFailure({ DATA_DIR: dataDir, PORT: port }, new RegExp(message));
  expect(await readdir(join(dataDir, 'postgres'))).not.toContain('postmaster.pid');
  await server.stop();
  await database.drop();
});

test.each([['203.0.113.9'], ['no-such-host.invalid']])(
  'serve exits with 1 and one message for HOST=%s, an address of another machine',
  async (HOST) => {
    const database = await createTestDatabase('template_issue_links');
    await expectStartFailure(
      { DATABASE_URL: database.url, HOST },
      new RegExp(`^HOST=${HOST} is not an address of this machine: set HOST to`),
    );
    await database.drop();
  },
);

test.each([
  [
    'postgres://127.0.0.1:1/links',
    /^The database cannot be used \(connect ECONNREFUSED 127\.0\.0\.1:1\): check DATABASE_URL\.\n$/,
  ],
  ['postgres://localhost:1/links', /^The database cannot be used \(connect ECONNREFUSED .*\): check DATABASE_URL\.\n$/],
  [
    'postgres://no-such-host.invalid/links',
    /^The database cannot be used \(.*no-such-host\.invalid\): check DATABASE_URL\.\n$/,
  ],
])('serve exits with 1 and one message for the unreachable DATABASE_URL=%s', async (DATABASE_URL, message) => {
  await expectStartFailure({ DATABASE_URL, DATABASE_WAIT_SECONDS: '0' }, message);
});

test('serve exits with 1 and one message without the password for a wrong password or database in DATABASE_URL', async () => {
  const database = await createTestDatabase('template_issue_links');
  const wrongPassword = database.url.replace(/:[^:@]+@/, ':hunter2@');
  await expectStartFailure(
    { DATABASE_URL: wrongPassword },
    /^The database cannot be used \(password authentication failed for user "postgres"\)/,
  );
  const wrongDatabase = database.url.replace(database.connection.database, 'no_such_database');
  await expectStartFailure(
    { DATABASE_URL: wrongDatabase },
    /^The database cannot be used \(database "no_such_database" does not exist\)/,
  );
  expect((await run(SERVE, { DATABASE_URL: wrongPassword })).stderr).not.toContain('hunter2');
  await database.drop();
});

test('serve exits with 1 and one message if DATA_DIR is a file', async () => {
  await expectStartFailure({ DATA_DIR: fileURLToPath(import.meta.url) }, /set DATA_DIR to a folder\.\n$/);
});

test('the demo does not start on an address that other machines can reach, unless DEMO=on', async () => {
  const dataDir = join(folder, 'open');
  await expectStartFailure(
    { DATA_DIR: dataDir, HOST: '0.0.0.0' },
    /^HOST=0\.0\.0\.0 can be reached from other machines, and the database would hold the demo's/,
  );

  const server = await startServer(SERVE, { DATA_DIR: dataDir, HOST: '0.0.0.0', DEMO: 'on' });
  expect((await demoLinks(server.url)).map(({ id }) => id)).toContain(4709605);
  const forwarded = { ...DEMO, 'X-Forwarded-For': '203.0.113.7' };
  expect((await fetch(`${server.url}/v2/issues/JUNE-2/links`, { headers: forwarded })).status).toBe(401);
  await server.stop();

  await expectStartFailure(
    { DATA_DIR: dataDir, HOST: '::' },
    /^HOST=:: can be reached from other machines, and the database holds the demo's/,
  );
  await expectStartFailure(
    { DATA_DIR: dataDir, HOST: '::', DEMO: 'off' },
    /^HOST=:: can be reached from other machines/,
  );
});

test('serve prints all problems of the environment at once', async () => {
  const { code, stderr } = await run(SERVE, { PORT: 'x', DEMO: 'perhaps', TRUST_PROXY: 'true' });
  expect(code).toBe(1);
  expect(stderr.trim().split('\n')).toHaveLength(4);
});

async function expectNoReset({ db }: TestDatabase, environment: Environment, message: RegExp, code = 1): Promise<void> {
  const before = await snapshot(db);
  const outcome = await run([...SERVE, '--reset'], { PORT: '0', ...environment });
  expect(outcome.stderr).toMatch(message);
  expect(outcome.code).toBe(code);
  expect(await snapshot(db)).toEqual(before);
}

/** Replaces the URL of the server, whose port changes with each start. */
function withoutUrl(value: unknown, url: string): unknown {
  return JSON.parse(JSON.stringify(value).replaceAll(url, 'http://server'));
}

async function isRefused(url: string): Promise<boolean> {
  const { hostname, port } = new URL(url);
  return await new Promise((resolve) => {
    const socket = connect(Number(port), hostname, () => {
      socket.destroy();
      resolve(false);
    });
    socket.once('error', () => {
      resolve(true);
    });
  });
}

async function until(condition: () => Promise<boolean>): Promise<void> {
  while (!(await condition())) await sleep(5);
}

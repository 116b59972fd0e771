import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { runCommand } from '../support/command-line.ts';
import { PROGRAM, type ServerProcess, startServer } from '../support/server-process.ts';
import { contents, snapshot } from '../support/snapshot.ts';
import { useDatabase } from '../support/test-database.ts';

const database = useDatabase();
let server: ServerProcess;

beforeAll(async () => {
  server = await startServer([...PROGRAM, 'serve'], { DATABASE_URL: database().url });
  await printed('org create 123 --language en --profile kanboard');
  await printed('user create --org 123 --login anna');
});
afterAll(() => server.stop());

/** Expects `issue-links` to succeed without an error message, and returns its standard output. */
async function printed(args: string, input?: string): Promise<string> {
  const { code, stdout, stderr } = await issueLinks(args, input);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  return stdout.trim();
}

function issueLinks(args: string, input?: string) {
  return runCommand(args, { DATABASE_URL: database().url }, input);
}

/** Calls the running server in the organisation 123, and returns the status. */
async function call(login: string, token: string, method = 'getTimezone'): Promise<number> {
  const response = await fetch(`${server.url}/kanboard/123/jsonrpc.php`, {
    method: 'POST',
    headers: { Authorization: `Basic ${Buffer.from(`${login}:${token}`).toString('base64')}` },
    body: JSON.stringify({ jsonrpc: '2.0', method, id: 1 }),
  });
  return response.status;
}

test('kanboard token prints a new application token, which replaces the old one at once', async () => {
  const first = await printed('kanboard token --org 123');
  expect(first).toMatch(/^[0-9a-f]{60}$/);
  expect(await call('jsonrpc', first, 'getAllLinks')).toBe(200);
  expect(JSON.stringify(await contents(database().db))).not.toContain(first);

  const second = await printed('kanboard token --org 123');
  expect([await call('jsonrpc', first), await call('jsonrpc', second)]).toEqual([401, 200]);
});

test('kanboard token --user creates a personal token with the rights of its user', async () => {
  const token = await printed('kanboard token --org 123 --user anna');
  expect(await call('anna', token)).toBe(200);
  expect(await call('anna', token, 'getAllLinks')).toBe(403);
  expect(await call('jsonrpc', token)).toBe(401);
});

test('kanboard token --json prints the login and the kind of the token', async () => {
  expect(JSON.parse(await printed('kanboard token --org 123 --user anna --json'))).toEqual({
    login: 'anna',
    kind: 'personal',
    token: expect.stringMatching(/^[0-9a-f]{60}$/),
  });
  for (const args of ['kanboard token --org 123 --json', 'kanboard token --org 123 --user jsonrpc --json']) {
    expect(JSON.parse(await printed(args))).toMatchObject({ login: 'jsonrpc', kind: 'application' });
  }
});

test('kanboard token --value-stdin accepts an existing token, and a short one with a warning', async () => {
  const long = 'a'.repeat(60);
  expect(await printed('kanboard token --org 123 --value-stdin', `${long}\n`)).toBe('Stored the token.');
  expect(await call('jsonrpc', long)).toBe(200);

  const short = await issueLinks('kanboard token --org 123 --user anna --value-stdin', 'pa:ss');
  expect(short).toMatchObject({
    code: 0,
    stdout: 'Stored the token.\n',
    stderr: 'Warning: this token is short and easy to guess.\n',
  });
  expect(await call('anna', 'pa:ss')).toBe(200);
});

test('a personal token that another user has is rejected, and the old one stays valid', async () => {
  await printed('user create --org 123 --login boris');
  const [hers, his] = [
    await printed('kanboard token --org 123 --user anna'),
    await printed('kanboard token --org 123 --user boris'),
  ];
  const before = await snapshot(database().db);
  expect(await issueLinks('kanboard token --org 123 --user boris --value-stdin', hers)).toMatchObject({
    code: 1,
    stdout: '',
    stderr: 'The organisation already has this token.\n',
  });
  expect(await snapshot(database().db)).toEqual(before);
  expect(await call('boris', his)).toBe(200);
});

test('token list prints tokens without their values, and token revoke revokes them at once', async () => {
  const [application, personal] = [
    await printed('kanboard token --org 123'),
    await printed('kanboard token --org 123 --user anna'),
  ];
  const list = await printed('token list --org 123');
  expect(list).toMatch(/^\d+\tjsonrpc\tapplication\tread,write,admin\tgood\tnever$/m);
  expect(list).toMatch(/^\d+\tanna\tpersonal\tread,write,admin\tgood\tnever$/m);
  expect(list).not.toMatch(/[0-9a-f]{60}/);

  await printed('token revoke --org 123 --user anna');
  expect([await call('anna', personal), await call('jsonrpc', application)]).toEqual([401, 200]);
  await printed('token revoke --org 123 --value-stdin', application);
  expect(await call('jsonrpc', application)).toBe(401);
});

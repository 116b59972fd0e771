import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { texts } from '../../src/texts.ts';
import { runCommand } from '../support/command-line.ts';
import { PROGRAM, type ServerProcess, startServer } from '../support/server-process.ts';
import { snapshot } from '../support/snapshot.ts';
import { useDatabase } from '../support/test-database.ts';

const database = useDatabase();
let server: ServerProcess;

beforeAll(async () => {
  server = await startServer([...PROGRAM, 'serve'], { DATABASE_URL: database().url });
  await printed('org create 123 --language en --cloud-id bpf1');
});
afterAll(() => server.stop());

/** Standard output of `issue-links`, which succeeds and says nothing else. */
async function printed(args: string, input?: string): Promise<string> {
  const { code, stdout, stderr } = await issueLinks(args, input);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  return stdout.trim();
}

function issueLinks(args: string, input?: string) {
  return runCommand(args, { DATABASE_URL: database().url }, input);
}

/** The status of a read by this token, and what it says. */
async function read(token: string, headers: Record<string, string> = {}): Promise<[number, string]> {
  const response = await fetch(`${server.url}/v2/issues/TEST-1/links`, {
    headers: { Authorization: `OAuth ${token}`, 'Accept-Language': 'en', ...headers },
  });
  const { errorMessages } = (await response.json()) as { errorMessages: string[] };
  return [response.status, errorMessages.join()];
}

const LET_IN = [404, texts.issueNotFound.en];
const REVOKED = [401, texts.tokenRevoked.en];

async function givenUser(login: string): Promise<void> {
  await printed(`user create --org 123 --login ${login}`);
}

test('a new token is printed once and works at once, in its own organisation', async () => {
  await givenUser('anna');
  const token = await printed('token create --org 123 --user anna');
  expect(token).toMatch(/^ilt_[\w-]{43}$/);
  expect(await read(token)).toEqual(LET_IN);
  expect(await read(token, { 'X-Org-ID': '123' })).toEqual(LET_IN);
  expect(await read(token, { 'X-Cloud-Org-ID': 'bpf1' })).toEqual(LET_IN);
  expect((await read(token, { 'X-Org-ID': '124' }))[0]).toBe(403);
  expect(JSON.stringify(await snapshot(database().db))).not.toContain(token);
});

test('--json says all there is to know of a new token', async () => {
  await givenUser('boris');
  const before = Date.now();
  const created = JSON.parse(
    await printed('token create --org 123 --user boris --scope read,admin,read --expires 90d --json'),
  );
  expect(created).toEqual({
    id: expect.any(Number),
    token: expect.stringMatching(/^ilt_/),
    expiresAt: expect.any(String),
  });
  const days = (Date.parse(created.expiresAt) - before) / 86_400_000;
  expect(Math.floor(days)).toBe(90);
  const [token] = JSON.parse(await printed('token list --org 123 --json')).filter(
    ({ id }: { id: number }) => id === created.id,
  );
  expect(token).toEqual({
    id: created.id,
    login: 'boris',
    kind: 'oauth',
    scopes: ['read', 'admin'],
    createdAt: expect.any(String),
    expiresAt: created.expiresAt,
    state: 'good',
  });
});

test('a token that people have already is taken over from standard input, also a short one', async () => {
  await givenUser('clara');
  const long = 'y0_AgAAAABx-an-existing-token_of-tracker';
  expect(await printed('token create --org 123 --user clara --value-stdin', `${long}\n`)).toBe(long);
  expect(await read(long)).toEqual(LET_IN);

  const short = await issueLinks('token create --org 123 --user clara --value-stdin', 'x');
  expect(short).toMatchObject({ code: 0, stdout: 'x\n', stderr: 'Warning: this token is short and easy to guess.\n' });
  expect(await read('x')).toEqual(LET_IN);

  const before = await snapshot(database().db);
  const again = await issueLinks('token create --org 123 --user clara --value-stdin', long);
  expect(again).toMatchObject({ code: 1, stdout: '', stderr: 'The organisation already has this token.\n' });
  expect(await snapshot(database().db)).toEqual(before);
});

test('a token that has expired is refused from then on', async () => {
  await givenUser('dmitri');
  const token = await printed('token create --org 123 --user dmitri --expires 12h');
  expect(await read(token)).toEqual(LET_IN);
  await database().db.query({
    name: '',
    text: `update tokens set expires_at = now() where user_id = (select user_id from users where login = 'dmitri')`,
    values: [],
  });
  expect(await read(token)).toEqual([401, texts.tokenExpired.en]);
  expect(await printed('token list --org 123')).toMatch(/\tdmitri\toauth\tread,write,admin\texpired$/m);
});

test('a token is revoked by its number at once, and again without harm', async () => {
  await givenUser('eva');
  const { id, token } = JSON.parse(await printed('token create --org 123 --user eva --json'));
  const other = await printed('token create --org 123 --user eva');
  expect(await read(token)).toEqual(LET_IN);

  expect(await printed(`token revoke --org 123 --id ${id}`)).toBe(`Revoked: ${id}`);
  expect(await read(token)).toEqual(REVOKED);
  expect(await read(other)).toEqual(LET_IN);
  const before = await snapshot(database().db);
  expect(JSON.parse(await printed(`token revoke --org 123 --id ${id} --json`))).toEqual({ ids: [id] });
  expect(await snapshot(database().db)).toEqual(before);
});

test('all tokens of a user are revoked at once, and nobody else’s', async () => {
  await givenUser('fyodor');
  await givenUser('galina');
  const tokens = [
    await printed('token create --org 123 --user fyodor'),
    await printed('token create --org 123 --user fyodor'),
  ];
  const hers = await printed('token create --org 123 --user galina');

  const { ids } = JSON.parse(await printed('token revoke --org 123 --user fyodor --json'));
  expect(ids).toHaveLength(2);
  for (const token of tokens) expect(await read(token)).toEqual(REVOKED);
  expect(await read(hers)).toEqual(LET_IN);
});

test('a user without tokens has none to revoke', async () => {
  await givenUser('hanna');
  expect(await printed('token revoke --org 123 --user hanna')).toBe('There was no token to revoke.');
});

test('a token is revoked by itself, from standard input', async () => {
  await givenUser('igor');
  const token = await printed('token create --org 123 --user igor');
  const outcome = await issueLinks('token revoke --org 123 --value-stdin', `${token}\n`);
  expect(outcome).toMatchObject({ code: 0, stdout: expect.stringMatching(/^Revoked: \d+\n$/), stderr: '' });
  expect(await read(token)).toEqual(REVOKED);

  const before = await snapshot(database().db);
  const unknown = await issueLinks('token revoke --org 123 --value-stdin', 'never-seen');
  expect(unknown).toMatchObject({ code: 1, stdout: '', stderr: 'The token is unknown.\n' });
  expect(await snapshot(database().db)).toEqual(before);
});

test('a token of another organisation cannot be revoked', async () => {
  await printed('org create 456 --language en');
  await printed('user create --org 456 --login anna');
  const { id, token } = JSON.parse(await printed('token create --org 456 --user anna --json'));
  const before = await snapshot(database().db);
  for (const choice of [`--id ${id}`, '--value-stdin']) {
    expect(await issueLinks(`token revoke --org 123 ${choice}`, token)).toMatchObject({ code: 1, stdout: '' });
  }
  expect(await snapshot(database().db)).toEqual(before);
  expect(await read(token)).toEqual(LET_IN);
});

test('neither a list nor a revocation prints a token', async () => {
  await givenUser('julia');
  const { id, token } = JSON.parse(await printed('token create --org 123 --user julia --json'));
  for (const args of ['token list --org 123', 'token list --org 123 --json', `token revoke --org 123 --id ${id}`]) {
    const outcome = await issueLinks(args);
    expect(outcome.code).toBe(0);
    expect(outcome.stdout + outcome.stderr).not.toContain(token.slice(4));
    expect(outcome.stdout).not.toMatch(/[0-9a-f]{64}/);
  }
});

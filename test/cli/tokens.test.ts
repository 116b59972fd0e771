import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { listTokens } from '../../src/core/tokens/tokens.service.ts';
import { lockToken } from '../../src/core/tokens/tokens.store.ts';
import { texts } from '../../src/texts.ts';
import { runCommand } from '../support/command-line.ts';
import { PROGRAM, type ServerProcess, startServer } from '../support/server-process.ts';
import { contents, snapshot } from '../support/snapshot.ts';
import { untilWaiting } from '../support/statements.ts';
import { useDatabase } from '../support/test-database.ts';

const database = useDatabase();
let server: ServerProcess;

beforeAll(async () => {
  server = await startServer([...PROGRAM, 'serve'], { DATABASE_URL: database().url });
  await printed('org create 123 --language en --cloud-id bpf1');
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

/** Reads an issue that does not exist, and returns the status and the error message. */
async function read(token: string, headers: Record<string, string> = {}): Promise<[number, string]> {
  const response = await fetch(`${server.url}/v2/issues/TEST-1/links`, {
    headers: { Authorization: `OAuth ${token}`, 'Accept-Language': 'en', ...headers },
  });
  const { errorMessages } = (await response.json()) as { errorMessages: string[] };
  return [response.status, errorMessages.join()];
}

const ACCEPTED = [404, texts.issueNotFound.en];
const REVOKED = [401, texts.tokenRevoked.en];

async function givenUser(login: string): Promise<void> {
  await printed(`user create --org 123 --login ${login}`);
}

test('token create prints a token that works at once, in its own organisation only', async () => {
  await givenUser('anna');
  const token = await printed('token create --org 123 --user anna');
  expect(token).toMatch(/^ilt_[\w-]{43}$/);
  expect(await read(token)).toEqual(ACCEPTED);
  expect(await read(token, { 'X-Org-ID': '123' })).toEqual(ACCEPTED);
  expect(await read(token, { 'X-Cloud-Org-ID': 'bpf1' })).toEqual(ACCEPTED);
  expect((await read(token, { 'X-Org-ID': '124' }))[0]).toBe(403);
  expect(JSON.stringify(await contents(database().db))).not.toContain(token);
});

test('token create --json prints the id and the expiry, and token list --json all other fields', async () => {
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
    lastUsedAt: null,
  });
});

test('token list shows when a token was last used, at the latest when the server has stopped', async () => {
  await givenUser('ulla');
  const [used, unused] = [
    JSON.parse(await printed('token create --org 123 --user ulla --json')),
    JSON.parse(await printed('token create --org 123 --user ulla --json')),
  ];
  const other = await startServer([...PROGRAM, 'serve'], { DATABASE_URL: database().url });
  const before = Date.now();
  const response = await fetch(`${other.url}/v2/linktypes`, { headers: { Authorization: `OAuth ${used.token}` } });
  expect(response.status).toBe(200);
  expect(await other.stop()).toEqual({ code: 0, signal: null });

  const tokens = JSON.parse(await printed('token list --org 123 --json')) as {
    id: number;
    lastUsedAt: string | null;
  }[];
  const lastUseOf = (id: number) => tokens.find((token) => token.id === id)?.lastUsedAt;
  expect(lastUseOf(unused.id)).toBeNull();
  expect(Date.parse(String(lastUseOf(used.id)))).toBeGreaterThanOrEqual(before);
  const lines = (await printed('token list --org 123')).split('\n').map((line) => line.split('\t'));
  expect(lines[0]?.at(-1)).toBe('last used');
  expect(lines.find(([id]) => id === String(unused.id))?.at(-1)).toBe('never');
  expect(lines.find(([id]) => id === String(used.id))?.at(-1)).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\dZ$/);
});

test('token create --value-stdin accepts an existing token, and a short one with a warning', async () => {
  await givenUser('clara');
  const long = 'y0_AgAAAABx-an-existing-token_of-tracker';
  expect(await printed('token create --org 123 --user clara --value-stdin', `${long}\n`)).toBe('Stored the token.');
  expect(await read(long)).toEqual(ACCEPTED);

  const short = await issueLinks('token create --org 123 --user clara --value-stdin', 'x');
  expect(short).toMatchObject({
    code: 0,
    stdout: 'Stored the token.\n',
    stderr: 'Warning: this token is short and easy to guess.\n',
  });
  expect(await read('x')).toEqual(ACCEPTED);

  const before = await snapshot(database().db);
  const again = await issueLinks('token create --org 123 --user clara --value-stdin', long);
  expect(again).toMatchObject({ code: 1, stdout: '', stderr: 'The organisation already has this token.\n' });
  expect(await snapshot(database().db)).toEqual(before);
});

test('token rotate prints a token like the old one, which expires after the overlap', async () => {
  await givenUser('rita');
  const old = JSON.parse(await printed('token create --org 123 --user rita --scope read --json'));
  const before = Date.now();
  const rotated = JSON.parse(await printed(`token rotate --org 123 --id ${old.id} --overlap 7d --json`));
  expect(rotated).toEqual({
    id: expect.any(Number),
    token: expect.stringMatching(/^ilt_/),
    replaced: { id: old.id, expiresAt: expect.any(String) },
  });
  expect(Math.floor((Date.parse(rotated.replaced.expiresAt) - before) / 86_400_000)).toBe(7);
  expect(await read(old.token)).toEqual(ACCEPTED);
  expect(await read(rotated.token)).toEqual(ACCEPTED);
  const tokens = JSON.parse(await printed('token list --org 123 --json')) as { id: number }[];
  expect(tokens.filter(({ id }) => [old.id, rotated.id].includes(id))).toMatchObject([
    { id: old.id, scopes: ['read'], expiresAt: rotated.replaced.expiresAt },
    { id: rotated.id, login: 'rita', scopes: ['read'], expiresAt: null, state: 'good' },
  ]);

  const brief = JSON.parse(await printed('token create --org 123 --user rita --expires 2d --json'));
  const renewed = JSON.parse(await printed(`token rotate --org 123 --id ${brief.id} --json`));
  expect(Math.round((Date.parse(renewed.expiresAt) - before) / 86_400_000)).toBe(2);

  const last = await printed(`token rotate --org 123 --id ${rotated.id}`);
  expect(await read(rotated.token)).toEqual([401, texts.tokenExpired.en]);
  expect(await read(last)).toEqual(ACCEPTED);
  const stored = await snapshot(database().db);
  const refused = await issueLinks(`token rotate --org 123 --id ${rotated.id}`);
  expect(refused).toMatchObject({ code: 1, stderr: `${texts.tokenNotReplaceable(String(rotated.id)).en}\n` });
  expect(await snapshot(database().db)).toEqual(stored);
});

test.each(['command', 'API'])(
  'of two rotations at once, that of the %s waits for the token first and alone succeeds',
  async (first) => {
    const login = `twice-${first.toLowerCase()}`;
    await printed(`user create --org 123 --login ${login} --role admin`);
    const old = JSON.parse(await printed(`token create --org 123 --user ${login} --json`));
    const administrator = await printed(`token create --org 123 --user ${login}`);
    const rotate = {
      command: async () => (await issueLinks(`token rotate --org 123 --id ${old.id}`)).code === 0,
      API: async () => {
        const headers = { Authorization: `OAuth ${administrator}` };
        return (await fetch(`${server.url}/v3/tokens/${old.id}/_rotate`, { method: 'POST', headers })).status;
      },
    };
    const [one, other] = first === 'command' ? [rotate.command, rotate.API] : [rotate.API, rotate.command];
    const rotations = await database().db.transaction(async (holder) => {
      await lockToken(holder, '123', old.id);
      const waiting = [one()];
      await untilWaiting(database().db, 1);
      waiting.push(other());
      await untilWaiting(database().db, 2);
      return { waiting };
    });
    expect(await Promise.all(rotations.waiting)).toEqual(first === 'command' ? [true, 422] : [201, false]);
    const tokens = (await listTokens(database().db, '123')).filter((token) => token.login === login);
    expect(tokens.map(({ state }) => state)).toEqual(['expired', 'good', 'good']);
  },
);

test('an expired token is rejected', async () => {
  await givenUser('dmitri');
  const token = await printed('token create --org 123 --user dmitri --expires 12h');
  await database().db.query({
    name: '',
    text: `update tokens set expires_at = now() where user_id = (select user_id from users where login = 'dmitri')`,
    values: [],
  });
  expect(await read(token)).toEqual([401, texts.tokenExpired.en]);
  expect(await printed('token list --org 123')).toMatch(/\tdmitri\toauth\tread,write,admin\texpired\tnever$/m);
});

test('token revoke --id revokes a token at once, and does nothing the second time', async () => {
  await givenUser('eva');
  const { id, token } = JSON.parse(await printed('token create --org 123 --user eva --json'));
  const other = await printed('token create --org 123 --user eva');
  expect(await read(token)).toEqual(ACCEPTED);

  expect(await printed(`token revoke --org 123 --id ${id}`)).toBe(`Revoked: ${id}`);
  expect(await read(token)).toEqual(REVOKED);
  expect(await read(other)).toEqual(ACCEPTED);
  const before = await snapshot(database().db);
  expect(JSON.parse(await printed(`token revoke --org 123 --id ${id} --json`))).toEqual({ ids: [id] });
  expect(await snapshot(database().db)).toEqual(before);
});

test('token revoke --user revokes all tokens of that user only', async () => {
  await givenUser('fyodor');
  await givenUser('galina');
  const tokens = [
    await printed('token create --org 123 --user fyodor'),
    await printed('token create --org 123 --user fyodor'),
  ];
  const otherToken = await printed('token create --org 123 --user galina');

  const { ids } = JSON.parse(await printed('token revoke --org 123 --user fyodor --json'));
  expect(ids).toHaveLength(2);
  for (const token of tokens) expect(await read(token)).toEqual(REVOKED);
  expect(await read(otherToken)).toEqual(ACCEPTED);
});

test('token revoke --user succeeds for a user without tokens', async () => {
  await givenUser('hanna');
  expect(await printed('token revoke --org 123 --user hanna')).toBe('There was no token to revoke.');
});

test('token revoke --value-stdin revokes the given token', async () => {
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

test('token revoke does not revoke tokens of another organisation', async () => {
  await printed('org create 456 --language en');
  await printed('user create --org 456 --login anna');
  const { id, token } = JSON.parse(await printed('token create --org 456 --user anna --json'));
  const before = await snapshot(database().db);
  for (const choice of [`--id ${id}`, '--value-stdin']) {
    expect(await issueLinks(`token revoke --org 123 ${choice}`, token)).toMatchObject({ code: 1, stdout: '' });
  }
  expect(await snapshot(database().db)).toEqual(before);
  expect(await read(token)).toEqual(ACCEPTED);
});

test('token list and token revoke print no token', async () => {
  await givenUser('julia');
  const { id, token } = JSON.parse(await printed('token create --org 123 --user julia --json'));
  for (const args of ['token list --org 123', 'token list --org 123 --json', `token revoke --org 123 --id ${id}`]) {
    const outcome = await issueLinks(args);
    expect(outcome.code).toBe(0);
    expect(outcome.stdout + outcome.stderr).not.toContain(token.slice(4));
    expect(outcome.stdout).not.toMatch(/[0-9a-f]{64}/);
  }
});

import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { loadRpcContract, type MethodName } from '../../src/contract/openrpc.ts';
import type { OperationId } from '../../src/contract/types.ts';
import { useApi } from '../support/api.ts';
import {
  type GivenAccount,
  type GivenOrganisation,
  givenAccount,
  givenApplication,
  givenOrganisation,
  givenUser,
} from '../support/builders.ts';
import { runCommand } from '../support/command-line.ts';
import { unchanged } from '../support/snapshot.ts';

const api = useApi();
const db = () => api().database.db;
let org: GivenOrganisation;
let reader: GivenAccount & { readonly id: number };
let application: GivenAccount;
let folder: string;

beforeAll(async () => {
  org = await givenOrganisation(db(), { language: 'en' });
  reader = await givenAccount(db(), org, 'reader');
  application = await givenApplication(db(), org);
  folder = await mkdtemp(join(tmpdir(), 'issue-links-audit-'));
});
afterAll(async () => {
  await rm(folder, { recursive: true, force: true });
});

/** What is not audited: a writing operation belongs here, or is an administrative act. */
const CONTENT: readonly RegExp[] = [
  /(Issue|Issues|IssuesInBulk|IssueLink|IssueLinksPage|IssueLinks|Transition|Comment|RemoteLink|ByUnique|Scroll)$/,
  /(Task|Tasks|TaskLink|TaskPosition|TaskToProject|TaskTags|Tag|Category|Column|ColumnPosition)$/,
  // They are audited by procedure.
  /^callJsonRpc/,
];

const isContent = (name: string) => CONTENT.some((pattern) => pattern.test(name));

const operations = () => api().contract.operations.filter(({ method, id }) => method !== 'get' && !isContent(id));
const procedures = () =>
  [...loadRpcContract().methods.values()].filter(({ name }) => !/^(get|search|is)[A-Z]/.test(name) && !isContent(name));

interface Entry {
  readonly audit?: true;
  readonly action: OperationId | MethodName;
  readonly outcome: string;
  readonly by?: object;
}

function entriesOf(lines: readonly string[]): Entry[] {
  return lines.map((line) => JSON.parse(line) as Entry).filter(({ audit }) => audit === true);
}

/** How long to wait for an entry: it follows the end of its response. */
const TURNS_MAX = 2000;

/** The entries of this test, once the responses have been written. */
async function entries(count: number): Promise<Entry[]> {
  for (let turn = 0; turn < TURNS_MAX && entriesOf(api().log).length < count; turn += 1) await sleep(1);
  return entriesOf(api().log);
}

const rpcPath = () => `/kanboard/${org.orgId}/jsonrpc.php`;
const call = (method: string, params: unknown) => ({ jsonrpc: '2.0', method, params, id: 1 });

test('every administrative operation of the REST API is audited, also when it is refused', async () => {
  const ids = operations().map(({ id }) => id);
  expect(ids).toEqual(
    expect.arrayContaining(['createLinkType', 'updateOrganization', 'createQueue', 'createApplication']),
  );
  const member = await givenUser(db(), org.orgId, { role: 'reader' });
  await unchanged(db(), async () => {
    for (const { method, path } of operations()) {
      const url = `/v3${path.replaceAll(/\{\w+\}/g, 'relates')}`;
      await api().request[method as 'post'](url);
      await api().request[method as 'post'](url).set(member.headers).send({ name: 'x' });
    }
  });
  const found = await entries(2 * ids.length);
  expect(found.map(({ action, outcome }) => [action, outcome])).toEqual(
    ids.flatMap((id) => [
      [id, 'refused'],
      [id, 'refused'],
    ]),
  );
  expect(found[0]).toMatchObject({ via: 'rest', address: '127.0.0.1', requestId: expect.any(String), status: 401 });
  expect(found[0]).not.toHaveProperty('by');
  expect(found[1]).toMatchObject({ by: { orgId: org.orgId, userId: member.id } });
});

test('every administrative procedure is audited, alone and in batches, also when it is refused', async () => {
  const names = procedures().map(({ name }) => name);
  expect(names).toEqual(expect.arrayContaining(['createUser', 'createLink', 'changeProjectUserRole', 'enableProject']));
  await unchanged(db(), async () => {
    for (const name of names) await api().request.post(rpcPath()).send(call(name, []));
    const { login, secret } = reader;
    for (const name of names)
      await api()
        .request.post(rpcPath())
        .auth(login, secret)
        .send(call(name, [0, 0, 0]));
    const unknown = [call('removeUser', { user_id: 0 }), call('disableUser', [0])];
    await api().request.post(rpcPath()).auth(application.login, application.secret).send(unknown);
  });
  const found = await entries(2 * names.length + 2);
  expect(found.map(({ action, outcome }) => [action, outcome])).toEqual(
    [...names, ...names, 'removeUser', 'disableUser'].map((name) => [name, 'refused']),
  );
  expect(found.at(-1)).toMatchObject({
    via: 'json-rpc',
    by: { orgId: org.orgId },
    address: '127.0.0.1',
    on: { user_id: 0 },
  });
});

test('an entry says who did what with which outcome, and holds no secret', async () => {
  const { login, secret } = application;
  const send = (method: string, params: object) =>
    api().request.post(rpcPath()).auth(login, secret).send(call(method, params));
  const { body } = await send('createUser', { username: 'audited', password: 'correct horse', role: 'app-manager' });
  const userId = body.result as number;
  await send('updateUser', { id: userId, role: 'app-user' });
  await send('removeUser', { user_id: 2 ** 40 });
  await api()
    .request.patch('/v3/organization')
    .set(org.admin.headers)
    .send({ language: 'ru', name: { secret: 'x' } });
  await api().request.patch('/v3/organization').set(org.admin.headers).send({ oneLinkPerPair: false }).expect(200);
  await send('getAllUsers', {});
  const found = await entries(5);
  expect(found).toMatchObject([
    { action: 'createUser', outcome: 'done', on: { username: 'audited', role: 'app-manager' }, also: ['password'] },
    { action: 'updateUser', outcome: 'done', on: { id: userId, role: 'app-user' } },
    { action: 'removeUser', outcome: 'refused', on: { user_id: 2 ** 40 } },
    { action: 'updateOrganization', outcome: 'refused', status: 400 },
    {
      action: 'updateOrganization',
      outcome: 'done',
      status: 200,
      on: { oneLinkPerPair: false },
      by: { orgId: org.orgId, userId: org.admin.id, tokenId: expect.any(Number) },
    },
  ]);
  expect(found).toHaveLength(5);
  const text = api().log.join('');
  for (const hidden of ['correct horse', secret, 'Authorization']) expect(text).not.toContain(hidden);
  api().takeProblems();
});

test('a form of /admin is audited, also when it is refused', async () => {
  const { text } = await api().request.get('/admin/users').set(org.admin.headers).set('Accept', 'text/html');
  const [, formKey] = /name="formKey" value="([\w-]+)"/.exec(text) ?? [];
  const send = (key: string | undefined) => {
    const form = { act: 'set-role', user: String(reader.id), role: 'admin', formKey: key };
    return api().request.post('/admin/users').set(org.admin.headers).set('Origin', api().url).type('form').send(form);
  };
  await unchanged(db(), async () => {
    await send('wrong key');
  });
  await entries(1);
  await send(formKey);
  const found = await entries(2);
  expect(found.map(({ outcome }) => outcome)).toEqual(['refused', 'done']);
  for (const entry of found) {
    expect(entry).toMatchObject({
      via: 'page',
      action: 'users set-role',
      by: { orgId: org.orgId, userId: org.admin.id },
      on: { user: String(reader.id), role: 'admin' },
      also: ['formKey'],
    });
  }
});

test('a creation that is repeated with its Idempotency-Key is not audited as done again', async () => {
  for (let attempt = 0; attempt < 2; attempt += 1) {
    await api()
      .request.post('/v3/linktypes')
      .set({ ...org.admin.headers, 'Idempotency-Key': 'audited' })
      .send({ id: 'audited', inward: { en: 'audited in', ru: 'audited in' } })
      .expect(201);
    await entries(attempt + 1);
  }
  expect((await entries(2)).map(({ action, outcome }) => [action, outcome])).toEqual([
    ['createLinkType', 'done'],
    ['createLinkType', 'replayed'],
  ]);
});

test('the server writes the entries to a file of their own, and commands append to it', async () => {
  const file = join(folder, 'audit.log');
  const environment = { DATABASE_URL: api().database.url, AUDIT_LOG: file };
  const { orgId } = org;
  const created = await runCommand(
    `user create --org ${orgId} --login carl --role manager --password-stdin`,
    environment,
    'secret word',
  );
  expect(created).toMatchObject({ code: 0 });
  expect(await runCommand(`user set-role --org ${orgId} --login nobody --role admin`, environment)).toMatchObject({
    code: 1,
  });
  expect(await runCommand(`user list --org ${orgId}`, environment)).toMatchObject({ code: 0 });
  const unwritable = `--state ${join(folder, 'missing', 'state')}`;
  const from = `import tracker --url http://127.0.0.1:9 --org ${orgId} --token y0_secret ${unwritable}`;
  expect(await runCommand(from, environment)).toMatchObject({ code: 1 });
  const text = await readFile(file, 'utf8');
  expect(entriesOf(text.trim().split('\n'))).toMatchObject([
    { via: 'command', action: 'user create', outcome: 'started', on: { login: 'carl' } },
    { via: 'command', action: 'user create', outcome: 'done', on: { org: orgId, login: 'carl', role: 'manager' } },
    { via: 'command', action: 'user set-role', outcome: 'started' },
    { via: 'command', action: 'user set-role', outcome: 'refused', on: { login: 'nobody', role: 'admin' } },
    {
      via: 'command',
      action: 'import tracker',
      outcome: 'started',
      on: { org: orgId },
      also: expect.arrayContaining(['token']),
    },
    { via: 'command', action: 'import tracker', also: expect.arrayContaining(['token']) },
  ]);
  const [started, done] = entriesOf(text.trim().split('\n'));
  expect(started).toMatchObject({ by: { account: expect.stringMatching(/./), pid: expect.any(Number) } });
  expect(done?.by).toEqual(started?.by);
  expect(text).not.toContain('secret');
  expect((await stat(file)).mode & 0o777).toBe(0o600);
});

test('a command that cannot record what it does, does nothing', async () => {
  // The second can be opened, but is full.
  for (const file of [join(folder, 'missing', 'audit.log'), '/dev/full'].filter(
    (name) => !name.startsWith('/dev') || existsSync(name),
  )) {
    const environment = { DATABASE_URL: api().database.url, AUDIT_LOG: file };
    await unchanged(db(), async () => {
      expect(await runCommand(`user create --org ${org.orgId} --login never`, environment)).toMatchObject({
        code: 1,
        stderr: expect.stringMatching(/^AUDIT_LOG=.* cannot be written: .*\n$/),
      });
    });
  }
});

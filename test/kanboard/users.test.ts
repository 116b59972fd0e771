import { beforeEach, describe, expect, test } from '@jest/globals';
import { replaceAccountToken } from '../../src/core/tokens/tokens.service.ts';
import { useApi } from '../support/api.ts';
import {
  type GivenAccount,
  type GivenOrganisation,
  givenAccount,
  givenApplication,
  givenIssue,
  givenOrganisation,
  givenQueue,
  givenUser,
} from '../support/builders.ts';
import { forbids, INVALID_IDS, type Rpc, refuses, rpcAs } from '../support/rpc.ts';
import { unchanged } from '../support/snapshot.ts';

/** The user procedures (Kanboard contract, sections 3 and 6). */

const api = useApi();
const db = () => api().database.db;
let org: GivenOrganisation;
let rpc: Rpc;

beforeEach(async () => {
  org = await givenOrganisation(db(), { profile: 'kanboard' });
  rpc = rpcAs(api(), await givenApplication(db(), org));
});

const withPassword = (login: string, secret: string): GivenAccount => ({ orgId: org.orgId, login, secret });

async function numberOfApplication(): Promise<number> {
  const [row] = await db().query<{ user_id: number }>({
    name: '',
    text: 'select user_id from users where org_id = $1 and is_application',
    values: [org.orgId],
  });
  return row?.user_id ?? 0;
}

describe('createUser', () => {
  test('makes a user who can log in, whom getUser and getUserByName show to the field', async () => {
    const id = await rpc.call<number>('createUser', 'alice', 'alice-pw', 'Alice A', 'alice@localhost', 'app-user');

    const row = await rpc.call<object>('getUserByName', 'alice');
    expect(row).toEqual({
      id,
      username: 'alice',
      password: null,
      is_admin: 0,
      is_ldap_user: 0,
      name: 'Alice A',
      email: 'alice@localhost',
      google_id: null,
      github_id: null,
      notifications_enabled: 0,
      timezone: null,
      language: null,
      disable_login_form: 0,
      twofactor_activated: 0,
      twofactor_secret: null,
      token: '',
      notifications_filter: 4,
      nb_failed_login: 0,
      lock_expiration_date: 0,
      is_project_admin: 0,
      gitlab_id: null,
      role: 'app-user',
      is_active: 1,
      avatar_path: null,
      api_access_token: null,
      filter: null,
      theme: 'light',
    });
    expect(Object.keys(row).join(' ')).toBe(
      'id username password is_admin is_ldap_user name email google_id github_id notifications_enabled timezone language disable_login_form twofactor_activated twofactor_secret token notifications_filter nb_failed_login lock_expiration_date is_project_admin gitlab_id role is_active avatar_path api_access_token filter theme',
    );
    expect(await rpc.call('getUser', id)).toEqual(row);
    expect(await rpc.call('getUser', String(id))).toEqual(row);
    expect(await rpcAs(api(), withPassword('alice', 'alice-pw')).call('getTimezone')).toBe('UTC');
  });

  test('takes parameters by name; role, name and e-mail address may be left out', async () => {
    const id = await rpc.named<number>('createUser', { username: 'bob', password: 'bob-pw' });
    expect(await rpc.call('getUser', id)).toMatchObject({ username: 'bob', name: null, email: null, role: 'app-user' });

    const nulls = await rpc.call<number>('createUser', 'bo', 'bo-passw', null, null);
    expect(await rpc.call('getUser', nulls)).toMatchObject({ name: null, email: null });
  });

  test('knows three roles, and two users may have one e-mail address', async () => {
    const admin = await rpc.call<number>('createUser', 'carol', 'pa:ss:word', '', 'c@example.com', 'app-admin');
    const manager = await rpc.call<number>('createUser', 'mgr', 'mgr-pw', '', 'c@example.com', 'app-manager');
    expect(await rpc.call('getUser', admin)).toMatchObject({ role: 'app-admin', is_admin: 1, email: 'c@example.com' });
    expect(await rpc.call('getUser', manager)).toMatchObject({ role: 'app-manager', is_admin: 0 });
    expect(await rpcAs(api(), withPassword('carol', 'pa:ss:word')).call('getMe')).toMatchObject({ role: 'app-admin' });
  });

  test.each<[string, unknown[]]>([
    ['a short password', ['shorty', 'abcde']],
    ['no password', ['shorty', '']],
    ['a password that is no text', ['shorty', { a: 1 }]],
    ['a password with a character that no text can hold', ['shorty', 'abcdef\0']],
    ['an unknown role', ['badrole', 'badrole-pw', '', '', 'nope']],
    ['the role of a project', ['badrole', 'badrole-pw', '', '', 'project-member']],
    ['a role that is no text', ['badrole', 'badrole-pw', '', '', ['app-user']]],
    ['no login', ['', 'some-password']],
    ['a blank login', ['  ', 'some-password']],
    ['a login that is no text', [['x'], 'some-password']],
    ['a login with a character that no text can hold', ['a\0b', 'some-password']],
    ['a login of 256 characters', ['x'.repeat(256), 'some-password']],
    ['the login of the application account', ['jsonrpc', 'some-password']],
    ['a wrong e-mail address', ['mail', 'some-password', '', 'no mail']],
    ['a name that is no text', ['name', 'some-password', {}]],
  ])('refuses %s', async (_what, params) => {
    await refuses(rpc, false, 'createUser', ...params);
  });

  test('refuses a login that is taken; capitals make another, and blanks around it do not', async () => {
    await rpc.call('createUser', 'alice', 'alice-pw');
    await refuses(rpc, false, 'createUser', 'alice', 'whatever-pw');
    await refuses(rpc, false, 'createUser', ' alice ', 'whatever-pw');
    expect(await rpc.call('createUser', 'Alice', 'whatever-pw')).toEqual(expect.any(Number));
    expect(await rpc.call('createUser', 'x'.repeat(50), 'whatever-pw')).toEqual(expect.any(Number));
  });

  test('of two at once with one login, one is made', async () => {
    const made = await Promise.all([1, 2, 3].map(() => rpc.call('createUser', 'twin', 'twin-pw')));
    expect(made.filter((id) => id === false)).toHaveLength(2);
  });
});

describe('getAllUsers, getUser and getUserByName', () => {
  test('people come by login, those who read alone as users; the application account is nobody', async () => {
    await givenUser(db(), org.orgId, { role: 'reader' });
    for (const login of ['b', 'a', 'B']) await rpc.call('createUser', login, 'password');

    const users = await rpc.call<{ id: number; username: string; role: string }[]>('getAllUsers');
    const logins = users.map(({ username }) => username);
    expect(logins).toEqual([...logins].sort());
    expect(logins).toHaveLength(5);
    expect(logins).not.toContain('jsonrpc');
    expect(new Set(users.map(({ role }) => role))).toEqual(new Set(['app-user', 'app-admin']));
    expect(users[0]).toEqual(await rpc.call('getUser', users[0]?.id));

    expect(await rpc.call('getUserByName', 'jsonrpc')).toBeNull();
    expect(await rpc.call('getUser', await numberOfApplication())).toBeNull();
  });

  test('show wrong passwords in a row, and until when they lock the account', async () => {
    const id = await rpc.call<number>('createUser', 'locky', 'locky-pw');
    const wrong = rpcAs(api(), withPassword('locky', 'wrong'));
    for (let tries = 0; tries < 7; tries += 1) expect(await wrong.status('getMe')).toBe(401);

    const { nb_failed_login, lock_expiration_date } = await rpc.call<Record<string, number>>('getUser', id);
    expect(nb_failed_login).toBe(7);
    expect(lock_expiration_date).toBeGreaterThan(1_700_000_000);
  });

  test('answer null for nobody, whatever is asked', async () => {
    for (const value of INVALID_IDS) {
      expect([value, await rpc.call('getUser', value)]).toEqual([value, null]);
      expect([value, await rpc.call('getUserByName', value)]).toEqual([value, null]);
    }
    expect(await rpc.call('getUserByName', org.admin.login.toUpperCase())).toBeNull();
  });

  test('know nobody of another organisation', async () => {
    const other = await givenOrganisation(db(), { profile: 'kanboard' });
    expect(await rpc.call('getUser', other.admin.id)).toBeNull();
    expect(await rpc.call('getUserByName', other.admin.login)).toBeNull();
    await refuses(rpc, false, 'disableUser', other.admin.id);
    await refuses(rpc, false, 'removeUser', other.admin.id);
  });
});

describe('disableUser and enableUser', () => {
  test('shut a user out of both faces, and let them in again', async () => {
    const account = await givenAccount(db(), org);
    const user = await givenUser(db(), org.orgId);
    await rpc.call('createUser', 'dora', 'dora-pw');
    const dora = await rpc.call<{ id: number }>('getUserByName', 'dora');

    for (const id of [account.id, user.id, dora.id]) expect(await rpc.call('disableUser', id)).toBe(true);
    expect(await rpcAs(api(), account).status('getMe')).toBe(401);
    expect(await rpcAs(api(), withPassword('dora', 'dora-pw')).status('getMe')).toBe(401);
    await api().request.get('/v2/myself').set(user.headers).expect(401);
    expect(await rpc.call('getUser', dora.id)).toMatchObject({ is_active: 0 });
    const shown = await api().request.get('/v2/users/dora').set(org.admin.headers).expect(200);
    expect(shown.body).toMatchObject({ dismissed: true, hasLicense: false });

    for (const id of [account.id, user.id, dora.id]) expect(await rpc.call('enableUser', id)).toBe(true);
    expect(await rpcAs(api(), account).call('getMe')).toMatchObject({ is_active: 1 });
    expect(await rpcAs(api(), withPassword('dora', 'dora-pw')).call('getMe')).toMatchObject({ username: 'dora' });
    await api().request.get('/v2/myself').set(user.headers).expect(200);
  });

  test('answer true also when nothing changes, and false for nobody', async () => {
    const { id } = await givenUser(db(), org.orgId);
    expect(await rpc.call('enableUser', id)).toBe(true);
    expect(await rpc.call('disableUser', id)).toBe(true);
    expect(await rpc.call('disableUser', id)).toBe(true);
    const application = await numberOfApplication();
    await unchanged(db(), async () => {
      for (const nobody of [...INVALID_IDS, application]) {
        await refuses(rpc, false, 'disableUser', nobody);
        await refuses(rpc, false, 'enableUser', nobody);
      }
    });
  });
});

describe('removeUser', () => {
  test('lets nobody in any more, forgets every role, and frees the login', async () => {
    const account = await givenAccount(db(), org);
    const user = await givenUser(db(), org.orgId);
    await rpc.call('createUser', 'dora', 'dora-pw');
    const dora = await rpc.call<{ id: number }>('getUserByName', 'dora');
    const project = await rpc.call<number>('createProject', 'P');
    for (const id of [account.id, user.id, dora.id]) {
      expect(await rpc.call('addProjectUser', project, id)).toBe(true);
      expect(await rpc.call('removeUser', id)).toBe(true);
    }

    expect(await rpcAs(api(), account).status('getMe')).toBe(401);
    expect(await rpcAs(api(), withPassword('dora', 'dora-pw')).status('getMe')).toBe(401);
    await api().request.get('/v2/myself').set(user.headers).expect(401);
    expect(await rpc.call('getUser', dora.id)).toBeNull();
    expect(await rpc.call('getUserByName', 'dora')).toBeNull();
    expect(await rpc.call<unknown[]>('getAllUsers')).toHaveLength(1);
    expect(await rpc.call('getProjectUsers', project)).toEqual([]);
    expect(await rpc.call('getProjectUserRole', project, dora.id)).toBeNull();
    for (const method of ['enableUser', 'disableUser', 'removeUser']) await refuses(rpc, false, method, dora.id);
    await refuses(rpc, false, 'addProjectUser', project, dora.id);
    await refuses(rpc, false, 'createProject', 'Q', '', dora.id);

    const again = await rpc.call<number>('createUser', 'dora', 'new-password');
    expect(again).not.toBe(dora.id);
    expect(await rpc.call('getUserByName', 'dora')).toMatchObject({ id: again });
  });

  test('leaves their issues to nobody, which the changelogs note, and their name on what they wrote', async () => {
    const { key: queue } = await givenQueue(db(), org);
    const leaver = await givenUser(db(), org.orgId, { display: 'Leaver' });
    const wrote = await api()
      .request.post('/v2/issues')
      .set(leaver.headers)
      .send({ queue, summary: 'Mine', assignee: leaver.login })
      .expect(201);
    const given = await givenIssue(db(), org, queue, { assignee: leaver });
    const untouched = await givenIssue(db(), org, queue);
    const uid = wrote.body.createdBy.id;

    expect(await rpc.call('removeUser', leaver.id)).toBe(true);

    const get = (path: string) => api().request.get(path).set(org.admin.headers);
    const { body: issue } = await get(`/v2/issues/${wrote.body.key}`).expect(200);
    expect(issue).toMatchObject({ createdBy: { display: 'Leaver' }, version: Number(wrote.body.version) + 1 });
    expect(issue.assignee).toBeUndefined();
    for (const key of [wrote.body.key, given.key]) {
      const { body: changes } = await get(`/v2/issues/${key}/changelog`).expect(200);
      expect(changes.at(-1)).toMatchObject({
        type: 'IssueUpdated',
        updatedBy: { display: 'jsonrpc' },
        fields: [{ field: { id: 'assignee' }, from: { display: 'Leaver' }, to: null }],
      });
    }
    expect((await get(`/v2/issues/${untouched.key}`)).body.version).toBe(1);
    expect((await get(`/v2/users/${uid}`).expect(200)).body).toMatchObject({ display: 'Leaver', dismissed: true });
    const { body: users } = await get('/v2/users').expect(200);
    expect(users.map((user: { uid: number }) => String(user.uid))).not.toContain(uid);
    await api()
      .request.patch(`/v2/issues/${given.key}`)
      .set(org.admin.headers)
      .send({ assignee: Number(uid) })
      .expect(422);
  });

  test('answers false for nobody', async () => {
    const application = await numberOfApplication();
    await unchanged(db(), async () => {
      for (const nobody of [...INVALID_IDS, application]) await refuses(rpc, false, 'removeUser', nobody);
    });
  });
});

describe('administrators', () => {
  test('cannot shut themselves out', async () => {
    const admin = await givenAccount(db(), org, 'admin');
    const self = rpcAs(api(), admin);
    await refuses(self, false, 'removeUser', admin.id);
    await refuses(self, false, 'disableUser', admin.id);
    expect(await self.call('enableUser', admin.id)).toBe(true);
  });

  test('are never without one who can log in, whoever asks', async () => {
    await refuses(rpc, false, 'removeUser', org.admin.id);
    await refuses(rpc, false, 'disableUser', org.admin.id);

    const second = await givenAccount(db(), org, 'admin');
    expect(await rpc.call('disableUser', second.id)).toBe(true);
    await refuses(rpc, false, 'removeUser', org.admin.id);
    expect(await rpc.call('enableUser', second.id)).toBe(true);
    expect(await rpcAs(api(), second).call('removeUser', org.admin.id)).toBe(true);
    await refuses(rpc, false, 'disableUser', second.id);
  });

  test('who shut each other out at the same time leave one', async () => {
    const second = await givenAccount(db(), org, 'admin');
    const third = await givenAccount(db(), org, 'admin');
    await rpc.call('removeUser', org.admin.id);
    await Promise.all([
      rpcAs(api(), second).status('removeUser', third.id),
      rpcAs(api(), third).status('disableUser', second.id),
    ]);
    const users = await rpc.call<{ role: string; is_active: number }[]>('getAllUsers');
    expect(users.filter(({ role, is_active }) => role === 'app-admin' && is_active === 1)).toHaveLength(1);
  });
});

test('section 8.8: no response contains a password, its hash or a token', async () => {
  const account = await givenAccount(db(), org, 'admin');
  const user = await rpc.call<number>('createUser', 'secretive', 'secret-password');
  await replaceAccountToken(db(), org.orgId, user, 'personal', { value: 'personal-token' });
  const answers = [
    await rpc.call('getUser', user),
    await rpc.call('getUserByName', 'secretive'),
    await rpc.call('getAllUsers'),
    await rpcAs(api(), account).call('getMe'),
    await rpcAs(api(), { ...account, login: 'secretive', secret: 'personal-token' }).call('getMe'),
  ];
  for (const answer of answers) expect(JSON.stringify(answer)).not.toMatch(/scrypt|secret-password|personal-token/);
  expect(answers[0]).toMatchObject({ password: null, api_access_token: null });
});

describe('getMe', () => {
  test('is whoever calls, with the fields of a session, without their personal token', async () => {
    const account = await givenAccount(db(), org);
    const me = await rpcAs(api(), account).call<object>('getMe');
    expect(me).toEqual({
      id: account.id,
      username: account.login,
      is_ldap_user: false,
      name: null,
      email: null,
      google_id: null,
      github_id: null,
      notifications_enabled: 0,
      timezone: null,
      language: null,
      disable_login_form: 0,
      twofactor_activated: false,
      twofactor_secret: null,
      token: '',
      notifications_filter: 4,
      nb_failed_login: 0,
      lock_expiration_date: 0,
      gitlab_id: null,
      role: 'app-user',
      is_active: 1,
      avatar_path: null,
      api_access_token: null,
      filter: null,
      theme: 'light',
    });
    expect(Object.keys(me).join(' ')).toBe(
      'id username is_ldap_user name email google_id github_id notifications_enabled timezone language disable_login_form twofactor_activated twofactor_secret token notifications_filter nb_failed_login lock_expiration_date gitlab_id role is_active avatar_path api_access_token filter theme',
    );
  });

  test('is not for the application account', async () => {
    await forbids(rpc, 'getMe');
  });
});

test.each<[string, ...unknown[]]>([
  ['createUser', 'eve', 'eve-password'],
  ['getUser', 1],
  ['getUserByName', 'admin'],
  ['getAllUsers'],
  ['disableUser', 1],
  ['enableUser', 1],
  ['removeUser', 1],
])('%s is for administrators alone, before its parameters are looked at', async (method, ...params) => {
  const roles = ['manager', 'member', 'reader'] as const;
  const users = await Promise.all(roles.map(async (role) => rpcAs(api(), await givenAccount(db(), org, role))));
  await unchanged(db(), async () => {
    for (const user of users) {
      await forbids(user, method, ...params);
      await forbids(user, method, 'too', 'many', 'parameters', 'for', 'any', 'method');
    }
  });
  const admin = rpcAs(api(), await givenAccount(db(), org, 'admin'));
  expect(await admin.status(method, ...params)).toBe(200);
});

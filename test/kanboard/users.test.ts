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
import { expectFailure, expectFailureByName, expectForbidden, INVALID_IDS, type Rpc, rpcAs } from '../support/rpc.ts';
import { unchanged } from '../support/snapshot.ts';

/** The user methods (Kanboard contract, sections 3 and 6). */

const api = useApi();
const db = () => api().database.db;
let org: GivenOrganisation;
let rpc: Rpc;

beforeEach(async () => {
  org = await givenOrganisation(db(), { profile: 'kanboard' });
  rpc = rpcAs(api(), await givenApplication(db(), org));
});

const withPassword = (login: string, secret: string): GivenAccount => ({ orgId: org.orgId, login, secret });

async function getApplicationId(): Promise<number> {
  const [row] = await db().query<{ user_id: number }>({
    name: '',
    text: 'select user_id from users where org_id = $1 and is_application',
    values: [org.orgId],
  });
  return row?.user_id ?? 0;
}

describe('createUser', () => {
  test('creates a user who can sign in, and whom getUser and getUserByName return with all fields', async () => {
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

  test('accepts named parameters, and role, name and e-mail address are optional', async () => {
    const id = await rpc.named<number>('createUser', { username: 'bob', password: 'bob-pw' });
    expect(await rpc.call('getUser', id)).toMatchObject({ username: 'bob', name: '', email: '', role: 'app-user' });

    const nulls = await rpc.call<number>('createUser', 'bo', 'bo-passw', null, null);
    expect(await rpc.call('getUser', nulls)).toMatchObject({ name: '', email: '' });
  });

  test('a user without a name is an assignee and a creator whose name is empty, not missing', async () => {
    const user = await givenAccount(db(), org);
    const { id: project } = await givenQueue(db(), org);
    const [one, two] = [
      await rpc.named<number>('createTask', { title: 'One', project_id: project, owner_id: user.id }),
      await rpc.named<number>('createTask', { title: 'Two', project_id: project }),
    ];
    await rpc.call('createTaskLink', one, two, 1);
    await rpcAs(api(), user).call('createExternalTaskLink', one, 'https://example.org/', 'related');
    expect(await rpc.call('searchTasks', project, '')).toMatchObject([
      { id: one, assignee_username: user.login, assignee_name: '', assignee_email: '' },
      { id: two, assignee_username: null, assignee_name: null, assignee_email: null },
    ]);
    const named = { task_assignee_username: user.login, task_assignee_name: '' };
    expect(await rpc.call('getAllTaskLinks', two)).toMatchObject([named]);
    expect(await rpc.call('getAllTaskLinks', one)).toMatchObject([{ task_assignee_name: null }]);
    expect(await rpc.call('getAllExternalTaskLinks', one)).toMatchObject([{ creator_name: '' }]);
  });

  test('accepts three roles, and one e-mail address for two users', async () => {
    const admin = await rpc.call<number>('createUser', 'carol', 'pa:ss:word', '', 'c@example.com', 'app-admin');
    const manager = await rpc.call<number>('createUser', 'mgr', 'mgr-pw', '', 'c@example.com', 'app-manager');
    expect(await rpc.call('getUser', admin)).toMatchObject({ role: 'app-admin', is_admin: 1, email: 'c@example.com' });
    expect(await rpc.call('getUser', manager)).toMatchObject({ role: 'app-manager', is_admin: 0 });
    expect(await rpcAs(api(), withPassword('carol', 'pa:ss:word')).call('getMe')).toMatchObject({ role: 'app-admin' });
  });

  test.each<[string, unknown[]]>([
    ['a short password', ['shorty', 'abcde']],
    ['no password', ['shorty', '']],
    ['a password that is not a string', ['shorty', { a: 1 }]],
    ['a password with a NUL character', ['shorty', 'abcdef\0']],
    ['an unknown role', ['badrole', 'badrole-pw', '', '', 'nope']],
    ['the role of a project', ['badrole', 'badrole-pw', '', '', 'project-member']],
    ['a role that is not a string', ['badrole', 'badrole-pw', '', '', ['app-user']]],
    ['no login', ['', 'some-password']],
    ['a blank login', ['  ', 'some-password']],
    ['a login that is not a string', [['x'], 'some-password']],
    ['a login with a NUL character', ['a\0b', 'some-password']],
    ['a login of 256 characters', ['x'.repeat(256), 'some-password']],
    ['the login of the application account', ['jsonrpc', 'some-password']],
    ['an invalid e-mail address', ['mail', 'some-password', '', 'not an address']],
    ['a name that is not a string', ['name', 'some-password', {}]],
  ])('returns false for %s', async (_description, params) => {
    await expectFailure(rpc, false, 'createUser', ...params);
  });

  test('returns false for a taken login, which is case-sensitive and trimmed', async () => {
    await rpc.call('createUser', 'alice', 'alice-pw');
    await expectFailure(rpc, false, 'createUser', 'alice', 'whatever-pw');
    await expectFailure(rpc, false, 'createUser', ' alice ', 'whatever-pw');
    expect(await rpc.call('createUser', 'Alice', 'whatever-pw')).toEqual(expect.any(Number));
    expect(await rpc.call('createUser', 'x'.repeat(50), 'whatever-pw')).toEqual(expect.any(Number));
  });

  test('creates one user of concurrent calls with the same login', async () => {
    const made = await Promise.all([1, 2, 3].map(() => rpc.call('createUser', 'twin', 'twin-pw')));
    expect(made.filter((id) => id === false)).toHaveLength(2);
  });
});

describe('getAllUsers, getUser and getUserByName', () => {
  test('getAllUsers returns users by login, readers with the role app-user, and omits the application account', async () => {
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
    expect(await rpc.call('getUser', await getApplicationId())).toBeNull();
  });

  test('show the number of failed logins and the end of the lock', async () => {
    const id = await rpc.call<number>('createUser', 'locky', 'locky-pw');
    const wrong = rpcAs(api(), withPassword('locky', 'wrong'));
    for (let tries = 0; tries < 7; tries += 1) expect(await wrong.status('getMe')).toBe(401);

    const { nb_failed_login, lock_expiration_date } = await rpc.call<Record<string, number>>('getUser', id);
    expect(nb_failed_login).toBe(7);
    expect(lock_expiration_date).toBeGreaterThan(1_700_000_000);
  });

  test('return null for an invalid id', async () => {
    for (const value of INVALID_IDS) {
      expect([value, await rpc.call('getUser', value)]).toEqual([value, null]);
      expect([value, await rpc.call('getUserByName', value)]).toEqual([value, null]);
    }
    expect(await rpc.call('getUserByName', org.admin.login.toUpperCase())).toBeNull();
  });

  test('find no user of another organisation', async () => {
    const other = await givenOrganisation(db(), { profile: 'kanboard' });
    expect(await rpc.call('getUser', other.admin.id)).toBeNull();
    expect(await rpc.call('getUserByName', other.admin.login)).toBeNull();
    await expectFailure(rpc, false, 'disableUser', other.admin.id);
    await expectFailure(rpc, false, 'removeUser', other.admin.id);
  });
});

describe('disableUser and enableUser', () => {
  test('lock a user out of both APIs, and let them in again', async () => {
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

  test('return true also when nothing changes, and false for an invalid id', async () => {
    const { id } = await givenUser(db(), org.orgId);
    expect(await rpc.call('enableUser', id)).toBe(true);
    expect(await rpc.call('disableUser', id)).toBe(true);
    expect(await rpc.call('disableUser', id)).toBe(true);
    const application = await getApplicationId();
    await unchanged(db(), async () => {
      for (const id of [...INVALID_IDS, application]) {
        await expectFailure(rpc, false, 'disableUser', id);
        await expectFailure(rpc, false, 'enableUser', id);
      }
    });
  });
});

describe('updateUser and isActiveUser', () => {
  test('change the given fields of a user, whose name both APIs show at once', async () => {
    const account = await givenAccount(db(), org);
    expect(await rpc.named('updateUser', { id: account.id, name: 'Alice', email: 'a@example.com' })).toBe(true);
    const changed = { username: account.login, name: 'Alice', email: 'a@example.com', role: 'app-user' };
    expect(await rpc.call('getUser', account.id)).toMatchObject(changed);
    const { body } = await api().request.get(`/v2/users/${account.login}`).set(org.admin.headers).expect(200);
    expect(body).toMatchObject({ display: 'Alice', email: 'a@example.com' });
    expect(await rpc.named('updateUser', { id: account.id, username: 'alice', name: '', role: 'app-manager' })).toBe(
      true,
    );
    expect(await rpc.call('getUser', account.id)).toMatchObject({
      username: 'alice',
      name: '',
      email: 'a@example.com',
      role: 'app-manager',
    });
    const renamed = rpcAs(api(), { ...account, login: 'alice' });
    expect(await renamed.call('createProject', 'Now a manager')).toEqual(expect.any(Number));
    expect(await rpcAs(api(), account).status('getMe')).toBe(401);
  });

  test('an unchanged role stays, also that of a reader', async () => {
    const reader = await givenAccount(db(), org, 'reader');
    expect(await rpc.named('updateUser', { id: reader.id, name: 'Reader' })).toBe(true);
    const { id } = await givenQueue(db(), org);
    await expectForbidden(rpcAs(api(), reader), 'createTask', 'Task', id);
    // Clients send back the role that they read.
    const { role } = await rpc.call<{ role: string }>('getUser', reader.id);
    expect(await rpc.named('updateUser', { id: reader.id, role })).toBe(true);
    await expectForbidden(rpcAs(api(), reader), 'createTask', 'Task', id);
  });

  test('return false for invalid values, and for the last administrator', async () => {
    const account = await givenAccount(db(), org);
    for (const change of [
      { username: '' },
      { username: org.admin.login },
      { username: 'jsonrpc' },
      { username: [] },
      { name: {} },
      { email: 'nobody' },
      { role: 'app-public' },
      { role: 'admin' },
    ]) {
      await expectFailureByName(rpc, false, 'updateUser', { id: account.id, ...change });
    }
    await expectFailureByName(rpc, false, 'updateUser', { id: org.admin.id, role: 'app-user' });
    expect(await rpc.named('updateUser', { id: account.id, role: 'app-admin' })).toBe(true);
    expect(await rpc.named('updateUser', { id: org.admin.id, role: 'app-user' })).toBe(true);
    for (const id of INVALID_IDS) {
      await expectFailure(rpc, false, 'updateUser', id, 'x');
      await expectFailure(rpc, false, 'isActiveUser', id);
    }
  });

  test('isActiveUser is false for a disabled user', async () => {
    const { id } = await givenAccount(db(), org);
    expect(await rpc.call('isActiveUser', id)).toBe(true);
    await rpc.call('disableUser', id);
    expect(await rpc.call('isActiveUser', String(id))).toBe(false);
  });
});

describe('removeUser', () => {
  test('locks the user out, removes their roles and frees the login', async () => {
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
    expect(await rpc.call('getProjectUsers', project)).toEqual({});
    expect(await rpc.call('getProjectUserRole', project, dora.id)).toBe('');
    for (const method of ['enableUser', 'disableUser', 'removeUser']) await expectFailure(rpc, false, method, dora.id);
    await expectFailure(rpc, false, 'addProjectUser', project, dora.id);
    await expectFailure(rpc, false, 'createProject', 'Q', '', dora.id);

    const again = await rpc.call<number>('createUser', 'dora', 'new-password');
    expect(again).not.toBe(dora.id);
    expect(await rpc.call('getUserByName', 'dora')).toMatchObject({ id: again });
  });

  test('clears the assignee of their issues with a changelog entry, and keeps their name as the author', async () => {
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

  test('returns false for an invalid id', async () => {
    const application = await getApplicationId();
    await unchanged(db(), async () => {
      for (const id of [...INVALID_IDS, application]) await expectFailure(rpc, false, 'removeUser', id);
    });
  });
});

describe('administrators', () => {
  test('cannot remove or disable themselves', async () => {
    const admin = await givenAccount(db(), org, 'admin');
    const self = rpcAs(api(), admin);
    await expectFailure(self, false, 'removeUser', admin.id);
    await expectFailure(self, false, 'disableUser', admin.id);
    expect(await self.call('enableUser', admin.id)).toBe(true);
  });

  test('cannot be removed or disabled if no other one can sign in', async () => {
    await expectFailure(rpc, false, 'removeUser', org.admin.id);
    await expectFailure(rpc, false, 'disableUser', org.admin.id);

    const second = await givenAccount(db(), org, 'admin');
    expect(await rpc.call('disableUser', second.id)).toBe(true);
    await expectFailure(rpc, false, 'removeUser', org.admin.id);
    expect(await rpc.call('enableUser', second.id)).toBe(true);
    expect(await rpcAs(api(), second).call('removeUser', org.admin.id)).toBe(true);
    await expectFailure(rpc, false, 'disableUser', second.id);
  });

  test('who remove and disable each other concurrently leave one', async () => {
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
  const results = [
    await rpc.call('getUser', user),
    await rpc.call('getUserByName', 'secretive'),
    await rpc.call('getAllUsers'),
    await rpcAs(api(), account).call('getMe'),
    await rpcAs(api(), { ...account, login: 'secretive', secret: 'personal-token' }).call('getMe'),
  ];
  for (const result of results) expect(JSON.stringify(result)).not.toMatch(/scrypt|secret-password|personal-token/);
  expect(results[0]).toMatchObject({ password: null, api_access_token: null });
});

describe('getMe', () => {
  test('returns the caller with the fields of a session, without the personal token', async () => {
    const account = await givenAccount(db(), org);
    const me = await rpcAs(api(), account).call<object>('getMe');
    expect(me).toEqual({
      id: account.id,
      username: account.login,
      is_ldap_user: false,
      name: '',
      email: '',
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

  test('returns 403 to the application account', async () => {
    await expectForbidden(rpc, 'getMe');
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
])(
  '%s returns 403 to users who are not administrators, before its parameters are checked',
  async (method, ...params) => {
    const roles = ['manager', 'member', 'reader'] as const;
    const users = await Promise.all(roles.map(async (role) => rpcAs(api(), await givenAccount(db(), org, role))));
    await unchanged(db(), async () => {
      for (const user of users) {
        await expectForbidden(user, method, ...params);
        await expectForbidden(user, method, 'too', 'many', 'parameters', 'for', 'any', 'method');
      }
    });
    const admin = rpcAs(api(), await givenAccount(db(), org, 'admin'));
    expect(await admin.status(method, ...params)).toBe(200);
  },
);

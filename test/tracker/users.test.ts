import { expect, test } from '@jest/globals';
import { createUser } from '../../src/core/users/users.service.ts';
import { texts } from '../../src/texts.ts';
import { useApi } from '../support/api.ts';
import { type GivenUser, givenOrganisation, givenUser } from '../support/builders.ts';
import { restAs } from '../support/rest.ts';

const api = useApi();
const db = () => api().database.db;
const as = (user: GivenUser) => restAs(api(), user);

test('GET myself returns the user of the token with all fields', async () => {
  const org = await givenOrganisation(db());
  const me = await givenUser(db(), org.orgId, { display: 'Анна Мария Петрова' });

  const { body } = await as(me).get('/v2/myself').expect(200);

  expect(body).toEqual({
    self: `${api().url}/v2/users/${body.uid}`,
    uid: expect.any(Number),
    login: me.login,
    trackerUid: body.uid,
    firstName: 'Анна',
    lastName: 'Мария Петрова',
    display: 'Анна Мария Петрова',
    email: '',
    external: false,
    hasLicense: true,
    dismissed: false,
    useNewFilters: true,
    disableNotifications: false,
    firstLoginDate: expect.stringMatching(/\+0000$/),
    lastLoginDate: body.firstLoginDate,
    welcomeMailSent: false,
  });
});

test('GET user returns the ids of other systems and the e-mail address if they are set', async () => {
  const org = await givenOrganisation(db());
  const known = { login: 'known', email: 'known@example.com', passportUid: 1120000000049224, cloudUid: 'ajeppa7dgp71' };
  await createUser(db(), org.orgId, { ...known, uid: 42, role: 'member' });

  const { body } = await as(org.admin).get('/v3/users/42').expect(200);

  expect(body).toMatchObject({ ...known, uid: 42, trackerUid: 42, self: `${api().url}/v3/users/42` });
});

test('a user without a name is displayed by login', async () => {
  const org = await givenOrganisation(db());
  const { body } = await as(org.admin).get('/v2/myself').expect(200);
  expect(body).toMatchObject({ display: org.admin.login, firstName: '', lastName: '' });
});

test('readers and disabled users have no licence, and disabled users are dismissed', async () => {
  const org = await givenOrganisation(db());
  const reader = await givenUser(db(), org.orgId, { role: 'reader' });
  const dismissed = await givenUser(db(), org.orgId);
  await db().query({
    name: '',
    text: 'update users set is_active = false where org_id = $1 and user_id = $2',
    values: [org.orgId, dismissed.id],
  });

  const [first, second] = [
    await as(org.admin).get(`/v2/users/${reader.login}`),
    await as(org.admin).get(`/v2/users/${dismissed.login}`),
  ];
  expect(first.body).toMatchObject({ hasLicense: false, dismissed: false });
  expect(second.body).toMatchObject({ hasLicense: false, dismissed: true });
});

test.each(['/v2', '/v3'])(
  'GET user under %s accepts login and uid, with and without a trailing slash',
  async (version) => {
    const org = await givenOrganisation(db());
    const user = await givenUser(db(), org.orgId);
    const { body: byLogin } = await as(org.admin).get(`${version}/users/${user.login}`).expect(200);

    expect(byLogin.self).toBe(`${api().url}${version}/users/${byLogin.uid}`);
    for (const path of [new URL(byLogin.self).pathname, `${version}/users/${user.login}/`]) {
      expect((await as(org.admin).get(path).expect(200)).body).toEqual(byLogin);
    }
    expect((await as(user).get(`${version}/myself/`).expect(200)).body).toEqual(byLogin);
  },
);

test('GET user prefers a uid over an equal login', async () => {
  const org = await givenOrganisation(db());
  await createUser(db(), org.orgId, { login: '7001', role: 'member', uid: 7002 });
  await createUser(db(), org.orgId, { login: 'other', role: 'member', uid: 7001 });
  await createUser(db(), org.orgId, { login: '7003', role: 'member', uid: 7004 });

  expect((await as(org.admin).get('/v2/users/7001')).body).toMatchObject({ login: 'other' });
  expect((await as(org.admin).get('/v2/users/7003')).body).toMatchObject({ uid: 7004 });
});

test('GET user accepts a login with any characters', async () => {
  const org = await givenOrganisation(db());
  await createUser(db(), org.orgId, { login: 'анна/петрова?@example.com', role: 'member' });
  const path = `/v2/users/${encodeURIComponent('анна/петрова?@example.com')}`;
  expect((await as(org.admin).get(path).expect(200)).body).toMatchObject({ login: 'анна/петрова?@example.com' });
});

test('GET users pages the users in order of creation, without the application account', async () => {
  const org = await givenOrganisation(db());
  const second = await givenUser(db(), org.orgId);
  const third = await givenUser(db(), org.orgId);
  const logins = ({ body }: { body: { login: string }[] }) => body.map(({ login }) => login);

  const all = await as(second).get('/v2/users/').expect(200);
  expect(logins(all)).toEqual([org.admin.login, second.login, third.login]);
  expect(all.headers).toMatchObject({ 'x-total-count': '3', 'x-total-pages': '1' });

  const page = await as(second).get('/v3/users?perPage=2&page=2').expect(200);
  expect(logins(page)).toEqual([third.login]);
  expect(page.headers).toMatchObject({ 'x-total-count': '3', 'x-total-pages': '2' });
  expect(page.headers['link']).toContain(`<${api().url}/v3/users?perPage=2&page=1>; rel="prev"`);
  expect(page.headers['link']).not.toContain('rel="next"');

  const beyond = await as(second).get('/v2/users?perPage=2&page=9').expect(200);
  expect(beyond.body).toEqual([]);
  expect(beyond.headers['x-total-count']).toBe('3');
});

test.each(['perPage=0', 'perPage=1001', 'page=0', 'page=one'])(
  'GET users returns 400 for an invalid page (%s)',
  async (query) => {
    const org = await givenOrganisation(db());
    const { body } = await as(org.admin).get(`/v2/users?${query}`).expect(400);
    expect(Object.keys(body.errors)).toEqual([query.split('=')[0]]);
  },
);

test('GET user returns the application account by uid, since links can refer to it', async () => {
  const org = await givenOrganisation(db());
  const [row] = await db().query<{ uid: number }>({
    name: '',
    text: 'select uid from users where org_id = $1 and is_application',
    values: [org.orgId],
  });
  const { body } = await as(org.admin).get(`/v2/users/${row?.uid}`).expect(200);
  expect(body).toMatchObject({ uid: row?.uid, login: 'jsonrpc', display: 'jsonrpc' });
});

test.each(['nobody', '1', '99999999999999999999', '%00', '-1', '1.5', '%27--'])(
  'GET user returns 404 for a missing user (%s)',
  async (name) => {
    const org = await givenOrganisation(db());
    const { body } = await as(org.admin).get(`/v2/users/${name}`).expect(404);
    expect(body).toEqual({
      errors: {},
      errorsData: {},
      errorMessages: [texts.userUnknown.ru],
      statusCode: 404,
    });
    const english = await as(org.admin).get(`/v3/users/${name}`).set('Accept-Language', 'en').expect(404);
    expect(english.body.errorMessages).toEqual([texts.userUnknown.en]);
  },
);

test('users of another organisation are neither found nor listed', async () => {
  const [mine, theirs] = [await givenOrganisation(db()), await givenOrganisation(db())];
  const { body: stranger } = await as(theirs.admin).get('/v2/myself').expect(200);

  await as(mine.admin).get(`/v2/users/${stranger.login}`).expect(404);
  await as(mine.admin).get(`/v2/users/${stranger.uid}`).expect(404);
  expect((await as(mine.admin).get('/v2/users').expect(200)).text).not.toContain(stranger.login);
});

test.each(['/v2/myself', '/v2/users', '/v2/users/somebody'])(
  '%s returns 401 without a token and 403 for another organisation',
  async (path) => {
    const [mine, theirs] = [await givenOrganisation(db()), await givenOrganisation(db())];
    await api().request.get(path).expect(401);
    await as(mine.admin).get(path).set('X-Org-ID', theirs.orgId).expect(403);
  },
);

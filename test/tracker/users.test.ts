import { expect, test } from '@jest/globals';
import { createUser } from '../../src/core/users/users.service.ts';
import { texts } from '../../src/texts.ts';
import { useApi } from '../support/api.ts';
import { type GivenUser, givenOrganisation, givenUser } from '../support/builders.ts';

const api = useApi();
const db = () => api().database.db;
const get = (path: string, { headers }: GivenUser) => api().request.get(path).set(headers);

test('myself is the token’s user, with every field that clients read', async () => {
  const org = await givenOrganisation(db());
  const me = await givenUser(db(), org.orgId, { display: 'Анна Мария Петрова' });

  const { body } = await get('/v2/myself', me).expect(200);

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

test('a user shows the ids that other systems gave, and an e-mail address, where they are known', async () => {
  const org = await givenOrganisation(db());
  const known = { login: 'known', email: 'known@example.com', passportUid: 1120000000049224, cloudUid: 'ajeppa7dgp71' };
  await createUser(db(), org.orgId, { ...known, uid: 42, role: 'member' });

  const { body } = await get('/v3/users/42', org.admin).expect(200);

  expect(body).toMatchObject({ ...known, uid: 42, trackerUid: 42, self: `${api().url}/v3/users/42` });
});

test('a user without a name is shown by login', async () => {
  const org = await givenOrganisation(db());
  const { body } = await get('/v2/myself', org.admin).expect(200);
  expect(body).toMatchObject({ display: org.admin.login, firstName: '', lastName: '' });
});

test('a reader has no licence, and a disabled user neither; the latter is dismissed', async () => {
  const org = await givenOrganisation(db());
  const reader = await givenUser(db(), org.orgId, { role: 'reader' });
  const dismissed = await givenUser(db(), org.orgId);
  await db().query({
    name: 'disable_user',
    text: 'update users set is_active = false where org_id = $1 and user_id = $2',
    values: [org.orgId, dismissed.id],
  });

  const [first, second] = [
    await get(`/v2/users/${reader.login}`, org.admin),
    await get(`/v2/users/${dismissed.login}`, org.admin),
  ];
  expect(first.body).toMatchObject({ hasLicense: false, dismissed: false });
  expect(second.body).toMatchObject({ hasLicense: false, dismissed: true });
});

test.each(['/v2', '/v3'])('under %s a user answers to login and uid, with and without a slash', async (version) => {
  const org = await givenOrganisation(db());
  const user = await givenUser(db(), org.orgId);
  const { body: byLogin } = await get(`${version}/users/${user.login}`, org.admin).expect(200);

  expect(byLogin.self).toBe(`${api().url}${version}/users/${byLogin.uid}`);
  for (const path of [new URL(byLogin.self).pathname, `${version}/users/${user.login}/`]) {
    expect((await get(path, org.admin).expect(200)).body).toEqual(byLogin);
  }
  expect((await get(`${version}/myself/`, user).expect(200)).body).toEqual(byLogin);
});

test('where one user’s login is another’s uid, the uid counts', async () => {
  const org = await givenOrganisation(db());
  await createUser(db(), org.orgId, { login: '7001', role: 'member', uid: 7002 });
  await createUser(db(), org.orgId, { login: 'other', role: 'member', uid: 7001 });
  await createUser(db(), org.orgId, { login: '7003', role: 'member', uid: 7004 });

  expect((await get('/v2/users/7001', org.admin)).body).toMatchObject({ login: 'other' });
  expect((await get('/v2/users/7003', org.admin)).body).toMatchObject({ uid: 7004 });
});

test('a login of any characters can be asked for', async () => {
  const org = await givenOrganisation(db());
  await createUser(db(), org.orgId, { login: 'анна/петрова?@example.com', role: 'member' });
  const path = `/v2/users/${encodeURIComponent('анна/петрова?@example.com')}`;
  expect((await get(path, org.admin).expect(200)).body).toMatchObject({ login: 'анна/петрова?@example.com' });
});

test('users are listed by pages, in the order in which they were added, without the application account', async () => {
  const org = await givenOrganisation(db());
  const second = await givenUser(db(), org.orgId);
  const third = await givenUser(db(), org.orgId);
  const logins = ({ body }: { body: { login: string }[] }) => body.map(({ login }) => login);

  const all = await get('/v2/users/', second).expect(200);
  expect(logins(all)).toEqual([org.admin.login, second.login, third.login]);
  expect(all.headers).toMatchObject({ 'x-total-count': '3', 'x-total-pages': '1' });

  const page = await get('/v3/users?perPage=2&page=2', second).expect(200);
  expect(logins(page)).toEqual([third.login]);
  expect(page.headers).toMatchObject({ 'x-total-count': '3', 'x-total-pages': '2' });
  expect(page.headers['link']).toContain(`<${api().url}/v3/users?perPage=2&page=1>; rel="prev"`);
  expect(page.headers['link']).not.toContain('rel="next"');

  const beyond = await get('/v2/users?perPage=2&page=9', second).expect(200);
  expect(beyond.body).toEqual([]);
  expect(beyond.headers['x-total-count']).toBe('3');
});

test.each(['perPage=0', 'perPage=1001', 'page=0', 'page=one'])('a page that cannot be (%s) is 400', async (query) => {
  const org = await givenOrganisation(db());
  const { body } = await get(`/v2/users?${query}`, org.admin).expect(400);
  expect(Object.keys(body.errors)).toEqual([query.split('=')[0]]);
});

test('the application account is found by uid, since links may name it', async () => {
  const org = await givenOrganisation(db());
  const [row] = await db().query<{ uid: number }>({
    name: 'application_uid',
    text: 'select uid from users where org_id = $1 and is_application',
    values: [org.orgId],
  });
  const { body } = await get(`/v2/users/${row?.uid}`, org.admin).expect(200);
  expect(body).toMatchObject({ uid: row?.uid, login: 'jsonrpc', display: 'jsonrpc' });
});

test.each(['nobody', '1', '99999999999999999999', '%00', '-1', '1.5', '%27--'])(
  'a user who does not exist (%s) is 404 in both languages',
  async (name) => {
    const org = await givenOrganisation(db());
    const { body } = await get(`/v2/users/${name}`, org.admin).expect(404);
    expect(body).toEqual({
      errors: {},
      errorsData: {},
      errorMessages: [texts.userUnknown.ru],
      statusCode: 404,
    });
    const english = await get(`/v3/users/${name}`, org.admin).set('Accept-Language', 'en').expect(404);
    expect(english.body.errorMessages).toEqual([texts.userUnknown.en]);
  },
);

test("another organisation's users are neither found nor listed", async () => {
  const [mine, theirs] = [await givenOrganisation(db()), await givenOrganisation(db())];
  const { body: stranger } = await get('/v2/myself', theirs.admin).expect(200);

  await get(`/v2/users/${stranger.login}`, mine.admin).expect(404);
  await get(`/v2/users/${stranger.uid}`, mine.admin).expect(404);
  expect((await get('/v2/users', mine.admin).expect(200)).text).not.toContain(stranger.login);
});

test.each(['/v2/myself', '/v2/users', '/v2/users/somebody'])(
  '%s is 401 without a token, and 403 in another organisation',
  async (path) => {
    const [mine, theirs] = [await givenOrganisation(db()), await givenOrganisation(db())];
    await api().request.get(path).expect(401);
    await get(path, mine.admin).set('X-Org-ID', theirs.orgId).expect(403);
  },
);

import { expect, test } from '@jest/globals';
import { texts } from '../../src/texts.ts';
import { useApi } from '../support/api.ts';
import {
  type GivenIssue,
  type GivenOrganisation,
  type GivenUser,
  givenIssue,
  givenOrganisation,
  givenQueue,
  givenUser,
} from '../support/builders.ts';
import { snapshot } from '../support/snapshot.ts';

const api = useApi();
const db = () => api().database.db;
const get = (path: string, { headers }: GivenUser) => api().request.get(path).set(headers);
const post = (issue: GivenIssue, { headers }: GivenUser, body: object, version = '/v2') =>
  api().request.post(`${version}/issues/${issue.key}/remotelinks`).set(headers).send(body);
const remove = (path: string, { headers }: GivenUser) => api().request.delete(path).set(headers);

const LINK = { relationship: 'RELATES', key: 'example/links#42', origin: 'com.github' } as const;

async function givenIssueOf(org: GivenOrganisation, members?: GivenUser[]): Promise<GivenIssue> {
  return await givenIssue(db(), org, await givenQueue(db(), org, members));
}

/** Every `self` in an answer. */
function selvesIn(text: string): string[] {
  return [...text.matchAll(/"self":"([^"]+)"/g)].map(([, self]) => self ?? '');
}

test('the applications are listed, and each answers under its self', async () => {
  const org = await givenOrganisation(db());
  for (const version of ['/v2', '/v3']) {
    const { body } = await get(`${version}/applications/`, org.admin).expect(200);
    const ids = ['ru.yandex.bitbucket', 'com.github', 'com.gitlab', 'weblink', 'attachment', 'file'];
    expect(body.map(({ id }: { id: string }) => id)).toEqual(ids);
    for (const application of body) {
      expect(application.self).toBe(`${api().url}${version}/applications/${application.id}`);
      expect((await get(new URL(application.self).pathname, org.admin).expect(200)).body).toEqual(application);
    }
  }
});

test('an application is named in the language of the caller', async () => {
  const org = await givenOrganisation(db());
  const russian = await get('/v2/applications/weblink/', org.admin).expect(200);
  expect(russian.body).toMatchObject({ type: 'weblink', name: 'Ссылка' });
  const english = await get('/v2/applications/weblink', org.admin).set('Accept-Language', 'en').expect(200);
  expect(english.body.name).toBe('Web link');
});

test.each(['com.example', 'COM.GITHUB', '%00', '%27--', '..%2F..'])(
  'an application that does not exist (%s) is 404 in both languages',
  async (id) => {
    const org = await givenOrganisation(db());
    const { body } = await get(`/v2/applications/${id}`, org.admin).expect(404);
    expect(body.errorMessages).toEqual([texts.applicationNotFound.ru]);
    const english = await get(`/v2/applications/${id}`, org.admin).set('Accept-Language', 'en').expect(404);
    expect(english.body.errorMessages).toEqual([texts.applicationNotFound.en]);
  },
);

test('a new remote link is answered as the issue’s link, with its address', async () => {
  const org = await givenOrganisation(db());
  const writer = await givenUser(db(), org.orgId, { display: 'Анна Петрова' });
  const issue = await givenIssueOf(org);

  const { body, headers } = await post(issue, writer, LINK).expect(201);

  const base = `${api().url}/v2`;
  expect(headers['location']).toBe(body.self);
  expect(body).toEqual({
    self: `${base}/issues/${issue.key}/remotelinks/${body.id}`,
    id: expect.any(Number),
    type: { self: `${base}/linktypes/relates`, id: 'relates', inward: 'Связана', outward: 'Связана' },
    direction: 'outward',
    object: {
      self: `${base}/applications/com.github/objects/${body.object.id}`,
      id: expect.stringMatching(/^[0-9a-f]{32}$/),
      key: 'example/links#42',
      application: { self: `${base}/applications/com.github`, id: 'com.github', type: 'github', name: 'GitHub' },
    },
    createdBy: { self: expect.any(String), id: expect.any(String), display: 'Анна Петрова' },
    updatedBy: body.createdBy,
    createdAt: expect.stringMatching(/\+0000$/),
    updatedAt: body.createdAt,
  });
});

test.each(['/v2', '/v3'])('under %s every self in a remote link answers with that self', async (version) => {
  const org = await givenOrganisation(db());
  const issue = await givenIssueOf(org);
  const { text, body } = await post(issue, org.admin, LINK, version).expect(201);

  const selves = selvesIn(text);
  expect(selves).toHaveLength(6);
  for (const self of selves) {
    expect(self).toContain(`${api().url}${version}/`);
    expect((await get(new URL(self).pathname, org.admin).expect(200)).body.self).toBe(self);
  }
  expect((await get(new URL(body.self).pathname, org.admin)).body).toEqual(body);
  expect((await get(new URL(body.object.self).pathname, org.admin)).body).toEqual(body.object);
});

test.each([
  ['RELATES', 'relates', 'outward'],
  ['relates', 'relates', 'outward'],
  ['DEPENDS_ON', 'depends', 'outward'],
  ['is-dependent-by', 'depends', 'inward'],
  ['Is Subtask For', 'subtask', 'inward'],
  ['is parent task for', 'subtask', 'outward'],
])('the relationship %s makes a remote link of type %s, %s', async (relationship, id, direction) => {
  const org = await givenOrganisation(db());
  const { body } = await post(await givenIssueOf(org), org.admin, { ...LINK, relationship }).expect(201);
  expect(body).toMatchObject({ type: { id }, direction });
});

test('remote links are listed by their ids, in the language of the caller and without paging', async () => {
  const org = await givenOrganisation(db(), { language: 'en' });
  const issue = await givenIssueOf(org);
  expect((await get(`/v2/issues/${issue.key}/remotelinks`, org.admin).expect(200)).body).toEqual([]);

  const links = [];
  for (const key of ['https://example.com/?a=1&b=%20', 'ключ', '..']) {
    links.push((await post(issue, org.admin, { ...LINK, key, origin: 'weblink' }).expect(201)).body);
  }
  for (const name of [issue.key, issue.key.toLowerCase(), issue.hexId]) {
    const response = await get(`/v2/issues/${name}/remotelinks/?perPage=1&page=9`, org.admin).expect(200);
    expect(response.body).toEqual(links);
    expect(response.headers).not.toHaveProperty('x-total-count');
  }
  const russian = await get(`/v2/issues/${issue.key}/remotelinks`, org.admin).set('Accept-Language', 'ru').expect(200);
  expect(russian.body[0]).toMatchObject({
    type: { inward: 'Связана' },
    object: { key: 'https://example.com/?a=1&b=%20', application: { name: 'Ссылка' } },
  });
  for (const { object } of links) {
    expect((await get(new URL(object.self).pathname, org.admin).expect(200)).body).toEqual(object);
  }
});

test('a remote link leaves the issue and its changelog as they were', async () => {
  const org = await givenOrganisation(db());
  const issue = await givenIssueOf(org);
  const before = await snapshot(db());
  const { body } = await post(issue, org.admin, LINK).expect(201);
  const after = await snapshot(db());
  expect({ ...after, remote_links: [] }).toEqual({ ...before, remote_links: [] });
  await remove(new URL(body.self).pathname, org.admin).expect(204);
  expect(await snapshot(db())).toEqual(before);
});

test('the same object twice is 422, whatever the relationship, in both languages, and writes nothing', async () => {
  const org = await givenOrganisation(db());
  const issue = await givenIssueOf(org);
  await post(issue, org.admin, LINK).expect(201);
  const before = await snapshot(db());

  const russian = await post(issue, org.admin, LINK).expect(422);
  expect(russian.body).toEqual({
    errors: {},
    errorsData: {},
    errorMessages: [`Задача ${issue.key} уже связана с объектом example/links#42 приложения com.github.`],
    statusCode: 422,
  });
  const again = { ...LINK, relationship: 'depends on' };
  const english = await post(issue, org.admin, again).set('Accept-Language', 'en').expect(422);
  expect(english.body.errorMessages).toEqual([
    `The issue ${issue.key} is already linked to example/links#42 in com.github.`,
  ]);
  expect(await snapshot(db())).toEqual(before);
});

test('identical requests at once make one remote link', async () => {
  const org = await givenOrganisation(db());
  const issue = await givenIssueOf(org);
  const answers = await Promise.all(Array.from({ length: 16 }, () => post(issue, org.admin, LINK)));
  const statuses = answers.map(({ status }) => status).sort((left, right) => left - right);
  expect(statuses).toEqual([201, ...Array<number>(15).fill(422)]);
  expect((await get(`/v2/issues/${issue.key}/remotelinks`, org.admin)).body).toHaveLength(1);
});

test('the same key in another application, and the same object at another issue, are links of their own', async () => {
  const org = await givenOrganisation(db());
  const [issue, other] = [await givenIssueOf(org), await givenIssueOf(org)];
  const first = await post(issue, org.admin, LINK).expect(201);
  await post(issue, org.admin, { ...LINK, origin: 'com.gitlab' }).expect(201);
  const second = await post(other, org.admin, LINK).expect(201);
  expect(second.body.object).toEqual(first.body.object);
});

test.each([
  [{}, { relationship: texts.fieldRequired.ru, key: texts.fieldRequired.ru, origin: texts.fieldRequired.ru }],
  [{ ...LINK, key: null }, { key: texts.fieldRequired.ru }],
  [{ ...LINK, origin: 'com.example' }, { origin: texts.applicationNotFound.ru }],
])('a remote link of %j is 422 and names the fields', async (body, errors) => {
  const org = await givenOrganisation(db());
  const issue = await givenIssueOf(org);
  const before = await snapshot(db());
  const response = await post(issue, org.admin, body).expect(422);
  expect(response.body).toEqual({ errors, errorsData: {}, errorMessages: [], statusCode: 422 });
  expect(await snapshot(db())).toEqual(before);
});

test.each(['knows', 'subtask', 'original', ''])(
  'an unknown relationship (%s) is 400 and lists those known',
  async (phrase) => {
    const org = await givenOrganisation(db());
    const issue = await givenIssueOf(org);
    const { body } = await post(issue, org.admin, { ...LINK, relationship: phrase }).expect(400);
    expect(body.errorMessages[0]).toMatch(/Unrecognized value: .*relates, depends on/);
    expect((await get(`/v2/issues/${issue.key}/remotelinks`, org.admin)).body).toEqual([]);
  },
);

test('a value that cannot be is 400, and a body too large 413', async () => {
  const org = await givenOrganisation(db());
  const issue = await givenIssueOf(org);
  await post(issue, org.admin, { ...LINK, key: '' }).expect(400);
  await post(issue, org.admin, { ...LINK, key: 'k'.repeat(2001) }).expect(400);
  await post(issue, org.admin, { ...LINK, origin: 7 }).expect(400);
  await post(issue, org.admin, { ...LINK, key: 'k'.repeat(1_100_000) }).expect(413);
  await post(issue, org.admin, { ...LINK, key: 'к'.repeat(2000) }).expect(201);
});

test('a removed remote link is gone, and removing it again is 404', async () => {
  const org = await givenOrganisation(db());
  const issue = await givenIssueOf(org);
  const { body } = await post(issue, org.admin, LINK).expect(201);
  const path = new URL(body.self).pathname;

  const removed = await remove(`${path}/`, org.admin).expect(204);
  expect(removed.text).toBe('');
  await remove(path, org.admin).expect(404);
  await get(path, org.admin).expect(404);
  await get(new URL(body.object.self).pathname, org.admin).expect(404);
});

test.each(['1', '0', '-1', 'abc', '99999999999999999999', '%00'])(
  'a remote link that does not exist (%s) is 404 in both languages',
  async (id) => {
    const org = await givenOrganisation(db());
    const path = `/v2/issues/${(await givenIssueOf(org)).key}/remotelinks/${id}`;
    const { body } = await get(path, org.admin).expect(404);
    expect(body.errorMessages).toEqual([texts.remoteLinkNotFound.ru]);
    const english = await remove(path, org.admin).set('Accept-Language', 'en').expect(404);
    expect(english.body.errorMessages).toEqual([texts.remoteLinkNotFound.en]);
  },
);

test('a remote link of one issue is not found at another', async () => {
  const org = await givenOrganisation(db());
  const [issue, other] = [await givenIssueOf(org), await givenIssueOf(org)];
  const { body } = await post(issue, org.admin, LINK).expect(201);
  const path = `/v2/issues/${other.key}/remotelinks/${body.id}`;
  await get(path, org.admin).expect(404);
  await remove(path, org.admin).expect(404);
  await get(new URL(body.self).pathname, org.admin).expect(200);
});

test('an object that nothing is linked to is 404 in both languages', async () => {
  const org = await givenOrganisation(db());
  for (const path of [
    '/v2/applications/com.github/objects/b21c0573bf8bd5a6d13b2dd23d5ed0f1',
    '/v2/applications/com.github/objects/example%2Flinks%2342',
    '/v2/applications/%00/objects/b21c0573bf8bd5a6d13b2dd23d5ed0f1',
  ]) {
    const { body } = await get(path, org.admin).expect(404);
    expect(body.errorMessages).toEqual([texts.remoteObjectNotFound.ru]);
    const english = await get(path, org.admin).set('Accept-Language', 'en').expect(404);
    expect(english.body.errorMessages).toEqual([texts.remoteObjectNotFound.en]);
  }
});

test('an issue of another organisation, or in a queue that is closed to the user, is as absent', async () => {
  const [org, theirs] = [await givenOrganisation(db()), await givenOrganisation(db())];
  const [insider, outsider] = [await givenUser(db(), org.orgId), await givenUser(db(), org.orgId)];
  const hidden = await givenIssueOf(org, [insider]);
  const { body: link } = await post(hidden, insider, { ...LINK, key: 'TOP-SECRET-1' }).expect(201);
  const before = await snapshot(db());

  // Administrators have no sight of closed queues either.
  for (const user of [outsider, org.admin, theirs.admin]) {
    const absent = (await get('/v2/issues/NONE-1/remotelinks', user).expect(404)).text;
    const path = `/v2/issues/${hidden.key}/remotelinks`;
    const answers = [
      await get(path, user),
      await post(hidden, user, LINK),
      await get(`${path}/${link.id}`, user),
      await remove(`${path}/${link.id}`, user),
    ];
    for (const { status, text } of answers) expect([status, text]).toEqual([404, absent]);
    await get(new URL(link.object.self).pathname, user).expect(404);
  }
  await get(new URL(link.object.self).pathname, insider).expect(200);
  expect(await snapshot(db())).toEqual(before);
});

test('who may see an issue but not change it gets 403, and writes nothing', async () => {
  const org = await givenOrganisation(db());
  const reader = await givenUser(db(), org.orgId, { role: 'reader' });
  const reading = await givenUser(db(), org.orgId, { role: 'admin', scopes: ['read'] });
  const issue = await givenIssueOf(org);
  const { body: link } = await post(issue, org.admin, LINK).expect(201);
  const before = await snapshot(db());

  for (const user of [reader, reading]) {
    await get(`/v2/issues/${issue.key}/remotelinks`, user).expect(200);
    await post(issue, user, { ...LINK, key: 'another' }).expect(403);
    await remove(new URL(link.self).pathname, user).expect(403);
  }
  const refused = await remove(new URL(link.self).pathname, reader);
  expect(refused.body.errorMessages).toEqual([texts.writeForbidden.ru]);
  expect(await snapshot(db())).toEqual(before);
});

test('a remote link outlives its link type, and then shows none', async () => {
  const org = await givenOrganisation(db(), { profile: 'kanboard' });
  const issue = await givenIssueOf(org);
  const { body } = await post(issue, org.admin, LINK).expect(201);
  await db().query({
    name: 'remove_label',
    text: 'delete from labels where org_id = $1 and label_id = 1',
    values: [org.orgId],
  });

  const { type, ...rest } = body;
  expect(type.id).toBe('relates');
  expect((await get(new URL(body.self).pathname, org.admin).expect(200)).body).toEqual(rest);
});

test('links that Kanboard made are shown, be it to the same object twice', async () => {
  const org = await givenOrganisation(db());
  const issue = await givenIssueOf(org);
  await db().query({
    name: 'given_external_task_links',
    text: `
      insert into remote_links
        (org_id, issue_id, application_id, object_id, object_key, title, may_repeat, created_by, updated_by)
      select $1, $2, 'attachment', left(md5('url'), 32), 'http://127.0.0.1/doc.pdf', 'doc.pdf', true, $3, $3
      from generate_series(1, 2)`,
    values: [org.orgId, issue.id, org.admin.id],
  });

  const { body } = await get(`/v2/issues/${issue.key}/remotelinks`, org.admin).expect(200);
  const object = { key: 'http://127.0.0.1/doc.pdf', application: { type: 'attachment', name: 'Вложение' } };
  expect(body).toMatchObject([{ object }, { object }]);
});

test('remote links go with their issue', async () => {
  const org = await givenOrganisation(db());
  const issue = await givenIssueOf(org);
  const { body } = await post(issue, org.admin, LINK).expect(201);
  await db().query({
    name: 'remove_issue',
    text: 'delete from issues where org_id = $1 and issue_id = $2',
    values: [org.orgId, issue.id],
  });
  await get(new URL(body.object.self).pathname, org.admin).expect(404);
});

test('everything about remote links is 401 without a token, and 403 in another organisation', async () => {
  const [mine, theirs] = [await givenOrganisation(db()), await givenOrganisation(db())];
  const issue = await givenIssueOf(mine);
  const { body: link } = await post(issue, mine.admin, LINK).expect(201);
  const before = await snapshot(db());
  const path = `/v2/issues/${issue.key}/remotelinks`;
  const object = new URL(link.object.self).pathname;

  for (const target of ['/v2/applications', '/v2/applications/com.github', object, path, `${path}/${link.id}`]) {
    await api().request.get(target).expect(401);
    await get(target, mine.admin).set('X-Org-ID', theirs.orgId).expect(403);
  }
  await api()
    .request.post(path)
    .send({ ...LINK, key: 'another' })
    .expect(401);
  await post(issue, mine.admin, { ...LINK, key: 'another' })
    .set('X-Org-ID', theirs.orgId)
    .expect(403);
  await api().request.delete(`${path}/${link.id}`).expect(401);
  await remove(`${path}/${link.id}`, mine.admin).set('X-Org-ID', theirs.orgId).expect(403);
  expect(await snapshot(db())).toEqual(before);
});

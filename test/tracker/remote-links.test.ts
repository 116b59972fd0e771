import { expect, test } from '@jest/globals';
import { texts } from '../../src/texts.ts';
import { useApi } from '../support/api.ts';
import {
  type GivenIssue,
  type GivenOrganisation,
  type GivenUser,
  givenApplication,
  givenIssue,
  givenOrganisation,
  givenQueue,
  givenUser,
} from '../support/builders.ts';
import { restAs } from '../support/rest.ts';
import { rpcAs } from '../support/rpc.ts';
import { snapshot } from '../support/snapshot.ts';

const api = useApi();
const db = () => api().database.db;
const as = (user: GivenUser) => restAs(api(), user);
const createRemoteLink = (issue: GivenIssue, user: GivenUser, body: object, version = '/v2') =>
  as(user).post(`${version}/issues/${issue.key}/remotelinks`, body);

const LINK = { relationship: 'RELATES', key: 'example/links#42', origin: 'com.github' } as const;

async function givenIssueOf(org: GivenOrganisation, members?: GivenUser[]): Promise<GivenIssue> {
  return await givenIssue(db(), org, (await givenQueue(db(), org, members)).key);
}

/** Every `self` in a response. */
function selvesIn(text: string): string[] {
  return [...text.matchAll(/"self":"([^"]+)"/g)].map(([, self]) => self ?? '');
}

test('GET applications lists the applications, and each self returns the same one', async () => {
  const org = await givenOrganisation(db());
  for (const version of ['/v2', '/v3']) {
    const { body } = await as(org.admin).get(`${version}/applications/`).expect(200);
    const ids = ['ru.yandex.bitbucket', 'com.github', 'com.gitlab', 'weblink', 'attachment', 'file'];
    expect(body.map(({ id }: { id: string }) => id)).toEqual(ids);
    for (const application of body) {
      expect(application.self).toBe(`${api().url}${version}/applications/${application.id}`);
      expect((await as(org.admin).get(new URL(application.self).pathname).expect(200)).body).toEqual(application);
    }
  }
});

test('GET application returns the name in the language of the caller', async () => {
  const org = await givenOrganisation(db());
  const russian = await as(org.admin).get('/v2/applications/weblink/').expect(200);
  expect(russian.body).toMatchObject({ type: 'weblink', name: 'Ссылка' });
  const english = await as(org.admin).get('/v2/applications/weblink').set('Accept-Language', 'en').expect(200);
  expect(english.body.name).toBe('Web link');
});

test.each(['com.example', 'COM.GITHUB', '%00', '%27--', '..%2F..'])(
  'GET application returns 404 for a missing application (%s)',
  async (id) => {
    const org = await givenOrganisation(db());
    const { body } = await as(org.admin).get(`/v2/applications/${id}`).expect(404);
    expect(body.errorMessages).toEqual([texts.applicationNotFound.ru]);
    const english = await as(org.admin).get(`/v2/applications/${id}`).set('Accept-Language', 'en').expect(404);
    expect(english.body.errorMessages).toEqual([texts.applicationNotFound.en]);
  },
);

test('POST remotelinks returns the link of the issue with its Location', async () => {
  const org = await givenOrganisation(db());
  const writer = await givenUser(db(), org.orgId, { display: 'Анна Петрова' });
  const issue = await givenIssueOf(org);

  const { body, headers } = await createRemoteLink(issue, writer, LINK).expect(201);

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
    relationship: 'relates',
  });
  expect(Object.keys(body).at(-1)).toBe('relationship');
});

test.each(['/v2', '/v3'])('every self in a remote link under %s returns an object with that self', async (version) => {
  const org = await givenOrganisation(db());
  const issue = await givenIssueOf(org);
  const { text, body } = await createRemoteLink(issue, org.admin, LINK, version).expect(201);

  const selves = selvesIn(text);
  expect(selves).toHaveLength(6);
  for (const self of selves) {
    expect(self).toContain(`${api().url}${version}/`);
    expect((await as(org.admin).get(new URL(self).pathname).expect(200)).body.self).toBe(self);
  }
  expect((await as(org.admin).get(new URL(body.self).pathname)).body).toEqual(body);
  expect((await as(org.admin).get(new URL(body.object.self).pathname)).body).toEqual(body.object);
});

test.each([
  ['RELATES', 'relates', 'outward'],
  ['relates', 'relates', 'outward'],
  ['DEPENDS_ON', 'depends', 'outward'],
  ['is-dependent-by', 'depends', 'inward'],
  ['Is Subtask For', 'subtask', 'inward'],
  ['is parent task for', 'subtask', 'outward'],
])('the relationship %s creates a remote link of type %s, %s', async (relationship, id, direction) => {
  const org = await givenOrganisation(db());
  const { body } = await createRemoteLink(await givenIssueOf(org), org.admin, { ...LINK, relationship }).expect(201);
  expect(body).toMatchObject({ type: { id }, direction });
});

test('GET remotelinks returns all links ordered by id, in the language of the caller', async () => {
  const org = await givenOrganisation(db(), { language: 'en' });
  const issue = await givenIssueOf(org);
  expect((await as(org.admin).get(`/v2/issues/${issue.key}/remotelinks`).expect(200)).body).toEqual([]);

  const links = [];
  for (const key of ['https://example.com/?a=1&b=%20', 'ключ', '..']) {
    links.push((await createRemoteLink(issue, org.admin, { ...LINK, key, origin: 'weblink' }).expect(201)).body);
  }
  for (const name of [issue.key, issue.key.toLowerCase(), issue.hexId]) {
    const response = await as(org.admin).get(`/v2/issues/${name}/remotelinks/?perPage=1&page=9`).expect(200);
    expect(response.body).toEqual(links);
    expect(response.headers).not.toHaveProperty('x-total-count');
  }
  const russian = await as(org.admin)
    .get(`/v2/issues/${issue.key}/remotelinks`)
    .set('Accept-Language', 'ru')
    .expect(200);
  expect(russian.body[0]).toMatchObject({
    type: { inward: 'Связана' },
    object: { key: 'https://example.com/?a=1&b=%20', application: { name: 'Ссылка' } },
  });
  for (const { object } of links) {
    expect((await as(org.admin).get(new URL(object.self).pathname).expect(200)).body).toEqual(object);
  }
});

test('writing a remote link changes neither the issue nor its changelog', async () => {
  const org = await givenOrganisation(db());
  const issue = await givenIssueOf(org);
  const before = await snapshot(db());
  const { body } = await createRemoteLink(issue, org.admin, LINK).expect(201);
  const after = await snapshot(db());
  expect({ ...after, remote_links: '' }).toEqual({ ...before, remote_links: '' });
  await as(org.admin).delete(new URL(body.self).pathname).expect(204);
  expect(await snapshot(db())).toEqual(before);
});

test('POST remotelinks returns 422 for an object that is already linked and writes nothing', async () => {
  const org = await givenOrganisation(db());
  const issue = await givenIssueOf(org);
  await createRemoteLink(issue, org.admin, LINK).expect(201);
  const before = await snapshot(db());

  const russian = await createRemoteLink(issue, org.admin, LINK).expect(422);
  expect(russian.body).toEqual({
    errors: {},
    errorsData: {},
    errorMessages: [`Задача ${issue.key} уже связана с объектом example/links#42 приложения com.github.`],
    statusCode: 422,
  });
  const again = { ...LINK, relationship: 'depends on' };
  const english = await createRemoteLink(issue, org.admin, again).set('Accept-Language', 'en').expect(422);
  expect(english.body.errorMessages).toEqual([
    `The issue ${issue.key} is already linked to example/links#42 in com.github.`,
  ]);
  expect(await snapshot(db())).toEqual(before);
});

test('identical concurrent POSTs create one remote link', async () => {
  const org = await givenOrganisation(db());
  const issue = await givenIssueOf(org);
  const responses = await Promise.all(Array.from({ length: 16 }, () => createRemoteLink(issue, org.admin, LINK)));
  const statuses = responses.map(({ status }) => status).sort((left, right) => left - right);
  expect(statuses).toEqual([201, ...Array<number>(15).fill(422)]);
  expect((await as(org.admin).get(`/v2/issues/${issue.key}/remotelinks`)).body).toHaveLength(1);
});

test('POST remotelinks accepts the same key in another application and the same object for another issue', async () => {
  const org = await givenOrganisation(db());
  const [issue, other] = [await givenIssueOf(org), await givenIssueOf(org)];
  const first = await createRemoteLink(issue, org.admin, LINK).expect(201);
  await createRemoteLink(issue, org.admin, { ...LINK, origin: 'com.gitlab' }).expect(201);
  const second = await createRemoteLink(other, org.admin, LINK).expect(201);
  expect(second.body.object).toEqual(first.body.object);
});

test.each([
  [{}, { relationship: texts.fieldRequired.ru, key: texts.fieldRequired.ru, origin: texts.fieldRequired.ru }],
  [{ ...LINK, key: null }, { key: texts.fieldRequired.ru }],
  [{ ...LINK, origin: 'com.example' }, { origin: texts.applicationNotFound.ru }],
])('POST remotelinks returns 422 for %j and names the fields', async (body, errors) => {
  const org = await givenOrganisation(db());
  const issue = await givenIssueOf(org);
  const before = await snapshot(db());
  const response = await createRemoteLink(issue, org.admin, body).expect(422);
  expect(response.body).toEqual({ errors, errorsData: {}, errorMessages: [], statusCode: 422 });
  expect(await snapshot(db())).toEqual(before);
});

test.each(['knows', 'subtask', 'original', ''])(
  'POST remotelinks returns 400 for an unknown relationship (%s) and lists the known ones',
  async (relationship) => {
    const org = await givenOrganisation(db());
    const issue = await givenIssueOf(org);
    const { body } = await createRemoteLink(issue, org.admin, { ...LINK, relationship }).expect(400);
    expect(body.errorMessages[0]).toMatch(/Unrecognized value: .*relates, depends on/);
    expect((await as(org.admin).get(`/v2/issues/${issue.key}/remotelinks`)).body).toEqual([]);
  },
);

test('POST remotelinks returns 400 for an invalid value and 413 for a body that is too large', async () => {
  const org = await givenOrganisation(db());
  const issue = await givenIssueOf(org);
  await createRemoteLink(issue, org.admin, { ...LINK, key: '' }).expect(400);
  await createRemoteLink(issue, org.admin, { ...LINK, key: 'k'.repeat(2001) }).expect(400);
  await createRemoteLink(issue, org.admin, { ...LINK, origin: 7 }).expect(400);
  await createRemoteLink(issue, org.admin, { ...LINK, key: 'k'.repeat(1_100_000) }).expect(413);
  await createRemoteLink(issue, org.admin, { ...LINK, key: 'к'.repeat(2000) }).expect(201);
});

test('DELETE remotelink removes the link and returns 404 when repeated', async () => {
  const org = await givenOrganisation(db());
  const issue = await givenIssueOf(org);
  const { body } = await createRemoteLink(issue, org.admin, LINK).expect(201);
  const path = new URL(body.self).pathname;

  const removed = await as(org.admin).delete(`${path}/`).expect(204);
  expect(removed.text).toBe('');
  await as(org.admin).delete(path).expect(404);
  await as(org.admin).get(path).expect(404);
  await as(org.admin).get(new URL(body.object.self).pathname).expect(404);
});

test.each(['1', '0', '-1', 'abc', '99999999999999999999', '%00'])(
  'GET and DELETE remotelink return 404 for a missing link (%s)',
  async (id) => {
    const org = await givenOrganisation(db());
    const path = `/v2/issues/${(await givenIssueOf(org)).key}/remotelinks/${id}`;
    const { body } = await as(org.admin).get(path).expect(404);
    expect(body.errorMessages).toEqual([texts.remoteLinkNotFound.ru]);
    const english = await as(org.admin).delete(path).set('Accept-Language', 'en').expect(404);
    expect(english.body.errorMessages).toEqual([texts.remoteLinkNotFound.en]);
  },
);

test('GET and DELETE remotelink return 404 for a link of another issue', async () => {
  const org = await givenOrganisation(db());
  const [issue, other] = [await givenIssueOf(org), await givenIssueOf(org)];
  const { body } = await createRemoteLink(issue, org.admin, LINK).expect(201);
  const path = `/v2/issues/${other.key}/remotelinks/${body.id}`;
  await as(org.admin).get(path).expect(404);
  await as(org.admin).delete(path).expect(404);
  await as(org.admin).get(new URL(body.self).pathname).expect(200);
});

test('GET object returns 404 for an object without links', async () => {
  const org = await givenOrganisation(db());
  for (const path of [
    '/v2/applications/com.github/objects/b21c0573bf8bd5a6d13b2dd23d5ed0f1',
    '/v2/applications/com.github/objects/example%2Flinks%2342',
    '/v2/applications/%00/objects/b21c0573bf8bd5a6d13b2dd23d5ed0f1',
  ]) {
    const { body } = await as(org.admin).get(path).expect(404);
    expect(body.errorMessages).toEqual([texts.remoteObjectNotFound.ru]);
    const english = await as(org.admin).get(path).set('Accept-Language', 'en').expect(404);
    expect(english.body.errorMessages).toEqual([texts.remoteObjectNotFound.en]);
  }
});

test('requests for remote links of a hidden issue return the same 404 as for a missing issue', async () => {
  const [org, theirs] = [await givenOrganisation(db()), await givenOrganisation(db())];
  const [insider, outsider] = [await givenUser(db(), org.orgId), await givenUser(db(), org.orgId)];
  const hidden = await givenIssueOf(org, [insider]);
  const { body: link } = await createRemoteLink(hidden, insider, { ...LINK, key: 'TOP-SECRET-1' }).expect(201);
  const before = await snapshot(db());

  // Administrators cannot see closed queues either.
  for (const user of [outsider, org.admin, theirs.admin]) {
    const absent = (await as(user).get('/v2/issues/NONE-1/remotelinks').expect(404)).text;
    const path = `/v2/issues/${hidden.key}/remotelinks`;
    const responses = [
      await as(user).get(path),
      await createRemoteLink(hidden, user, LINK),
      await as(user).get(`${path}/${link.id}`),
      await as(user).delete(`${path}/${link.id}`),
    ];
    for (const { status, text } of responses) expect([status, text]).toEqual([404, absent]);
    await as(user).get(new URL(link.object.self).pathname).expect(404);
  }
  await as(insider).get(new URL(link.object.self).pathname).expect(200);
  expect(await snapshot(db())).toEqual(before);
});

test('writing remote links returns 403 to a caller who can only read, and writes nothing', async () => {
  const org = await givenOrganisation(db());
  const reader = await givenUser(db(), org.orgId, { role: 'reader' });
  const readOnlyAdmin = await givenUser(db(), org.orgId, { role: 'admin', scopes: ['read'] });
  const issue = await givenIssueOf(org);
  const { body: link } = await createRemoteLink(issue, org.admin, LINK).expect(201);
  const before = await snapshot(db());

  for (const user of [reader, readOnlyAdmin]) {
    await as(user).get(`/v2/issues/${issue.key}/remotelinks`).expect(200);
    await createRemoteLink(issue, user, { ...LINK, key: 'another' }).expect(403);
    await as(user).delete(new URL(link.self).pathname).expect(403);
  }
  const rejected = await as(reader).delete(new URL(link.self).pathname);
  expect(rejected.body.errorMessages).toEqual([texts.writeForbidden.ru]);
  expect(await snapshot(db())).toEqual(before);
});

test('a remote link outlives its link type and then has no type', async () => {
  const org = await givenOrganisation(db(), { profile: 'kanboard' });
  const issue = await givenIssueOf(org);
  const { body } = await createRemoteLink(issue, org.admin, LINK).expect(201);
  const rpc = rpcAs(api(), await givenApplication(db(), org));
  expect(await rpc.call('removeLink', 1)).toBe(true);

  const { type, relationship, ...rest } = body;
  expect([type.id, relationship]).toEqual(['relates', 'relates']);
  expect((await as(org.admin).get(new URL(body.self).pathname).expect(200)).body).toEqual(rest);
});

test('GET remotelinks includes links created by the Kanboard API, even repeated ones', async () => {
  const org = await givenOrganisation(db());
  const issue = await givenIssueOf(org);
  await db().query({
    name: '',
    text: `
      insert into remote_links
        (org_id, issue_id, application_id, object_id, object_key, title, may_repeat, created_by, updated_by)
      select $1, $2, 'attachment', left(md5('url'), 32), 'http://127.0.0.1/doc.pdf', 'doc.pdf', true, $3, $3
      from generate_series(1, 2)`,
    values: [org.orgId, issue.id, org.admin.id],
  });

  const { body } = await as(org.admin).get(`/v2/issues/${issue.key}/remotelinks`).expect(200);
  const object = { key: 'http://127.0.0.1/doc.pdf', application: { type: 'attachment', name: 'Вложение' } };
  expect(body).toMatchObject([{ object }, { object }]);
});

test('deleting an issue deletes its remote links', async () => {
  const org = await givenOrganisation(db());
  const issue = await givenIssueOf(org);
  const { body } = await createRemoteLink(issue, org.admin, LINK).expect(201);
  await db().query({
    name: '',
    text: 'delete from issues where org_id = $1 and issue_id = $2',
    values: [org.orgId, issue.id],
  });
  await as(org.admin).get(new URL(body.object.self).pathname).expect(404);
});

test('requests for remote links return 401 without a token and 403 for another organisation', async () => {
  const [mine, theirs] = [await givenOrganisation(db()), await givenOrganisation(db())];
  const issue = await givenIssueOf(mine);
  const { body: link } = await createRemoteLink(issue, mine.admin, LINK).expect(201);
  const before = await snapshot(db());
  const path = `/v2/issues/${issue.key}/remotelinks`;
  const object = new URL(link.object.self).pathname;

  for (const url of ['/v2/applications', '/v2/applications/com.github', object, path, `${path}/${link.id}`]) {
    await api().request.get(url).expect(401);
    await as(mine.admin).get(url).set('X-Org-ID', theirs.orgId).expect(403);
  }
  await api()
    .request.post(path)
    .send({ ...LINK, key: 'another' })
    .expect(401);
  await createRemoteLink(issue, mine.admin, { ...LINK, key: 'another' })
    .set('X-Org-ID', theirs.orgId)
    .expect(403);
  await api().request.delete(`${path}/${link.id}`).expect(401);
  await as(mine.admin).delete(`${path}/${link.id}`).set('X-Org-ID', theirs.orgId).expect(403);
  expect(await snapshot(db())).toEqual(before);
});

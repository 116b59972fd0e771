import { expect, test } from '@jest/globals';
import { useApi } from '../support/api.ts';
import {
  type GivenIssue,
  type GivenUser,
  givenIssue,
  givenLink,
  givenOrganisation,
  givenQueue,
  givenUser,
} from '../support/builders.ts';
import { sendRaw } from '../support/raw-request.ts';
import { restAs } from '../support/rest.ts';
import { snapshot } from '../support/snapshot.ts';

// That every read has a tag and honours it is in every-operation.test.ts.

const api = useApi();
const db = () => api().database.db;
const as = (user: GivenUser) => restAs(api(), user);

test.each([
  ['a list', '"other", $tag'],
  ['a weak tag', 'W/$tag'],
  ['any tag', '*'],
])('If-None-Match may hold %s', async (_form, form) => {
  const { org, near } = await givenLinkedIssues();
  const path = `/v2/issues/${near.key}/links`;
  const { headers } = await as(org.admin).get(path).expect(200);
  await as(org.admin)
    .get(path)
    .set('If-None-Match', form.replace('$tag', String(headers['etag'])))
    .expect(304);
});

test('304 has no body, and the headers of 200 that a cache needs', async () => {
  const { org, near } = await givenLinkedIssues();
  const { headers } = await as(org.admin).get(`/v2/issues/${near.key}/links`).expect(200);

  const response = await sendRaw(
    api().url,
    `GET /v2/issues/${near.key}/links HTTP/1.1\r\nHost: ${new URL(api().url).host}\r\nConnection: close\r\n` +
      `Authorization: ${org.admin.headers.Authorization}\r\nIf-None-Match: ${headers['etag']}\r\n\r\n`,
  );

  expect([response.status, response.body]).toEqual([304, '']);
  for (const name of ['etag', 'cache-control', 'vary']) {
    expect(response.headers).toContain(`${name}: ${headers[name]}`.toLowerCase());
  }
  expect(response.headers).not.toMatch(/^(content-(length|type)|transfer-encoding):/m);
});

test('HEAD has the tag of GET and honours it', async () => {
  const { org, near } = await givenLinkedIssues();
  const path = `/v2/issues/${near.key}/links`;
  const { headers } = await as(org.admin).get(path).expect(200);
  const head = () => api().request.head(path).set(org.admin.headers);

  expect((await head().expect(200)).headers).toMatchObject({
    etag: headers['etag'],
    'cache-control': 'private, no-cache',
    vary: headers['vary'],
  });
  expect((await head().set('If-None-Match', String(headers['etag'])).expect(304)).headers['etag']).toBe(
    headers['etag'],
  );
});

test.each([
  ['summary', { summary: 'Another' }],
  ['status', { status: 'inProgress' }],
  ['assignee', (user: GivenUser) => ({ assignee: user.login })],
])('the tag of links changes with the %s of a linked issue', async (_field, change) => {
  const { org, near, far } = await givenLinkedIssues();
  const body = typeof change === 'function' ? change(org.admin) : change;
  const paths = [`${near.key}/links`, `${near.key}?expand=links`].map((path) => `/v3/issues/${path}`);
  const tags = await tagsOf(org.admin, paths);

  await as(org.admin).patch(`/v3/issues/${far.key}`, body).expect(200);

  for (const [index, path] of paths.entries()) {
    await as(org.admin).get(path).set('If-None-Match', String(tags[index])).expect(200);
  }
});

test('the tag of links changes with the links, their labels, issue keys and access', async () => {
  const { org, near, far, link } = await givenLinkedIssues();
  const path = `/v3/issues/${near.key}/links`;
  const change = async (work: () => PromiseLike<unknown>) => {
    const [tag] = await tagsOf(org.admin, [path]);
    await work();
    await as(org.admin).get(path).set('If-None-Match', String(tag)).expect(200);
  };
  const other = await givenIssue(db(), org, far.key.replace(/-\d+$/, ''));

  await change(() => as(org.admin).post(path, { relationship: 'depends on', issue: other.key }).expect(201));
  await change(() => as(org.admin).patch(`${path}/${link}`, { relationship: 'duplicates' }).expect(200));
  await change(() =>
    as(org.admin)
      .patch('/v3/linktypes/duplicates', { inward: { ru: 'Повторяет', en: 'Repeats' } })
      .expect(200),
  );
  await change(() =>
    as(org.admin)
      .post(`/v3/issues/${other.key}/_move?queue=${near.key.replace(/-\d+$/, '')}`)
      .expect(200),
  );
  await change(() => as(org.admin).delete(`${path}/${link}`).expect(204));
  await as(org.admin).post(path, { relationship: 'relates', issue: far.key }).expect(201);
  await change(() => closeQueueOf(far));
});

test('the tag of links stays the same when the links do not show a change', async () => {
  const { org, near, far } = await givenLinkedIssues();
  const path = `/v3/issues/${near.key}/links`;
  const [tag] = await tagsOf(org.admin, [path]);

  await as(org.admin).patch(`/v3/issues/${near.key}`, { summary: 'Another' }).expect(200);
  await as(org.admin).patch(`/v3/issues/${far.key}`, { description: 'Longer' }).expect(200);
  const { far: apart } = await givenLinkedIssues(org);
  await as(org.admin).patch(`/v3/issues/${apart.key}`, { summary: 'Another' }).expect(200);

  await as(org.admin).get(path).set('If-None-Match', String(tag)).expect(304);
});

test('the tag depends on the language, the base of self URLs, the viewer, and what is asked for', async () => {
  const { org, near, far } = await givenLinkedIssues();
  const [insider, outsider] = [await givenUser(db(), org.orgId), await givenUser(db(), org.orgId)];
  await closeQueueOf(far, insider);
  const links = `issues/${near.key}/links`;
  const variants = [
    as(insider).get(`/v3/${links}`),
    as(insider).get(`/v2/${links}`),
    as(insider).get(`/v3/${links}`).set('Accept-Language', 'en'),
    as(insider).get(`/v3/${links}`).set('Host', 'links.example'),
    as(outsider).get(`/v3/${links}`),
    as(insider).get(`/v3/issues/${near.key}`),
    as(insider).get(`/v3/issues/${near.key}?fields=summary`),
    as(insider).get(`/v3/issues/${near.key}?expand=links`),
  ];
  const responses = await Promise.all(variants.map((request) => request.expect(200)));
  expect(new Set(responses.map(({ headers }) => headers['etag'])).size).toBe(variants.length);
});

test('the tag of a page changes with its totals and its link to the next page', async () => {
  const { org, near } = await givenLinkedIssues();
  const pages = ['/v3/users?perPage=1', `/v3/issues/${near.key}/changelog?perPage=1`];
  await as(org.admin).patch(`/v3/issues/${near.key}`, { description: 'Short' }).expect(200);
  const before = await Promise.all(pages.map((path) => as(org.admin).get(path).expect(200)));

  await givenUser(db(), org.orgId);
  await as(org.admin).patch(`/v3/issues/${near.key}`, { description: 'Longer' }).expect(200);

  for (const [index, path] of pages.entries()) {
    const tag = String(before[index]?.headers['etag']);
    const after = await as(org.admin).get(path).set('If-None-Match', tag).expect(200);
    expect(after.body).toEqual(before[index]?.body);
  }
});

test('If-Match accepts a whole tag, of which only the version counts', async () => {
  const { org, near, far, link } = await givenLinkedIssues();
  await as(org.admin).post('/v3/linktypes', {
    id: 'tests',
    inward: { ru: 'Проверяет', en: 'Tests' },
    outward: { ru: 'Проверяется', en: 'Tested by' },
  });
  const resources = [
    [`/v3/issues/${near.key}`, { summary: 'First' }, { summary: 'Second' }],
    [`/v3/issues/${near.key}/links/${link}`, { relationship: 'depends on' }, { relationship: 'duplicates' }],
    ['/v3/linktypes/tests', { acyclic: true }, { acyclic: false }],
  ] as const;
  for (const [path, first, second] of resources) {
    const tag = String((await as(org.admin).get(path).expect(200)).headers['etag']);
    expect(tag).toMatch(/^"1-/);
    // The link shows it, but its version stays the same.
    await as(org.admin).patch(`/v3/issues/${far.key}`, { summary: path }).expect(200);

    const changed = await as(org.admin).patch(path, first).set('If-Match', tag).expect(200);
    const before = await snapshot(db());
    await as(org.admin).patch(path, second).set('If-Match', tag).expect(412);
    await as(org.admin).patch(path, second).set('If-Match', '"2-"').expect(400);
    await as(org.admin).patch(path, second).set('If-Match', '"-2"').expect(400);
    expect(await snapshot(db())).toEqual(before);
    await as(org.admin).patch(path, second).set('If-Match', `W/${changed.headers['etag']}`).expect(200);
    await as(org.admin).patch(path, first).set('If-Match', '"3"').expect(200);
  }
});

test('errors have no tag, whatever If-None-Match is', async () => {
  const { org, near } = await givenLinkedIssues();
  const missing = await as(org.admin).get(`/v3/issues/${near.key}/links/1`).set('If-None-Match', '*').expect(404);
  expect(missing.headers).not.toHaveProperty('etag');
  await api().request.get(`/v3/issues/${near.key}/links`).set('If-None-Match', '*').expect(401);
});

/** Two issues with a link of version 1, in queues of their own. */
async function givenLinkedIssues(organisation?: Awaited<ReturnType<typeof givenOrganisation>>) {
  const org = organisation ?? (await givenOrganisation(db()));
  const given = async () => await givenIssue(db(), org, (await givenQueue(db(), org)).key);
  const [near, far] = [await given(), await given()] as [GivenIssue, GivenIssue];
  return { org, near, far, link: await givenLink(db(), org, 'relates', near, far) };
}

async function closeQueueOf({ id }: GivenIssue, member?: GivenUser): Promise<void> {
  await db().query({
    name: '',
    text: `
      with closed as (
        update queues set access = 'members' where queue_id = (select queue_id from issues where issue_id = $1) returning *
      )
      insert into queue_members (org_id, queue_id, user_id, role)
      select org_id, queue_id, user_id, 'member' from closed join users using (org_id) where user_id = $2`,
    values: [id, member?.id ?? null],
  });
}

async function tagsOf(user: GivenUser, paths: readonly string[]): Promise<(string | undefined)[]> {
  const responses = await Promise.all(paths.map((path) => as(user).get(path).expect(200)));
  return responses.map(({ headers }) => headers['etag']);
}

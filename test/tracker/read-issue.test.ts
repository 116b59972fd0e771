import { expect, test } from '@jest/globals';
import { texts } from '../../src/texts.ts';
import { useApi } from '../support/api.ts';
import {
  type GivenUser,
  givenIssue,
  givenLink,
  givenOrganisation,
  givenQueue,
  givenUser,
} from '../support/builders.ts';
import { restAs } from '../support/rest.ts';
import { snapshot } from '../support/snapshot.ts';
import { countStatements } from '../support/statements.ts';

const api = useApi();
const db = () => api().database.db;
const as = (user: GivenUser) => restAs(api(), user);

test('every self URL in an issue returns an object with that self', async () => {
  const org = await givenOrganisation(db());
  const { key: queue } = await givenQueue(db(), org);
  const parent = (await as(org.admin).post('/v2/issues', { summary: 'Parent', queue }).expect(201)).body;
  const epic = (await as(org.admin).post('/v2/issues', { summary: 'Epic', queue, type: 'epic' }).expect(201)).body;
  const fields = { parent: parent.key, epic: epic.key, assignee: org.admin.login };
  const { key } = (
    await as(org.admin)
      .post('/v2/issues', { summary: 'Whole', queue, ...fields })
      .expect(201)
  ).body;
  const { text } = await as(org.admin).patch(`/v2/issues/${key}`, { status: 'inProgress' }).expect(200);

  const selves = new Set([...text.matchAll(/"self":"([^"]+)"/g)].map(([, self]) => self as string));
  expect(selves.size).toBe(9);
  for (const self of selves) {
    const { body } = await as(org.admin).get(new URL(self).pathname).expect(200);
    expect(body.self).toBe(self);
  }
});

test('GET issue returns display names in the requested language', async () => {
  const org = await givenOrganisation(db());
  const { key } = await givenIssue(db(), org, (await givenQueue(db(), org)).key);

  const { body } = await as(org.admin).get(`/v2/issues/${key}`).set('Accept-Language', 'en').expect(200);

  expect([body.type, body.priority, body.status, body.statusType].map(({ display }) => display)).toEqual([
    'Task',
    'Normal',
    'Open',
    'Initial',
  ]);
});

test('GET issue returns the requested fields, and its links with expand=links', async () => {
  const org = await givenOrganisation(db());
  const { key: queue } = await givenQueue(db(), org);
  const [issue, other] = [await givenIssue(db(), org, queue), await givenIssue(db(), org, queue)];
  const id = await givenLink(db(), org, 'relates', issue, other);
  const members = async (query: string) =>
    Object.keys((await as(org.admin).get(`/v2/issues/${issue.key}${query}`).expect(200)).body);

  const always = ['self', 'id', 'key', 'version'];
  expect(await members('?fields=summary,status,nothing')).toEqual([...always, 'summary', 'status']);
  expect(await members('?fields=summary&fields=queue')).toEqual([...always, 'summary', 'queue']);
  expect(await members('?fields=summary&expand=links')).toEqual([...always, 'summary', 'links']);
  expect(await members('?expand=attachments')).not.toContain('links');
  const { body } = await as(org.admin).get(`/v2/issues/${issue.key}?expand=attachments,links`).expect(200);
  const links = await as(org.admin).get(`/v2/issues/${issue.key}/links`).expect(200);
  expect(body.links).toEqual(links.body);
  expect(links.body).toMatchObject([{ id }]);
});

test('requests for a missing issue, a hidden one or one of another organisation return 404 and write nothing', async () => {
  const [org, elsewhere] = [await givenOrganisation(db()), await givenOrganisation(db())];
  const { key: queue } = await givenQueue(db(), org);
  const foreign = await givenIssue(db(), elsewhere, (await givenQueue(db(), elsewhere)).key);
  const hidden = await givenIssue(db(), org, (await givenQueue(db(), org, [])).key);
  const before = await snapshot(db());

  for (const name of ['NONE-1', 'nonsense', '%00', foreign.key, foreign.hexId, hidden.key, hidden.hexId]) {
    const message = { errorMessages: [texts.issueNotFound.ru] };
    expect((await as(org.admin).get(`/v2/issues/${name}`).expect(404)).body).toMatchObject(message);
    expect((await as(org.admin).patch(`/v2/issues/${name}`, { summary: 'Changed' }).expect(404)).body).toMatchObject(
      message,
    );
    expect((await as(org.admin).post(`/v2/issues/${name}/_move?queue=${queue}`).expect(404)).body).toMatchObject(
      message,
    );
    expect((await as(org.admin).delete(`/v2/issues/${name}`).expect(404)).body).toMatchObject(message);
  }
  expect(await snapshot(db())).toEqual(before);
});

test('requests for an issue return 401 without a token and 403 for another organisation', async () => {
  const org = await givenOrganisation(db());
  const { key } = await givenIssue(db(), org, (await givenQueue(db(), org)).key);
  const before = await snapshot(db());
  const calls = (headers: Record<string, string>) => [
    api().request.get(`/v2/issues/${key}`).set(headers),
    api().request.patch(`/v2/issues/${key}`).set(headers).send({ summary: 'Changed' }),
    api().request.delete(`/v2/issues/${key}`).set(headers),
    api().request.post(`/v2/issues/${key}/_move?queue=A`).set(headers),
  ];

  for (const call of calls({})) await call.expect(401);
  for (const call of calls({ ...org.admin.headers, 'X-Org-ID': 'another' })) await call.expect(403);
  expect(await snapshot(db())).toEqual(before);
});

test('GET issue omits a parent that the caller cannot see', async () => {
  const org = await givenOrganisation(db());
  const insider = await givenUser(db(), org.orgId);
  const issue = await givenIssue(db(), org, (await givenQueue(db(), org)).key);
  const secret = await givenIssue(db(), org, (await givenQueue(db(), org, [insider])).key, { summary: 'Top secret' });
  await givenLink(db(), org, 'subtask', issue, secret);

  expect((await as(insider).get(`/v2/issues/${issue.key}`)).body.parent).toMatchObject({
    key: secret.key,
    display: 'Top secret',
  });
  expect((await as(org.admin).get(`/v2/issues/${issue.key}`)).body).not.toHaveProperty('parent');
});

test('GET issue runs the same number of statements for any number of links', async () => {
  const org = await givenOrganisation(db());
  const { key: queue } = await givenQueue(db(), org);
  const issue = await givenIssue(db(), org, queue);
  const statements = () => countStatements(db(), () => as(org.admin).get(`/v2/issues/${issue.key}`).expect(200));
  const before = await statements();
  for (let place = 0; place < 5; place += 1) {
    await givenLink(db(), org, 'depends', issue, await givenIssue(db(), org, queue));
  }
  expect(await statements()).toBe(before);
});

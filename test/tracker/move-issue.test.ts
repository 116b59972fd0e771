import { expect, test } from '@jest/globals';
import { texts } from '../../src/texts.ts';
import { useApi } from '../support/api.ts';
import { type GivenUser, givenIssue, givenOrganisation, givenQueue, givenUser } from '../support/builders.ts';
import { getIssueId, listEvents } from '../support/issues.ts';
import { restAs } from '../support/rest.ts';
import { snapshot } from '../support/snapshot.ts';

const api = useApi();
const db = () => api().database.db;
const as = (user: GivenUser) => restAs(api(), user);
const move = (key: string, queue: string, user: GivenUser) => as(user).post(`/v2/issues/${key}/_move?queue=${queue}`);

test('_move gives the issue a new key and keeps the old one as an alias', async () => {
  const org = await givenOrganisation(db());
  const [from, to] = [(await givenQueue(db(), org)).key, (await givenQueue(db(), org)).key];
  const parent = await givenIssue(db(), org, from);
  const created = await as(org.admin)
    .post('/v2/issues', { summary: 'Moving', queue: from, parent: parent.key, tags: ['api'] })
    .expect(201);
  await givenIssue(db(), org, to);
  await as(org.admin).patch(`/v2/issues/${created.body.key}`, { status: 'inProgress' }).expect(200);
  const issueId = await getIssueId(db(), org, created.body.key);

  const { body, headers } = await move(created.body.key.toLowerCase(), to.toLowerCase(), org.admin).expect(200);

  expect(headers['etag']).toMatch(/^"3-/);
  expect(headers['etag']).toBe((await as(org.admin).get(`/v2/issues/${to}-2`)).headers['etag']);
  expect(body).toMatchObject({
    self: `${api().url}/v2/issues/${to}-2`,
    id: created.body.id,
    key: `${to}-2`,
    version: 3,
    aliases: [`${from}-2`],
    queue: { key: to },
    status: { key: 'inProgress' },
    parent: { key: parent.key },
    tags: ['api'],
  });
  expect((await as(org.admin).get(`/v2/issues/${from}-2`).expect(200)).body).toEqual(body);
  expect((await listEvents(db(), org, issueId)).at(-1)).toEqual({
    type: 'IssueMoved',
    changes: {
      fields: [
        { field: 'queue', from: Number(created.body.queue.id), to: Number(body.queue.id) },
        { field: 'key', from: `${from}-2`, to: `${to}-2` },
      ],
    },
  });
  const before = await snapshot(db());
  // Repeating the move changes nothing, even under the old key.
  expect((await move(`${from}-2`, to, org.admin).expect(200)).body).toEqual(body);
  expect(await snapshot(db())).toEqual(before);

  const back = await move(`${to}-2`, created.body.queue.id, org.admin).expect(200);
  expect(back.body).toMatchObject({ key: `${from}-3`, aliases: [`${from}-2`, `${to}-2`].sort() });
});

test('an invalid or forbidden _move writes nothing', async () => {
  const org = await givenOrganisation(db());
  const reader = await givenUser(db(), org.orgId, { role: 'reader' });
  const [queue, closed] = [(await givenQueue(db(), org)).key, (await givenQueue(db(), org, [])).key];
  const { key: ownQueue } = await givenQueue(db(), org, [reader]);
  const { key } = await givenIssue(db(), org, (await givenQueue(db(), org)).key);
  const before = await snapshot(db());

  for (const name of ['NOSUCH', closed, 'a%20b', '%00']) {
    const { body } = await move(key, name, org.admin).expect(404);
    expect(body.errorMessages).toEqual([texts.queueNotFound.ru]);
  }
  await move(key, queue, reader).expect(403);
  await move(key, ownQueue, reader).expect(403);
  await move(key, `${queue}&queue=${queue}`, org.admin).expect(400);
  const { body } = await as(org.admin).post(`/v2/issues/${key}/_move`).expect(422);
  expect(body.errors).toEqual({ queue: texts.fieldRequired.ru });

  expect(await snapshot(db())).toEqual(before);
});

test('concurrent _move and PATCH requests for one issue all succeed', async () => {
  const org = await givenOrganisation(db());
  const [from, to] = [(await givenQueue(db(), org)).key, (await givenQueue(db(), org)).key];
  const { key } = await givenIssue(db(), org, from);

  const responses = await Promise.all([
    move(key, to, org.admin),
    as(org.admin).patch(`/v2/issues/${key}`, { summary: 'Changed' }),
    move(key, to, org.admin),
    as(org.admin).patch(`/v2/issues/${key}`, { tags: { add: 'a' } }),
    as(org.admin).patch(`/v2/issues/${key}`, { tags: { add: 'b' } }),
  ]);

  expect(responses.map(({ status }) => status)).toEqual([200, 200, 200, 200, 200]);
  const { body } = await as(org.admin).get(`/v2/issues/${key}`);
  expect(body).toMatchObject({ key: `${to}-1`, version: 5, summary: 'Changed', aliases: [key] });
  expect(new Set(body.tags)).toEqual(new Set(['a', 'b']));
});

import { randomUUID } from 'node:crypto';
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

test.each(['/v2', '/v3'])('POST issues under %s returns the whole issue, with Location and ETag', async (version) => {
  const org = await givenOrganisation(db());
  const author = await givenUser(db(), org.orgId, { display: 'Иван Иванов' });
  const { key: queue } = await givenQueue(db(), org);

  const { body, headers } = await as(author).post(`${version}/issues`, { summary: 'Описать связи', queue }).expect(201);

  const base = `${api().url}${version}`;
  expect(headers['location']).toBe(body.self);
  expect(headers['etag']).toMatch(/^"1-/);
  expect(body).toEqual({
    self: `${base}/issues/${queue}-1`,
    id: expect.stringMatching(/^[0-9a-f]{24}$/),
    key: `${queue}-1`,
    version: 1,
    summary: 'Описать связи',
    aliases: [],
    updatedBy: body.createdBy,
    statusType: { id: 'new', key: 'new', display: 'Начальный' },
    type: { self: `${base}/issuetypes/2`, id: '2', key: 'task', display: 'Задача' },
    priority: { self: `${base}/priorities/3`, id: '3', key: 'normal', display: 'Средний' },
    createdAt: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}\+0000$/),
    followers: [],
    createdBy: { self: expect.stringContaining(`${base}/users/`), id: expect.any(String), display: 'Иван Иванов' },
    votes: 0,
    queue: { self: `${base}/queues/${queue}`, id: expect.any(String), key: queue, display: queue },
    updatedAt: body.createdAt,
    status: { self: `${base}/statuses/1`, id: '1', key: 'open', display: 'Открыт' },
    favorite: false,
  });
  const again = await as(author).get(new URL(body.self).pathname).expect(200);
  expect(again.body).toEqual(body);
  expect(again.headers['etag']).toBe(headers['etag']);
});

test('POST issues accepts each field in all of its forms', async () => {
  const org = await givenOrganisation(db());
  const assignee = await givenUser(db(), org.orgId, { display: 'Анна Петрова' });
  const { key: queue } = await givenQueue(db(), org);
  const parent = (await as(org.admin).post('/v2/issues', { summary: 'Parent', queue }).expect(201)).body;
  const { uid } = (await as(assignee).get('/v2/myself')).body;
  const forms = [
    { queue, type: 'bug', priority: 'blocker', assignee: assignee.login, parent: parent.key },
    { queue: queue.toLowerCase(), type: 1, priority: 5, assignee: uid, parent: parent.id },
    { queue: { key: queue }, type: '1', priority: '5', assignee: String(uid), parent: parent.key.toLowerCase() },
    { queue: Number(parent.queue.id), type: { key: 'bug' }, priority: { id: 5 }, assignee: { uid }, parent },
    {
      queue: parent.queue,
      type: { id: '1' },
      priority: { id: '5' },
      assignee: { id: String(uid) },
      parent: { id: parent.id },
    },
    {
      queue: { id: parent.queue.id },
      type: 'bug',
      priority: 5,
      assignee: { login: assignee.login },
      parent: { key: parent.key },
    },
  ];

  for (const form of forms) {
    const fields = { summary: 'Forms', description: 'With a description', tags: ['b', 'a', 'b'], ...form };
    const empty = { epic: null, unique: null, components: [], fixVersions: [], followers: null };
    const { body } = await as(org.admin)
      .post('/v2/issues', { ...fields, ...empty })
      .expect(201);
    expect(body).toMatchObject({
      queue: { key: queue },
      type: { key: 'bug' },
      priority: { key: 'blocker' },
      assignee: { id: String(uid), display: 'Анна Петрова' },
      parent: { key: parent.key, display: 'Parent' },
      description: 'With a description',
      tags: ['b', 'a'],
    });
    expect(body).not.toHaveProperty('epic');
  }
});

test('POST issues records the fields in an event and the parent as a link', async () => {
  const org = await givenOrganisation(db());
  const { key: queue } = await givenQueue(db(), org);
  const parent = await givenIssue(db(), org, queue);
  const { key, queue: queueReference } = (
    await as(org.admin)
      .post('/v2/issues', { summary: 'Child', queue, tags: ['api'], parent: parent.key })
      .expect(201)
  ).body;

  const issueId = await getIssueId(db(), org, key);
  const change = (field: string, to: unknown) => ({ field, from: null, to });
  const link = { link_id: expect.any(Number), link_type_id: 'subtask' };
  expect(await listEvents(db(), org, issueId)).toEqual([
    {
      type: 'IssueCreated',
      changes: {
        fields: [
          change('key', key),
          change('queue', Number(queueReference.id)),
          change('summary', 'Child'),
          change('type', 2),
          change('priority', 3),
          change('tags', ['api']),
          change('status', 1),
        ],
      },
    },
    {
      type: 'IssueLinked',
      changes: { links: [{ from: null, to: { ...link, direction: 'inward', object_id: parent.id } }] },
    },
  ]);
  expect(await listEvents(db(), org, parent.id)).toMatchObject([{ type: 'IssueLinked' }]);
});

test('concurrent POSTs get consecutive keys', async () => {
  const org = await givenOrganisation(db());
  const { key: queue } = await givenQueue(db(), org);

  const responses = await Promise.all(
    Array.from({ length: 12 }, (_, place) => as(org.admin).post('/v2/issues', { summary: `Issue ${place}`, queue })),
  );

  expect(responses.map(({ status }) => status)).toEqual(Array(12).fill(201));
  const numbers = responses.map(({ body }) => Number(body.key.split('-')[1])).sort((left, right) => left - right);
  expect(numbers).toEqual(Array.from({ length: 12 }, (_, place) => place + 1));
  const positions = await db().query<{ position: number }>({
    name: '',
    text: 'select position from issues where org_id = $1 order by position',
    values: [org.orgId],
  });
  expect(positions.map(({ position }) => position)).toEqual(numbers);
});

test('repeated and concurrent POSTs with one unique create one issue', async () => {
  const org = await givenOrganisation(db());
  const [queue, other] = [(await givenQueue(db(), org)).key, (await givenQueue(db(), org)).key];
  const unique = randomUUID();

  const responses = await Promise.all(
    [queue, queue, other, other, queue, other].map((key) =>
      as(org.admin).post('/v2/issues', { summary: 'Once', queue: key, unique }),
    ),
  );
  const repeated = await as(org.admin)
    .post('/v2/issues', { summary: 'Once', queue, unique })
    .set('Accept-Language', 'en')
    .expect(409);

  expect(responses.map(({ status }) => status).sort()).toEqual([201, 409, 409, 409, 409, 409]);
  expect(repeated.body.errorMessages).toEqual([texts.uniqueTaken.en]);
  const { body: created, headers } = responses.find(({ status }) => status === 201) as (typeof responses)[0];
  const find = (value: string, user = org.admin) =>
    as(user).post(`/v2/issues/_findByUnique?unique=${encodeURIComponent(value)}`);
  const found = await find(unique).expect(200);
  expect(found.body).toEqual(created);
  expect(found.headers['etag']).toBe(headers['etag']);
  expect(created.key).toMatch(/-1$/);
  // Rejected requests use up no issue numbers.
  const next = await as(org.admin).post('/v2/issues', { summary: 'Next', queue: created.queue.key }).expect(201);
  expect(next.body.key).toBe(`${created.queue.key}-2`);

  await find('something else').expect(404);
  await find('\0').expect(404);
  await find(unique, (await givenOrganisation(db())).admin).expect(404);
  await as(org.admin).post('/v2/issues/_findByUnique').expect(422);
  await as(org.admin).post('/v2/issues/_findByUnique?unique=x&unique=y').expect(400);
  await api().request.post('/v2/issues/_findByUnique?unique=x').expect(401);
  await find(unique).set('X-Org-ID', 'another').expect(403);
  // Another organisation may use the same value.
  const elsewhere = await givenOrganisation(db());
  await as(elsewhere.admin)
    .post('/v2/issues', { summary: 'Mine', queue: (await givenQueue(db(), elsewhere)).key, unique })
    .expect(201);
});

test('an invalid or forbidden POST issues writes nothing', async () => {
  const org = await givenOrganisation(db());
  const reader = await givenUser(db(), org.orgId, { role: 'reader' });
  const readOnly = await givenUser(db(), org.orgId, { scopes: ['read'] });
  const { key: queue } = await givenQueue(db(), org);
  const { key: closed } = await givenQueue(db(), org, []);
  const { key: foreign } = await givenQueue(db(), await givenOrganisation(db()));
  const hidden = await givenIssue(db(), org, closed);
  const summary = 'Refused';
  const before = await snapshot(db());
  const expectRejected = async (body: object, status: number, errors: object, user = org.admin) => {
    const response = await as(user).post('/v2/issues', body).expect(status);
    expect(response.body).toMatchObject({ statusCode: status, ...errors });
  };
  const required = texts.fieldRequired.ru;

  await expectRejected({}, 422, { errors: { summary: required, queue: required } });
  await expectRejected({ summary: null, queue: null }, 422, { errors: { summary: required, queue: required } });
  await expectRejected({ summary: '  ', queue }, 422, { errors: { summary: required } });
  await expectRejected({ summary, queue: '' }, 422, { errors: { queue: required } });
  await expectRejected({ summary, queue, sprint: 5 }, 422, { errors: { sprint: texts.fieldUnknown.ru } });
  await expectRejected({ summary, queue, type: 'nothing' }, 422, { errors: { type: texts.issueTypeNotFound.ru } });
  await expectRejected({ summary, queue, priority: 99 }, 422, { errors: { priority: texts.priorityNotFound.ru } });
  await expectRejected({ summary, queue, assignee: 'nobody' }, 422, { errors: { assignee: texts.userUnknown.ru } });
  await expectRejected({ summary, queue, type: 99, priority: 'no', assignee: { id: '99' } }, 422, {
    errors: { type: expect.any(String), priority: expect.any(String), assignee: expect.any(String) },
  });
  for (const parent of ['NONE-1', 'nonsense', hidden.key, hidden.hexId]) {
    await expectRejected({ summary, queue, parent }, 422, { errors: { parent: texts.issueNotFound.ru } });
    await expectRejected({ summary, queue, epic: { key: parent } }, 422, { errors: { epic: texts.issueNotFound.ru } });
  }
  await expectRejected({ summary, queue, tags: Array(101).fill('x') }, 400, {});
  await expectRejected({ summary, queue, components: ['backend'] }, 400, {});
  await expectRejected({ summary: 7, queue }, 400, {});
  await expectRejected({ summary: 'x'.repeat(1025), queue }, 400, {});
  for (const name of ['NOSUCH', closed, foreign, { key: 'NOSUCH' }, { id: '999999' }, 'a b', 0]) {
    await expectRejected({ summary, queue: name }, 404, { errorMessages: [texts.queueNotFound.ru] });
  }
  await expectRejected({ summary, queue }, 403, { errorMessages: [expect.stringContaining('очереди')] }, reader);
  await expectRejected({ summary, queue }, 403, { errorMessages: [expect.stringContaining('write')] }, readOnly);
  await as(org.admin).post('/v2/issues').send('{').expect(400);
  await api().request.post('/v2/issues').send({ summary, queue }).expect(401);
  await as(org.admin)
    .post('/v2/issues', { summary, queue, description: 'x'.repeat(1_100_000) })
    .expect(413);

  expect(await snapshot(db())).toEqual(before);
});

test('POST issues returns 400 for a body with U+0000, a lone surrogate or excessive nesting', async () => {
  const org = await givenOrganisation(db());
  const { key: queue } = await givenQueue(db(), org);
  const before = await snapshot(db());
  const send = async (body: string) => {
    const request = as(org.admin).post('/v2/issues').set('Content-Type', 'application/json');
    const response = await request.set('Accept-Language', 'en').send(body).expect(400);
    return response.body.errorMessages;
  };

  expect(await send(`{"queue":"${queue}","summary":"\\u0000"}`)).toEqual([expect.stringContaining('U+0000')]);
  for (const surrogate of ['\\ud83d', 'x\\ude00y', '\\ude00\\ud83d']) {
    expect(await send(`{"queue":"${queue}","summary":"${surrogate}"}`)).toEqual([expect.stringContaining('surrogate')]);
  }
  const depth = 100_000;
  const nested = `${'['.repeat(depth)}${']'.repeat(depth)}`;
  expect(await send(`{"queue":"${queue}","summary":${nested}}`)).toEqual([expect.stringContaining('deep')]);

  expect(await snapshot(db())).toEqual(before);
  const whole = await as(org.admin).post('/v2/issues', { queue, summary: '😀' }).expect(201);
  expect(whole.body.summary).toBe('😀');
});

test('POST issues in a closed queue is open to its members and returns 403 for its viewers', async () => {
  const org = await givenOrganisation(db());
  const [member, viewer] = [await givenUser(db(), org.orgId, { role: 'reader' }), await givenUser(db(), org.orgId)];
  const { key: queue } = await givenQueue(db(), org, [member, viewer]);
  await db().query({
    name: '',
    text: `update queue_members set role = 'viewer' where org_id = $1 and user_id = $2`,
    values: [org.orgId, viewer.id],
  });

  await as(viewer).post('/v2/issues', { summary: 'Refused', queue }).expect(403);
  const { key } = (await as(member).post('/v2/issues', { summary: 'Made', queue }).expect(201)).body;

  expect((await as(viewer).get(`/v2/issues/${key}`).expect(200)).body.summary).toBe('Made');
  await as(viewer).patch(`/v2/issues/${key}`, { summary: 'Changed' }).expect(403);
  const [absent, hidden] = [await as(org.admin).get('/v2/issues/NONE-1'), await as(org.admin).get(`/v2/issues/${key}`)];
  expect(hidden.status).toBe(404);
  expect(hidden.text).toBe(absent.text);
});

import { randomUUID } from 'node:crypto';
import { expect, test } from '@jest/globals';
import { texts } from '../../src/texts.ts';
import { useApi } from '../support/api.ts';
import {
  type GivenOrganisation,
  type GivenUser,
  givenIssue,
  givenLink,
  givenOrganisation,
  givenQueue,
  givenUser,
} from '../support/builders.ts';
import { snapshot } from '../support/snapshot.ts';
import { countStatements } from '../support/statements.ts';

const api = useApi();
const db = () => api().database.db;
const get = (path: string, { headers }: GivenUser) => api().request.get(`/v2/issues/${path}`).set(headers);
const post = ({ headers }: GivenUser, body: object, version = '/v2') =>
  api().request.post(`${version}/issues`).set(headers).send(body);
const patch = (key: string, { headers }: GivenUser, body: object | undefined, query = '') =>
  api().request.patch(`/v2/issues/${key}${query}`).set(headers).send(body);
const move = (key: string, queue: string, { headers }: GivenUser) =>
  api().request.post(`/v2/issues/${key}/_move?queue=${queue}`).set(headers);
const remove = (key: string, { headers }: GivenUser) => api().request.delete(`/v2/issues/${key}`).set(headers);

/** The events of an issue, without what the database adds. */
async function eventsOf({ orgId }: GivenOrganisation, issueId: number): Promise<unknown[]> {
  return await db().query({
    name: 'events_of_issue',
    text: 'select type, changes from events where org_id = $1 and issue_id = $2 order by event_id',
    values: [orgId, issueId],
  });
}

async function numberOf({ orgId }: GivenOrganisation, key: string): Promise<number> {
  const [row] = await db().query<{ issue_id: number }>({
    name: 'number_of_issue',
    text: 'select issue_id from issues where org_id = $1 and key = $2',
    values: [orgId, key],
  });
  return (row as { issue_id: number }).issue_id;
}

async function givenStatus({ orgId }: GivenOrganisation, key: string, type: string): Promise<void> {
  await db().query({
    name: 'given_status',
    text: `
      insert into statuses (org_id, key, name_ru, name_en, type, position) values ($1, $2, $2, $2, $3, 9)`,
    values: [orgId, key, type],
  });
}

test.each(['/v2', '/v3'])('under %s a new issue is answered whole, with its address and version', async (version) => {
  const org = await givenOrganisation(db());
  const author = await givenUser(db(), org.orgId, { display: 'Иван Иванов' });
  const queue = await givenQueue(db(), org);

  const { body, headers } = await post(author, { summary: 'Описать связи', queue }, version).expect(201);

  const base = `${api().url}${version}`;
  expect(headers['location']).toBe(body.self);
  expect(headers['etag']).toBe('"1"');
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
  const again = await api().request.get(new URL(body.self).pathname).set(author.headers).expect(200);
  expect(again.body).toEqual(body);
  expect(again.headers['etag']).toBe('"1"');
});

test('every self in an issue answers, and says the same of itself', async () => {
  const org = await givenOrganisation(db());
  const queue = await givenQueue(db(), org);
  const parent = (await post(org.admin, { summary: 'Parent', queue }).expect(201)).body;
  const epic = (await post(org.admin, { summary: 'Epic', queue, type: 'epic' }).expect(201)).body;
  const fields = { parent: parent.key, epic: epic.key, assignee: org.admin.login };
  const { key } = (await post(org.admin, { summary: 'Whole', queue, ...fields }).expect(201)).body;
  const { text } = await patch(key, org.admin, { status: 'inProgress' }).expect(200);

  const selves = new Set([...text.matchAll(/"self":"([^"]+)"/g)].map(([, self]) => self as string));
  expect(selves.size).toBe(9);
  for (const self of selves) {
    const { body } = await api().request.get(new URL(self).pathname).set(org.admin.headers).expect(200);
    expect(body.self).toBe(self);
  }
});

test('texts of an issue are in the language that the request asks for', async () => {
  const org = await givenOrganisation(db());
  const { key } = await givenIssue(db(), org, await givenQueue(db(), org));

  const { body } = await get(key, org.admin).set('Accept-Language', 'en').expect(200);

  expect([body.type, body.priority, body.status, body.statusType].map(({ display }) => display)).toEqual([
    'Task',
    'Normal',
    'Open',
    'Initial',
  ]);
});

test('fields chooses the members of an issue, and expand adds its links', async () => {
  const org = await givenOrganisation(db());
  const queue = await givenQueue(db(), org);
  const [issue, other] = [await givenIssue(db(), org, queue), await givenIssue(db(), org, queue)];
  const id = await givenLink(db(), org, 'relates', issue, other);
  const members = async (query: string) => Object.keys((await get(`${issue.key}${query}`, org.admin).expect(200)).body);

  const always = ['self', 'id', 'key', 'version'];
  expect(await members('?fields=summary,status,nothing')).toEqual([...always, 'summary', 'status']);
  expect(await members('?fields=summary&fields=queue')).toEqual([...always, 'summary', 'queue']);
  expect(await members('?fields=summary&expand=links')).toEqual([...always, 'summary', 'links']);
  expect(await members('?expand=attachments')).not.toContain('links');
  const { body } = await get(`${issue.key}?expand=attachments,links`, org.admin).expect(200);
  const links = await get(`${issue.key}/links`, org.admin).expect(200);
  expect(body.links).toEqual(links.body);
  expect(links.body).toMatchObject([{ id }]);
});

test('an issue takes its fields in every form that a client may write', async () => {
  const org = await givenOrganisation(db());
  const assignee = await givenUser(db(), org.orgId, { display: 'Анна Петрова' });
  const queue = await givenQueue(db(), org);
  const parent = (await post(org.admin, { summary: 'Parent', queue }).expect(201)).body;
  const { uid } = (await api().request.get('/v2/myself').set(assignee.headers)).body;
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
    const { body } = await post(org.admin, { ...fields, ...empty }).expect(201);
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

test('what an issue starts with is in its first event, and its parent in a link', async () => {
  const org = await givenOrganisation(db());
  const queue = await givenQueue(db(), org);
  const parent = await givenIssue(db(), org, queue);
  const { key, queue: queueReference } = (
    await post(org.admin, { summary: 'Child', queue, tags: ['api'], parent: parent.key }).expect(201)
  ).body;

  const number = await numberOf(org, key);
  const change = (field: string, to: unknown) => ({ field, from: null, to });
  const link = { link_id: expect.any(Number), link_type_id: 'subtask' };
  expect(await eventsOf(org, number)).toEqual([
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
  expect(await eventsOf(org, parent.id)).toMatchObject([{ type: 'IssueLinked' }]);
});

test('issues made at the same time get the next keys, one each', async () => {
  const org = await givenOrganisation(db());
  const queue = await givenQueue(db(), org);

  const answers = await Promise.all(
    Array.from({ length: 12 }, (_, place) => post(org.admin, { summary: `Issue ${place}`, queue })),
  );

  expect(answers.map(({ status }) => status)).toEqual(Array(12).fill(201));
  const numbers = answers.map(({ body }) => Number(body.key.split('-')[1])).sort((left, right) => left - right);
  expect(numbers).toEqual(Array.from({ length: 12 }, (_, place) => place + 1));
  const positions = await db().query<{ position: number }>({
    name: 'positions',
    text: 'select position from issues where org_id = $1 order by position',
    values: [org.orgId],
  });
  expect(positions.map(({ position }) => position)).toEqual(numbers);
});

test('one unique makes one issue, however often and however fast it is sent', async () => {
  const org = await givenOrganisation(db());
  const [queue, other] = [await givenQueue(db(), org), await givenQueue(db(), org)];
  const unique = randomUUID();

  const answers = await Promise.all(
    [queue, queue, other, other, queue, other].map((one) => post(org.admin, { summary: 'Once', queue: one, unique })),
  );
  const late = await post(org.admin, { summary: 'Once', queue, unique }).set('Accept-Language', 'en').expect(409);

  expect(answers.map(({ status }) => status).sort()).toEqual([201, 409, 409, 409, 409, 409]);
  expect(late.body.errorMessages).toEqual([texts.uniqueTaken.en]);
  const made = answers.find(({ status }) => status === 201)?.body;
  const find = (one: string, { headers } = org.admin) =>
    api()
      .request.post(`/v2/issues/_findByUnique?unique=${encodeURIComponent(one)}`)
      .set(headers);
  const found = await find(unique).expect(200);
  expect(found.body).toEqual(made);
  expect(found.headers['etag']).toBe('"1"');
  expect(made.key).toMatch(/-1$/);
  // The numbers that the refused ones took are free again.
  const next = await post(org.admin, { summary: 'Next', queue: made.queue.key }).expect(201);
  expect(next.body.key).toBe(`${made.queue.key}-2`);

  await find('something else').expect(404);
  await find('\0').expect(404);
  await find(unique, (await givenOrganisation(db())).admin).expect(404);
  await api().request.post('/v2/issues/_findByUnique').set(org.admin.headers).expect(422);
  await api().request.post('/v2/issues/_findByUnique?unique=x').expect(401);
  await find(unique).set('X-Org-ID', 'another').expect(403);
  // Another organisation has its own words.
  const elsewhere = await givenOrganisation(db());
  await post(elsewhere.admin, { summary: 'Mine', queue: await givenQueue(db(), elsewhere), unique }).expect(201);
});

test('a new issue that is refused leaves nothing behind', async () => {
  const org = await givenOrganisation(db());
  const reader = await givenUser(db(), org.orgId, { role: 'reader' });
  const readOnly = await givenUser(db(), org.orgId, { scopes: ['read'] });
  const queue = await givenQueue(db(), org);
  const closed = await givenQueue(db(), org, []);
  const foreign = await givenQueue(db(), await givenOrganisation(db()));
  const hidden = await givenIssue(db(), org, closed);
  const summary = 'Refused';
  const before = await snapshot(db());
  const refused = async (body: object, status: number, errors: object, user = org.admin) => {
    const answer = await post(user, body).expect(status);
    expect(answer.body).toMatchObject({ statusCode: status, ...errors });
  };
  const required = texts.fieldRequired.ru;

  await refused({}, 422, { errors: { summary: required, queue: required } });
  await refused({ summary: null, queue: null }, 422, { errors: { summary: required, queue: required } });
  await refused({ summary: '  ', queue }, 422, { errors: { summary: required } });
  await refused({ summary, queue: '' }, 422, { errors: { queue: required } });
  await refused({ summary, queue, sprint: 5 }, 422, { errors: { sprint: texts.fieldUnknown.ru } });
  await refused({ summary, queue, type: 'nothing' }, 422, { errors: { type: texts.issueTypeNotFound.ru } });
  await refused({ summary, queue, priority: 99 }, 422, { errors: { priority: texts.priorityNotFound.ru } });
  await refused({ summary, queue, assignee: 'nobody' }, 422, { errors: { assignee: texts.userUnknown.ru } });
  await refused({ summary, queue, type: 99, priority: 'no', assignee: { id: '99' } }, 422, {
    errors: { type: expect.any(String), priority: expect.any(String), assignee: expect.any(String) },
  });
  for (const parent of ['NONE-1', 'nonsense', hidden.key, hidden.hexId]) {
    await refused({ summary, queue, parent }, 422, { errors: { parent: texts.issueNotFound.ru } });
    await refused({ summary, queue, epic: { key: parent } }, 422, { errors: { epic: texts.issueNotFound.ru } });
  }
  await refused({ summary, queue, tags: Array(101).fill('x') }, 400, {});
  await refused({ summary, queue, components: ['backend'] }, 400, {});
  await refused({ summary: 7, queue }, 400, {});
  await refused({ summary: 'x'.repeat(1025), queue }, 400, {});
  for (const name of ['NOSUCH', closed, foreign, { key: 'NOSUCH' }, { id: '999999' }, 'a b', 0]) {
    await refused({ summary, queue: name }, 404, { errorMessages: [texts.queueNotFound.ru] });
  }
  await refused({ summary, queue }, 403, { errorMessages: [expect.stringContaining('очереди')] }, reader);
  await refused({ summary, queue }, 403, { errorMessages: [expect.stringContaining('write')] }, readOnly);
  await api().request.post('/v2/issues').set(org.admin.headers).send('{').expect(400);
  await api().request.post('/v2/issues').send({ summary, queue }).expect(401);
  await post(org.admin, { summary, queue, description: 'x'.repeat(1_100_000) }).expect(413);

  expect(await snapshot(db())).toEqual(before);
});

test('a body that no database can hold is refused', async () => {
  const org = await givenOrganisation(db());
  const queue = await givenQueue(db(), org);
  const before = await snapshot(db());
  const send = async (body: string) => {
    const request = api().request.post('/v2/issues').set(org.admin.headers).set('Content-Type', 'application/json');
    const answer = await request.set('Accept-Language', 'en').send(body).expect(400);
    return answer.body.errorMessages;
  };

  expect(await send(`{"queue":"${queue}","summary":"\\u0000"}`)).toEqual([expect.stringContaining('U+0000')]);
  for (const half of ['\\ud83d', 'x\\ude00y', '\\ude00\\ud83d']) {
    expect(await send(`{"queue":"${queue}","summary":"${half}"}`)).toEqual([expect.stringContaining('surrogate')]);
  }
  const depth = 100_000;
  const deep = `${'['.repeat(depth)}${']'.repeat(depth)}`;
  expect(await send(`{"queue":"${queue}","summary":${deep}}`)).toEqual([expect.stringContaining('deep')]);

  expect(await snapshot(db())).toEqual(before);
  const whole = await post(org.admin, { queue, summary: '😀' }).expect(201);
  expect(whole.body.summary).toBe('😀');
});

test('an issue can be made in a closed queue by its members, though not by those who only look on', async () => {
  const org = await givenOrganisation(db());
  const [member, viewer] = [await givenUser(db(), org.orgId, { role: 'reader' }), await givenUser(db(), org.orgId)];
  const queue = await givenQueue(db(), org, [member, viewer]);
  await db().query({
    name: 'only_viewer',
    text: `update queue_members set role = 'viewer' where org_id = $1 and user_id = $2`,
    values: [org.orgId, viewer.id],
  });

  await post(viewer, { summary: 'Refused', queue }).expect(403);
  const { key } = (await post(member, { summary: 'Made', queue }).expect(201)).body;

  expect((await get(key, viewer).expect(200)).body.summary).toBe('Made');
  await patch(key, viewer, { summary: 'Changed' }).expect(403);
  const [absent, hidden] = [await get('NONE-1', org.admin), await get(key, org.admin)];
  expect(hidden.status).toBe(404);
  expect(hidden.text).toBe(absent.text);
});

test('an issue that is not there, or in another organisation, cannot be read, changed, moved or deleted', async () => {
  const [org, elsewhere] = [await givenOrganisation(db()), await givenOrganisation(db())];
  const queue = await givenQueue(db(), org);
  const foreign = await givenIssue(db(), elsewhere, await givenQueue(db(), elsewhere));
  const hidden = await givenIssue(db(), org, await givenQueue(db(), org, []));
  const before = await snapshot(db());

  for (const name of ['NONE-1', 'nonsense', '%00', foreign.key, foreign.hexId, hidden.key, hidden.hexId]) {
    const message = { errorMessages: [texts.issueNotFound.ru] };
    expect((await get(name, org.admin).expect(404)).body).toMatchObject(message);
    expect((await patch(name, org.admin, { summary: 'Changed' }).expect(404)).body).toMatchObject(message);
    expect((await move(name, queue, org.admin).expect(404)).body).toMatchObject(message);
    expect((await remove(name, org.admin).expect(404)).body).toMatchObject(message);
  }
  expect(await snapshot(db())).toEqual(before);
});

test('a call without a token, or for another organisation, is refused', async () => {
  const org = await givenOrganisation(db());
  const { key } = await givenIssue(db(), org, await givenQueue(db(), org));
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

test('a change of fields raises the version and leaves one event, with before and after', async () => {
  const org = await givenOrganisation(db());
  const editor = await givenUser(db(), org.orgId, { display: 'Анна Петрова' });
  const issue = await givenIssue(db(), org, await givenQueue(db(), org), { summary: 'Before' });

  const changes = { summary: 'After', description: 'Words', type: 'bug', priority: { key: 'minor' }, tags: ['api'] };
  const { body, headers } = await patch(issue.key, editor, { ...changes, assignee: editor.login }).expect(200);

  expect(headers['etag']).toBe('"2"');
  expect(body).toMatchObject({
    version: 2,
    summary: 'After',
    description: 'Words',
    type: { key: 'bug' },
    priority: { key: 'minor' },
    tags: ['api'],
    assignee: { display: 'Анна Петрова' },
    updatedBy: { display: 'Анна Петрова' },
    createdBy: { display: org.admin.login },
  });
  expect((await get(issue.key, editor)).body).toEqual(body);
  expect(await eventsOf(org, issue.id)).toEqual([
    {
      type: 'IssueUpdated',
      changes: {
        fields: [
          { field: 'summary', from: 'Before', to: 'After' },
          { field: 'description', from: null, to: 'Words' },
          { field: 'type', from: 2, to: 1 },
          { field: 'priority', from: 3, to: 2 },
          { field: 'assignee', from: null, to: editor.id },
          { field: 'tags', from: null, to: ['api'] },
        ],
      },
    },
  ]);
});

test('null clears a field, plainly and in an operator', async () => {
  const org = await givenOrganisation(db());
  const queue = await givenQueue(db(), org);
  const fields = { description: 'Words', assignee: org.admin.login, tags: ['api'] };
  const make = async () => (await post(org.admin, { summary: 'Full', queue, ...fields }).expect(201)).body.key;

  for (const nothing of [null, { set: null }]) {
    const cleared = { description: nothing, assignee: nothing, tags: nothing };
    const { body } = await patch(await make(), org.admin, cleared).expect(200);
    expect(body).toMatchObject({ version: 2 });
    for (const field of Object.keys(fields)) expect(body).not.toHaveProperty(field);
  }
});

test('operators set values and change lists', async () => {
  const org = await givenOrganisation(db());
  const queue = await givenQueue(db(), org);
  const { key } = (await post(org.admin, { summary: 'Operators', queue, tags: ['a', 'b', 'c'] }).expect(201)).body;
  const tags = async (change: unknown) => (await patch(key, org.admin, { tags: change }).expect(200)).body.tags;

  expect(await tags({ add: 'd' })).toEqual(['a', 'b', 'c', 'd']);
  expect(await tags({ add: ['d', 'e'], remove: 'a' })).toEqual(['b', 'c', 'd', 'e']);
  expect(await tags({ remove: ['b', 'nothing'] })).toEqual(['c', 'd', 'e']);
  expect(await tags({ replace: [{ target: 'c', replacement: 'x' }] })).toEqual(['x', 'd', 'e']);
  expect(await tags({ set: ['y', 'y', 'z'] })).toEqual(['y', 'z']);
  expect(await tags('one')).toEqual(['one']);
  expect(await tags(['one', 'two'])).toEqual(['one', 'two']);
  const set = {
    summary: { set: 'Set' },
    type: { set: { key: 'bug' } },
    priority: { set: 1 },
    assignee: { set: org.admin.login },
  };
  expect((await patch(key, org.admin, set).expect(200)).body).toMatchObject({
    summary: 'Set',
    type: { key: 'bug' },
    priority: { key: 'trivial' },
    assignee: { display: org.admin.login },
  });
});

test('a change to what is there already is none: no version, no event', async () => {
  const org = await givenOrganisation(db());
  const { key } = await givenIssue(db(), org, await givenQueue(db(), org), { summary: 'Same' });
  const before = await snapshot(db());

  const { body } = await patch(key, org.admin, { summary: 'Same', status: 'open', tags: [], description: null }).expect(
    200,
  );
  await patch(key, org.admin, {}).expect(200);
  await patch(key, org.admin, undefined).expect(200);
  // A client that sends back what it read changes nothing either.
  expect((await patch(key, org.admin, body).expect(200)).body).toEqual(body);

  expect(await snapshot(db())).toEqual(before);
});

test('a status closes and opens an issue, and remembers the one before', async () => {
  const org = await givenOrganisation(db());
  const queue = await givenQueue(db(), org);
  const issue = await givenIssue(db(), org, queue);
  await givenIssue(db(), org, queue);
  const facts = async () => {
    const [row] = await db().query<object>({
      name: 'facts_of_issue',
      text: 'select is_open, closed_at is not null as was_closed, position from issues where org_id = $1 and issue_id = $2',
      values: [org.orgId, issue.id],
    });
    return row;
  };

  const closed = await patch(issue.key, org.admin, { status: 'closed' }).expect(200);
  expect(closed.body).toMatchObject({
    version: 2,
    status: { key: 'closed' },
    statusType: { key: 'done' },
    previousStatus: { key: 'open' },
  });
  expect(await facts()).toEqual({ is_open: false, was_closed: true, position: 1 });
  const reopened = await patch(issue.key, org.admin, { status: { id: '1' }, summary: 'Again' }).expect(200);
  expect(reopened.body).toMatchObject({ version: 3, status: { key: 'open' }, previousStatus: { key: 'closed' } });
  expect(await facts()).toEqual({ is_open: true, was_closed: true, position: 2 });
  expect(await eventsOf(org, issue.id)).toEqual([
    { type: 'IssueWorkflow', changes: { fields: [{ field: 'status', from: 1, to: 5 }] } },
    { type: 'IssueUpdated', changes: { fields: [{ field: 'summary', from: 'An issue', to: 'Again' }] } },
    { type: 'IssueWorkflow', changes: { fields: [{ field: 'status', from: 5, to: 1 }] } },
  ]);
});

test('a queue gets a column for a status that none of its issues had', async () => {
  const org = await givenOrganisation(db());
  const queue = await givenQueue(db(), org);
  const other = await givenQueue(db(), org);
  await givenStatus(org, 'rejected', 'cancelled');
  await givenStatus(org, 'review', 'inProgress');
  const issues = [await givenIssue(db(), org, queue), await givenIssue(db(), org, queue)];
  const columns = async (key: string) =>
    await db().query({
      name: 'columns_of_queue',
      text: `
        select title, position from columns
        where org_id = $1 and queue_id = (select queue_id from queues where org_id = $1 and key = $2)
        order by position`,
      values: [org.orgId, key],
    });

  const answers = await Promise.all([
    ...issues.map(({ key }) => patch(key, org.admin, { status: 'rejected' })),
    ...(await Promise.all([1, 2].map(() => givenIssue(db(), org, queue)))).map(({ key }) =>
      patch(key, org.admin, { status: 'review' }),
    ),
  ]);

  expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 200]);
  expect(answers[0]?.body).toMatchObject({ status: { key: 'rejected' }, statusType: { key: 'cancelled' } });
  const made = (await columns(queue)) as { title: string; position: number }[];
  expect(made.map(({ position }) => position)).toEqual([1, 2, 3, 4, 5, 6, 7]);
  expect(new Set(made.slice(5).map(({ title }) => title))).toEqual(new Set(['rejected', 'review']));
  expect(await columns(other)).toHaveLength(5);
  await move((issues[0] as { key: string }).key, other, org.admin).expect(200);
  expect(await columns(other)).toHaveLength(6);
});

test('of changes for one version the first wins: 409 for ?version=, 412 for If-Match', async () => {
  const org = await givenOrganisation(db());
  const { key } = await givenIssue(db(), org, await givenQueue(db(), org));
  const ifMatch = (version: string, summary: string) => patch(key, org.admin, { summary }).set('If-Match', version);

  const conflicting = await Promise.all(
    Array.from({ length: 8 }, (_, place) => patch(key, org.admin, { summary: `Query ${place}` }, '?version=1')),
  );
  const stale = await Promise.all(Array.from({ length: 8 }, (_, place) => ifMatch('"2"', `Header ${place}`)));

  expect(conflicting.map(({ status }) => status).sort()).toEqual([200, ...Array(7).fill(409)]);
  expect(stale.map(({ status }) => status).sort()).toEqual([200, ...Array(7).fill(412)]);
  expect((await get(key, org.admin)).body).toMatchObject({ version: 3, summary: expect.stringMatching(/^Header/) });
  const before = await snapshot(db());
  await ifMatch('"1"', 'Late').expect(412);
  await ifMatch('three', 'Unreadable').expect(400);
  const { body } = await patch(key, org.admin, { summary: 'Late' }, '?version=1').expect(409);
  expect(body.errorMessages).toEqual([texts.issueChanged.ru]);
  await patch(key, org.admin, { summary: 'Unreadable' }, '?version=three').expect(400);
  expect(await snapshot(db())).toEqual(before);
  await ifMatch('*', 'Any').expect(200);
  await patch(key, org.admin, { summary: 'Right' }, '?version=4').set('If-Match', '"4"').expect(200);
});

test('a change that is refused leaves nothing behind', async () => {
  const org = await givenOrganisation(db());
  const reader = await givenUser(db(), org.orgId, { role: 'reader' });
  const readOnly = await givenUser(db(), org.orgId, { scopes: ['read'] });
  const queue = await givenQueue(db(), org);
  const { key } = await givenIssue(db(), org, queue);
  const child = (await post(org.admin, { summary: 'Child', queue, parent: key }).expect(201)).body;
  const before = await snapshot(db());
  const refused = async (body: object, status: number, errors: object = {}, user = org.admin) => {
    const answer = await patch(key, user, body).expect(status);
    expect(answer.body).toMatchObject({ statusCode: status, ...errors });
  };
  const required = texts.fieldRequired.ru;

  for (const nothing of [null, { set: null }]) {
    await refused({ summary: nothing, type: nothing, priority: nothing, status: nothing }, 422, {
      errors: { summary: required, type: required, priority: required, status: required },
    });
  }
  await refused({ summary: ' ' }, 422, { errors: { summary: required } });
  await refused({ sprint: 5, summary: 'Changed' }, 422, { errors: { sprint: texts.fieldUnknown.ru } });
  await refused({ status: 'nothing', summary: 'Changed' }, 422, { errors: { status: texts.statusNotFound.ru } });
  await refused({ assignee: 'nobody' }, 422, { errors: { assignee: texts.userUnknown.ru } });
  await refused({ queue: 'OTHER' }, 422, { errors: { queue: expect.stringContaining('_move') } });
  await refused({ summary: 'Changed', parent: 'NONE-1' }, 422, { errors: { parent: texts.issueNotFound.ru } });
  await refused({ summary: 'Changed', parent: key }, 422, { errorMessages: [expect.stringContaining(key)] });
  await refused({ summary: 'Changed', parent: child.key }, 422, {
    errorMessages: [expect.stringContaining(child.key)],
  });
  await refused({ tags: { add: Array.from({ length: 100 }, (_, place) => String(place)), set: ['one more'] } }, 422, {
    errors: { tags: texts.tagsTooMany.ru },
  });
  const unfit = texts.formUnfit.ru;
  await refused({ tags: { add: 7 } }, 400, { errors: { tags: unfit } });
  await refused({ summary: { add: 'x' } }, 400, { errors: { summary: unfit } });
  await refused({ assignee: { add: 'x' }, type: true }, 400, { errors: { assignee: unfit, type: unfit } });
  await refused({ summary: 'x'.repeat(1025) }, 400, { errors: { summary: expect.stringContaining('1024') } });
  await refused({ tags: { add: ['x', ''] } }, 400, { errors: { 'tags.add.1': expect.any(String) } });
  await refused({ summary: 'Changed' }, 403, {}, reader);
  await refused({ summary: 'Changed' }, 403, {}, readOnly);
  await api().request.patch(`/v2/issues/${key}`).set(org.admin.headers).send('[]').expect(400);
  await patch(key, org.admin, { description: 'x'.repeat(1_100_000) }).expect(413);

  expect(await snapshot(db())).toEqual(before);
});

test('parent and epic are links: set either, see both, and the version stays', async () => {
  const org = await givenOrganisation(db());
  const queue = await givenQueue(db(), org);
  const [issue, first, second] = [
    await givenIssue(db(), org, queue),
    await givenIssue(db(), org, queue, { summary: 'First' }),
    await givenIssue(db(), org, queue, { summary: 'Second' }),
  ];
  const links = async () =>
    (await get(`${issue.key}/links`, org.admin)).body.map((link: Record<string, { id: string; key: string }>) => [
      link['type']?.id,
      link['direction'],
      link['object']?.key,
    ]);

  const set = await patch(issue.key, org.admin, { parent: first.key, epic: { set: second.key } }).expect(200);
  expect(set.body).toMatchObject({
    version: 1,
    updatedAt: set.body.createdAt,
    parent: { key: first.key, display: 'First', id: first.hexId },
    epic: { key: second.key, display: 'Second' },
  });
  expect(await links()).toEqual([
    ['subtask', 'inward', first.key],
    ['epic', 'outward', second.key],
  ]);
  const twice = await snapshot(db());
  await patch(issue.key, org.admin, { parent: { id: first.hexId }, epic: second.key }).expect(200);
  expect(await snapshot(db())).toEqual(twice);

  await patch(issue.key, org.admin, { epic: null }).expect(200);
  const other = await givenIssue(db(), org, queue);
  const changed = await patch(issue.key, org.admin, { parent: other.key, summary: 'Both' }).expect(200);
  expect(changed.body).toMatchObject({ version: 2, summary: 'Both', parent: { key: other.key } });
  expect(changed.body).not.toHaveProperty('epic');
  expect(await links()).toEqual([['subtask', 'inward', other.key]]);
  expect((await patch(issue.key, org.admin, { parent: null }).expect(200)).body).not.toHaveProperty('parent');
  expect(await links()).toEqual([]);
  await patch(issue.key, org.admin, { parent: null, epic: { set: null } }).expect(200);

  await givenLink(db(), org, 'subtask', issue, second);
  expect((await get(issue.key, org.admin)).body).toMatchObject({ version: 2, parent: { key: second.key } });
});

test('opposite parents set at the same time: one stands', async () => {
  const org = await givenOrganisation(db());
  const queue = await givenQueue(db(), org);
  for (let round = 0; round < 5; round += 1) {
    const [left, right] = [await givenIssue(db(), org, queue), await givenIssue(db(), org, queue)];
    const answers = await Promise.all([
      patch(left.key, org.admin, { parent: right.key, summary: 'Left' }),
      patch(right.key, org.admin, { parent: left.key, summary: 'Right' }),
    ]);
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 422]);
  }
});

test('a parent that the reader may not see is left out', async () => {
  const org = await givenOrganisation(db());
  const insider = await givenUser(db(), org.orgId);
  const issue = await givenIssue(db(), org, await givenQueue(db(), org));
  const secret = await givenIssue(db(), org, await givenQueue(db(), org, [insider]), { summary: 'Top secret' });
  await givenLink(db(), org, 'subtask', issue, secret);

  expect((await get(issue.key, insider)).body.parent).toMatchObject({ key: secret.key, display: 'Top secret' });
  expect((await get(issue.key, org.admin)).body).not.toHaveProperty('parent');
});

test('a moved issue has a new key, answers to the old one, and keeps all else', async () => {
  const org = await givenOrganisation(db());
  const [from, to] = [await givenQueue(db(), org), await givenQueue(db(), org)];
  const parent = await givenIssue(db(), org, from);
  const made = await post(org.admin, { summary: 'Moving', queue: from, parent: parent.key, tags: ['api'] }).expect(201);
  await givenIssue(db(), org, to);
  await patch(made.body.key, org.admin, { status: 'inProgress' }).expect(200);
  const number = await numberOf(org, made.body.key);

  const { body, headers } = await move(made.body.key.toLowerCase(), to.toLowerCase(), org.admin).expect(200);

  expect(headers['etag']).toBe('"3"');
  expect(body).toMatchObject({
    self: `${api().url}/v2/issues/${to}-2`,
    id: made.body.id,
    key: `${to}-2`,
    version: 3,
    aliases: [`${from}-2`],
    queue: { key: to },
    status: { key: 'inProgress' },
    parent: { key: parent.key },
    tags: ['api'],
  });
  expect((await get(`${from}-2`, org.admin).expect(200)).body).toEqual(body);
  expect((await eventsOf(org, number)).at(-1)).toEqual({
    type: 'IssueUpdated',
    changes: {
      fields: [
        { field: 'queue', from: Number(made.body.queue.id), to: Number(body.queue.id) },
        { field: 'key', from: `${from}-2`, to: `${to}-2` },
      ],
    },
  });
  const before = await snapshot(db());
  // A request that is sent again, under whatever name, finds the work done.
  expect((await move(`${from}-2`, to, org.admin).expect(200)).body).toEqual(body);
  expect(await snapshot(db())).toEqual(before);

  const back = await move(`${to}-2`, made.body.queue.id, org.admin).expect(200);
  expect(back.body).toMatchObject({ key: `${from}-3`, aliases: [`${from}-2`, `${to}-2`].sort() });
});

test('a move that is refused leaves nothing behind', async () => {
  const org = await givenOrganisation(db());
  const reader = await givenUser(db(), org.orgId, { role: 'reader' });
  const [queue, closed] = [await givenQueue(db(), org), await givenQueue(db(), org, [])];
  const ownQueue = await givenQueue(db(), org, [reader]);
  const { key } = await givenIssue(db(), org, await givenQueue(db(), org));
  const before = await snapshot(db());

  for (const name of ['NOSUCH', closed, 'a%20b', '%00']) {
    const { body } = await move(key, name, org.admin).expect(404);
    expect(body.errorMessages).toEqual([texts.queueNotFound.ru]);
  }
  await move(key, queue, reader).expect(403);
  await move(key, ownQueue, reader).expect(403);
  const { body } = await api().request.post(`/v2/issues/${key}/_move`).set(org.admin.headers).expect(422);
  expect(body.errors).toEqual({ queue: texts.fieldRequired.ru });

  expect(await snapshot(db())).toEqual(before);
});

test('moves and changes at the same time all take place', async () => {
  const org = await givenOrganisation(db());
  const [from, to] = [await givenQueue(db(), org), await givenQueue(db(), org)];
  const { key } = await givenIssue(db(), org, from);

  const answers = await Promise.all([
    move(key, to, org.admin),
    patch(key, org.admin, { summary: 'Changed' }),
    move(key, to, org.admin),
    patch(key, org.admin, { tags: { add: 'a' } }),
    patch(key, org.admin, { tags: { add: 'b' } }),
  ]);

  expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 200, 200]);
  const { body } = await get(key, org.admin);
  expect(body).toMatchObject({ key: `${to}-1`, version: 5, summary: 'Changed', aliases: [key] });
  expect(new Set(body.tags)).toEqual(new Set(['a', 'b']));
});

test('a deleted issue is gone with its links, and its neighbours know', async () => {
  const org = await givenOrganisation(db());
  const queue = await givenQueue(db(), org);
  const [issue, other, third] = [
    await givenIssue(db(), org, queue, { summary: 'Going' }),
    await givenIssue(db(), org, queue),
    await givenIssue(db(), org, queue),
  ];
  const first = await givenLink(db(), org, 'subtask', issue, other);
  const second = await givenLink(db(), org, 'relates', third, issue);
  const kept = await givenLink(db(), org, 'relates', third, other);

  const answer = await remove(issue.key, org.admin).expect(204);

  expect(answer.text).toBe('');
  await get(issue.key, org.admin).expect(404);
  await remove(issue.key, org.admin).expect(404);
  expect((await get(`${other.key}/links`, org.admin)).body).toMatchObject([{ id: kept }]);
  const unlinked = (link_id: number, link_type_id: string, direction: string) => [
    {
      type: 'IssueUnlinked',
      changes: { links: [{ from: { link_id, link_type_id, direction, object_id: issue.id }, to: null }] },
    },
  ];
  expect(await eventsOf(org, other.id)).toEqual(unlinked(first, 'subtask', 'outward'));
  expect(await eventsOf(org, third.id)).toEqual(unlinked(second, 'relates', 'inward'));
  expect(await eventsOf(org, issue.id)).toEqual([
    {
      type: 'IssueDeleted',
      changes: {
        fields: [
          { field: 'key', from: issue.key, to: null },
          { field: 'summary', from: 'Going', to: null },
        ],
      },
    },
  ]);
  expect((await post(org.admin, { summary: 'Next', queue }).expect(201)).body.key).toBe(`${queue}-4`);
});

test('only administrators who may write there delete an issue', async () => {
  const org = await givenOrganisation(db());
  const manager = await givenUser(db(), org.orgId, { role: 'manager' });
  const looking = await givenUser(db(), org.orgId, { role: 'admin', scopes: ['read'] });
  const { key } = await givenIssue(db(), org, await givenQueue(db(), org));
  const before = await snapshot(db());

  const { body } = await remove(key, manager).expect(403);
  expect(body.errorMessages).toEqual([texts.administratorsOnly.ru]);
  await remove(key, looking).expect(403);

  expect(await snapshot(db())).toEqual(before);
});

test('one statement reads an issue, whatever it is linked to', async () => {
  const org = await givenOrganisation(db());
  const queue = await givenQueue(db(), org);
  const issue = await givenIssue(db(), org, queue);
  const statements = () => countStatements(db(), () => get(issue.key, org.admin).expect(200));
  const before = await statements();
  for (let place = 0; place < 5; place += 1) {
    await givenLink(db(), org, 'depends', issue, await givenIssue(db(), org, queue));
  }
  expect(await statements()).toBe(before);
});

test('links made while their issue is being deleted go with it, or are refused', async () => {
  const org = await givenOrganisation(db());
  const queue = await givenQueue(db(), org);
  for (let round = 0; round < 5; round += 1) {
    const [issue, other] = [await givenIssue(db(), org, queue), await givenIssue(db(), org, queue)];
    const linked = { relationship: 'relates', issue: issue.key };
    const [removed, link, child] = await Promise.all([
      remove(issue.key, org.admin),
      api().request.post(`/v2/issues/${other.key}/links`).set(org.admin.headers).send(linked),
      post(org.admin, { queue, summary: 'Child', parent: issue.key }),
    ]);
    expect(removed.status).toBe(204);
    expect([201, 404]).toContain(link.status);
    expect([201, 422]).toContain(child.status);
    expect((await get(`${other.key}/links`, org.admin)).body).toEqual([]);
    const types = (await eventsOf(org, other.id)).map((event) => (event as { type: string }).type);
    expect(types).toEqual(link.status === 201 ? ['IssueLinked', 'IssueUnlinked'] : []);
  }
});

test('where an organisation has no epics, an issue cannot get one', async () => {
  const org = await givenOrganisation(db(), { profile: 'kanboard', language: 'en' });
  const queue = await givenQueue(db(), org);
  const [issue, other] = [await givenIssue(db(), org, queue), await givenIssue(db(), org, queue)];
  const before = await snapshot(db());

  const { body } = await patch(issue.key, org.admin, { epic: other.key }).expect(422);
  expect(body.errorMessages).toEqual(['The link type epic does not exist.']);
  expect(await snapshot(db())).toEqual(before);
  await patch(issue.key, org.admin, { epic: null }).expect(200);
  const { body: child } = await patch(issue.key, org.admin, { parent: other.key }).expect(200);
  expect(child.parent).toMatchObject({ key: other.key });
});

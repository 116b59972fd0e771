import { expect, test } from '@jest/globals';
import { texts } from '../../src/texts.ts';
import { useApi } from '../support/api.ts';
import {
  type GivenOrganisation,
  type GivenUser,
  givenOrganisation,
  givenQueue,
  givenUser,
} from '../support/builders.ts';

const api = useApi();
const db = () => api().database.db;
const get = (path: string, { headers }: GivenUser) => api().request.get(path).set(headers);
const post = ({ headers }: GivenUser, body: object, version = '/v2') =>
  api().request.post(`${version}/queues`).set(headers).send(body);

async function stored({ orgId }: GivenOrganisation): Promise<unknown[]> {
  return await db().query({
    name: 'stored_queues',
    text: `
      select to_jsonb(queues), (select count(*) from columns where columns.org_id = $1)
      from queues where queues.org_id = $1 order by queue_id`,
    values: [orgId],
  });
}

test('a new queue is answered whole, with its address, and is led by whoever made it', async () => {
  const org = await givenOrganisation(db());

  const { body, headers } = await post(org.admin, { key: 'JUNE', name: 'Июньский выпуск' }).expect(201);

  expect(headers['location']).toBe(body.self);
  expect(body).toEqual({
    self: `${api().url}/v2/queues/JUNE`,
    id: expect.any(Number),
    key: 'JUNE',
    version: 1,
    name: 'Июньский выпуск',
    lead: { self: expect.stringMatching(/\/v2\/users\/\d+$/), id: expect.any(String), display: org.admin.login },
    assignAuto: false,
    defaultType: { self: `${api().url}/v2/issuetypes/2`, id: '2', key: 'task', display: 'Задача' },
    defaultPriority: { self: `${api().url}/v2/priorities/3`, id: '3', key: 'normal', display: 'Средний' },
    denyVoting: true,
  });
  for (const self of [body.self, body.lead.self, body.defaultType.self, body.defaultPriority.self]) {
    expect((await get(new URL(self).pathname, org.admin).expect(200)).body.self).toBe(self);
  }
});

test('a queue takes its lead and its defaults in every form that a client may write', async () => {
  const org = await givenOrganisation(db());
  const manager = await givenUser(db(), org.orgId, { role: 'manager' });
  const lead = await givenUser(db(), org.orgId, { display: 'Анна Петрова' });
  const { uid } = (await get('/v2/myself', lead)).body;
  const forms = [
    { lead: lead.login, defaultType: 'bug', defaultPriority: 'blocker' },
    { lead: uid, defaultType: 1, defaultPriority: 5 },
    { lead: String(uid), defaultType: '1', defaultPriority: '5' },
    { lead: { id: String(uid) }, defaultType: { key: 'bug' }, defaultPriority: { id: '5', key: 'blocker' } },
    { lead: { id: lead.login }, defaultType: { id: 1 }, defaultPriority: { id: 5 } },
  ];

  for (const [place, form] of forms.entries()) {
    const queue = { key: `FORM${place}`, name: 'A queue', description: 'About it', issueTypesConfig: [] };
    const { body } = await post(manager, { ...queue, ...form }, '/v3').expect(201);
    expect(body).toMatchObject({
      self: `${api().url}/v3/queues/FORM${place}`,
      description: 'About it',
      lead: { id: String(uid), display: 'Анна Петрова' },
      defaultType: { key: 'bug' },
      defaultPriority: { key: 'blocker' },
    });
  }
});

test('fields that are null count as absent, and a trailing slash and an odd Content-Type do no harm', async () => {
  const org = await givenOrganisation(db());
  const { body } = await api()
    .request.post('/v2/queues/')
    .set(org.admin.headers)
    .set('Content-Type', 'text/plain')
    .send(JSON.stringify({ key: 'NULLS', name: 'Nulls', lead: null, description: null, defaultType: null }))
    .expect(201);
  expect(body).toMatchObject({ lead: { display: org.admin.login }, defaultType: { key: 'task' } });
  expect(body).not.toHaveProperty('description');
});

test('a new queue has a column for each status of the organisation', async () => {
  const org = await givenOrganisation(db());
  const { body } = await post(org.admin, { key: 'BOARD', name: 'Board' }).expect(201);
  const columns = await db().query({
    name: 'stored_columns',
    text: 'select status_id from columns where org_id = $1 and queue_id = $2 order by position',
    values: [org.orgId, body.id],
  });
  expect(columns).toEqual([1, 2, 3, 4, 5].map((status_id) => ({ status_id })));
});

test('a key that is taken is 409, in both languages, and writes nothing', async () => {
  const org = await givenOrganisation(db());
  await post(org.admin, { key: 'TAKEN', name: 'First' }).expect(201);
  const before = await stored(org);

  const russian = await post(org.admin, { key: 'TAKEN', name: 'Second' }).expect(409);
  expect(russian.body).toEqual({
    errors: {},
    errorsData: {},
    errorMessages: ['Ключ очереди TAKEN уже занят.'],
    statusCode: 409,
  });
  const english = await post(org.admin, { key: 'TAKEN', name: 'Second' }).set('Accept-Language', 'en').expect(409);
  expect(english.body.errorMessages).toEqual(['The queue key TAKEN is taken.']);
  expect(await stored(org)).toEqual(before);
});

test('the same key is free in another organisation', async () => {
  const [mine, theirs] = [await givenOrganisation(db()), await givenOrganisation(db())];
  await post(mine.admin, { key: 'SAME', name: 'Mine' }).expect(201);
  await post(theirs.admin, { key: 'SAME', name: 'Theirs' }).expect(201);
  expect((await get('/v2/queues/SAME', mine.admin)).body.name).toBe('Mine');
});

test.each([
  [{}, { key: texts.fieldRequired.ru, name: texts.fieldRequired.ru }],
  [{ key: null, name: 'Null' }, { key: texts.fieldRequired.ru }],
  [{ key: 'NEW' }, { name: texts.fieldRequired.ru }],
  [{ key: 'NEW', name: 'New', lead: 'nobody' }, { lead: texts.userUnknown.ru }],
  [{ key: 'NEW', name: 'New', lead: 'no\u0001body' }, { lead: texts.userUnknown.ru }],
  [{ key: 'NEW', name: 'New', lead: 1e300 }, { lead: texts.userUnknown.ru }],
  [{ key: 'NEW', name: 'New', lead: { id: 404 } }, { lead: texts.userUnknown.ru }],
  [
    { key: 'NEW', name: 'New', defaultType: 'nothing', defaultPriority: 1e300 },
    { defaultType: texts.issueTypeNotFound.ru, defaultPriority: texts.priorityNotFound.ru },
  ],
])('a queue of %j is 422 and names the fields', async (body, errors) => {
  const org = await givenOrganisation(db());
  const response = await post(org.admin, body).expect(422);
  expect(response.body).toEqual({ errors, errorsData: {}, errorMessages: [], statusCode: 422 });
  expect(await stored(org)).toEqual([]);
});

test.each([
  [{ key: 'june', name: 'Small letters' }, 'key'],
  [{ key: '1JUNE', name: 'A digit first' }, 'key'],
  [{ key: 'J'.repeat(51), name: 'Too long' }, 'key'],
  [{ key: 7, name: 'A number' }, 'key'],
  [{ key: 'JUNE', name: '' }, 'name'],
  [{ key: 'JUNE', name: 'n'.repeat(256) }, 'name'],
  [{ key: 'JUNE', name: 'New', lead: true }, 'lead'],
  [{ key: 'JUNE', name: 'New', defaultType: ['task'] }, 'defaultType'],
])('a queue of %j is 400 and names the field', async (body, field) => {
  const org = await givenOrganisation(db());
  const response = await post(org.admin, body).expect(400);
  expect(Object.keys(response.body.errors)).toEqual([field]);
  expect(await stored(org)).toEqual([]);
});

test('a body that is no JSON, or no object, is 400, and one too large is 413', async () => {
  const org = await givenOrganisation(db());
  const send = (text: string) => api().request.post('/v2/queues').set(org.admin.headers).type('json').send(text);
  await send('{"key":').expect(400);
  await send('[1]').expect(400);
  await send(JSON.stringify({ key: 'LARGE', name: 'x'.repeat(1_100_000) })).expect(413);
  expect(await stored(org)).toEqual([]);
});

test.each(['member', 'reader'] as const)('a %s of the organisation makes no queue: 403', async (role) => {
  const org = await givenOrganisation(db());
  const { body } = await post(await givenUser(db(), org.orgId, { role }), { key: 'NEW', name: 'New' }).expect(403);
  expect(body.errorMessages).toEqual([texts.managersOnly.ru]);
  expect(await stored(org)).toEqual([]);
});

test('a token without the scope to write makes no queue: 403', async () => {
  const org = await givenOrganisation(db());
  const reading = await givenUser(db(), org.orgId, { role: 'admin', scopes: ['read'] });
  await post(reading, { key: 'NEW', name: 'New' }).expect(403);
  expect(await stored(org)).toEqual([]);
});

test('a queue answers to its key in any case and to its id, with the same self', async () => {
  const org = await givenOrganisation(db());
  const { body: queue } = await post(org.admin, { key: 'TREK', name: 'Трекер' }).expect(201);
  for (const name of ['TREK', 'trek', 'Trek/', String(queue.id)]) {
    expect((await get(`/v2/queues/${name}`, org.admin).expect(200)).body).toEqual(queue);
  }
});

test('queues are listed by pages, in the order in which they were made', async () => {
  const org = await givenOrganisation(db());
  const keys = [await givenQueue(db(), org), await givenQueue(db(), org), await givenQueue(db(), org)];
  const listed = ({ body }: { body: { key: string }[] }) => body.map(({ key }) => key);

  const all = await get('/v2/queues/', org.admin).expect(200);
  expect(listed(all)).toEqual(keys);
  for (const queue of all.body) expect((await get(new URL(queue.self).pathname, org.admin)).body).toEqual(queue);

  const page = await get('/v3/queues?perPage=2&page=1', org.admin).expect(200);
  expect(listed(page)).toEqual(keys.slice(0, 2));
  expect(page.headers).toMatchObject({ 'x-total-count': '3', 'x-total-pages': '2' });
  expect(page.headers['link']).toContain(`<${api().url}/v3/queues?perPage=2&page=2>; rel="next"`);

  const beyond = await get('/v2/queues?page=2', org.admin).expect(200);
  expect(beyond.body).toEqual([]);
  expect(beyond.headers['x-total-count']).toBe('3');
});

test('an organisation without queues answers an empty page', async () => {
  const org = await givenOrganisation(db());
  const { body, headers } = await get('/v2/queues', org.admin).expect(200);
  expect(body).toEqual([]);
  expect(headers).toMatchObject({ 'x-total-count': '0', 'x-total-pages': '1' });
});

test('a queue that is closed to the user is neither found, nor listed, nor counted', async () => {
  const org = await givenOrganisation(db());
  const [insider, outsider] = [await givenUser(db(), org.orgId), await givenUser(db(), org.orgId)];
  const open = await givenQueue(db(), org);
  const closed = await givenQueue(db(), org, [insider]);

  const inside = await get('/v2/queues', insider).expect(200);
  expect(inside.body).toMatchObject([{ key: open }, { key: closed }]);
  const { id } = (await get(`/v2/queues/${closed}`, insider).expect(200)).body;
  // Administrators have no sight of closed queues either.
  for (const user of [outsider, org.admin]) {
    const outside = await get('/v2/queues', user).expect(200);
    expect(outside.body).toMatchObject([{ key: open }]);
    expect(outside.headers['x-total-count']).toBe('1');
    const absent = await get('/v2/queues/NONE', user).expect(404);
    for (const name of [closed, id]) {
      expect((await get(`/v2/queues/${name}`, user).expect(404)).text).toBe(absent.text);
    }
  }
});

test.each(['NONE', '404', '0', 'A-1', '99999999999999999999', '%00', '%27--'])(
  'a queue that does not exist (%s) is 404 in both languages',
  async (name) => {
    const org = await givenOrganisation(db());
    const { body } = await get(`/v2/queues/${name}`, org.admin).expect(404);
    expect(body).toEqual({ errors: {}, errorsData: {}, errorMessages: [texts.queueNotFound.ru], statusCode: 404 });
    const english = await get(`/v3/queues/${name}`, org.admin).set('Accept-Language', 'en').expect(404);
    expect(english.body.errorMessages).toEqual([texts.queueNotFound.en]);
  },
);

test("another organisation's queue is 404, and is not listed", async () => {
  const [mine, theirs] = [await givenOrganisation(db()), await givenOrganisation(db())];
  const key = await givenQueue(db(), theirs);
  const { id } = (await get(`/v2/queues/${key}`, theirs.admin)).body;
  await get(`/v2/queues/${key}`, mine.admin).expect(404);
  await get(`/v2/queues/${id}`, mine.admin).expect(404);
  expect((await get('/v2/queues', mine.admin).expect(200)).body).toEqual([]);
});

test.each(['perPage=0', 'page=0'])('a page that cannot be (%s) is 400', async (query) => {
  const org = await givenOrganisation(db());
  await get(`/v2/queues?${query}`, org.admin).expect(400);
});

test('queues are 401 without a token, and 403 in another organisation', async () => {
  const [mine, theirs] = [await givenOrganisation(db()), await givenOrganisation(db())];
  for (const path of ['/v2/queues', '/v2/queues/NONE']) {
    await api().request.get(path).expect(401);
    await get(path, mine.admin).set('X-Org-ID', theirs.orgId).expect(403);
  }
  await api().request.post('/v2/queues').send({ key: 'NEW', name: 'New' }).expect(401);
  await post(mine.admin, { key: 'NEW', name: 'New' }).set('X-Org-ID', theirs.orgId).expect(403);
});

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
import { restAs } from '../support/rest.ts';

const api = useApi();
const db = () => api().database.db;
const as = (user: GivenUser) => restAs(api(), user);

async function storedQueues({ orgId }: GivenOrganisation): Promise<unknown[]> {
  return await db().query({
    name: '',
    text: `
      select to_jsonb(queues), (select count(*) from columns where columns.org_id = $1)
      from queues where queues.org_id = $1 order by queue_id`,
    values: [orgId],
  });
}

test('POST queues returns the whole queue with its Location, led by the caller', async () => {
  const org = await givenOrganisation(db());

  const { body, headers } = await as(org.admin)
    .post('/v2/queues', { key: 'JUNE', name: 'Июньский выпуск' })
    .expect(201);

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
    expect((await as(org.admin).get(new URL(self).pathname).expect(200)).body.self).toBe(self);
  }
});

test('POST queues accepts lead and defaults in all of their forms', async () => {
  const org = await givenOrganisation(db());
  const manager = await givenUser(db(), org.orgId, { role: 'manager' });
  const lead = await givenUser(db(), org.orgId, { display: 'Анна Петрова' });
  const { uid } = (await as(lead).get('/v2/myself')).body;
  const forms = [
    { lead: lead.login, defaultType: 'bug', defaultPriority: 'blocker' },
    { lead: uid, defaultType: 1, defaultPriority: 5 },
    { lead: String(uid), defaultType: '1', defaultPriority: '5' },
    { lead: { id: String(uid) }, defaultType: { key: 'bug' }, defaultPriority: { id: '5', key: 'blocker' } },
    { lead: { id: lead.login }, defaultType: { id: 1 }, defaultPriority: { id: 5 } },
  ];

  for (const [place, form] of forms.entries()) {
    const queue = { key: `FORM${place}`, name: 'A queue', description: 'About it', issueTypesConfig: [] };
    const { body } = await as(manager)
      .post('/v3/queues', { ...queue, ...form })
      .expect(201);
    expect(body).toMatchObject({
      self: `${api().url}/v3/queues/FORM${place}`,
      description: 'About it',
      lead: { id: String(uid), display: 'Анна Петрова' },
      defaultType: { key: 'bug' },
      defaultPriority: { key: 'blocker' },
    });
  }
});

test('POST queues treats null as missing and accepts a trailing slash and any Content-Type', async () => {
  const org = await givenOrganisation(db());
  const { body } = await as(org.admin)
    .post('/v2/queues/')
    .set('Content-Type', 'text/plain')
    .send(JSON.stringify({ key: 'NULLS', name: 'Nulls', lead: null, description: null, defaultType: null }))
    .expect(201);
  expect(body).toMatchObject({ lead: { display: org.admin.login }, defaultType: { key: 'task' } });
  expect(body).not.toHaveProperty('description');
});

test('POST queues creates a column for each status of the organisation', async () => {
  const org = await givenOrganisation(db());
  const { body } = await as(org.admin).post('/v2/queues', { key: 'BOARD', name: 'Board' }).expect(201);
  const columns = await db().query({
    name: '',
    text: 'select status_id from columns where org_id = $1 and queue_id = $2 order by position',
    values: [org.orgId, body.id],
  });
  expect(columns).toEqual([1, 2, 3, 4, 5].map((status_id) => ({ status_id })));
});

test('POST queues returns 409 for an existing key and writes nothing', async () => {
  const org = await givenOrganisation(db());
  await as(org.admin).post('/v2/queues', { key: 'TAKEN', name: 'First' }).expect(201);
  const before = await storedQueues(org);

  const russian = await as(org.admin).post('/v2/queues', { key: 'TAKEN', name: 'Second' }).expect(409);
  expect(russian.body).toEqual({
    errors: {},
    errorsData: {},
    errorMessages: ['Ключ очереди TAKEN уже занят.'],
    statusCode: 409,
  });
  const english = await as(org.admin)
    .post('/v2/queues', { key: 'TAKEN', name: 'Second' })
    .set('Accept-Language', 'en')
    .expect(409);
  expect(english.body.errorMessages).toEqual(['The queue key TAKEN is taken.']);
  expect(await storedQueues(org)).toEqual(before);
});

test('POST queues accepts a key that exists in another organisation', async () => {
  const [mine, theirs] = [await givenOrganisation(db()), await givenOrganisation(db())];
  await as(mine.admin).post('/v2/queues', { key: 'SAME', name: 'Mine' }).expect(201);
  await as(theirs.admin).post('/v2/queues', { key: 'SAME', name: 'Theirs' }).expect(201);
  expect((await as(mine.admin).get('/v2/queues/SAME')).body.name).toBe('Mine');
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
])('POST queues returns 422 for %j and names the fields', async (body, errors) => {
  const org = await givenOrganisation(db());
  const response = await as(org.admin).post('/v2/queues', body).expect(422);
  expect(response.body).toEqual({ errors, errorsData: {}, errorMessages: [], statusCode: 422 });
  expect(await storedQueues(org)).toEqual([]);
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
])('POST queues returns 400 for %j and names the field', async (body, field) => {
  const org = await givenOrganisation(db());
  const response = await as(org.admin).post('/v2/queues', body).expect(400);
  expect(Object.keys(response.body.errors)).toEqual([field]);
  expect(await storedQueues(org)).toEqual([]);
});

test('POST queues returns 400 for a body that is not a JSON object and 413 for one that is too large', async () => {
  const org = await givenOrganisation(db());
  const send = (text: string) => as(org.admin).post('/v2/queues').type('json').send(text);
  await send('{"key":').expect(400);
  await send('[1]').expect(400);
  await send(JSON.stringify({ key: 'LARGE', name: 'x'.repeat(1_100_000) })).expect(413);
  expect(await storedQueues(org)).toEqual([]);
});

test.each(['member', 'reader'] as const)('POST queues returns 403 for a %s of the organisation', async (role) => {
  const org = await givenOrganisation(db());
  const { body } = await as(await givenUser(db(), org.orgId, { role }))
    .post('/v2/queues', { key: 'NEW', name: 'New' })
    .expect(403);
  expect(body.errorMessages).toEqual([texts.managersOnly.ru]);
  expect(await storedQueues(org)).toEqual([]);
});

test('POST queues returns 403 without the scope write', async () => {
  const org = await givenOrganisation(db());
  const readOnlyAdmin = await givenUser(db(), org.orgId, { role: 'admin', scopes: ['read'] });
  await as(readOnlyAdmin).post('/v2/queues', { key: 'NEW', name: 'New' }).expect(403);
  expect(await storedQueues(org)).toEqual([]);
});

test('GET queue accepts the key in any case and the id', async () => {
  const org = await givenOrganisation(db());
  const { body: queue } = await as(org.admin).post('/v2/queues', { key: 'TREK', name: 'Трекер' }).expect(201);
  for (const name of ['TREK', 'trek', 'Trek/', String(queue.id)]) {
    expect((await as(org.admin).get(`/v2/queues/${name}`).expect(200)).body).toEqual(queue);
  }
});

test('GET queues pages the queues in order of creation', async () => {
  const org = await givenOrganisation(db());
  const keys = [
    (await givenQueue(db(), org)).key,
    (await givenQueue(db(), org)).key,
    (await givenQueue(db(), org)).key,
  ];
  const listed = ({ body }: { body: { key: string }[] }) => body.map(({ key }) => key);

  const all = await as(org.admin).get('/v2/queues/').expect(200);
  expect(listed(all)).toEqual(keys);
  for (const queue of all.body) expect((await as(org.admin).get(new URL(queue.self).pathname)).body).toEqual(queue);

  const page = await as(org.admin).get('/v3/queues?perPage=2&page=1').expect(200);
  expect(listed(page)).toEqual(keys.slice(0, 2));
  expect(page.headers).toMatchObject({ 'x-total-count': '3', 'x-total-pages': '2' });
  expect(page.headers['link']).toContain(`<${api().url}/v3/queues?perPage=2&page=2>; rel="next"`);

  const beyond = await as(org.admin).get('/v2/queues?page=2').expect(200);
  expect(beyond.body).toEqual([]);
  expect(beyond.headers['x-total-count']).toBe('3');
});

test('GET queues returns an empty page for an organisation without queues', async () => {
  const org = await givenOrganisation(db());
  const { body, headers } = await as(org.admin).get('/v2/queues').expect(200);
  expect(body).toEqual([]);
  expect(headers).toMatchObject({ 'x-total-count': '0', 'x-total-pages': '1' });
});

test('a closed queue is not found, listed or counted for other users', async () => {
  const org = await givenOrganisation(db());
  const [insider, outsider] = [await givenUser(db(), org.orgId), await givenUser(db(), org.orgId)];
  const { key: open } = await givenQueue(db(), org);
  const { key: closed } = await givenQueue(db(), org, [insider]);

  const inside = await as(insider).get('/v2/queues').expect(200);
  expect(inside.body).toMatchObject([{ key: open }, { key: closed }]);
  const { id } = (await as(insider).get(`/v2/queues/${closed}`).expect(200)).body;
  // Administrators cannot see closed queues either.
  for (const user of [outsider, org.admin]) {
    const outside = await as(user).get('/v2/queues').expect(200);
    expect(outside.body).toMatchObject([{ key: open }]);
    expect(outside.headers['x-total-count']).toBe('1');
    const absent = await as(user).get('/v2/queues/NONE').expect(404);
    for (const name of [closed, id]) {
      expect((await as(user).get(`/v2/queues/${name}`).expect(404)).text).toBe(absent.text);
    }
  }
});

test.each(['NONE', '404', '0', 'A-1', '99999999999999999999', '%00', '%27--'])(
  'GET queue returns 404 for a missing queue (%s)',
  async (name) => {
    const org = await givenOrganisation(db());
    const { body } = await as(org.admin).get(`/v2/queues/${name}`).expect(404);
    expect(body).toEqual({ errors: {}, errorsData: {}, errorMessages: [texts.queueNotFound.ru], statusCode: 404 });
    const english = await as(org.admin).get(`/v3/queues/${name}`).set('Accept-Language', 'en').expect(404);
    expect(english.body.errorMessages).toEqual([texts.queueNotFound.en]);
  },
);

test('a queue of another organisation is neither found nor listed', async () => {
  const [mine, theirs] = [await givenOrganisation(db()), await givenOrganisation(db())];
  const { key } = await givenQueue(db(), theirs);
  const { id } = (await as(theirs.admin).get(`/v2/queues/${key}`)).body;
  await as(mine.admin).get(`/v2/queues/${key}`).expect(404);
  await as(mine.admin).get(`/v2/queues/${id}`).expect(404);
  expect((await as(mine.admin).get('/v2/queues').expect(200)).body).toEqual([]);
});

test.each(['perPage=0', 'page=0'])('GET queues returns 400 for an invalid page (%s)', async (query) => {
  const org = await givenOrganisation(db());
  await as(org.admin).get(`/v2/queues?${query}`).expect(400);
});

test('requests for queues return 401 without a token and 403 for another organisation', async () => {
  const [mine, theirs] = [await givenOrganisation(db()), await givenOrganisation(db())];
  for (const path of ['/v2/queues', '/v2/queues/NONE']) {
    await api().request.get(path).expect(401);
    await as(mine.admin).get(path).set('X-Org-ID', theirs.orgId).expect(403);
  }
  await api().request.post('/v2/queues').send({ key: 'NEW', name: 'New' }).expect(401);
  await as(mine.admin).post('/v2/queues', { key: 'NEW', name: 'New' }).set('X-Org-ID', theirs.orgId).expect(403);
});

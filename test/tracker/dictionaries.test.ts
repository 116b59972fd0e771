import { expect, test } from '@jest/globals';
import { texts } from '../../src/texts.ts';
import { useApi } from '../support/api.ts';
import { type GivenUser, givenOrganisation } from '../support/builders.ts';

const api = useApi();
const db = () => api().database.db;
const get = (path: string, { headers }: GivenUser) => api().request.get(path).set(headers);

const DICTIONARIES = [
  {
    path: 'statuses',
    table: 'statuses',
    idColumn: 'status_id',
    entry: { id: 2, key: 'inProgress', order: 2, type: 'inProgress' },
    name: { ru: 'В работе', en: 'In progress' },
    keys: ['open', 'inProgress', 'needInfo', 'resolved', 'closed'],
    absent: texts.statusNotFound,
  },
  {
    path: 'priorities',
    table: 'priorities',
    idColumn: 'priority_id',
    entry: { id: 3, key: 'normal', order: 3 },
    name: { ru: 'Средний', en: 'Normal' },
    keys: ['trivial', 'minor', 'normal', 'critical', 'blocker'],
    absent: texts.priorityNotFound,
  },
  {
    path: 'issuetypes',
    table: 'issue_types',
    idColumn: 'issue_type_id',
    entry: { id: 5, key: 'epic', order: 5 },
    name: { ru: 'Эпик', en: 'Epic' },
    keys: ['bug', 'task', 'improvement', 'story', 'epic'],
    absent: texts.issueTypeNotFound,
  },
] as const;

test.each(DICTIONARIES)('$path are listed in order, each with a self that answers the same', async (dictionary) => {
  const org = await givenOrganisation(db());
  for (const version of ['/v2', '/v3']) {
    const { body, headers } = await get(`${version}/${dictionary.path}/`, org.admin).expect(200);
    expect(body.map(({ key }: { key: string }) => key)).toEqual(dictionary.keys);
    expect(headers).not.toHaveProperty('x-total-count');
    for (const entry of body) {
      expect(entry.self).toBe(`${api().url}${version}/${dictionary.path}/${entry.id}`);
      expect((await get(new URL(entry.self).pathname, org.admin).expect(200)).body).toEqual(entry);
    }
  }
});

test.each(DICTIONARIES)('one of the $path answers to id and key, in the language of the caller', async (dictionary) => {
  const org = await givenOrganisation(db(), { language: 'en' });
  const { path, entry, name } = dictionary;
  for (const id of [entry.id, entry.key, `${entry.key}/`]) {
    const english = await get(`/v2/${path}/${id}`, org.admin).expect(200);
    const self = `${api().url}/v2/${path}/${entry.id}`;
    expect(english.body).toEqual({ self, ...entry, version: 1, name: name.en, description: '' });
    const russian = await get(`/v2/${path}/${id}`, org.admin).set('Accept-Language', 'ru').expect(200);
    expect(russian.body.name).toBe(name.ru);
  }
});

test.each(DICTIONARIES)('where a key of $path looks like an id, the id counts', async (dictionary) => {
  const { path, table, idColumn, keys } = dictionary;
  const org = await givenOrganisation(db());
  const type = table === 'statuses' ? ['type, ', `'new', `] : ['', ''];
  await db().query({
    name: '',
    text: `
      insert into ${table} (org_id, ${idColumn}, key, ${type[0]}name_ru, name_en, position)
      values ($1, 901, '1', ${type[1]}'one', 'one', 6), ($1, 902, '77', ${type[1]}'two', 'two', 7)`,
    values: [org.orgId],
  });

  expect((await get(`/v2/${path}/1`, org.admin)).body.key).toBe(keys[0]);
  expect((await get(`/v2/${path}/77`, org.admin)).body.id).toBe(902);
});

test.each(DICTIONARIES)('one of the $path that does not exist is 404', async ({ path, absent }) => {
  const org = await givenOrganisation(db());
  for (const id of ['nothing', '0', '9', '-1', '99999999999999999999', '%00', 'Open%27']) {
    const { body } = await get(`/v2/${path}/${id}`, org.admin).expect(404);
    expect(body).toEqual({ errors: {}, errorsData: {}, errorMessages: [absent.ru], statusCode: 404 });
  }
  const english = await get(`/v3/${path}/nothing`, org.admin).set('Accept-Language', 'en').expect(404);
  expect(english.body.errorMessages).toEqual([absent.en]);
});

test("another organisation's status is 404", async () => {
  const [mine, theirs] = [await givenOrganisation(db()), await givenOrganisation(db())];
  await db().query({
    name: 'given_status',
    text: `
      insert into statuses (org_id, status_id, key, name_ru, name_en, type, position)
      values ($1, 903, 'theirs', 'theirs', 'theirs', 'new', 6)`,
    values: [theirs.orgId],
  });
  await get('/v2/statuses/theirs', theirs.admin).expect(200);
  await get('/v2/statuses/theirs', mine.admin).expect(404);
  await get('/v2/statuses/903', mine.admin).expect(404);
});

test('the fields say which of them are lists, and each has a self and a category that answer', async () => {
  const org = await givenOrganisation(db());
  const { body } = await get('/v2/fields/', org.admin).expect(200);
  const byId = new Map(body.map((field: { id: string }) => [field.id, field]));

  for (const id of ['tags', 'fixVersions', 'components']) {
    expect(byId.get(id)).toMatchObject({ schema: { type: 'array', items: expect.any(String) } });
  }
  for (const id of ['summary', 'description', 'status', 'assignee', 'queue', 'parent', 'epic', 'type', 'priority']) {
    expect(byId.get(id)).toMatchObject({ key: id, type: 'standard', version: 1 });
  }
  expect(body.map(({ order }: { order: number }) => order)).toEqual([...byId.keys()].map((_, place) => place + 1));
  for (const field of body) {
    expect((await get(new URL(field.self).pathname, org.admin).expect(200)).body).toEqual(field);
    const category = await get(new URL(field.category.self).pathname, org.admin).expect(200);
    expect(category.body).toEqual({
      self: field.category.self,
      id: field.category.id,
      name: field.category.display,
    });
  }
});

test('a field is named in the language of the caller, under the version that was asked for', async () => {
  const org = await givenOrganisation(db());
  const russian = await get('/v3/fields/assignee/', org.admin).expect(200);
  expect(russian.body).toMatchObject({
    self: `${api().url}/v3/fields/assignee`,
    name: 'Исполнитель',
    schema: { type: 'user', required: false },
    readonly: false,
    category: { self: expect.stringMatching(/\/v3\/fields\/categories\/\w+$/), display: 'Системные' },
  });
  const english = await get('/v3/fields/assignee', org.admin).set('Accept-Language', 'en').expect(200);
  expect(english.body).toMatchObject({ name: 'Assignee', category: { display: 'System' } });
});

test('a field or a category that does not exist is 404', async () => {
  const org = await givenOrganisation(db());
  const field = await get('/v2/fields/nothing', org.admin).expect(404);
  expect(field.body.errorMessages).toEqual([texts.fieldNotFound.ru]);
  const category = await get('/v2/fields/categories/1', org.admin).set('Accept-Language', 'en').expect(404);
  expect(category.body.errorMessages).toEqual([texts.fieldCategoryNotFound.en]);
});

test.each([
  '/v2/statuses',
  '/v2/statuses/1',
  '/v2/priorities',
  '/v2/priorities/1',
  '/v2/issuetypes',
  '/v2/issuetypes/1',
  '/v2/fields',
  '/v2/fields/summary',
  '/v2/fields/categories/000000000000000000000001',
])('%s is 401 without a token, and 403 in another organisation', async (path) => {
  const [mine, theirs] = [await givenOrganisation(db()), await givenOrganisation(db())];
  await api().request.get(path).expect(401);
  await get(path, mine.admin).set('X-Org-ID', theirs.orgId).expect(403);
});

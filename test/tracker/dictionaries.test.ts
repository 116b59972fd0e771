import { expect, test } from '@jest/globals';
import { texts } from '../../src/texts.ts';
import { useApi } from '../support/api.ts';
import { type GivenUser, givenOrganisation } from '../support/builders.ts';
import { restAs } from '../support/rest.ts';

const api = useApi();
const db = () => api().database.db;
const as = (user: GivenUser) => restAs(api(), user);

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

test.each(DICTIONARIES)(
  'GET $path returns the entries in order, each with a self that returns the same entry',
  async (dictionary) => {
    const org = await givenOrganisation(db());
    for (const version of ['/v2', '/v3']) {
      const { body, headers } = await as(org.admin).get(`${version}/${dictionary.path}/`).expect(200);
      expect(body.map(({ key }: { key: string }) => key)).toEqual(dictionary.keys);
      expect(headers).not.toHaveProperty('x-total-count');
      for (const entry of body) {
        expect(entry.self).toBe(`${api().url}${version}/${dictionary.path}/${entry.id}`);
        expect((await as(org.admin).get(new URL(entry.self).pathname).expect(200)).body).toEqual(entry);
      }
    }
  },
);

test.each(DICTIONARIES)(
  'GET $path by id or key returns the entry in the language of the caller',
  async (dictionary) => {
    const org = await givenOrganisation(db(), { language: 'en' });
    const { path, entry, name } = dictionary;
    for (const id of [entry.id, entry.key, `${entry.key}/`]) {
      const english = await as(org.admin).get(`/v2/${path}/${id}`).expect(200);
      const self = `${api().url}/v2/${path}/${entry.id}`;
      expect(english.body).toEqual({ self, ...entry, version: 1, name: name.en, description: '' });
      const russian = await as(org.admin).get(`/v2/${path}/${id}`).set('Accept-Language', 'ru').expect(200);
      expect(russian.body.name).toBe(name.ru);
    }
  },
);

test.each(DICTIONARIES)('for $path an id takes precedence over an equal key', async (dictionary) => {
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

  expect((await as(org.admin).get(`/v2/${path}/1`)).body.key).toBe(keys[0]);
  expect((await as(org.admin).get(`/v2/${path}/77`)).body.id).toBe(902);
});

test.each(DICTIONARIES)('GET $path returns 404 for an entry that does not exist', async ({ path, absent }) => {
  const org = await givenOrganisation(db());
  for (const id of ['nothing', '0', '9', '-1', '99999999999999999999', '%00', 'Open%27']) {
    const { body } = await as(org.admin).get(`/v2/${path}/${id}`).expect(404);
    expect(body).toEqual({ errors: {}, errorsData: {}, errorMessages: [absent.ru], statusCode: 404 });
  }
  const english = await as(org.admin).get(`/v3/${path}/nothing`).set('Accept-Language', 'en').expect(404);
  expect(english.body.errorMessages).toEqual([absent.en]);
});

test('GET status returns 404 for a status of another organisation', async () => {
  const [mine, theirs] = [await givenOrganisation(db()), await givenOrganisation(db())];
  await db().query({
    name: '',
    text: `
      insert into statuses (org_id, status_id, key, name_ru, name_en, type, position)
      values ($1, 903, 'theirs', 'theirs', 'theirs', 'new', 6)`,
    values: [theirs.orgId],
  });
  await as(theirs.admin).get('/v2/statuses/theirs').expect(200);
  await as(mine.admin).get('/v2/statuses/theirs').expect(404);
  await as(mine.admin).get('/v2/statuses/903').expect(404);
});

test('GET fields marks lists, and the self and the category of each field can be requested', async () => {
  const org = await givenOrganisation(db());
  const { body } = await as(org.admin).get('/v2/fields/').expect(200);
  const byId = new Map(body.map((field: { id: string }) => [field.id, field]));

  for (const id of ['tags', 'fixVersions', 'components']) {
    expect(byId.get(id)).toMatchObject({ schema: { type: 'array', items: expect.any(String) } });
  }
  for (const id of ['summary', 'description', 'status', 'assignee', 'queue', 'parent', 'epic', 'type', 'priority']) {
    expect(byId.get(id)).toMatchObject({ key: id, type: 'standard', version: 1 });
  }
  expect(body.map(({ order }: { order: number }) => order)).toEqual([...byId.keys()].map((_, place) => place + 1));
  for (const field of body) {
    expect((await as(org.admin).get(new URL(field.self).pathname).expect(200)).body).toEqual(field);
    const category = await as(org.admin).get(new URL(field.category.self).pathname).expect(200);
    expect(category.body).toEqual({
      self: field.category.self,
      id: field.category.id,
      name: field.category.display,
    });
  }
});

test('GET field uses the language of the caller and the version of the request', async () => {
  const org = await givenOrganisation(db());
  const russian = await as(org.admin).get('/v3/fields/assignee/').expect(200);
  expect(russian.body).toMatchObject({
    self: `${api().url}/v3/fields/assignee`,
    name: 'Исполнитель',
    schema: { type: 'user', required: false },
    readonly: false,
    category: { self: expect.stringMatching(/\/v3\/fields\/categories\/\w+$/), display: 'Системные' },
  });
  const english = await as(org.admin).get('/v3/fields/assignee').set('Accept-Language', 'en').expect(200);
  expect(english.body).toMatchObject({ name: 'Assignee', category: { display: 'System' } });
});

test('GET field and GET category return 404 for an id that does not exist', async () => {
  const org = await givenOrganisation(db());
  const field = await as(org.admin).get('/v2/fields/nothing').expect(404);
  expect(field.body.errorMessages).toEqual([texts.fieldNotFound.ru]);
  const category = await as(org.admin).get('/v2/fields/categories/1').set('Accept-Language', 'en').expect(404);
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
])('%s returns 401 without a token and 403 for another organisation', async (path) => {
  const [mine, theirs] = [await givenOrganisation(db()), await givenOrganisation(db())];
  await api().request.get(path).expect(401);
  await as(mine.admin).get(path).set('X-Org-ID', theirs.orgId).expect(403);
});

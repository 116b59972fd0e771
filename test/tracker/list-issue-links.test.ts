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

const api = useApi();
const db = () => api().database.db;
const as = (user: GivenUser) => restAs(api(), user);

test('GET links returns links in both directions, ordered by id', async () => {
  const org = await givenOrganisation(db());
  const assignee = await givenUser(db(), org.orgId, { display: 'Анна Петрова' });
  const { key: queue } = await givenQueue(db(), org);
  const issue = await givenIssue(db(), org, queue);
  const parent = await givenIssue(db(), org, queue, { summary: 'The parent', assignee });
  const blocked = await givenIssue(db(), org, queue, { summary: 'The blocked' });
  const first = await givenLink(db(), org, 'subtask', issue, parent);
  const second = await givenLink(db(), org, 'depends', issue, blocked);
  const third = await givenLink(db(), org, 'relates', await givenIssue(db(), org, queue), issue);

  const { body } = await as(org.admin).get(`/v2/issues/${issue.key}/links`).expect(200);

  expect(body.map(({ id }: { id: number }) => id)).toEqual([first, second, third]);
  expect(body[0]).toEqual({
    self: `${api().url}/v2/issues/${issue.key}/links/${first}`,
    id: first,
    type: {
      self: `${api().url}/v2/linktypes/subtask`,
      id: 'subtask',
      inward: 'Подзадача',
      outward: 'Родительская задача',
    },
    direction: 'inward',
    object: {
      self: `${api().url}/v2/issues/${parent.key}`,
      id: parent.hexId,
      key: parent.key,
      display: 'The parent',
    },
    createdBy: { self: expect.any(String), id: expect.any(String), display: org.admin.login },
    updatedBy: { self: expect.any(String), id: expect.any(String), display: org.admin.login },
    createdAt: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}\+0000$/),
    updatedAt: body[0].createdAt,
    assignee: expect.objectContaining({ display: 'Анна Петрова' }),
    status: { self: `${api().url}/v2/statuses/1`, id: '1', key: 'open', display: 'Открыт' },
    relationship: 'is subtask for',
  });
  expect(Object.keys(body[0]).at(-1)).toBe('relationship');
  expect(body[1]).not.toHaveProperty('assignee');
  expect(body.map(({ direction }: { direction: string }) => direction)).toEqual(['inward', 'inward', 'outward']);
});

test('GET links of the other issue returns the same link in the opposite direction', async () => {
  const org = await givenOrganisation(db());
  const { key: queue } = await givenQueue(db(), org);
  const [child, parent] = [await givenIssue(db(), org, queue), await givenIssue(db(), org, queue)];
  const id = await givenLink(db(), org, 'subtask', child, parent);

  const { body } = await as(org.admin).get(`/v2/issues/${parent.key}/links`).expect(200);

  expect(body).toHaveLength(1);
  expect(body[0]).toMatchObject({ id, direction: 'outward', type: { id: 'subtask' }, object: { key: child.key } });
});

test.each(['/v2', '/v3'])('every self under %s has that version', async (version) => {
  const org = await givenOrganisation(db());
  const { key: queue } = await givenQueue(db(), org);
  const [issue, other] = [await givenIssue(db(), org, queue), await givenIssue(db(), org, queue)];
  await givenLink(db(), org, 'relates', issue, other);

  const { text } = await as(org.admin).get(`${version}/issues/${issue.key}/links`).expect(200);

  const selves = [...text.matchAll(/"self":"([^"]+)"/g)].map(([, self]) => self);
  expect(selves).toHaveLength(6);
  for (const self of selves) expect(self).toContain(`${api().url}${version}/`);
});

test('GET links accepts the key in any case, the id and the key from before a move', async () => {
  const org = await givenOrganisation(db());
  const { key: queue } = await givenQueue(db(), org);
  const [issue, other] = [await givenIssue(db(), org, queue), await givenIssue(db(), org, queue)];
  const id = await givenLink(db(), org, 'relates', issue, other);
  await db().query({
    name: '',
    text: `insert into issue_aliases (org_id, key, issue_id) values ($1, 'OLD-7', $2)`,
    values: [org.orgId, issue.id],
  });
  const names = [issue.key, issue.key.toLowerCase(), issue.hexId, issue.hexId.toUpperCase(), 'OLD-7', 'old%2D7'];

  for (const name of names) {
    const { body } = await as(org.admin).get(`/v2/issues/${name}/links/`).expect(200);
    expect(body).toMatchObject([{ id, self: `${api().url}/v2/issues/${issue.key}/links/${id}` }]);
  }
});

test('GET links returns an empty list without paging headers for an issue without links', async () => {
  const org = await givenOrganisation(db());
  const issue = await givenIssue(db(), org, (await givenQueue(db(), org)).key);

  const response = await as(org.admin).get(`/v2/issues/${issue.key}/links?perPage=1&page=9`);

  expect(response.status).toBe(200);
  expect(response.body).toEqual([]);
  expect(response.headers['content-type']).toBe('application/json');
  expect(response.headers).not.toHaveProperty('x-total-count');
  expect(response.headers).not.toHaveProperty('link');
});

test('GET links uses the requested language, or else that of the organisation', async () => {
  const [ru, en] = [await givenOrganisation(db()), await givenOrganisation(db(), { language: 'en' })];
  const read = async (org: typeof ru, header: Record<string, string>) => {
    const { key: queue } = await givenQueue(db(), org);
    const [issue, other] = [await givenIssue(db(), org, queue), await givenIssue(db(), org, queue)];
    await givenLink(db(), org, 'depends', other, issue);
    const { body } = await api()
      .request.get(`/v2/issues/${issue.key}/links`)
      .set({ ...org.admin.headers, ...header });
    return [body[0].type.inward, body[0].type.outward, body[0].status.display];
  };

  const russian = ['Блокирующая задача', 'Зависит от', 'Открыт'];
  const english = ['Blocker', 'Depends on', 'Open'];
  expect(await read(ru, {})).toEqual(russian);
  expect(await read(en, {})).toEqual(english);
  expect(await read(ru, { 'Accept-Language': 'en-GB,en;q=0.9' })).toEqual(english);
  expect(await read(en, { 'Accept-Language': 'ru' })).toEqual(russian);
  expect(await read(ru, { 'Accept-Language': 'de' })).toEqual(english);
  expect(await read(ru, { 'Accept-Language': '*' })).toEqual(russian);
});

test.each(['QUEUE-404', 'nothing', '593cd211ef7e8a332414f2ff', 'A-99999999999999999999', '%00', 'A-1%27--'])(
  'GET links returns 404 for a missing issue (%s)',
  async (name) => {
    const org = await givenOrganisation(db());
    const { body } = await as(org.admin).get(`/v2/issues/${name}/links`).expect(404);
    expect(body).toEqual({ errors: {}, errorsData: {}, errorMessages: [texts.issueNotFound.ru], statusCode: 404 });
  },
);

test('GET links returns 404 for an issue of another organisation', async () => {
  const [mine, theirs] = [await givenOrganisation(db()), await givenOrganisation(db())];
  const issue = await givenIssue(db(), theirs, (await givenQueue(db(), theirs)).key);

  for (const name of [issue.key, issue.hexId]) {
    const response = await as(mine.admin).get(`/v2/issues/${name}/links`).expect(404);
    expect(response.text).not.toContain(issue.key);
  }
});

test('GET links omits issues that the caller cannot see and returns 404 for their own links', async () => {
  const org = await givenOrganisation(db());
  const [insider, outsider] = [await givenUser(db(), org.orgId), await givenUser(db(), org.orgId)];
  const open = await givenIssue(db(), org, (await givenQueue(db(), org)).key);
  const closed = await givenIssue(db(), org, (await givenQueue(db(), org, [insider])).key, { summary: 'Top secret' });
  const id = await givenLink(db(), org, 'relates', open, closed);
  const read = (key: string, { headers }: typeof insider) => api().request.get(`/v2/issues/${key}/links`).set(headers);

  expect((await read(open.key, insider)).body).toMatchObject([{ id, object: { display: 'Top secret' } }]);
  expect((await read(open.key, outsider)).body).toEqual([]);
  // Administrators cannot see closed queues either.
  expect((await read(open.key, org.admin)).body).toEqual([]);

  const absent = await read('NONE-1', outsider);
  const hidden = await read(closed.key, outsider);
  expect(hidden.status).toBe(404);
  expect(hidden.text).toBe(absent.text);
  expect((await read(closed.key, insider)).body).toMatchObject([{ id, object: { key: open.key } }]);
});

test('HEAD links returns the headers of GET without a body', async () => {
  const org = await givenOrganisation(db());
  const issue = await givenIssue(db(), org, (await givenQueue(db(), org)).key);

  const response = await api().request.head(`/v2/issues/${issue.key}/links`).set(org.admin.headers).expect(200);

  expect(response.headers['content-type']).toBe('application/json');
  expect(response.text).toBeUndefined();
});

test('GET links ignores a request body', async () => {
  const org = await givenOrganisation(db());
  const issue = await givenIssue(db(), org, (await givenQueue(db(), org)).key);
  const get = () => as(org.admin).get(`/v2/issues/${issue.key}/links`);

  await get().set('Content-Type', 'application/json').send('null').expect(200);
  await get().set('Content-Type', 'text/plain').send('{not json').expect(200);
});

import { expect, test } from '@jest/globals';
import { texts } from '../../src/texts.ts';
import { useApi } from '../support/api.ts';
import { type GivenUser, givenIssue, givenOrganisation, givenQueue, givenUser } from '../support/builders.ts';
import { restAs } from '../support/rest.ts';

const api = useApi();
const db = () => api().database.db;
const as = (user: GivenUser) => restAs(api(), user);
const keysOf = (body: { key: string }[]) => body.map(({ key }) => key);

async function givenIssues() {
  const org = await givenOrganisation(db(), { language: 'en' });
  const queue = (await givenQueue(db(), org)).key;
  const keys: string[] = [];
  for (const summary of ['Broken login page', 'Login works', 'Another page']) {
    keys.push((await as(org.admin).post('/v3/issues', { queue, summary }).expect(201)).body.key);
  }
  await as(org.admin).patch(`/v3/issues/${keys[1]}`, { status: 'closed', assignee: org.admin.login }).expect(200);
  return { org, queue, keys };
}

test('GET /issues takes query, queue, keys, filter and order, and returns pages', async () => {
  const { org, queue, keys } = await givenIssues();
  const [first, second, third] = keys;
  const found = async (parameters: string) =>
    keysOf((await as(org.admin).get(`/v3/issues?${parameters}`).expect(200)).body);

  expect(await found(`query=${encodeURIComponent(`Queue: ${queue} Assignee: empty()`)}`)).toEqual([first, third]);
  expect(await found(`queue=${queue}&order=-key`)).toEqual([third, second, first]);
  expect(await found(`keys=${third},${first}`)).toEqual([first, third]);
  expect(await found(`filter=queue:${queue}&filter=status:closed,inProgress`)).toEqual([second]);
  expect(await found(`filter=queue:${queue}&filter=assignee:me()`)).toEqual([second]);
  const { headers } = await as(org.admin).get(`/v3/issues/?queue=${queue}&perPage=2`).expect(200);
  expect(headers).toMatchObject({ 'x-total-count': '3', 'x-total-pages': '2', etag: expect.any(String) });
});

test('GET /issues continues a scroll with scrollId alone', async () => {
  const { org, queue, keys } = await givenIssues();
  const seen: string[] = [];
  let parameters = `queue=${queue}&scrollType=unsorted&perScroll=2`;
  for (;;) {
    const { body, headers } = await as(org.admin).get(`/v3/issues?${parameters}`).expect(200);
    seen.push(...keysOf(body));
    if (headers['x-scroll-id'] === undefined) break;
    parameters = `scrollId=${headers['x-scroll-id']}&scrollToken=${headers['x-scroll-token']}`;
  }
  expect(seen).toEqual(keys);
});

test.each([
  ['query=Sprint:5', 'query'],
  ['filter=status', 'filter'],
  ['filter=sprint:5', 'filter.sprint'],
  ['order=votes', 'order'],
])('GET /issues?%s returns 400 and names %s', async (parameters, name) => {
  const { admin } = await givenOrganisation(db());
  expect(Object.keys((await as(admin).get(`/v3/issues?${parameters}`).expect(400)).body.errors)).toEqual([name]);
});

test('GET /issues/_suggest finds visible issues by words of the summary and by key, the newest first', async () => {
  const { org, queue, keys } = await givenIssues();
  const insider = await givenUser(db(), org.orgId);
  const hidden = await givenQueue(db(), org, [insider]);
  const secret = await givenIssue(db(), org, hidden.key);
  const suggest = async (user: GivenUser, parameters: string) =>
    (await as(user).get(`/v3/issues/_suggest?${parameters}`).expect(200)).body;

  const found = await suggest(org.admin, 'input=page');
  expect(keysOf(found)).toEqual([keys[2], keys[0]]);
  expect(Object.keys(found[0])).toEqual(['self', 'id', 'key', 'display']);
  expect(keysOf(await suggest(org.admin, 'input=LOGIN%20brok'))).toEqual([keys[0]]);
  expect(keysOf(await suggest(org.admin, `input=${keys[1]}`))).toEqual([keys[1]]);
  expect(await suggest(org.admin, `input=page&queue=NONE`)).toEqual([]);
  expect(keysOf(await suggest(insider, `input=${secret.key}`))).toEqual([secret.key]);
  expect(await suggest(org.admin, `input=${secret.key}`)).toEqual([]);
  const [whole] = await suggest(org.admin, `input=works&queue=${queue}&full=true&fields=summary`);
  expect(whole).toEqual((await as(org.admin).get(`/v3/issues/${keys[1]}?fields=summary`).expect(200)).body);
});

test.each([
  ['/v3/issues?filter=constructor:open', 'filter.constructor'],
  ['/v3/issues?filter=__proto__:open', 'filter.__proto__'],
  ['/v3/issues?queue=a%00b', undefined],
  ['/v3/issues?filter=summary:a%00b', undefined],
  ['/v3/issues/_suggest?input=a%00b', undefined],
])('GET %s is refused', async (path, field) => {
  const { org } = await givenIssues();
  const { body } = await as(org.admin).get(path).expect(400);
  expect(Object.keys(body.errors)).toEqual(field === undefined ? [] : [field]);
  if (field === undefined) expect(body.errorMessages).toEqual([texts.nulCharacter.en]);
});

test('an order with much white space is refused at once', async () => {
  const { org } = await givenIssues();
  const order = [`a${' '.repeat(500_000)}a`];
  await as(org.admin).post('/v3/issues/_search', { order }).expect(400);
});

test('GET /issues/_suggest refuses parts without full', async () => {
  const { admin } = await givenOrganisation(db(), { language: 'en' });
  for (const name of ['fields', 'expand']) {
    const { body } = await as(admin).get(`/v3/issues/_suggest?input=a&${name}=links`).expect(400);
    expect(body.errors).toEqual({ [name]: texts.suggestPartsNeedFull.en });
  }
  await as(admin).get('/v3/issues/_suggest').expect(422);
});

test('GET /fields/categories lists the categories that the fields refer to', async () => {
  const { admin } = await givenOrganisation(db());
  const { body } = await as(admin).get('/v3/fields/categories').expect(200);
  const { body: fields } = await as(admin).get('/v3/fields').expect(200);
  const referred = new Set(fields.map(({ category }: { category: { id: string } }) => category.id));
  expect(new Set(body.map(({ id }: { id: string }) => id))).toEqual(referred);
  for (const category of body) {
    expect((await as(admin).get(category.self.replace(api().url, '')).expect(200)).body).toEqual(category);
  }
});

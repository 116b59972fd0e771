import { randomBytes } from 'node:crypto';
import { deflateSync, inflateSync } from 'node:zlib';
import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { texts } from '../../src/texts.ts';
import { useApi } from '../support/api.ts';
import {
  type GivenOrganisation,
  type GivenUser,
  givenIssue,
  givenOrganisation,
  givenQueue,
  givenUser,
} from '../support/builders.ts';
import { restAs } from '../support/rest.ts';

const api = useApi();
const db = () => api().database.db;
const as = (user: GivenUser) => restAs(api(), user);
const keysOf = (body: { key: string }[]) => body.map(({ key }) => key);

async function givenIssues(count: number): Promise<{ org: GivenOrganisation; queue: string; keys: string[] }> {
  const org = await givenOrganisation(db(), { language: 'en' });
  const queue = (await givenQueue(db(), org)).key;
  const keys: string[] = [];
  for (let place = 0; place < count; place += 1) keys.push((await givenIssue(db(), org, queue)).key);
  return { org, queue, keys };
}

const scroll = (user: GivenUser, query: string, body: object | null = {}) =>
  as(user).post(`/v3/issues/_search?${query}`, body as object);

/** The keys of each page, from the first request to the empty page. */
async function pagesOf(user: GivenUser, query: string, body: object): Promise<string[][]> {
  const pages: string[][] = [];
  let response = await scroll(user, query, body).expect(200);
  for (;;) {
    pages.push(keysOf(response.body));
    const scrollId = response.headers['x-scroll-id'];
    if (scrollId === undefined) return pages;
    response = await scroll(user, `scrollId=${scrollId}&scrollToken=${response.headers['x-scroll-token']}`).expect(200);
  }
}

test('an unsorted scroll returns all matches in pages, and ends with an empty one', async () => {
  const { org, queue, keys } = await givenIssues(5);

  const first = await scroll(org.admin, 'scrollType=unsorted&perScroll=2', { query: `Queue: ${queue}` }).expect(200);

  expect(first.headers).toMatchObject({
    'x-total-count': '5',
    'x-scroll-id': expect.stringMatching(/^[\w-]+$/),
    'x-scroll-token': expect.stringMatching(/^[\w-]+$/),
  });
  expect(first.headers['x-total-pages']).toBeUndefined();
  const [, url = ''] = /^<(.*)>; rel="next"$/.exec(first.headers['link'] ?? '') ?? [];
  expect(keysOf((await as(org.admin).post(url.replace(api().url, '')).expect(200)).body)).toEqual(keys.slice(2, 4));
  const pages = await pagesOf(org.admin, 'scrollType=unsorted&perScroll=2', { queue });
  expect(pages).toEqual([keys.slice(0, 2), keys.slice(2, 4), keys.slice(4), []]);
  expect(await pagesOf(org.admin, 'scrollType=unsorted', { queue: 'NONE' })).toEqual([[]]);
});

const ORDERS = [
  ['key'],
  ['-key'],
  ['assignee', '-key'],
  ['-assignee'],
  ['-author', 'summary'],
  ['-summary'],
  ['-status', '-updated'],
  ['updated'],
  ['-created'],
  ['priority', '-type', 'queue', 'created'],
];

test('a sorted scroll has the order of a page, whatever the order and the size of its pages', async () => {
  const { org, queue, keys } = await givenIssues(7);
  const other = await givenUser(db(), org.orgId, { display: 'Anna' });
  const changes = [
    { assignee: other.login, summary: 'b' },
    { status: 'closed', summary: 'a' },
    { assignee: org.admin.login, priority: 'blocker', summary: 'b' },
    { status: 'closed', type: 'bug', priority: 'blocker', summary: 'b' },
  ];
  for (const [place, change] of changes.entries()) {
    await as(other).patch(`/v3/issues/${keys[place]}`, change).expect(200);
  }
  for (const order of ORDERS) {
    const { body } = await as(org.admin).post('/v3/issues/_search', { queue, order }).expect(200);
    for (const perScroll of [1, 3]) {
      const pages = await pagesOf(org.admin, `scrollType=sorted&perScroll=${perScroll}`, { queue, order });
      expect([order, pages.flat()]).toEqual([order, keysOf(body)]);
    }
  }
  const query = `Queue: ${queue} Sort by: Priority DESC, Key DESC`;
  const { body } = await as(org.admin).post('/v3/issues/_search', { query }).expect(200);
  expect((await pagesOf(org.admin, 'scrollType=sorted&perScroll=2', { query })).flat()).toEqual(keysOf(body));
});

test('a scroll misses and repeats nothing while issues are created, changed and deleted', async () => {
  const { org, queue, keys } = await givenIssues(6);
  const first = await scroll(org.admin, 'scrollType=unsorted&perScroll=2', { queue }).expect(200);
  expect(keysOf(first.body)).toEqual(keys.slice(0, 2));
  await as(org.admin).delete(`/v3/issues/${keys[0]}`).expect(204);
  await as(org.admin).delete(`/v3/issues/${keys[1]}`).expect(204);
  await as(org.admin).patch(`/v3/issues/${keys[2]}`, { summary: 'changed' }).expect(200);
  const { key } = await givenIssue(db(), org, queue);

  const rest = await pagesOf(org.admin, `scrollId=${first.headers['x-scroll-id']}`, {});

  expect(rest.flat()).toEqual([...keys.slice(2), key]);
});

test('a scroll needs no body, takes the same one, and refuses another', async () => {
  const { org, queue, keys } = await givenIssues(3);
  const body = { filter: { queue, created: { from: '2017-01-01' } }, order: ['-key'] };
  const first = await scroll(org.admin, 'scrollType=sorted&perScroll=1', body).expect(200);
  const next = `scrollId=${first.headers['x-scroll-id']}`;

  for (const same of [null, {}, body]) {
    expect(keysOf((await scroll(org.admin, next, same).expect(200)).body)).toEqual([keys[1]]);
  }
  expect(keysOf((await scroll(org.admin, `${next}&perScroll=2&scrollType=sorted`).expect(200)).body)).toEqual([
    keys[1],
    keys[0],
  ]);
  const differs = { scrollId: texts.scrollDiffers.en };
  expect((await scroll(org.admin, next, { queue }).expect(400)).body.errors).toEqual(differs);
  expect((await scroll(org.admin, `${next}&order=key`).expect(400)).body.errors).toEqual(differs);
  expect((await scroll(org.admin, `${next}&scrollType=unsorted`).expect(400)).body.errors).toEqual({
    scrollType: texts.scrollDiffers.en,
  });
});

test('a search that is too long for the scrollId is sent with each request', async () => {
  const { org, queue, keys } = await givenIssues(2);
  const body = { query: `Queue: ${queue}, "${randomBytes(4900).toString('hex').slice(0, 9800)}"` };
  const first = await scroll(org.admin, 'scrollType=unsorted&perScroll=1', body).expect(200);
  const scrollId = first.headers['x-scroll-id'] ?? '';

  expect(scrollId.length).toBeLessThan(1000);
  expect((await scroll(org.admin, `scrollId=${scrollId}`).expect(400)).body.errors).toEqual({
    scrollId: texts.scrollSearchMissing.en,
  });
  expect(keysOf((await scroll(org.admin, `scrollId=${scrollId}`, body).expect(200)).body)).toEqual([keys[1]]);
});

const decoded = (scrollId: string) => JSON.parse(inflateSync(Buffer.from(scrollId, 'base64url')).toString());
const encoded = (cursor: unknown) => deflateSync(JSON.stringify(cursor)).toString('base64url');

test('a scroll is refused to another user, with another token, when it has expired, and if it is made up', async () => {
  const { org, queue } = await givenIssues(3);
  const other = await givenUser(db(), org.orgId);
  const stranger = (await givenOrganisation(db(), { language: 'en' })).admin;
  const query = 'scrollType=sorted&perScroll=1';
  const { headers } = await scroll(org.admin, query, { queue, order: 'created' }).expect(200);
  const scrollId = headers['x-scroll-id'] ?? '';
  const cursor = decoded(scrollId);
  const errors = async (user: GivenUser, parameters: string) =>
    (await scroll(user, parameters).expect(400)).body.errors;
  const unknown = { scrollId: texts.scrollUnknown.en };

  expect(await errors(other, `scrollId=${scrollId}`)).toEqual(unknown);
  expect(await errors(stranger, `scrollId=${scrollId}`)).toEqual(unknown);
  expect(await errors(org.admin, `scrollId=${scrollId}&scrollToken=other`)).toEqual({
    scrollToken: texts.scrollUnknown.en,
  });
  expect(await errors(org.admin, `scrollId=${encoded({ ...cursor, expiresMs: Date.now() - 1 })}`)).toEqual({
    scrollId: texts.scrollExpired.en,
  });
  const madeUp = [
    { ...cursor, sortValues: ['yesterday'] },
    { ...cursor, sortValues: ["2017-01-01' or true"] },
    { ...cursor, sortValues: [] },
    { ...cursor, sortValues: [{}] },
    { ...cursor, perScroll: 1001 },
    { ...cursor, lastIssueId: '1' },
    { ...cursor, lastIssueId: 1e300 },
    { ...cursor, startedMs: 1e15 },
    { ...cursor, search: { query: 7 } },
    { ...cursor, search: { queue: 'OTHER' } },
    { ...cursor, search: null },
    [],
    null,
  ];
  for (const one of madeUp) {
    expect([one, await errors(org.admin, `scrollId=${encoded(one)}`)]).toEqual([one, unknown]);
  }
  for (const one of [scrollId.slice(0, -4), `A${scrollId}`, 'x']) {
    expect(await errors(org.admin, `scrollId=${one}`)).toEqual(unknown);
  }
});

test('a scrollId of any content gets 200 or 400', async () => {
  const { org, queue } = await givenIssues(1);
  const { headers } = await scroll(org.admin, 'scrollType=sorted', { queue, order: ['key', 'updated'] }).expect(200);
  const cursor = decoded(headers['x-scroll-id'] ?? '');
  const forged = fc
    .tuple(fc.constantFrom(...Object.keys(cursor), 'more'), fc.oneof(fc.jsonValue(), fc.array(fc.string())))
    .map(([member, value]) => ({ ...cursor, [member]: value }));
  await fc.assert(
    fc.asyncProperty(forged, async (one) => {
      const { status } = await scroll(org.admin, `scrollId=${encoded(one)}`);
      expect([200, 400, 414, 431]).toContain(status);
    }),
    { numRuns: 60 },
  );
});

test.each([
  ['scrollType=random', 'scrollType'],
  ['perScroll=10', 'scrollType'],
  ['scrollTTLMillis=1000', 'scrollType'],
  ['scrollToken=x', 'scrollType'],
  ['scrollType=sorted&scrollToken=x', 'scrollId'],
  ['scrollType=sorted&perScroll=1001', 'perScroll'],
  ['scrollType=sorted&perScroll=0', 'perScroll'],
  ['scrollType=sorted&scrollTTLMillis=600001', 'scrollTTLMillis'],
  ['scrollType=sorted&page=2', 'page'],
])('_search?%s is refused and names %s', async (query, name) => {
  const { admin } = await givenOrganisation(db());
  expect(Object.keys((await scroll(admin, query).expect(400)).body.errors)).toEqual([name]);
});

test('perPage is the size of pages of a scroll without perScroll', async () => {
  const { org, queue, keys } = await givenIssues(2);
  const { body } = await scroll(org.admin, 'scrollType=unsorted&perPage=1', { queue }).expect(200);
  expect(keysOf(body)).toEqual([keys[0]]);
});

test('a scroll has fields and expand as a page', async () => {
  const { org, queue, keys } = await givenIssues(1);
  const view = 'fields=summary&expand=links';
  const { body } = await scroll(org.admin, `scrollType=unsorted&${view}`, { queue }).expect(200);
  expect(body).toEqual([(await as(org.admin).get(`/v3/issues/${keys[0]}?${view}`).expect(200)).body]);
});

test('POST /system/search/scroll/_clear accepts the pages of a scroll', async () => {
  const { org, queue } = await givenIssues(1);
  const { headers } = await scroll(org.admin, 'scrollType=sorted', { queue }).expect(200);
  const pairs = { [headers['x-scroll-id'] ?? '']: headers['x-scroll-token'] };

  for (const body of [pairs, { scrollId: headers['x-scroll-id'], scrollToken: headers['x-scroll-token'] }, null]) {
    expect(
      (
        await as(org.admin)
          .post('/v3/system/search/scroll/_clear', body as object)
          .expect(200)
      ).body,
    ).toEqual({});
  }
});

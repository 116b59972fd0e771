import { beforeAll, describe, expect, test } from '@jest/globals';
import { useApi } from '../support/api.ts';
import {
  type GivenOrganisation,
  type GivenUser,
  givenApplication,
  givenOrganisation,
  givenQueue,
  givenUser,
} from '../support/builders.ts';
import { getIssueId } from '../support/issues.ts';
import { restAs } from '../support/rest.ts';
import { rpcAs } from '../support/rpc.ts';

/** Searches for authors, followers, deadlines, story points, resolutions and comments. */

const api = useApi();
const db = () => api().database.db;
const as = (user: GivenUser) => restAs(api(), user);
let org: GivenOrganisation;
let queue: string;
let ivanov: GivenUser;
let petrova: GivenUser;
const keys: Record<string, string> = {};

// Searches write nothing, so all tests share these issues.
beforeAll(async () => {
  org = await givenOrganisation(db());
  queue = (await givenQueue(db(), org)).key;
  ivanov = await givenUser(db(), org.orgId, { display: 'Иван Иванов' });
  petrova = await givenUser(db(), org.orgId, { display: 'Анна Петрова' });
  const create = async (name: string, fields: object) => {
    const { body } = await as(ivanov)
      .post('/v2/issues', { queue, summary: name, ...fields })
      .expect(201);
    keys[name] = body.key;
  };
  await create('plain', {});
  await create('early', { deadline: '2030-01-31', storyPoints: 0.5, followers: [ivanov.login, petrova.login] });
  await create('late', { deadline: '2031-06-01', storyPoints: 8, author: petrova.login });
  await create('done', { storyPoints: 3, followers: petrova.login });
  await as(ivanov).patch(`/v2/issues/${keys['done']}`, { status: 'closed', resolution: 'wontFix' }).expect(200);
  await as(ivanov).post(`/v2/issues/${keys['early']}/comments`, { text: 'Looks good to me' }).expect(201);
  await as(petrova).post(`/v2/issues/${keys['late']}/comments`, { text: 'Good, but late' }).expect(201);
  // Only managers and administrators see it, and its author.
  const taskId = await getIssueId(db(), org, keys['plain'] ?? '');
  const rpc = rpcAs(api(), await givenApplication(db(), org));
  const params = { task_id: taskId, user_id: 0, content: 'A secret remark', visibility: 'app-manager' };
  expect(await rpc.named('createComment', params)).toBeGreaterThan(0);
});

async function found(body: object, user = ivanov): Promise<string[]> {
  const { body: issues } = await as(user).post('/v2/issues/_search', body).expect(200);
  expect((await as(user).post('/v2/issues/_count', body).expect(200)).body).toBe(issues.length);
  return issues.map(({ summary }: { summary: string }) => summary);
}

const QUERIES: [query: string, names: string[]][] = [
  ['Deadline: 2030-01-31', ['early']],
  ['Deadline: >2030-01-31', ['late']],
  ['Deadline: 2030-01-01 .. 2031-06-01', ['early', 'late']],
  ['Дедлайн: empty()', ['plain', 'done']],
  ['Deadline: notEmpty(), 2030-01-31', ['early', 'late']],
  ['Deadline: !2030-01-31', ['plain', 'late', 'done']],
  ['Deadline: <today()', []],
  ['"Story Points": 3', ['done']],
  ['Story Points: >0.5', ['late', 'done']],
  ['Story Points: <= 3', ['early', 'done']],
  ['Story Points: 0.5, 8', ['early', 'late']],
  ['Story Points: 3 .. 8', ['late', 'done']],
  ['Story Points: !3', ['plain', 'early', 'late']],
  ['Story Points: empty()', ['plain']],
  ['Followers: me()', ['early']],
  ['Followers: Петрова', ['early', 'done']],
  ['Followers: !Петрова', ['plain', 'late']],
  ['Followers: empty()', ['plain', 'late']],
  ['Followers: nobody@', []],
  ['Author: Петрова', ['late']],
  ['Author: me()', ['plain', 'early', 'done']],
  ['Created by: me()', ['plain', 'early', 'late', 'done']],
  ['Resolution: empty()', ['plain', 'early', 'late']],
  ['Resolution: notEmpty()', ['done']],
  ['Resolution: wontFix', ['done']],
  ['Resolution: "Won\'t fix", fixed', ['done']],
  ['Resolution: !wontFix', ['plain', 'early', 'late']],
  ['Resolved: today()', ['done']],
  ['Resolved: empty()', ['plain', 'early', 'late']],
  ['Comment: good', ['early', 'late']],
  ['Comment: "good looks"', ['early']],
  ['Comment: !late', ['plain', 'early', 'done']],
  ['Comment: #"looks good to me"', ['early']],
  ['Comment: #"looks || me"', ['early']],
  ['Comment: ~"looks good to me"', ['plain', 'late', 'done']],
  ['Comment: notEmpty()', ['early', 'late']],
  ['Comment: secret', []],
];

test.each(QUERIES)('the query %s finds %j', async (query, names) => {
  expect(await found({ query })).toEqual(names);
});

test('a comment is found only by users who see it', async () => {
  for (const query of ['Comment: secret', 'Comment: #"A secret remark"', 'Comment: notEmpty() Summary: plain']) {
    expect(await found({ query }, ivanov)).toEqual([]);
    expect(await found({ query }, org.admin)).toEqual(['plain']);
  }
});

const FILTERS: [filter: () => object, names: string[]][] = [
  [() => ({ deadline: '2030-01-31' }), ['early']],
  [() => ({ deadline: { from: '2030-02-01' } }), ['late']],
  [() => ({ deadline: 'empty()' }), ['plain', 'done']],
  [() => ({ storyPoints: 0.5 }), ['early']],
  [() => ({ storyPoints: ['>=3', 0.5] }), ['early', 'late', 'done']],
  [() => ({ storyPoints: { from: 1, to: 5 } }), ['done']],
  [() => ({ storyPoints: { to: '0.5' } }), ['early']],
  [() => ({ followers: [petrova.login] }), ['early', 'done']],
  [() => ({ followers: { login: ivanov.login } }), ['early']],
  [() => ({ author: petrova.login }), ['late']],
  [() => ({ resolution: { key: 'wontFix' } }), ['done']],
  [() => ({ resolution: 'empty()' }), ['plain', 'early', 'late']],
  [() => ({ comment: 'good' }), ['early', 'late']],
];

test.each(FILTERS.map(([filter, names]) => [String(filter), names, filter] as const))(
  'the filter %s finds %j',
  async (_name, names, filter) => {
    expect(await found({ filter: filter() })).toEqual(names);
  },
);

test.each([
  [{ storyPoints: 'many' }, 'filter.storyPoints'],
  [{ storyPoints: { from: 'many' } }, 'filter.storyPoints'],
  [{ storyPoints: [], deadline: 'soon' }, 'filter.deadline'],
  [{ deadline: 5 }, 'filter.deadline'],
  [{ markupType: 'md' }, 'filter.markupType'],
])('the filter %j is refused under %s', async (filter, field) => {
  const { body } = await as(ivanov).post('/v2/issues/_search', { filter }).expect(400);
  expect(Object.keys(body.errors)).toEqual([field]);
});

const ORDERS: [order: string, names: string[]][] = [
  ['deadline', ['early', 'late', 'plain', 'done']],
  ['-deadline', ['late', 'early', 'plain', 'done']],
  ['storyPoints', ['early', 'done', 'late', 'plain']],
  ['-storyPoints', ['late', 'done', 'early', 'plain']],
  ['resolution', ['done', 'plain', 'early', 'late']],
  ['-resolved,-key', ['done', 'late', 'early', 'plain']],
  ['author,key', ['late', 'plain', 'early', 'done']],
];

describe.each(ORDERS)('sorted by %s', (order, names) => {
  test('_search returns all at once', async () => {
    expect(await found({ queue, order })).toEqual(names);
  });

  test('a scroll returns them one by one', async () => {
    let response = await as(ivanov)
      .post('/v2/issues/_search?scrollType=sorted&perScroll=1', { queue, order })
      .expect(200);
    const summaries: string[] = [];
    while (response.body.length > 0) {
      summaries.push(response.body[0].summary);
      const id = response.headers['x-scroll-id'] ?? '';
      response = await as(ivanov).post(`/v2/issues/_search?scrollId=${id}`).expect(200);
    }
    expect(summaries).toEqual(names);
  });
});

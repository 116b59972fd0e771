import { expect, test } from '@jest/globals';
import fc from 'fast-check';
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
import { countStatements } from '../support/statements.ts';

const api = useApi();
const db = () => api().database.db;
const as = (user: GivenUser) => restAs(api(), user);
const search = (user: GivenUser, body: object | null, query = '') =>
  as(user).post(`/v2/issues/_search${query}`, body as object);
const count = (user: GivenUser, body: object | null) => as(user).post('/v2/issues/_count', body as object);
const keysOf = (body: { key: string }[]) => body.map(({ key }) => key);

/** Two queues with six issues that differ in every searchable field. */
async function givenBoard() {
  const org = await givenOrganisation(db());
  const ivanov = await givenUser(db(), org.orgId, { display: 'Иван Иванов' });
  const petrova = await givenUser(db(), org.orgId, { display: 'Анна Петрова' });
  const keys = [(await givenQueue(db(), org)).key, (await givenQueue(db(), org)).key];
  // The keys are random, and some orders depend on them.
  const [first, second] = keys.sort() as [string, string];
  const createIssue = async (author: GivenUser, body: object) =>
    (await as(author).post('/v2/issues', body).expect(201)).body.key as string;
  const epic = await createIssue(ivanov, { queue: first, summary: 'The release', type: 'epic', priority: 'critical' });
  const story = await createIssue(ivanov, {
    queue: first,
    summary: 'Связи задач',
    description: 'Все 100% связей',
    assignee: ivanov.login,
    tags: ['api', 'links'],
    epic,
  });
  const bug = await createIssue(petrova, {
    queue: first,
    summary: 'A "quoted" bug',
    type: 'bug',
    assignee: petrova.login,
  });
  const child = await createIssue(petrova, { queue: first, summary: 'A child', parent: story, tags: ['api'] });
  const blocker = await createIssue(petrova, {
    queue: second,
    summary: 'Blocks',
    priority: 'blocker',
    assignee: ivanov.login,
  });
  const last = await createIssue(ivanov, { queue: second, summary: 'last_one', description: 'back\\slash' });
  const link = (key: string, relationship: string, issue: string) =>
    as(org.admin).post(`/v2/issues/${key}/links`, { relationship, issue }).expect(201);
  await link(story, 'depends on', blocker);
  await link(bug, 'relates', story);
  await link(bug, 'duplicates', last);
  const status = (key: string, name: string) => as(petrova).patch(`/v2/issues/${key}`, { status: name }).expect(200);
  await status(story, 'inProgress');
  await status(bug, 'closed');
  return { org, ivanov, petrova, first, second, epic, story, bug, child, blocker, last };
}

type Board = Awaited<ReturnType<typeof givenBoard>>;
type Name = 'epic' | 'story' | 'bug' | 'child' | 'blocker' | 'last';
let board: Board | undefined;

/** All tests of this file share one board, since searches write nothing. */
async function theBoard(): Promise<Board> {
  board ??= await givenBoard();
  return board;
}

const SEARCHES: [body: (board: Board) => object | null, found: Name[]][] = [
  [() => null, ['epic', 'story', 'bug', 'child', 'blocker', 'last']],
  [() => ({}), ['epic', 'story', 'bug', 'child', 'blocker', 'last']],
  [
    () => ({ queue: null, keys: null, filter: null, query: null, order: null }),
    ['epic', 'story', 'bug', 'child', 'blocker', 'last'],
  ],
  [() => ({ query: ' ' }), ['epic', 'story', 'bug', 'child', 'blocker', 'last']],
  [() => ({ filter: {} }), ['epic', 'story', 'bug', 'child', 'blocker', 'last']],
  [({ second }) => ({ queue: second }), ['blocker', 'last']],
  [({ second }) => ({ queue: second.toLowerCase(), keys: null }), ['blocker', 'last']],
  [({ bug, last }) => ({ keys: [last, bug, 'NONE-1', 'nonsense'] }), ['bug', 'last']],
  [({ bug, last }) => ({ keys: `${last.toLowerCase()}, ${bug}` }), ['bug', 'last']],
  [() => ({ keys: [] }), []],
  [() => ({ keys: '' }), []],
  [({ first }) => ({ filter: { queue: first, type: ['bug', 'epic'] } }), ['epic', 'bug']],
  [({ ivanov }) => ({ filter: { assignee: ivanov.login } }), ['story', 'blocker']],
  [({ ivanov }) => ({ filter: { assignee: { login: ivanov.login } } }), ['story', 'blocker']],
  [() => ({ filter: { assignee: ['empty()', 'me()'] } }), ['epic', 'story', 'child', 'blocker', 'last']],
  [() => ({ filter: { assignee: '!empty()' } }), ['story', 'bug', 'blocker']],
  [() => ({ filter: { status: { key: 'closed' }, assignee: null } }), ['bug']],
  [() => ({ filter: { status: [2, { id: '5' }] } }), ['story', 'bug']],
  [() => ({ filter: { tags: 'api', parent: 'notEmpty()' } }), ['child']],
  [({ story }) => ({ filter: { parent: { key: story } } }), ['child']],
  [() => ({ filter: { type: [] } }), []],
  [({ first }) => ({ query: `Queue: ${first} AND Type: task` }), ['story', 'child']],
  [({ first }) => ({ query: `Queue: ${first} Type: !task` }), ['epic', 'bug']],
  [({ bug, story }) => ({ query: `Key: ${bug}, ${story.toLowerCase()}, NONE-1` }), ['story', 'bug']],
  [() => ({ query: 'Assignee: "Иван Иванов"' }), ['story', 'blocker']],
  [() => ({ query: 'Assignee: иван иванов' }), ['story', 'blocker']],
  [({ ivanov, petrova }) => ({ query: `Assignee: ${ivanov.login}, ${petrova.login}` }), ['story', 'bug', 'blocker']],
  [() => ({ query: 'Assignee: me()' }), ['story', 'blocker']],
  [() => ({ query: 'Assignee: empty()' }), ['epic', 'child', 'last']],
  [() => ({ query: 'Assignee: !me()' }), ['epic', 'bug', 'child', 'last']],
  [({ petrova }) => ({ query: `Author: ${petrova.login}` }), ['bug', 'child', 'blocker']],
  [({ petrova }) => ({ query: `"Updated by": ${petrova.login} Author: me()` }), ['story']],
  [() => ({ query: 'Status: "В работе"' }), ['story']],
  [() => ({ query: 'Status: "IN PROGRESS", закрыт' }), ['story', 'bug']],
  [() => ({ query: 'Status type: done' }), ['bug']],
  [() => ({ query: 'Priority: Blocker OR Priority: critical' }), ['epic', 'blocker']],
  [() => ({ query: 'Summary: "СВЯЗИ"' }), ['story']],
  [() => ({ query: 'Summary: "\\"quoted\\""' }), ['bug']],
  [() => ({ query: 'Summary: "t_o"' }), ['last']],
  [() => ({ query: 'Description: "100%"' }), ['story']],
  [() => ({ query: 'Description: "%"' }), ['story']],
  [() => ({ query: 'Description: "\\\\"' }), ['last']],
  [() => ({ query: 'Description: notEmpty()' }), ['story', 'last']],
  [() => ({ query: 'Tags: links, nothing' }), ['story']],
  [() => ({ query: 'Tags: empty() Queue: !none' }), ['epic', 'bug', 'blocker', 'last']],
  [({ story }) => ({ query: `Relates: ${story}` }), ['bug']],
  [({ bug }) => ({ query: `Relates: ${bug}` }), ['story']],
  [({ story }) => ({ query: `"Linked to": ${story}` }), ['epic', 'bug', 'child', 'blocker']],
  [({ story }) => ({ query: `"Linked to": !${story}` }), ['story', 'last']],
  [() => ({ query: '"Linked to": empty()' }), []],
  [({ blocker }) => ({ query: `"Depends on": ${blocker}` }), ['story']],
  [({ story }) => ({ query: `"Is Dependent By": ${story}` }), ['blocker']],
  [({ story }) => ({ query: `Parent: ${story}` }), ['child']],
  [({ child }) => ({ query: `"Is parent task for": ${child}` }), ['story']],
  [({ epic }) => ({ query: `Epic: ${epic}` }), ['story']],
  [({ story }) => ({ query: `"Is epic of": ${story}` }), ['epic']],
  [({ last }) => ({ query: `Duplicates: ${last}` }), ['bug']],
  [({ bug }) => ({ query: `"Is duplicated by": ${bug}` }), ['last']],
  [() => ({ query: 'Relates: NONE-1' }), []],
  [() => ({ query: 'Created: <=today()' }), ['epic', 'story', 'bug', 'child', 'blocker', 'last']],
  [() => ({ query: 'Created: <2017-06-11' }), []],
  [() => ({ query: 'Updated: 2017-06-11..2017-06-12' }), []],
  [() => ({ query: 'Created: >2017-06-11 Created: <=now() Type: bug' }), ['bug']],
  [() => ({ query: '(Type: bug OR Type: epic) AND !(Status: closed)' }), ['epic']],
  [({ second }) => ({ query: `Очередь: ${second} Исполнитель: empty()` }), ['last']],
  [() => ({ query: 'задач связи' }), ['story']],
  [() => ({ query: '"back\\\\slash" OR child' }), ['child', 'last']],
  [() => ({ query: 'Summary: задач связи' }), ['story']],
  [() => ({ query: 'Summary: #"связи задач"' }), ['story']],
  [() => ({ query: 'Summary: #"связи"' }), []],
  [() => ({ query: 'Summary: #"a ||"' }), ['bug', 'child']],
  [() => ({ query: 'Description: #"|| 100% ||"' }), ['story']],
  [() => ({ query: 'Summary: #"last|one"' }), []],
  [() => ({ query: 'Summary: ~"Связи задач" Tags: api' }), ['child']],
  [() => ({ query: 'Summary: !"связи" Tags: api' }), ['child']],
  [() => ({ query: 'Created: week()' }), ['epic', 'story', 'bug', 'child', 'blocker', 'last']],
  [() => ({ query: 'Created: >today()-"1w 1d" Updated: >now()-12h Type: bug' }), ['bug']],
  [() => ({ query: 'Created: <today()-1w' }), []],
  [() => ({ query: 'Created: 01.01.2017 .. year() Type: bug' }), ['bug']],
  [() => ({ filter: { created: '>now()-1d', type: 'bug' } }), ['bug']],
  [() => ({ filter: { created: { from: '2019-03-02' }, type: 'bug' } }), ['bug']],
  [() => ({ filter: { created: { from: '2019-03-02', to: '02.03.2020' } } }), []],
  [() => ({ filter: { updated: { from: 'today()-1d', to: '2999-01-01T00:00:00Z' }, type: 'bug' } }), ['bug']],
  [() => ({ query: '"Queue Owner": notme@' }), []],
  [({ second }) => ({ query: `"Have Links To Queue": ${second}` }), ['story', 'bug']],
  [
    ({ first }) => ({ query: `"Have Links To Queue": ${first.toLowerCase()}` }),
    ['epic', 'story', 'bug', 'child', 'blocker', 'last'],
  ],
  [
    ({ first, second }) => ({ query: `"Have Links To Queue": ${first}, ${second} Queue: ${second}` }),
    ['blocker', 'last'],
  ],
  [({ first }) => ({ query: `"Related To Queue": ${first}` }), ['story', 'bug']],
  [({ second }) => ({ query: `"Related To Queue": ${second}` }), []],
  [({ second }) => ({ query: `"Depend On Queue": ${second}` }), ['story']],
  [({ first }) => ({ query: `"Block Queue": ${first}` }), ['blocker']],
  [({ second }) => ({ query: `"Block Queue": ${second}` }), []],
  [({ second }) => ({ query: `"Duplicates In Queue": ${second}` }), ['bug']],
  [({ first }) => ({ query: `"Duplicated In Queue": ${first}` }), ['last']],
  [({ first }) => ({ query: `"Subtasks For Queue": ${first}` }), ['child']],
  [({ first }) => ({ query: `"Parent Tasks For Queue": ${first}` }), ['story']],
  [({ first }) => ({ query: `"In Epics Of Queue": ${first}` }), ['story']],
  [({ first }) => ({ query: `"Epics For Queue": ${first}` }), ['epic']],
  [({ second }) => ({ query: `"Depend On Queue": !${second} Tags: api` }), ['child']],
  [() => ({ query: '"Clones Of Queue": NONE OR "Originals Of Queue": NONE OR "Old Queue": NONE' }), []],
];

test.each(
  SEARCHES.map(
    ([body, found]) =>
      [
        String(body)
          .replace(/^.*?=>\s*/s, '')
          .replaceAll(/\s+/g, ' '),
        found,
        body,
      ] as const,
  ),
)('%s finds %j', async (_name, found, body) => {
  const given = await theBoard();
  const condition = body(given);
  const { body: issues } = await search(given.ivanov, condition).expect(200);
  expect(keysOf(issues)).toEqual(found.map((name) => given[name]));
  expect((await count(given.ivanov, condition).expect(200)).body).toBe(found.length);
});

const ORDERS: [order: unknown, found: Name[]][] = [
  ['-key', ['last', 'blocker', 'child', 'bug', 'story', 'epic']],
  ['+key', ['epic', 'story', 'bug', 'child', 'blocker', 'last']],
  ['key', ['epic', 'story', 'bug', 'child', 'blocker', 'last']],
  [['-updated'], ['bug', 'story', 'last', 'blocker', 'child', 'epic']],
  ['created', ['epic', 'story', 'bug', 'child', 'blocker', 'last']],
  [
    ['-priority', '-created'],
    ['blocker', 'epic', 'last', 'child', 'bug', 'story'],
  ],
  ['-priority,-key', ['blocker', 'epic', 'last', 'child', 'bug', 'story']],
  [
    ['-status', '+key'],
    ['bug', 'story', 'epic', 'child', 'blocker', 'last'],
  ],
  [
    ['assignee', 'key'],
    ['bug', 'story', 'blocker', 'epic', 'child', 'last'],
  ],
  [
    ['-author', '-queue', 'type', 'summary'],
    ['last', 'story', 'epic', 'blocker', 'bug', 'child'],
  ],
];

test.each(ORDERS)('_search sorts by %j', async (order, found) => {
  const given = await theBoard();
  const keys = async (body: object) => keysOf((await search(given.ivanov, body).expect(200)).body);
  expect(await keys({ order })).toEqual(found.map((name) => given[name]));
  const inFirst = found.filter((name) => given[name].startsWith(`${given.first}-`));
  expect(await keys({ queue: given.first, order })).toEqual(inFirst.map((name) => given[name]));
});

test('_search applies the order inside the query', async () => {
  const given = await theBoard();
  const keys = async (query: string) => keysOf((await search(given.ivanov, { query }).expect(200)).body);
  const names = (...found: Name[]) => found.map((name) => given[name]);

  expect(await keys(`Queue: ${given.first} "Sort by": Updated DESC`)).toEqual(names('bug', 'story', 'child', 'epic'));
  expect(await keys(`Queue: ${given.first} Sort by: Priority DESC, Key DESC`)).toEqual(
    names('epic', 'child', 'bug', 'story'),
  );
});

test.each(['?order=-key', '?order=-queue&order=-key', '?order=%2Dqueue,-key'])('_search sorts by %s', async (query) => {
  const given = await theBoard();
  const { body } = await search(given.ivanov, { queue: given.first }, query).expect(200);
  expect(keysOf(body)).toEqual([given.child, given.bug, given.story, given.epic]);
});

test('_search sorts by +field of the URL, whose plus is a space', async () => {
  const given = await theBoard();
  const { body } = await search(given.ivanov, { queue: given.second }, '?order=+key').expect(200);
  expect(keysOf(body)).toEqual([given.blocker, given.last]);
});

test.each([[{ order: '-key' }], [{ query: '"Sort by": Key' }]])(
  '_search rejects a second order, in %j',
  async (body) => {
    const { ivanov } = await theBoard();
    const response = await search(ivanov, body, '?order=-key').expect(400);
    expect(response.body.errors).toEqual({ order: texts.orderTwice.ru });
  },
);

test('_search sorts keys numerically', async () => {
  const org = await givenOrganisation(db());
  const { key: queue } = await givenQueue(db(), org);
  for (let place = 0; place < 11; place += 1) await givenIssue(db(), org, queue);
  const { body } = await search(org.admin, { queue, order: '-key' }).expect(200);
  expect(keysOf(body).slice(0, 3)).toEqual([`${queue}-11`, `${queue}-10`, `${queue}-9`]);
});

const INVALID: [body: object, errors: Record<string, unknown>][] = [
  [{ query: 'Sprint: 5' }, { query: expect.stringContaining('Позиция 1: поле «Sprint» неизвестно') }],
  [{ query: 'Queue: A AND' }, { query: expect.stringContaining('Позиция 13: запрос обрывается') }],
  [{ query: "Queue: A) or ('1'='1" }, { query: expect.stringContaining('Позиция 9') }],
  [{ filter: { sprint: 5 } }, { 'filter.sprint': expect.stringContaining('«sprint»') }],
  [{ filter: { status: true } }, { 'filter.status': texts.searchValue.ru }],
  [{ filter: { status: { name: 'x' } } }, { 'filter.status': texts.searchValue.ru }],
  [{ filter: { queue: 'me()' } }, { 'filter.queue': expect.stringContaining('me()') }],
  [{ filter: { created: { from: 'soon' } } }, { 'filter.created': expect.stringContaining('«soon»') }],
  [{ filter: { created: { from: '>today()' } } }, { 'filter.created': texts.searchValue.ru }],
  [{ filter: { created: { since: '2019-03-02' } } }, { 'filter.created': texts.searchValue.ru }],
  [{ filter: { status: { from: '2019-03-02' } } }, { 'filter.status': expect.stringContaining('«status»') }],
  [{ filter: { created: 'yesterday' } }, { 'filter.created': expect.stringContaining('«yesterday»') }],
  [{ order: 'votes' }, { order: expect.stringContaining('«votes»') }],
  [{ order: ['+key', '-nothing'] }, { order: expect.stringContaining('«nothing»') }],
  [{ query: '"Sort by": Key', order: '-key' }, { order: expect.stringContaining('Sort by') }],
  [{ query: 7 }, { query: expect.any(String) }],
  [{ query: 'x'.repeat(10_001) }, { query: expect.any(String) }],
];

test.each(INVALID)('_search and _count return 400 for %j and name the field and the position', async (body, errors) => {
  const { ivanov } = await theBoard();
  for (const response of [await search(ivanov, body).expect(400), await count(ivanov, body).expect(400)]) {
    expect(response.body.errors).toEqual(errors);
  }
});

test('_search and _count reject two conditions at once and an unknown one', async () => {
  const { ivanov } = await theBoard();
  for (const send of [search, count]) {
    const { body } = await send(ivanov, { queue: 'A', query: 'Queue: B' }).set('Accept-Language', 'en').expect(400);
    expect(body.errorMessages).toEqual(['Send only one of: queue, query.']);
    expect((await send(ivanov, { filterId: 7 }).expect(422)).body.errors).toEqual({ filterId: texts.fieldUnknown.ru });
    await send(ivanov, { query: 'x'.repeat(1_100_000) }).expect(413);
    await send(ivanov, {}).set('X-Org-ID', 'another').expect(403);
    await send(ivanov, {}).set('Authorization', 'OAuth unknown').expect(401);
  }
  await search(ivanov, {}, '?perPage=0').expect(400);
});

test('_search returns the total count and links to the other pages', async () => {
  const given = await theBoard();

  const { body, headers } = await search(given.ivanov, { order: '+created' }, '?perPage=2&page=2').expect(200);

  expect(keysOf(body)).toEqual([given.bug, given.child]);
  expect(headers).toMatchObject({ 'x-total-count': '6', 'x-total-pages': '3' });
  const page = (number: number) => `<${api().url}/v2/issues/_search?perPage=2&page=${number}>`;
  expect(headers['link']).toBe(
    `${page(1)}; rel="first", ${page(1)}; rel="prev", ${page(3)}; rel="next", ${page(3)}; rel="last"`,
  );
  const beyond = await search(given.ivanov, {}, '?perPage=2&page=9').expect(200);
  expect(beyond.body).toEqual([]);
  expect(beyond.headers['x-total-count']).toBe('6');
});

test('_search returns issues as GET issue does, including fields and expand', async () => {
  const given = await theBoard();
  const getIssue = async (path: string) => (await as(given.ivanov).get(`/v3/issues/${path}`).expect(200)).body;
  const found = async (query: string) =>
    (
      await as(given.ivanov)
        .post(`/v3/issues/_search${query}`, { keys: [given.story, given.epic, given.last] })
        .expect(200)
    ).body;

  for (const query of ['', '?expand=links', '?fields=summary,queue', '?fields=status&expand=links,transitions']) {
    const issues = [given.epic, given.story, given.last].map((key) => getIssue(`${key}${query}`));
    expect(await found(query)).toEqual(await Promise.all(issues));
  }
});

test('_search and _count omit hidden issues, also when searching by their links', async () => {
  const org = await givenOrganisation(db());
  const elsewhere = await givenOrganisation(db());
  const [insider, outsider] = [await givenUser(db(), org.orgId), await givenUser(db(), org.orgId)];
  const [open, closed] = [(await givenQueue(db(), org)).key, (await givenQueue(db(), org, [insider])).key];
  const [shown, hidden] = [await givenIssue(db(), org, open), await givenIssue(db(), org, closed)];
  const parent = await givenIssue(db(), org, closed);
  await givenIssue(db(), elsewhere, (await givenQueue(db(), elsewhere)).key);
  await givenLink(db(), org, 'relates', shown, hidden);
  await givenLink(db(), org, 'subtask', shown, parent);
  const searchAndCount = async (body: object, user: GivenUser) => {
    const keys = keysOf((await search(user, body).expect(200)).body);
    expect((await count(user, body).expect(200)).body).toBe(keys.length);
    return keys;
  };

  expect(await searchAndCount({}, insider)).toEqual([shown.key, hidden.key, parent.key]);
  for (const user of [outsider, org.admin]) {
    expect(await searchAndCount({}, user)).toEqual([shown.key]);
    expect(await searchAndCount({ queue: closed }, user)).toEqual([]);
    expect(await searchAndCount({ keys: [hidden.key, hidden.hexId] }, user)).toEqual([]);
    for (const query of [`Relates: ${hidden.key}`, `Parent: ${parent.key}`, '"Linked to": notEmpty()']) {
      expect(await searchAndCount({ query }, insider)).toContain(shown.key);
      expect(await searchAndCount({ query }, user)).toEqual([]);
    }
    expect((await search(user, {}, '?expand=links').expect(200)).body[0].links).toEqual([]);
  }
});

test('link filters by queue do not show links to hidden issues', async () => {
  const org = await givenOrganisation(db());
  const [insider, outsider] = [await givenUser(db(), org.orgId), await givenUser(db(), org.orgId)];
  const [open, closed] = [await givenQueue(db(), org), await givenQueue(db(), org, [insider])];
  const [shown, hidden] = [await givenIssue(db(), org, open.key), await givenIssue(db(), org, closed.key)];
  await givenLink(db(), org, 'depends', hidden, shown);
  const query = `"Depend On Queue": ${closed.key} OR "Have Links To Queue": ${closed.id}`;

  expect(keysOf((await search(insider, { query }).expect(200)).body)).toEqual([shown.key]);
  expect((await search(outsider, { query }).expect(200)).body).toEqual([]);
});

test('"Old Queue" finds moved issues by the key of the queue, and by its name if it is visible', async () => {
  const org = await givenOrganisation(db());
  const [insider, outsider] = [await givenUser(db(), org.orgId), await givenUser(db(), org.orgId)];
  const [open, closed] = [await givenQueue(db(), org), await givenQueue(db(), org, [insider])];
  const [issue] = [await givenIssue(db(), org, closed.key), await givenIssue(db(), org, open.key)];
  await as(insider).post(`/v2/issues/${issue.key}/_move?queue=${open.key}`).expect(200);
  const name = 'The old queue';
  await db().query({
    name: '',
    text: 'update queues set name = $3 where org_id = $1 and queue_id = $2',
    values: [org.orgId, closed.id, name],
  });
  const found = async (user: GivenUser, value: string) =>
    keysOf((await search(user, { query: `"Old Queue": "${value}"` }).expect(200)).body);

  for (const value of [closed.key, closed.key.toLowerCase(), String(closed.id), name]) {
    expect(await found(insider, value)).toEqual([`${open.key}-2`]);
  }
  // The key is among the aliases that the issue shows.
  expect(await found(outsider, closed.key)).toEqual([`${open.key}-2`]);
  for (const value of [String(closed.id), name, open.key]) expect(await found(outsider, value)).toEqual([]);
});

test('"Clones Of Queue" and "Originals Of Queue" follow the links of clones', async () => {
  const org = await givenOrganisation(db());
  const [first, second] = [await givenQueue(db(), org), await givenQueue(db(), org)];
  const [original, clone] = [await givenIssue(db(), org, first.key), await givenIssue(db(), org, second.key)];
  await givenLink(db(), org, 'cloners', original, clone);
  const found = async (query: string) => keysOf((await search(org.admin, { query }).expect(200)).body);

  expect(await found(`"Clones Of Queue": ${first.key}`)).toEqual([clone.key]);
  expect(await found(`"Originals Of Queue": ${second.key}`)).toEqual([original.key]);
});

test('"Queue Owner" names the lead of the queue', async () => {
  const org = await givenOrganisation(db());
  const issue = await givenIssue(db(), org, (await givenQueue(db(), org)).key);
  for (const value of [`${org.admin.login}@`, 'me()']) {
    expect(keysOf((await search(org.admin, { query: `"Queue Owner": ${value}` }).expect(200)).body)).toEqual([
      issue.key,
    ]);
  }
});

test('_search executes any query or rejects it with 400', async () => {
  const { ivanov, first } = await theBoard();
  const field = fc.constantFrom(
    'Queue',
    'Assignee',
    'Created',
    'Summary',
    'Tags',
    'Status',
    '"Block Queue"',
    '"Old Queue"',
    'Epic',
    '"Linked to"',
  );
  const value = fc.oneof(
    fc.constantFrom(
      first,
      'me()',
      'empty()',
      'today()',
      'week() - 1w',
      '>2017-01-01',
      '30.04.2017..now()',
      '#"a ||"',
      '~"x"',
      '!y',
      '7',
    ),
    fc.string({ maxLength: 8 }).map((text) => JSON.stringify(text)),
  );
  const condition = fc.oneof(
    fc
      .tuple(field, fc.array(value, { minLength: 1, maxLength: 3 }))
      .map(([name, values]) => `${name}: ${values.join(', ')}`),
    fc.string({ maxLength: 8 }).map((text) => JSON.stringify(text)),
  );
  const query = fc
    .tuple(
      fc.array(condition, { minLength: 1, maxLength: 4 }),
      fc.constantFrom(' ', ' AND ', ' OR ', ' AND !'),
      fc.constantFrom('', ' Sort by: Key DESC'),
    )
    .map(([conditions, operator, order]) => conditions.join(operator) + order);
  let successes = 0;
  await fc.assert(
    fc.asyncProperty(query, async (text) => {
      const { status } = await search(ivanov, { query: text });
      expect([200, 400]).toContain(status);
      if (status === 200) successes += 1;
    }),
    { numRuns: 100 },
  );
  expect(successes).toBeGreaterThan(10);
});

test('_search finds an issue by the key from before a move', async () => {
  const org = await givenOrganisation(db());
  const [from, to] = [(await givenQueue(db(), org)).key, (await givenQueue(db(), org)).key];
  const [issue, other] = [await givenIssue(db(), org, from), await givenIssue(db(), org, from)];
  await givenLink(db(), org, 'relates', other, issue);
  await as(org.admin).post(`/v2/issues/${issue.key}/_move?queue=${to}`).expect(200);

  expect(keysOf((await search(org.admin, { keys: [issue.key] }).expect(200)).body)).toEqual([`${to}-1`]);
  expect(keysOf((await search(org.admin, { query: `Key: ${issue.key}` }).expect(200)).body)).toEqual([`${to}-1`]);
  expect(keysOf((await search(org.admin, { query: `Relates: ${issue.key}` }).expect(200)).body)).toEqual([other.key]);
});

test('_search runs the same number of statements for any number of results', async () => {
  const given = await theBoard();
  const statements = (perPage: number) =>
    countStatements(db(), () => search(given.ivanov, {}, `?perPage=${perPage}&expand=links`).expect(200));
  // The first request fills the caches.
  await statements(5);
  expect(await statements(5)).toBe(await statements(1));
});

import { beforeAll, describe, expect, test } from '@jest/globals';
import { useApi } from '../support/api.ts';
import {
  type GivenAccount,
  type GivenIssue,
  type GivenOrganisation,
  givenAccount,
  givenApplication,
  givenIssue,
  givenLink,
  givenOrganisation,
  givenQueue,
  givenUser,
} from '../support/builders.ts';
import { expectFailure, expectForbidden, INVALID_IDS, MISSING_ID, type Rpc, rpcAs } from '../support/rpc.ts';
import { countStatements } from '../support/statements.ts';

/** searchTasks and its query language (Kanboard contract, section 6). */

const api = useApi();
const db = () => api().database.db;
const DAY_SECONDS = 86_400;
const now = () => Math.floor(Date.now() / 1000);

let org: GivenOrganisation;
let rpc: Rpc;
let project: number;
let columns: readonly number[];
let alice: GivenAccount & { readonly id: number };
let tasks: Record<'login' | 'logout' | 'parser' | 'closed', number>;

interface FoundTask {
  readonly id: number;
  readonly [field: string]: unknown;
}

beforeAll(async () => {
  org = await givenOrganisation(db(), { profile: 'kanboard', language: 'en' });
  rpc = rpcAs(api(), await givenApplication(db(), org));
  ({ id: project, columns } = await givenQueue(db(), org));
  alice = await givenAccount(db(), org);
  await db().query({
    name: '',
    text: `update users set display = 'Alice Ант', email = 'alice@localhost' where org_id = $1 and user_id = $2`,
    values: [org.orgId, alice.id],
  });

  const create = (title: string, params: object) =>
    rpc.named<number>('createTask', { title, project_id: project, ...params });
  tasks = {
    login: await create('Login page: Войти', { owner_id: alice.id, color_id: 'red', tags: ['API', 'web'], score: 5 }),
    logout: await create('Logout 100% of users', {
      column_id: columns[1],
      description: 'Ends the Session',
      reference: 'EXT-42',
      date_due: now() + DAY_SECONDS,
      priority: 2,
      creator_id: alice.id,
    }),
    parser: await create('Parser "v2"', { reference: 'int_1', date_started: '2020-02-29 10:00', tags: ['api docs'] }),
    closed: await create('Old page', { color_id: 'deep_orange', date_due: '2020-01-02 03:04', category_id: 3 }),
  };
  await rpc.call('closeTask', tasks.closed);
});

/** The names in `tasks` of the tasks that the query finds. */
async function find(query: unknown, by: Rpc = rpc): Promise<string[]> {
  const found = await by.call<FoundTask[]>('searchTasks', project, query);
  return found.map(({ id }) => Object.entries(tasks).find(([, task]) => task === id)?.[0] ?? String(id));
}

const ALL = ['login', 'logout', 'parser', 'closed'];

const FOUND_KEYS = [
  'nb_comments',
  'nb_files',
  'nb_subtasks',
  'nb_completed_subtasks',
  'nb_links',
  'nb_external_links',
  'is_milestone',
  'id',
  'reference',
  'title',
  'description',
  'date_creation',
  'date_modification',
  'date_completed',
  'date_started',
  'date_due',
  'color_id',
  'project_id',
  'column_id',
  'swimlane_id',
  'owner_id',
  'creator_id',
  'position',
  'is_active',
  'score',
  'category_id',
  'priority',
  'date_moved',
  'recurrence_status',
  'recurrence_trigger',
  'recurrence_factor',
  'recurrence_timeframe',
  'recurrence_basedate',
  'recurrence_parent',
  'recurrence_child',
  'time_estimated',
  'time_spent',
  'assignee_username',
  'assignee_name',
  'assignee_email',
  'assignee_avatar_path',
  'category_name',
  'category_description',
  'category_color_id',
  'column_name',
  'column_position',
  'swimlane_name',
  'project_name',
];

test('searchTasks returns all fields of a task', async () => {
  const [found, ...others] = await rpc.call<FoundTask[]>('searchTasks', project, `id:${tasks.login}`);
  expect(others).toEqual([]);
  expect(Object.keys(found as FoundTask)).toEqual(FOUND_KEYS);
  const task = await rpc.call<FoundTask>('getTask', tasks.login);
  const shared = Object.fromEntries(Object.entries(task).filter(([field]) => FOUND_KEYS.includes(field)));
  expect(found).toEqual({
    ...shared,
    nb_comments: 0,
    nb_files: 0,
    nb_subtasks: 0,
    nb_completed_subtasks: 0,
    nb_links: 0,
    nb_external_links: 0,
    is_milestone: null,
    assignee_username: alice.login,
    assignee_name: 'Alice Ант',
    assignee_email: 'alice@localhost',
    assignee_avatar_path: null,
    category_name: null,
    category_description: null,
    category_color_id: null,
    column_name: 'Open',
    column_position: 1,
    swimlane_name: 'Default swimlane',
    project_name: expect.any(String),
  });
});

describe('a query', () => {
  test.each([
    ['', ALL],
    ['   ', ALL],
    ['page', ['login', 'closed']],
    ['PAGE', ['login', 'closed']],
    ['login page', ['login']],
    ['page login', []],
    ['"login page"', ['login']],
    ['  login   page ', ['login']],
    ['войти', ['login']],
    ['100%', ['logout']],
    ['%', ['logout']],
    ['_', []],
    ['v2', ['parser']],
    ['title:page', ['login', 'closed']],
    ['title:page old', ['closed']],
    ['title:"old page" status:closed', ['closed']],
    ['page status:open', ['login']],
    ['status:open page', ['login']],
    ['login status:open page', ['login']],
    ['status:closed', ['closed']],
    ['status:1', ['login', 'logout', 'parser']],
    ['status:0', ['closed']],
    ['status:other', ALL],
    ['status:all', ALL],
    ['STATUS:closed', ['closed']],
    ['status:open status:closed', ALL],
    ['status: closed', []],
    ['status:', ALL],
    ['assignee:nobody', ['logout', 'parser', 'closed']],
    ['assignee:anybody', ['login']],
    ['assignee:"Alice Ант"', ['login']],
    ['assignee:"alice ант"', ['login']],
    ['assignee:bob', []],
    ['assignee:me', ['logout', 'parser', 'closed']],
    ['creator:alice', ['logout']],
    ['creator:nobody', ['login', 'parser', 'closed']],
    ['color:red', ['login']],
    ['colour:"Deep Orange"', ['closed']],
    ['color:deep_orange', ['closed']],
    ['color:plaid', []],
    ['column:Open', ['login', 'parser', 'closed']],
    ['column:"In progress"', ['logout']],
    ['column:open', []],
    ['description:session', ['logout']],
    ['desc:"the session"', ['logout']],
    ['reference:EXT-42', ['logout']],
    ['ref:ext*', ['logout']],
    ['ref:*4*', ['logout']],
    ['ref:EXT', []],
    ['ref:int_1', ['parser']],
    ['ref:int%1', []],
    ['ref:none', ['login', 'closed']],
    ['tag:api', ['login', 'parser']],
    ['tag:"api docs"', ['parser']],
    ['tag:none', ['logout', 'closed']],
    ['tag:web tag:docs', ['login', 'parser']],
    ['tag:api color:red', ['login']],
    ['score:5', ['login']],
    ['score:>4', ['login']],
    ['score:<=0', ['logout', 'parser', 'closed']],
    ['score:much', []],
    ['priority:2', ['logout']],
    ['priority:>=1', ['logout']],
    ['category:3', ['closed']],
    ['category:none', ['login', 'logout', 'parser']],
    ['category:Bugs', []],
    ['due:tomorrow', ['logout']],
    ['due:"+1 day"', ['logout']],
    ['due:>today', ['logout']],
    ['due:<=tomorrow', ['logout', 'closed']],
    ['due:2020-01-02', ['closed']],
    ['due:<2020-01-02', []],
    ['due:<=2020-01-02', ['closed']],
    ['due:>=2020-01-02', ['logout', 'closed']],
    ['due:>2020-01-02', ['logout']],
    ['due:none', ['login', 'parser']],
    ['due:someday', []],
    ['due:2020-02-31', []],
    ['started:2020-02-29', ['parser']],
    ['created:today', ALL],
    ['created:yesterday', []],
    ['created:<today', []],
    ['created:>"-1 week"', ALL],
    ['modified:today status:open', ['login', 'logout', 'parser']],
    ['updated:>=today', ALL],
    ['moved:today', ALL],
    ['completed:today', ['closed']],
    ['createdRange:2020-01-01..2020-02-01', []],
    ['createdRange:2020-01-01..9000-01-01', ALL],
    ['createdRange:soon..later', []],
    ['swimlane:"default swimlane"', ALL],
    ['swimlane:other', []],
    ['project:other', []],
    ['subtask:assignee:me', []],
    ['unknown:page', []],
    ['link:"is a parent of"', []],
    ['id:text', []],
    ['id:99999999999999999999', []],
    ['due:99999999999999999999', []],
    ['due:"+99999 years"', []],
    ['"', ALL],
    ["'; drop table issues --", []],
  ])('%j finds the expected tasks', async (query, expected) => {
    expect(await find(query)).toEqual(expected);
  });

  test('with a number finds the task with that id and titles that contain it', async () => {
    expect(await find(`#${tasks.parser}`)).toEqual(['parser']);
    expect(await find(`id:${tasks.login} id:${tasks.closed}`)).toEqual(['login', 'closed']);
    expect(await find(String(tasks.parser))).toContain('parser');
    expect(await find(100)).toContain('logout');
  });

  test('accepts ids of users, columns and projects', async () => {
    expect(await find(`assignee:${alice.id}`)).toEqual(['login']);
    expect(await find(`creator:${alice.id}`)).toEqual(['logout']);
    expect(await find(`column:${columns[1]}`)).toEqual(['logout']);
    expect(await find(`project:${project} color:red`)).toEqual(['login']);
    expect(await find(`project:${project + 1}`)).toEqual([]);
  });

  test('with "me" means the caller', async () => {
    const as = rpcAs(api(), alice);
    expect(await find('assignee:me', as)).toEqual(['login']);
    expect(await find('creator:me', as)).toEqual(['logout']);
    expect(await find('assignee:nobody', as)).toEqual(['logout', 'parser', 'closed']);
  });

  test('that is invalid or too long, or for an invalid project, finds nothing', async () => {
    for (const query of [[], {}, true, 'a\0b']) expect(await find(query)).toEqual([]);
    expect(await find(null)).toEqual(ALL);
    for (const value of INVALID_IDS) await expectFailure(rpc, [], 'searchTasks', value, '');
    expect(await find('tag:x '.repeat(201))).toEqual([]);
    expect(await find('tag:x '.repeat(200))).toEqual([]);
    expect(await find('x'.repeat(500_000))).toEqual([]);
  });
});

describe('links', () => {
  let queue: string;
  let linked: number;
  let hidden: string;
  let insider: GivenAccount & { readonly id: number };
  let [parent, child, milestone, secret]: GivenIssue[] = [];

  beforeAll(async () => {
    queue = (await givenQueue(db(), org)).key;
    const user = await givenUser(db(), org.orgId);
    insider = await givenAccount(db(), org);
    hidden = (await givenQueue(db(), org, [user, { ...user, id: insider.id }])).key;
    parent = await givenIssue(db(), org, queue, { summary: 'Parent' });
    child = await givenIssue(db(), org, queue, { summary: 'Child' });
    milestone = await givenIssue(db(), org, queue, { summary: 'Milestone' });
    secret = await givenIssue(db(), org, hidden, { summary: 'Secret' });
    await givenLink(db(), org, 'subtask', child, parent);
    await givenLink(db(), org, 'relates', parent, child);
    await givenLink(db(), org, 'depends', secret, parent);
    await rpc.call('createTaskLink', milestone.id, child.id, 9);
    linked = (await rpc.call<FoundTask>('getTask', parent.id))['project_id'] as number;
  });

  const titles = async (query: string, by: Rpc = rpc) =>
    (await by.call<FoundTask[]>('searchTasks', linked, query)).map((task) => task['title']);
  const links = async (by: Rpc) =>
    (await by.call<FoundTask[]>('searchTasks', linked, '')).map((task) => [
      task['title'],
      task['nb_links'],
      task['is_milestone'],
    ]);

  test('a query with link: finds the tasks at the end of the link with that label', async () => {
    expect(await titles('link:"is a parent of"')).toEqual(['Parent']);
    expect(await titles('link:"is a child of"')).toEqual(['Child']);
    expect(await titles('link:"IS A CHILD OF"')).toEqual(['Child']);
    expect(await titles('link:"relates to"')).toEqual(['Parent', 'Child']);
    expect(await titles('link:"targets milestone"')).toEqual(['Child']);
    expect(await titles('link:"is a child of" link:"is a milestone of"')).toEqual(['Child', 'Milestone']);
    expect(await titles('link:"relates to" title:par')).toEqual(['Parent']);
    expect(await titles('link:"is a%"')).toEqual([]);
    expect(await titles('link:unknown')).toEqual([]);
  });

  test('searchTasks returns the number of links, and whether a task is a milestone', async () => {
    expect(await links(rpc)).toEqual([
      ['Parent', 3, null],
      ['Child', 3, null],
      ['Milestone', 1, 1],
    ]);
  });

  test('links to tasks that the user cannot see are neither counted nor found', async () => {
    const outsider = rpcAs(api(), await givenAccount(db(), org));
    expect((await links(outsider))[0]).toEqual(['Parent', 2, null]);
    expect(await titles('link:"is blocked by"', outsider)).toEqual([]);
    expect((await links(rpcAs(api(), insider)))[0]).toEqual(['Parent', 3, null]);
    expect(await titles('link:"is blocked by"', rpcAs(api(), insider))).toEqual(['Parent']);
    expect(await titles('link:"is blocked by"')).toEqual(['Parent']);
  });

  test('searchTasks returns 403 for a project that the user, also an administrator, cannot see', async () => {
    const { project_id } = await rpc.call<FoundTask>('getTask', secret?.id);
    for (const role of ['member', 'admin'] as const) {
      const as = rpcAs(api(), await givenAccount(db(), org, role));
      await expectForbidden(as, 'searchTasks', project_id, '');
      await expectForbidden(as, 'searchTasks', MISSING_ID, '');
    }
    expect(await rpcAs(api(), insider).call('searchTasks', project_id, '')).toHaveLength(1);
  });

  test('searchTasks runs the same number of statements for any result', async () => {
    const count = (projectId: number) => countStatements(db(), () => rpc.call('searchTasks', projectId, 'status:open'));
    // The first call fills the cache with the account.
    await count(project);
    expect(await count(linked)).toBe(await count(project));
    // One for the project, and one for the tasks.
    expect(await count(linked)).toBe(2);
  });
});

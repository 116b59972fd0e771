import { beforeEach, describe, expect, test } from '@jest/globals';
import { useApi } from '../support/api.ts';
import { type Board, givenBoard, type Task } from '../support/board.ts';
import { type GivenOrganisation, givenAccount, givenOrganisation, givenQueue, givenUser } from '../support/builders.ts';
import { expectFailureByName, expectForbidden, MISSING_ID, type Rpc, rpcAs } from '../support/rpc.ts';
import { unchanged } from '../support/snapshot.ts';

/** createTask (Kanboard contract, section 6). */

const api = useApi();
const db = () => api().database.db;
let board: Board;
let org: GivenOrganisation;
let rpc: Rpc;
let queue: string;
let project: number;
let columns: number[];

beforeEach(async () => {
  board = await givenBoard(api());
  ({ org, rpc, queue, project, columns } = board);
});

const TASK_KEYS = [
  'id',
  'title',
  'description',
  'date_creation',
  'color_id',
  'project_id',
  'column_id',
  'owner_id',
  'position',
  'is_active',
  'date_completed',
  'score',
  'date_due',
  'category_id',
  'creator_id',
  'date_modification',
  'reference',
  'date_started',
  'time_spent',
  'time_estimated',
  'swimlane_id',
  'date_moved',
  'recurrence_status',
  'recurrence_trigger',
  'recurrence_factor',
  'recurrence_timeframe',
  'recurrence_basedate',
  'recurrence_parent',
  'recurrence_child',
  'priority',
  'external_provider',
  'external_uri',
  'url',
  'color',
];

describe('createTask', () => {
  test('createTask with a title and a project returns the id of a task with default values', async () => {
    const id = await rpc.call<number>('createTask', 'A', project);

    const task = await board.getTask(id);
    expect(Object.keys(task)).toEqual(TASK_KEYS);
    expect(task).toEqual({
      id,
      title: 'A',
      description: '',
      date_creation: expect.any(Number),
      color_id: 'yellow',
      project_id: project,
      column_id: columns[0],
      owner_id: 0,
      position: 1,
      is_active: 1,
      date_completed: null,
      score: 0,
      date_due: 0,
      category_id: 0,
      creator_id: 0,
      date_modification: task['date_creation'],
      reference: '',
      date_started: 0,
      time_spent: null,
      time_estimated: null,
      swimlane_id: project,
      date_moved: task['date_creation'],
      recurrence_status: 0,
      recurrence_trigger: 0,
      recurrence_factor: 0,
      recurrence_timeframe: 0,
      recurrence_basedate: 0,
      recurrence_parent: null,
      recurrence_child: null,
      priority: 0,
      external_provider: null,
      external_uri: null,
      url: `${api().url}/v2/issues/${queue}-1`,
      color: { name: 'Yellow', background: 'rgb(245, 247, 196)', border: 'rgb(223, 227, 45)' },
    });
    expect(Number.isInteger(task['date_creation'])).toBe(true);
  });

  test('createTask stores every field, with positional parameters', async () => {
    const alice = await givenUser(db(), org.orgId);
    const id = await rpc.call<number>(
      'createTask',
      'Whole',
      project,
      'red',
      columns[2],
      alice.id,
      alice.id,
      '2030-01-02 03:04',
      'About it',
      7,
      8,
      project,
      3,
      1,
      2,
      3,
      4,
      5,
      'REF-1',
      ['one', 'two', 'one', ''],
      '2029-12-31',
      1,
      2.5,
    );

    expect(await board.getTask(id)).toMatchObject({
      title: 'Whole',
      description: 'About it',
      color_id: 'red',
      color: { name: 'Red', background: 'rgb(255, 187, 187)', border: 'rgb(255, 151, 151)' },
      column_id: columns[2],
      owner_id: alice.id,
      creator_id: alice.id,
      date_due: 1_893_553_440,
      date_started: Date.UTC(2029, 11, 31) / 1000,
      category_id: 7,
      score: 8,
      priority: 3,
      recurrence_status: 1,
      recurrence_trigger: 2,
      recurrence_factor: 3,
      recurrence_timeframe: 4,
      recurrence_basedate: 5,
      reference: 'REF-1',
      time_spent: 1,
      time_estimated: 2.5,
      is_active: 1,
    });
    expect((await board.getIssue(id)).tags).toEqual(['one', 'two']);
  });

  test('the Tracker API shows the new task at once, with the next key and a changelog entry', async () => {
    const bob = await givenUser(db(), org.orgId, { display: 'Bob' });
    await board.createTask('First');
    const id = await board.createTask('Second', { description: 'Text', owner_id: bob.id, column_id: columns[1] });

    expect(await board.getIssue(id)).toMatchObject({
      key: `${queue}-2`,
      version: 1,
      summary: 'Second',
      description: 'Text',
      assignee: { display: 'Bob' },
      createdBy: { display: 'jsonrpc' },
      type: { key: 'task' },
      priority: { key: 'normal' },
    });
    expect(await board.listChanges(id)).toEqual([
      'IssueCreated key queue summary description type priority assignee status',
    ]);
  });

  test('a task created in the column of a finished status is open', async () => {
    const id = await board.createTask('Done already', { column_id: columns.at(-1) });
    expect(await board.getTask(id)).toMatchObject({ is_active: 1, date_completed: null, column_id: columns.at(-1) });
  });

  test('tasks created concurrently get consecutive positions in their column', async () => {
    await Promise.all(['A', 'B', 'C', 'D', 'E', 'F'].map((title) => board.createTask(title)));
    expect((await rpc.call<Task[]>('getAllTasks', project)).map(({ position }) => position).sort()).toEqual([
      1, 2, 3, 4, 5, 6,
    ]);
  });

  test.each([
    ['2030-01-02', Date.UTC(2030, 0, 2)],
    ['2030-01-02 03:04', Date.UTC(2030, 0, 2, 3, 4)],
    ['01/02/2030', Date.UTC(2030, 0, 2)],
    ['01/02/2030 03:04', Date.UTC(2030, 0, 2, 3, 4)],
    ['2030-01-02T03:04:05Z', Date.UTC(2030, 0, 2, 3, 4, 5)],
    ['2030-01-02T03:04:05.678+03:00', Date.UTC(2030, 0, 2, 0, 4, 5)],
    [1_893_553_440, Date.UTC(2030, 0, 2, 3, 4)],
    ['1893553440', Date.UTC(2030, 0, 2, 3, 4)],
    ['', 0],
    [0, 0],
    [null, 0],
  ])('createTask parses the date %j in UTC', async (date, time) => {
    const id = await board.createTask('Dated', { date_due: date, date_started: date });
    expect(await board.getTask(id)).toMatchObject({ date_due: time / 1000, date_started: time / 1000 });
  });

  test.each([
    { title: '' },
    { title: '   ' },
    { title: null },
    { title: ['A'] },
    { title: { a: 1 } },
    { title: 'a\0b' },
    { title: 'x'.repeat(65_536) },
    { reference: 'x'.repeat(192) },
    { reference: [] },
    { description: {} },
    { color_id: [] },
    { column_id: 'first' },
    { column_id: 1.5 },
    { score: 'high' },
    { score: 2_147_483_648 },
    { priority: [] },
    { priority: true },
    { category_id: 1.5 },
    { recurrence_status: 'x' },
    { creator_id: 'me' },
    { swimlane_id: 0 },
    { swimlane_id: 'x' },
    { date_due: 'soon' },
    { date_due: '2030-02-31' },
    { date_due: '2030-01-02 25:00' },
    { date_due: '31/12/2030' },
    { date_due: -5 },
    { date_due: 86_399 },
    { date_due: '1970-01-01 12:00' },
    { date_due: 1e15 },
    { date_due: [] },
    { date_due: '2030-01-01', date_started: '2030-01-02' },
    { time_spent: 'long' },
    { time_spent: true },
    { time_spent: -1 },
    { time_estimated: '9'.repeat(400) },
    { time_estimated: [] },
    { tags: 'one' },
    { tags: { a: 1 } },
    { tags: [['one']] },
    { tags: ['x'.repeat(256)] },
    { tags: Array.from({ length: 101 }, (_, place) => `tag ${place}`) },
  ])('createTask returns false for %j', async (params) => {
    await expectFailureByName(rpc, false, 'createTask', { title: 'A', project_id: project, ...params });
  });

  test('createTask accepts a title of 65535 and a reference of 191 characters', async () => {
    const id = await board.createTask('x'.repeat(65_535), { reference: '€'.repeat(191) });
    expect((await board.getTask(id)).title).toHaveLength(65_535);
    expect((await board.getIssue(id)).summary).toHaveLength(65_535);
  });

  test('createTask returns 0 to the application account for an unknown project, column or swimlane', async () => {
    const other = await board.getProjectId((await givenQueue(db(), org)).key);
    const [foreign] = await board.listColumnIds(other);
    await unchanged(db(), async () => {
      await expectFailureByName(rpc, 0, 'createTask', { title: 'A', project_id: MISSING_ID });
      await expectFailureByName(rpc, 0, 'createTask', { title: 'A', project_id: project, column_id: MISSING_ID });
      await expectFailureByName(rpc, 0, 'createTask', { title: 'A', project_id: project, column_id: foreign });
      await expectFailureByName(rpc, 0, 'createTask', { title: 'A', project_id: project, swimlane_id: other });
      await expectFailureByName(rpc, false, 'createTask', { title: '', project_id: MISSING_ID });
      await expectFailureByName(rpc, false, 'createTask', {
        title: 'A',
        project_id: MISSING_ID,
        owner_id: org.admin.id,
      });
      await expectFailureByName(rpc, false, 'createTask', { title: 'A', project_id: null });
      await expectFailureByName(rpc, false, 'createTask', { title: 'A', project_id: 'text' });
    });
  });

  test('an owner must be able to write: anyone but readers in an open project, managers and members in a closed one', async () => {
    const reader = await givenAccount(db(), org, 'reader');
    const member = await givenAccount(db(), org);
    const manager = await givenAccount(db(), org);
    const viewer = await givenAccount(db(), org);
    const { key: closed } = await givenQueue(db(), org, []);
    await board.giveRole(closed, member, 'member');
    await board.giveRole(closed, manager, 'manager');
    await board.giveRole(closed, viewer, 'viewer');
    const application = await db().query<{ user_id: number }>({
      name: '',
      text: 'select user_id from users where org_id = $1 and is_application',
      values: [org.orgId],
    });
    const foreigner = (await givenOrganisation(db())).admin;
    const owners = [reader, member, manager, viewer, org.admin, foreigner, { id: application[0]?.user_id }];
    const accepted = async (projectId: number) => {
      const results = [];
      for (const { id } of owners) {
        const task = await rpc.named('createTask', { title: 'A', project_id: projectId, owner_id: id });
        results.push(typeof task === 'number');
      }
      return results;
    };
    expect(await accepted(project)).toEqual([false, true, true, true, true, false, false]);
    expect(await accepted(await board.getProjectId(closed))).toEqual([false, true, true, false, false, false, false]);
    await unchanged(db(), async () => {
      for (const owner_id of [MISSING_ID, -1, '', 'alice', [], {}]) {
        await expectFailureByName(rpc, false, 'createTask', { title: 'A', project_id: project, owner_id });
      }
    });
  });

  test('a disabled or removed user cannot own a task', async () => {
    const { id } = await givenUser(db(), org.orgId);
    const set = async (assignment: string) => {
      await db().query({
        name: '',
        text: `update users set ${assignment} where org_id = $1 and user_id = $2`,
        values: [org.orgId, id],
      });
    };
    await set('is_active = false');
    await expectFailureByName(rpc, false, 'createTask', { title: 'A', project_id: project, owner_id: id });
    await set('is_active = true, removed_at = now()');
    await expectFailureByName(rpc, false, 'createTask', { title: 'A', project_id: project, owner_id: id });
  });

  test('createTask ignores creator_id when a user calls it', async () => {
    const alice = await givenAccount(db(), org);
    const task = await rpcAs(api(), alice).named<number>('createTask', {
      title: 'A',
      project_id: project,
      creator_id: org.admin.id,
    });
    expect((await board.getTask(task))['creator_id']).toBe(alice.id);
    // Kanboard stores the id of an unknown user; this server stores the application account instead.
    expect((await board.getTask(await board.createTask('B', { creator_id: MISSING_ID })))['creator_id']).toBe(0);
  });

  test('managers and members of a closed project can create tasks; viewers and non-members, administrators included, get 403', async () => {
    const { key: closed } = await givenQueue(db(), org, []);
    const closedId = await board.getProjectId(closed);
    for (const role of ['manager', 'member', 'viewer'] as const) {
      const account = await givenAccount(db(), org);
      await board.giveRole(closed, account, role);
      const as = rpcAs(api(), account);
      if (role === 'viewer') await expectForbidden(as, 'createTask', 'A', closedId);
      else expect(await as.call('createTask', 'A', closedId)).toEqual(expect.any(Number));
    }
    for (const role of ['member', 'admin', 'reader'] as const) {
      const as = rpcAs(api(), await givenAccount(db(), org, role));
      await unchanged(db(), async () => {
        await expectForbidden(as, 'createTask', 'A', closedId);
        await expectForbidden(as, 'createTask', 'A', MISSING_ID);
        // The title is not validated before the role is checked.
        await expectForbidden(as, 'createTask', '', closedId);
      });
    }
    await expectForbidden(rpcAs(api(), await givenAccount(db(), org, 'reader')), 'createTask', 'A', project);
  });
});

import { beforeEach, describe, expect, test } from '@jest/globals';
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
import { forbids, NONE, ODD, type Rpc, refuses, refusesNamed, rpcAs } from '../support/rpc.ts';
import { snapshot, unchanged } from '../support/snapshot.ts';

/** The task procedures (Kanboard contract, section 6). */

const api = useApi();
const db = () => api().database.db;
let org: GivenOrganisation;
let rpc: Rpc;
let queue: string;
let project: number;
let columns: number[];

interface Task {
  readonly id: number;
  readonly title: string;
  readonly column_id: number;
  readonly position: number;
  readonly [field: string]: unknown;
}

beforeEach(async () => {
  org = await givenOrganisation(db(), { profile: 'kanboard', language: 'en' });
  rpc = rpcAs(api(), await givenApplication(db(), org));
  queue = await givenQueue(db(), org);
  project = await numberOf(queue);
  columns = await columnsOf(project);
});

async function numberOf(key: string): Promise<number> {
  const [row] = await db().query<{ queue_id: number }>({
    name: '',
    text: 'select queue_id from queues where org_id = $1 and key = $2',
    values: [org.orgId, key],
  });
  return (row as { queue_id: number }).queue_id;
}

async function columnsOf(projectId: number): Promise<number[]> {
  const rows = await db().query<{ column_id: number }>({
    name: '',
    text: 'select column_id from columns where org_id = $1 and queue_id = $2 order by position',
    values: [org.orgId, projectId],
  });
  return rows.map(({ column_id }) => column_id);
}

async function givenRole(key: string, { id }: { readonly id: number }, role: 'manager' | 'member' | 'viewer') {
  await db().query({
    name: '',
    text: `
      insert into queue_members (org_id, queue_id, user_id, role)
      select $1, queue_id, $3, $4 from queues where org_id = $1 and key = $2`,
    values: [org.orgId, key, id, role],
  });
}

async function create(title: string, params: object = {}): Promise<number> {
  return await rpc.named<number>('createTask', { title, project_id: project, ...params });
}

const read = (id: number) => rpc.call<Task>('getTask', id);

async function keyOf(id: number): Promise<string> {
  return ((await read(id))['url'] as string).split('/').at(-1) as string;
}

async function issue(id: number) {
  const { body } = await api()
    .request.get(`/v2/issues/${await keyOf(id)}`)
    .set(org.admin.headers)
    .expect(200);
  return body;
}

async function changelog(id: number): Promise<{ type: string; fields?: { field: { id: string } }[] }[]> {
  const { body } = await api()
    .request.get(`/v2/issues/${await keyOf(id)}/changelog`)
    .set(org.admin.headers)
    .expect(200);
  return body;
}

/** Type of each entry, with the fields that it names. */
async function changes(id: number): Promise<string[]> {
  return (await changelog(id)).map(({ type, fields = [] }) => [type, ...fields.map(({ field }) => field.id)].join(' '));
}

/** The open tasks of a column in their order, with their places. */
async function column(place: number): Promise<string> {
  const tasks = await rpc.call<Task[]>('getAllTasks', project);
  return tasks
    .filter(({ column_id }) => column_id === columns[place])
    .sort((left, right) => left.position - right.position)
    .map(({ title, position }) => `${title}${position}`)
    .join(' ');
}

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
  test('a task of a title and a project is answered by its number, and read back field by field', async () => {
    const id = await rpc.call<number>('createTask', 'A', project);

    const task = await read(id);
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

  test('every field that is given comes back, by position too', async () => {
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

    expect(await read(id)).toMatchObject({
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
    expect((await issue(id)).tags).toEqual(['one', 'two']);
  });

  test('Tracker shows the task at once, under the next key, with the event of its creation', async () => {
    const bob = await givenUser(db(), org.orgId, { display: 'Bob' });
    await create('First');
    const id = await create('Second', { description: 'Text', owner_id: bob.id, column_id: columns[1] });

    expect(await issue(id)).toMatchObject({
      key: `${queue}-2`,
      version: 1,
      summary: 'Second',
      description: 'Text',
      assignee: { display: 'Bob' },
      createdBy: { display: 'jsonrpc' },
      type: { key: 'task' },
      priority: { key: 'normal' },
    });
    expect(await changes(id)).toEqual(['IssueCreated key queue summary description type priority assignee status']);
  });

  test('a task in a column of a finished status is open all the same', async () => {
    const id = await create('Done already', { column_id: columns.at(-1) });
    expect(await read(id)).toMatchObject({ is_active: 1, date_completed: null, column_id: columns.at(-1) });
  });

  test('tasks stand in their column in the order in which they came, also when many come at once', async () => {
    await Promise.all(['A', 'B', 'C', 'D', 'E', 'F'].map((title) => create(title)));
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
  ])('the date %j is a moment in UTC', async (date, time) => {
    const id = await create('Dated', { date_due: date, date_started: date });
    expect(await read(id)).toMatchObject({ date_due: time / 1000, date_started: time / 1000 });
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
  ])('%j is no field of a task', async (params) => {
    await refusesNamed(rpc, false, 'createTask', { title: 'A', project_id: project, ...params });
  });

  test('the longest title and reference that there can be are taken', async () => {
    const id = await create('x'.repeat(65_535), { reference: '€'.repeat(191) });
    expect((await read(id)).title).toHaveLength(65_535);
    expect((await issue(id)).summary).toHaveLength(65_535);
  });

  test('without a project, a column or a swimlane the application gets 0', async () => {
    const other = await numberOf(await givenQueue(db(), org));
    const [foreign] = await columnsOf(other);
    await unchanged(db(), async () => {
      await refusesNamed(rpc, 0, 'createTask', { title: 'A', project_id: NONE });
      await refusesNamed(rpc, 0, 'createTask', { title: 'A', project_id: project, column_id: NONE });
      await refusesNamed(rpc, 0, 'createTask', { title: 'A', project_id: project, column_id: foreign });
      await refusesNamed(rpc, 0, 'createTask', { title: 'A', project_id: project, swimlane_id: other });
      await refusesNamed(rpc, false, 'createTask', { title: '', project_id: NONE });
      await refusesNamed(rpc, false, 'createTask', { title: 'A', project_id: NONE, owner_id: org.admin.id });
      await refusesNamed(rpc, false, 'createTask', { title: 'A', project_id: null });
      await refusesNamed(rpc, false, 'createTask', { title: 'A', project_id: 'text' });
    });
  });

  test('in an open project everybody but readers can own a task, in a closed one its managers and members', async () => {
    const reader = await givenAccount(db(), org, 'reader');
    const member = await givenAccount(db(), org);
    const manager = await givenAccount(db(), org);
    const viewer = await givenAccount(db(), org);
    const closed = await givenQueue(db(), org, []);
    await givenRole(closed, member, 'member');
    await givenRole(closed, manager, 'manager');
    await givenRole(closed, viewer, 'viewer');
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
    expect(await accepted(await numberOf(closed))).toEqual([false, true, true, false, false, false, false]);
    await unchanged(db(), async () => {
      for (const owner_id of [NONE, -1, '', 'alice', [], {}]) {
        await refusesNamed(rpc, false, 'createTask', { title: 'A', project_id: project, owner_id });
      }
    });
  });

  test('who is disabled or removed cannot own a task', async () => {
    const { id } = await givenUser(db(), org.orgId);
    const set = async (assignment: string) => {
      await db().query({
        name: '',
        text: `update users set ${assignment} where org_id = $1 and user_id = $2`,
        values: [org.orgId, id],
      });
    };
    await set('is_active = false');
    await refusesNamed(rpc, false, 'createTask', { title: 'A', project_id: project, owner_id: id });
    await set('is_active = true, removed_at = now()');
    await refusesNamed(rpc, false, 'createTask', { title: 'A', project_id: project, owner_id: id });
  });

  test('a user makes tasks of their own, whoever they say it is from', async () => {
    const alice = await givenAccount(db(), org);
    const task = await rpcAs(api(), alice).named<number>('createTask', {
      title: 'A',
      project_id: project,
      creator_id: org.admin.id,
    });
    expect((await read(task))['creator_id']).toBe(alice.id);
    // Kanboard keeps the number of a user that there is not; here the application stands in.
    expect((await read(await create('B', { creator_id: NONE })))['creator_id']).toBe(0);
  });

  test('members and managers of a project make tasks; viewers, outsiders and administrators outside do not', async () => {
    const closed = await givenQueue(db(), org, []);
    const closedId = await numberOf(closed);
    for (const role of ['manager', 'member', 'viewer'] as const) {
      const account = await givenAccount(db(), org);
      await givenRole(closed, account, role);
      const as = rpcAs(api(), account);
      if (role === 'viewer') await forbids(as, 'createTask', 'A', closedId);
      else expect(await as.call('createTask', 'A', closedId)).toEqual(expect.any(Number));
    }
    for (const role of ['member', 'admin', 'reader'] as const) {
      const as = rpcAs(api(), await givenAccount(db(), org, role));
      await unchanged(db(), async () => {
        await forbids(as, 'createTask', 'A', closedId);
        await forbids(as, 'createTask', 'A', NONE);
        // Before anything else is looked at.
        await forbids(as, 'createTask', '', closedId);
      });
    }
    await forbids(rpcAs(api(), await givenAccount(db(), org, 'reader')), 'createTask', 'A', project);
  });
});

describe('getTask, getTaskByReference and getAllTasks', () => {
  test('a task that Tracker made is a task', async () => {
    const assignee = await givenUser(db(), org.orgId);
    const { id, key } = await givenIssue(db(), org, queue, { summary: 'From Tracker', assignee });
    expect(await rpc.call('getTask', String(id))).toMatchObject({
      id,
      title: 'From Tracker',
      owner_id: assignee.id,
      creator_id: org.admin.id,
      url: `${api().url}/v2/issues/${key}`,
    });
  });

  test('a colour that Kanboard does not know is kept, and looks yellow', async () => {
    const id = await create('A', { color_id: 'plaid' });
    expect(await read(id)).toMatchObject({ color_id: 'plaid', color: { name: 'Yellow' } });
  });

  test.each(ODD)('there is no task %j', async (id) => {
    await unchanged(db(), async () => {
      await refusesNamed(rpc, null, 'getTask', { task_id: id });
      await refusesNamed(rpc, null, 'getTaskByReference', { project_id: id, reference: 'R' });
      await refusesNamed(rpc, [], 'getAllTasks', { project_id: id });
    });
  });

  test('a reference names the first task of the project that has it', async () => {
    const first = await create('A', { reference: 'R-1' });
    await create('B', { reference: 'R-1' });
    await create('C', { reference: '42' });
    const found = await rpc.call<Task>('getTaskByReference', project, 'R-1');
    expect(found).toEqual(await read(first));
    expect(await rpc.call('getTaskByReference', project, 42)).toMatchObject({ title: 'C' });
    await unchanged(db(), async () => {
      for (const reference of ['r-1', 'R-2', '', null, [], 'R\0']) {
        await refusesNamed(rpc, null, 'getTaskByReference', { project_id: project, reference });
      }
    });
    const other = await numberOf(await givenQueue(db(), org));
    await refusesNamed(rpc, null, 'getTaskByReference', { project_id: other, reference: 'R-1' });
  });

  test('all tasks are the open or the closed ones, by number', async () => {
    const ids = [await create('A'), await create('B'), await create('C')];
    await rpc.call('closeTask', ids[1]);
    const list = async (...params: unknown[]) => {
      const tasks = await rpc.call<Task[]>('getAllTasks', project, ...params);
      return tasks.map(({ id }) => id);
    };
    expect(await list()).toEqual([ids[0], ids[2]]);
    expect(await list(1)).toEqual([ids[0], ids[2]]);
    expect(await list('0')).toEqual([ids[1]]);
    expect(await rpc.call('getAllTasks', project, 0)).toEqual([await read(ids[1] as number)]);
    for (const status of [2, -1, 'open', null, []]) expect(await list(status)).toEqual([]);
  });

  test('any role in a project reads its tasks, and nobody else does, administrators neither', async () => {
    const closed = await givenQueue(db(), org, []);
    const closedId = await numberOf(closed);
    const { id } = await givenIssue(db(), org, closed);
    for (const role of ['manager', 'member', 'viewer'] as const) {
      const account = await givenAccount(db(), org);
      await givenRole(closed, account, role);
      const as = rpcAs(api(), account);
      expect(await as.call('getTask', id)).toMatchObject({ id });
      expect(await as.call('getAllTasks', closedId)).toHaveLength(1);
      expect(await as.call('getTaskByReference', closedId, 'R')).toBeNull();
    }
    for (const role of ['member', 'admin'] as const) {
      const as = rpcAs(api(), await givenAccount(db(), org, role));
      await unchanged(db(), async () => {
        for (const task of [id, NONE]) await forbids(as, 'getTask', task);
        for (const hidden of [closedId, NONE, 'text']) {
          await forbids(as, 'getAllTasks', hidden);
          await forbids(as, 'getAllTasks', hidden, 7);
          await forbids(as, 'getTaskByReference', hidden, 'R');
        }
      });
    }
    const reader = rpcAs(api(), await givenAccount(db(), org, 'reader'));
    expect(await reader.call('getAllTasks', project)).toEqual([]);
  });
});

describe('updateTask', () => {
  let id: number;

  beforeEach(async () => {
    id = await create('Before', {
      description: 'Old',
      tags: ['old'],
      date_due: '2030-01-02',
      reference: 'R',
      score: 1,
    });
  });

  test('what is given changes, by position too, and what is null stays', async () => {
    const alice = await givenUser(db(), org.orgId);
    const before = await read(id);
    const params = [
      id,
      'After',
      'blue',
      alice.id,
      null,
      null,
      4,
      null,
      5,
      1,
      2,
      3,
      4,
      5,
      null,
      ['new'],
      '2029-01-01',
      1.5,
      2,
    ];
    expect(await rpc.call('updateTask', ...params)).toBe(true);
    expect(await read(id)).toEqual({
      ...before,
      title: 'After',
      color_id: 'blue',
      color: { name: 'Blue', background: 'rgb(219, 235, 255)', border: 'rgb(168, 207, 255)' },
      owner_id: alice.id,
      category_id: 4,
      priority: 5,
      recurrence_status: 1,
      recurrence_trigger: 2,
      recurrence_factor: 3,
      recurrence_timeframe: 4,
      recurrence_basedate: 5,
      date_started: Date.UTC(2029, 0, 1) / 1000,
      time_spent: 1.5,
      time_estimated: 2,
      date_modification: expect.any(Number),
    });
    expect(await issue(id)).toMatchObject({ summary: 'After', version: 2, tags: ['new'], description: 'Old' });
    expect((await changes(id)).slice(1)).toEqual(['IssueUpdated summary assignee tags']);
  });

  test('each write of the other face is kept', async () => {
    await api()
      .request.patch(`/v2/issues/${await keyOf(id)}`)
      .set(org.admin.headers)
      .send({ summary: 'By Tracker', status: 'inProgress' })
      .expect(200);
    expect(await rpc.named('updateTask', { id, reference: 'R2' })).toBe(true);
    expect(await read(id)).toMatchObject({ title: 'By Tracker', reference: 'R2', score: 1, column_id: columns[1] });
    const { body } = await api()
      .request.patch(`/v2/issues/${await keyOf(id)}`)
      .set(org.admin.headers)
      .send({ description: null })
      .expect(200);
    expect(body.version).toBe(4);
    expect(await read(id)).toMatchObject({ description: '', reference: 'R2', date_due: Date.UTC(2030, 0, 2) / 1000 });
  });

  test('empty values clear, and 0 is an owner who is nobody', async () => {
    const alice = await givenUser(db(), org.orgId);
    await rpc.named('updateTask', { id, owner_id: alice.id, time_spent: 3 });
    const cleared = {
      id,
      owner_id: 0,
      description: '',
      tags: [],
      date_due: '',
      reference: '',
      score: '',
      time_spent: 0,
    };
    expect(await rpc.named('updateTask', cleared)).toBe(true);
    expect(await read(id)).toMatchObject({
      owner_id: 0,
      description: '',
      date_due: 0,
      reference: '',
      score: 0,
      time_spent: 0,
    });
    expect(await issue(id)).not.toHaveProperty('tags');
    expect((await changes(id)).slice(1)).toEqual(['IssueUpdated assignee', 'IssueUpdated description assignee tags']);
  });

  test('nothing new is true and writes nothing; a field that Tracker does not know raises the version alone', async () => {
    const before = await snapshot(db());
    expect(await rpc.call('updateTask', id)).toBe(true);
    expect(
      await rpc.named('updateTask', { id, title: 'Before', tags: ['old'], score: '1', date_due: '2030-01-02' }),
    ).toBe(true);
    expect(await snapshot(db())).toEqual(before);
    expect(await rpc.named('updateTask', { id, color_id: 'red' })).toBe(true);
    expect((await issue(id)).version).toBe(2);
    expect(await changes(id)).toHaveLength(1);
  });

  test('a closed task changes and stays closed', async () => {
    await rpc.call('closeTask', id);
    const { date_completed } = await read(id);
    expect(await rpc.named('updateTask', { id, title: 'After' })).toBe(true);
    expect(await read(id)).toMatchObject({ title: 'After', is_active: 0, date_completed });
  });

  test.each([
    { title: '' },
    { title: ' ' },
    { title: [] },
    { title: 'x'.repeat(65_536) },
    { owner_id: NONE },
    { owner_id: '' },
    { owner_id: [] },
    { date_due: 'soon' },
    { tags: 'one' },
    { score: 'x' },
    { reference: 'x'.repeat(192) },
    { time_estimated: 'x' },
    { date_due: 1, date_started: 2 },
  ])('%j is no change', async (params) => {
    await refusesNamed(rpc, false, 'updateTask', { id, ...params });
  });

  test('there must be the task, and a user must be able to change it', async () => {
    await unchanged(db(), async () => {
      for (const odd of ODD) await refusesNamed(rpc, false, 'updateTask', { id: odd, title: 'A' });
    });
    const closed = await givenQueue(db(), org, []);
    const hidden = await givenIssue(db(), org, closed);
    const member = await givenAccount(db(), org);
    await unchanged(db(), async () => {
      for (const task of [hidden.id, NONE]) {
        await forbids(rpcAs(api(), member), 'updateTask', task, 'A');
        await forbids(rpcAs(api(), member), 'updateTask', task, '');
      }
    });
    await givenRole(closed, member, 'viewer');
    await forbids(rpcAs(api(), member), 'updateTask', hidden.id, 'A');
    await forbids(rpcAs(api(), await givenAccount(db(), org, 'reader')), 'updateTask', id, 'A');
    const other = await givenAccount(db(), org);
    await givenRole(closed, other, 'member');
    expect(await rpcAs(api(), other).call('updateTask', hidden.id, 'A')).toBe(true);
    expect(await rpcAs(api(), other).named('updateTask', { id: hidden.id, owner_id: member.id })).toBe(false);
  });
});

describe('moveTaskPosition', () => {
  let ids: number[];

  beforeEach(async () => {
    ids = [];
    for (const title of ['A', 'B', 'C', 'D']) ids.push(await create(title));
  });

  const move = (place: number, columnPlace: number, position: unknown) =>
    rpc.call('moveTaskPosition', project, ids[place], columns[columnPlace], position, project);

  test('a task comes to a place in its column, and the others make room', async () => {
    expect(await move(3, 0, 1)).toBe(true);
    expect(await column(0)).toBe('D1 A2 B3 C4');
    expect(await move(3, 0, '3')).toBe(true);
    expect(await column(0)).toBe('A1 B2 D3 C4');
    expect(await move(0, 0, 99)).toBe(true);
    expect(await column(0)).toBe('B1 D2 C3 A4');
    expect((await issue(ids[0] as number)).version).toBe(1);
  });

  test('in another column it has that status in Tracker, and stays open', async () => {
    expect(await move(1, 1, 1)).toBe(true);
    expect(await move(2, 1, 1)).toBe(true);
    expect([await column(0), await column(1)]).toEqual(['A1 D2', 'C1 B2']);
    expect(await issue(ids[1] as number)).toMatchObject({
      version: 2,
      status: { key: 'inProgress' },
      previousStatus: { key: 'open' },
    });
    expect((await changes(ids[1] as number)).slice(1)).toEqual(['IssueWorkflow status']);
    expect(await move(1, 4, 5)).toBe(true);
    expect(await read(ids[1] as number)).toMatchObject({
      column_id: columns[4],
      position: 1,
      is_active: 1,
      date_completed: null,
    });
    expect((await issue(ids[1] as number)).status.key).toBe('closed');
  });

  test('a closed task moves and stays closed, and has no place among the open ones', async () => {
    await rpc.call('closeTask', ids[0]);
    const { date_completed } = await read(ids[0] as number);
    expect(await move(0, 1, 1)).toBe(true);
    expect(await read(ids[0] as number)).toMatchObject({ is_active: 0, date_completed, column_id: columns[1] });
    expect(await move(1, 1, 1)).toBe(true);
    expect([await column(0), await column(1)]).toEqual(['C1 D2', 'B1']);
  });

  test('what is not there, is odd, or would change nothing is false', async () => {
    const other = await numberOf(await givenQueue(db(), org));
    const [foreignColumn] = await columnsOf(other);
    const whole = { project_id: project, task_id: ids[1], column_id: columns[0], position: 1, swimlane_id: project };
    const cases = [
      { position: 2 },
      { project_id: other },
      { column_id: foreignColumn },
      { swimlane_id: other },
      { project_id: other, column_id: foreignColumn, swimlane_id: other },
      ...ODD.flatMap((odd) => [{ task_id: odd }, { column_id: odd }, { project_id: odd }]),
      ...ODD.filter((odd) => !Number.isInteger(odd) || Number(odd) < 1).map((odd) => ({ position: odd })),
      ...['text', -1, 1.5, NONE].map((odd) => ({ swimlane_id: odd })),
    ];
    await unchanged(db(), async () => {
      for (const params of cases) await refusesNamed(rpc, false, 'moveTaskPosition', { ...whole, ...params });
    });
    expect(await rpc.named('moveTaskPosition', { ...whole, swimlane_id: 0 })).toBe(true);
  });

  test('the project must be one that the user may change, and the task one of it', async () => {
    const closed = await givenQueue(db(), org, []);
    const hidden = await givenIssue(db(), org, closed);
    const closedId = await numberOf(closed);
    const [hiddenColumn] = await columnsOf(closedId);
    const member = rpcAs(api(), await givenAccount(db(), org));
    const reader = rpcAs(api(), await givenAccount(db(), org, 'reader'));
    await unchanged(db(), async () => {
      await forbids(member, 'moveTaskPosition', closedId, hidden.id, hiddenColumn, 1, closedId);
      await forbids(member, 'moveTaskPosition', NONE, ids[0], columns[0], 0, project);
      await forbids(reader, 'moveTaskPosition', project, ids[0], columns[0], 2, project);
    });
    await refuses(member, false, 'moveTaskPosition', project, hidden.id, columns[0], 2, project);
    await refuses(member, false, 'moveTaskPosition', project, NONE, columns[0], 2, project);
    expect(await member.call('moveTaskPosition', project, ids[0], columns[0], 2, project)).toBe(true);
  });

  test('places stay whole when many move at once, and Tracker too', async () => {
    const key = await keyOf(ids[3] as number);
    const moves = Array.from({ length: 24 }, (_, turn) => move(turn % 4, turn % 3, 1 + (turn % 2)));
    const writes = ['inProgress', 'open', 'needInfo'].map(async (status) => {
      const answer = await api().request.patch(`/v2/issues/${key}`).set(org.admin.headers).send({ status });
      return answer.status === 200;
    });
    const results = await Promise.all([...moves, ...writes]);
    expect(results.every((result) => typeof result === 'boolean')).toBe(true);
    // Before a move below numbers a column anew.
    const open = await rpc.call<Task[]>('getAllTasks', project);
    const taken = open.map(({ column_id, position }) => `${column_id} ${position}`);
    expect(open).toHaveLength(4);
    expect([...new Set(taken)]).toEqual(taken);

    for (const place of [0, 1, 2]) await move(3, place, 1);
    for (const place of [0, 1, 2]) {
      const places = (await column(place)).split(' ').filter((task) => task !== '');
      expect(places.map((task) => Number(task.slice(1)))).toEqual(places.map((_, index) => index + 1));
    }
  });
});

describe('closeTask and openTask', () => {
  let id: number;

  beforeEach(async () => {
    id = await create('A', { column_id: columns[1] });
  });

  test('a task is closed and opened where it stands', async () => {
    expect(await rpc.call('closeTask', id)).toBe(true);
    const closed = await read(id);
    expect(closed).toMatchObject({ is_active: 0, date_completed: expect.any(Number), column_id: columns[1] });
    expect(closed['date_completed']).toBeGreaterThan(1_700_000_000);
    expect(await issue(id)).toMatchObject({ version: 2, status: { key: 'inProgress' } });
    expect(await rpc.call('openTask', id)).toBe(true);
    expect(await read(id)).toMatchObject({ is_active: 1, date_completed: 0, column_id: columns[1] });
    // The changelog has no field for it, but notes that something happened.
    expect((await changes(id)).slice(1)).toEqual(['IssueWorkflow', 'IssueWorkflow']);
  });

  test('one that is so already is left as it is', async () => {
    const before = await snapshot(db());
    expect(await rpc.call('openTask', id)).toBe(true);
    expect(await snapshot(db())).toEqual(before);
    await rpc.call('closeTask', id);
    const closed = await snapshot(db());
    expect(await rpc.call('closeTask', id)).toBe(true);
    expect(await snapshot(db())).toEqual(closed);
  });

  test('an issue that Tracker finished is a closed task, and can be opened', async () => {
    await api()
      .request.patch(`/v2/issues/${await keyOf(id)}`)
      .set(org.admin.headers)
      .send({ status: 'closed' })
      .expect(200);
    expect(await read(id)).toMatchObject({ is_active: 0, date_completed: expect.any(Number), column_id: columns[4] });
    expect(await rpc.call('openTask', id)).toBe(true);
    expect(await read(id)).toMatchObject({ is_active: 1, column_id: columns[4] });
  });
});

describe('removeTask', () => {
  test('a task goes with its links, and the other ends note it', async () => {
    const [a, b] = [await givenIssue(db(), org, queue), await givenIssue(db(), org, queue)];
    await givenLink(db(), org, 'depends', a, b);
    const member = rpcAs(api(), await givenAccount(db(), org));
    expect(await member.call('removeTask', a.id)).toBe(true);
    expect(await rpc.call('getTask', a.id)).toBeNull();
    expect(await rpc.call('getAllTaskLinks', b.id)).toEqual([]);
    expect(await changes(b.id)).toEqual(['IssueUnlinked']);
    await api().request.get(`/v2/issues/${a.key}`).set(org.admin.headers).expect(404);
    await refuses(rpc, false, 'removeTask', a.id);
    await forbids(member, 'removeTask', a.id);
  });
});

describe.each(['openTask', 'closeTask', 'removeTask'])('%s', (method) => {
  test('there must be the task, and a user must be able to change it', async () => {
    await unchanged(db(), async () => {
      for (const odd of ODD) await refuses(rpc, false, method, odd);
    });
    const closed = await givenQueue(db(), org, []);
    const hidden: GivenIssue = await givenIssue(db(), org, closed);
    const viewer: GivenAccount & { readonly id: number } = await givenAccount(db(), org);
    await givenRole(closed, viewer, 'viewer');
    const accounts = [viewer, await givenAccount(db(), org), await givenAccount(db(), org, 'admin')];
    await unchanged(db(), async () => {
      for (const account of accounts) await forbids(rpcAs(api(), account), method, hidden.id);
    });
    const open = await givenIssue(db(), org, queue);
    await forbids(rpcAs(api(), await givenAccount(db(), org, 'reader')), method, open.id);
    await forbids(rpcAs(api(), viewer), method, NONE);
    const member = await givenAccount(db(), org);
    await givenRole(closed, member, 'member');
    expect(await rpcAs(api(), member).call(method, hidden.id)).toBe(true);
  });
});

import { beforeEach, expect, test } from '@jest/globals';
import { useApi } from '../support/api.ts';
import { type Board, givenBoard } from '../support/board.ts';
import { givenAccount, givenQueue } from '../support/builders.ts';
import { expectForbidden, INVALID_IDS, MISSING_ID, rpcAs } from '../support/rpc.ts';

/** The board of a project, a user's dashboard, and the only swimlane of each project. */

const api = useApi();
let board: Board;

beforeEach(async () => {
  board = await givenBoard(api());
});

interface BoardTask {
  readonly id: number;
  readonly title: string;
  readonly is_draggable: boolean;
  readonly tags: readonly object[];
}
interface Swimlane {
  readonly columns: readonly { readonly title: string; readonly tasks: readonly BoardTask[] }[];
}

const SWIMLANE_KEYS = 'id name position is_active project_id description task_limit';
const COLUMN_KEYS =
  'id title position task_limit description hide_in_dashboard project_id nb_open_tasks tasks nb_tasks score column_nb_open_tasks nb_visible_tasks_across_swimlane nb_unfiltered_tasks_across_swimlane cumulative_score_across_swimlane';

test('getBoard returns the columns in order with their open and closed tasks by position', async () => {
  const { rpc, project, columns, org } = board;
  const alice = await givenAccount(rpc.db, org);
  const category = await rpc.call<number>('createCategory', project, 'Web', 'blue');
  const first = await board.createTask('First', { score: 3 });
  const closed = await board.createTask('Closed', { score: 4 });
  await rpc.call('closeTask', closed);
  const tagged = { owner_id: alice.id, category_id: category, tags: ['b', 'a'], column_id: columns[2], score: 2 };
  const last = await board.createTask('Last', tagged);
  await board.createTask('Before it', { column_id: columns[2] });
  await rpc.call('moveTaskPosition', project, last, columns[2], 2, 0);
  await rpc.call('createTaskLink', first, last, 1);
  await rpc.call('updateColumn', columns[0], 'Inbox', 5, 'New ones');
  const { id: other } = await givenQueue(rpc.db, org);
  await rpc.named('createTask', { title: 'Elsewhere', project_id: other });

  const [swimlane, ...others] = await rpc.call<Swimlane[]>('getBoard', String(project));
  expect(others).toEqual([]);
  expect(swimlane).toEqual({
    id: project,
    name: 'Default swimlane',
    position: 1,
    is_active: 1,
    project_id: project,
    description: '',
    task_limit: 0,
    columns: expect.any(Array),
    nb_swimlanes: 1,
    nb_columns: 5,
    nb_tasks: 4,
    score: 9,
  });
  expect(Object.keys(swimlane ?? {}).join(' ')).toBe(`${SWIMLANE_KEYS} columns nb_swimlanes nb_columns nb_tasks score`);
  const [inbox, progress, info] = swimlane?.columns ?? [];
  expect(Object.keys(inbox ?? {}).join(' ')).toBe(COLUMN_KEYS);
  expect(inbox).toEqual({
    id: columns[0],
    title: 'Inbox',
    position: 1,
    task_limit: 5,
    description: 'New ones',
    hide_in_dashboard: 0,
    project_id: project,
    nb_open_tasks: 1,
    tasks: [expect.objectContaining({ id: first, nb_links: 1 }), expect.objectContaining({ id: closed, is_active: 0 })],
    nb_tasks: 2,
    score: 7,
    column_nb_open_tasks: 1,
    nb_visible_tasks_across_swimlane: 2,
    nb_unfiltered_tasks_across_swimlane: 1,
    cumulative_score_across_swimlane: 7,
  });
  expect(progress).toMatchObject({ title: 'In progress', tasks: [], nb_tasks: 0, score: 0 });
  expect(info?.tasks.map(({ title }) => title)).toEqual(['Before it', 'Last']);

  const [found] = await rpc.call<object[]>('searchTasks', project, 'category:Web');
  const tags = (await rpc.call<{ id: number; name: string }[]>('getTagsByProject', project)).map(({ id, name }) => ({
    id,
    name,
    color_id: null,
    task_id: last,
  }));
  expect(tags.map(({ name }) => name)).toEqual(['a', 'b']);
  expect(info?.tasks[1]).toEqual({ ...found, tags, is_draggable: false });
  expect(Object.keys(info?.tasks[1] ?? {})).toEqual([...Object.keys(found ?? {}), 'tags', 'is_draggable']);
  const [tag] = info?.tasks[1]?.tags ?? [];
  expect(Object.keys(tag ?? {}).join(' ')).toBe('id name color_id task_id');
});

test('getBoard says which tasks the account may move, and hides the board from strangers', async () => {
  const { rpc, org } = board;
  const project = await rpc.call<number>('createProject', 'Closed');
  const task = await rpc.named<number>('createTask', { title: 'Task', project_id: project });
  const done = await rpc.named<number>('createTask', { title: 'Done', project_id: project });
  await rpc.call('closeTask', done);
  const [member, viewer, stranger] = [
    await givenAccount(rpc.db, org),
    await givenAccount(rpc.db, org),
    await givenAccount(rpc.db, org, 'admin'),
  ];
  await rpc.call('addProjectUser', project, member.id);
  await rpc.call('addProjectUser', project, viewer.id, 'project-viewer');
  const draggable = async (account: typeof member) => {
    const [swimlane] = await rpcAs(api(), account).call<Swimlane[]>('getBoard', project);
    return swimlane?.columns[0]?.tasks.filter(({ is_draggable }) => is_draggable).map(({ id }) => id);
  };
  expect(await draggable(member)).toEqual([task]);
  expect(await draggable(viewer)).toEqual([]);
  for (const id of [project, MISSING_ID]) await expectForbidden(rpcAs(api(), stranger), 'getBoard', id);
});

test('getBoard is empty for a project without columns and for invalid ids', async () => {
  const { rpc, project, columns } = board;
  for (const id of INVALID_IDS) expect([id, await rpc.call('getBoard', id)]).toEqual([id, []]);
  for (const column of columns) await rpc.call('removeColumn', column);
  expect(await rpc.call('getBoard', project)).toEqual([]);
});

test("getBoard and getMyDashboard do not count links to hidden tasks, nor others' hidden comments", async () => {
  const { rpc, project, org } = board;
  const closed = await rpc.call<number>('createProject', 'Closed');
  const hidden = await rpc.named<number>('createTask', { title: 'Hidden', project_id: closed });
  const user = await givenAccount(rpc.db, org);
  const task = await board.createTask('Task', { owner_id: user.id });
  await rpc.call('createTaskLink', task, hidden, 1);
  await rpc.call('createComment', task, 0, 'For administrators', '', 'app-admin');
  const mine = rpcAs(api(), user);
  const [swimlane] = await mine.call<Swimlane[]>('getBoard', project);
  expect(swimlane?.columns[0]?.tasks).toMatchObject([{ id: task, nb_links: 0, nb_comments: 0, is_draggable: true }]);
  expect(await mine.call('getMyDashboard')).toMatchObject([{ id: task, nb_links: 0, nb_comments: 0 }]);
});

test('getMyDashboard lists the open tasks of the user in active projects that the user may see', async () => {
  const { rpc, project, org } = board;
  const user = await givenAccount(rpc.db, org);
  const mine = rpcAs(api(), user);
  expect(await mine.call('getMyDashboard')).toEqual([]);
  const create = (title: string, params: object = {}) =>
    rpc.named<number>('createTask', { title, project_id: project, owner_id: user.id, ...params });
  const second = await create('Second', { column_id: board.columns[1], tags: ['one'] });
  const first = await create('First');
  await rpc.call('closeTask', await create('Closed'));
  await create("Nobody's", { owner_id: 0 });
  const own = await mine.call<number>('createMyPrivateProject', 'Own');
  const third = await mine.named<number>('createTask', { title: 'Third', project_id: own, owner_id: user.id });
  const { id: disabled } = await givenQueue(rpc.db, org);
  await create('Disabled', { project_id: disabled });
  await rpc.call('disableProject', disabled);
  const left = await rpc.call<number>('createProject', 'Left');
  await rpc.call('addProjectUser', left, user.id);
  await create('Left', { project_id: left });
  await rpc.call('removeProjectUser', left, user.id);

  const tasks = await mine.call<BoardTask[]>('getMyDashboard');
  expect(tasks.map(({ id }) => id)).toEqual([second, first, third]);
  const [found] = await mine.call<object[]>('searchTasks', project, 'Second');
  expect(tasks[0]).toEqual({
    ...found,
    tags: [{ id: expect.any(Number), name: 'one', color_id: null, task_id: second }],
    subtasks: [],
  });
  expect(Object.keys(tasks[0] ?? {})).toEqual([...Object.keys(found ?? {}), 'tags', 'subtasks']);
  await expectForbidden(rpc, 'getMyDashboard');
});

test('the swimlane of a project is found by its id, which is that of the project, and by its name', async () => {
  const { rpc, project, org } = board;
  const swimlane = {
    id: project,
    name: 'Default swimlane',
    position: 1,
    is_active: 1,
    project_id: project,
    description: '',
    task_limit: 0,
  };
  for (const method of ['getActiveSwimlanes', 'getAllSwimlanes']) {
    expect(await rpc.call(method, project)).toEqual([swimlane]);
    for (const id of INVALID_IDS) expect([id, await rpc.call(method, id)]).toEqual([id, []]);
  }
  for (const method of ['getSwimlane', 'getSwimlaneById']) {
    expect(Object.keys(await rpc.call<object>(method, String(project))).join(' ')).toBe(SWIMLANE_KEYS);
    for (const id of INVALID_IDS) expect([id, await rpc.call(method, id)]).toEqual([id, null]);
  }
  expect(await rpc.call('getSwimlaneByName', project, 'Default swimlane')).toEqual(swimlane);
  for (const name of ['default swimlane', '', null, 1]) {
    expect(await rpc.call('getSwimlaneByName', project, name)).toBeNull();
  }
  const stranger = rpcAs(api(), await givenAccount(rpc.db, org));
  const closed = await rpc.call<number>('createProject', 'Closed');
  await expectForbidden(stranger, 'getSwimlane', closed);
  await expectForbidden(stranger, 'getSwimlaneByName', closed, 'Default swimlane');
});

import { beforeEach, describe, expect, test } from '@jest/globals';
import { useApi } from '../support/api.ts';
import { type Board, givenBoard } from '../support/board.ts';
import { givenAccount, givenQueue } from '../support/builders.ts';
import { expectFailure, expectForbidden, INVALID_IDS, MISSING_ID, rpcAs } from '../support/rpc.ts';
import { unchanged } from '../support/snapshot.ts';

/** The columns of a project, which are the statuses of a queue. */

const api = useApi();
let board: Board;

beforeEach(async () => {
  board = await givenBoard(api());
});

interface Column {
  readonly id: number;
  readonly title: string;
  readonly position: number;
}

const list = () => board.rpc.call<Column[]>('getColumns', board.project);
const titles = async () => (await list()).map(({ title, position }) => `${position} ${title}`);

/** The ids of the columns of a project that only its members see. */
async function givenClosedProject() {
  const project = await board.rpc.call<number>('createProject', 'Closed');
  return { project, columns: await board.listColumnIds(project) };
}

describe('addColumn', () => {
  test('appends a column with the status of its name, which is created once', async () => {
    const { rpc, project, org } = board;
    const { id: other } = await givenQueue(rpc.db, org);
    const id = await rpc.call<number>('addColumn', project, 'In review', 3, 'For two people');
    expect(await rpc.call('getColumn', id)).toEqual({
      id,
      title: 'In review',
      position: 6,
      project_id: project,
      task_limit: 3,
      description: 'For two people',
      hide_in_dashboard: 0,
    });
    expect(Object.keys(await rpc.call<object>('getColumn', String(id))).join(' ')).toBe(
      'id title position project_id task_limit description hide_in_dashboard',
    );
    expect((await list()).at(-1)).toEqual(await rpc.call('getColumn', id));

    const task = await board.createTask('Task', { column_id: id });
    expect((await board.getIssue(task)).status).toMatchObject({ key: 'inReview', display: 'In review' });
    const there = await rpc.call<number>('addColumn', other, 'In review');
    const second = await rpc.named<number>('createTask', { title: 'Second', project_id: other, column_id: there });
    expect((await board.getIssue(second)).status.id).toBe((await board.getIssue(task)).status.id);
    const { body } = await api().request.get('/v2/statuses').set(org.admin.headers).expect(200);
    const keys = (body as { key: string }[]).map(({ key }) => key);
    expect(keys.filter((key) => key.startsWith('inReview'))).toEqual(['inReview']);
  });

  test.each([
    ['Ревью', 'status'],
    ['2nd look', 'status2ndLook'],
    ['open', 'open2'],
    ['Code/QA review', 'codeQAReview'],
  ])('the status of the column %s has the key %s', async (title, key) => {
    const column = await board.rpc.call<number>('addColumn', board.project, title);
    const task = await board.createTask('Task', { column_id: column });
    expect((await board.getIssue(task)).status).toMatchObject({ key, display: title });
  });

  test('returns false for invalid values', async () => {
    const { rpc, project } = board;
    for (const title of ['', '  ', 'Open', 'x'.repeat(256), null, [], {}, 'a\0b']) {
      await expectFailure(rpc, false, 'addColumn', project, title);
    }
    for (const limit of [-1, 1.5, 'x', [], 2 ** 31]) await expectFailure(rpc, false, 'addColumn', project, 'C', limit);
    for (const description of [[], {}, 'x'.repeat(65_536)]) {
      await expectFailure(rpc, false, 'addColumn', project, 'C', 0, description);
    }
    for (const id of INVALID_IDS) await expectFailure(rpc, false, 'addColumn', id, 'C');
  });

  test('returns false for the 101st column', async () => {
    const { rpc, project } = board;
    for (let count = 6; count <= 100; count += 1) await rpc.call('addColumn', project, `Column ${count}`);
    await expectFailure(rpc, false, 'addColumn', project, 'One more');
  });
});

describe('updateColumn', () => {
  test('changes the title, the limit and the description; tasks keep their status', async () => {
    const { rpc, columns, project } = board;
    const [first] = columns;
    const task = await board.createTask('Task');
    expect(await rpc.call('updateColumn', first, 'Inbox', 2, 'New ones')).toBe(true);
    expect(await rpc.call('getColumn', first)).toMatchObject({
      title: 'Inbox',
      task_limit: 2,
      description: 'New ones',
    });
    expect((await board.getIssue(task)).status.key).toBe('open');
    // As in Kanboard, what is omitted gets its default.
    expect(await rpc.call('updateColumn', first, 'Inbox')).toBe(true);
    expect(await rpc.call('getColumn', first)).toMatchObject({ title: 'Inbox', task_limit: 0, description: '' });
    expect(await rpc.call('searchTasks', project, 'column:Inbox')).toHaveLength(1);

    const again = await rpc.call<number>('addColumn', project, 'Open');
    const other = await board.createTask('Other', { column_id: again });
    expect((await board.getIssue(other)).status).toMatchObject({ key: 'open2', display: 'Open' });
  });

  test('returns false for invalid values and for the title of another column', async () => {
    const { rpc, columns } = board;
    for (const title of ['', 'Closed', 'x'.repeat(256), null]) {
      await expectFailure(rpc, false, 'updateColumn', columns[0], title);
    }
    await expectFailure(rpc, false, 'updateColumn', columns[0], 'C', -1);
    for (const id of INVALID_IDS) await expectFailure(rpc, false, 'updateColumn', id, 'C');
  });
});

describe('changeColumnPosition', () => {
  test('moves a column, and the others close up', async () => {
    const { rpc, project, columns } = board;
    expect(await rpc.call('changeColumnPosition', project, columns[0], 3)).toBe(true);
    expect(await titles()).toEqual(['1 In progress', '2 Need info', '3 Open', '4 Resolved', '5 Closed']);
    expect(await rpc.call('changeColumnPosition', project, columns[4], '1')).toBe(true);
    expect(await titles()).toEqual(['1 Closed', '2 In progress', '3 Need info', '4 Open', '5 Resolved']);
    expect(await rpc.call('changeColumnPosition', project, columns[4], 1)).toBe(true);
  });

  test('returns false for a position beyond the last, and for a column of another project', async () => {
    const { rpc, project, columns } = board;
    const closed = await givenClosedProject();
    for (const position of [0, -1, 6, 1.5, 'x', null]) {
      await expectFailure(rpc, false, 'changeColumnPosition', project, columns[0], position);
    }
    await expectFailure(rpc, false, 'changeColumnPosition', project, closed.columns[0], 1);
    for (const id of INVALID_IDS) {
      await expectFailure(rpc, false, 'changeColumnPosition', project, id, 1);
      await expectFailure(rpc, false, 'changeColumnPosition', id, columns[0], 1);
    }
  });
});

describe('removeColumn', () => {
  test('removes a column without tasks; one with an open or a closed task is refused', async () => {
    const { rpc, project, columns } = board;
    const task = await board.createTask('Task', { column_id: columns[1] });
    await expectFailure(rpc, false, 'removeColumn', columns[1]);
    await rpc.call('closeTask', task);
    await expectFailure(rpc, false, 'removeColumn', columns[1]);
    await rpc.call('removeTask', task);
    expect(await rpc.call('removeColumn', columns[1])).toBe(true);
    expect(await titles()).toEqual(['1 Open', '3 Need info', '4 Resolved', '5 Closed']);
    await expectFailure(rpc, false, 'removeColumn', columns[1]);
    expect(await rpc.call('getColumn', columns[1])).toBeNull();
    expect(await rpc.call('changeColumnPosition', project, columns[4], 2)).toBe(true);
    expect(await titles()).toEqual(['1 Open', '2 Closed', '3 Need info', '4 Resolved']);
    for (const id of INVALID_IDS) await expectFailure(rpc, false, 'removeColumn', id);
  });

  test('a column comes back when an issue gets its status through the Tracker API', async () => {
    const { rpc, columns, org } = board;
    const task = await board.createTask('Task');
    expect(await rpc.call('removeColumn', columns[1])).toBe(true);
    const path = `/v2/issues/${await board.getIssueKey(task)}`;
    await api().request.patch(path).set(org.admin.headers).send({ status: 'inProgress' }).expect(200);
    expect((await titles()).at(-1)).toBe('6 In progress');
  });

  test('a project can lose all its columns, and gets one with its next task', async () => {
    const { rpc, columns } = board;
    for (const column of columns) expect(await rpc.call('removeColumn', column)).toBe(true);
    expect(await list()).toEqual([]);
    await board.createTask('Task');
    expect(await titles()).toEqual(['1 Open']);
  });

  test('concurrent with new tasks in the column, leaves no task without a column', async () => {
    const { rpc, columns, project } = board;
    const creations = Array.from({ length: 4 }, (_, place) =>
      board.createTask(`Task ${place}`, { column_id: columns[1] }),
    );
    const [removed, ...created] = await Promise.all([rpc.call('removeColumn', columns[1]), ...creations]);
    const tasks = await rpc.call<unknown[]>('getAllTasks', project);
    expect(tasks).toHaveLength(created.filter((id) => id !== 0).length);
    expect(removed).toBe(tasks.length === 0);
  });
});

test('only managers of the project change its columns; other members read them, and strangers get 403', async () => {
  const { org, rpc } = board;
  const { project, columns } = await givenClosedProject();
  const [column] = columns;
  const [manager, member, stranger] = [
    await givenAccount(rpc.db, org),
    await givenAccount(rpc.db, org),
    await givenAccount(rpc.db, org, 'admin'),
  ];
  await rpc.call('addProjectUser', project, manager.id, 'project-manager');
  await rpc.call('addProjectUser', project, member.id);
  const writes: [string, ...unknown[]][] = [
    ['addColumn', project, 'New'],
    ['updateColumn', column, 'New title'],
    ['changeColumnPosition', project, column, 2],
    ['removeColumn', column],
  ];
  for (const [method, ...params] of writes) {
    for (const account of [member, stranger]) await expectForbidden(rpcAs(api(), account), method, ...params);
  }
  expect(await rpcAs(api(), member).call('getColumn', column)).toMatchObject({ id: column });
  await expectForbidden(rpcAs(api(), stranger), 'getColumn', column);
  for (const [method, ...params] of writes) {
    expect([method, await rpcAs(api(), manager).call(method, ...params)]).not.toEqual([method, false]);
  }
  await unchanged(rpc.db, async () => {
    for (const id of [column, MISSING_ID]) {
      for (const method of ['removeColumn', 'getColumn']) await expectForbidden(rpcAs(api(), manager), method, id);
    }
  });
});

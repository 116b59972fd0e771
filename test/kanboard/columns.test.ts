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

describe('the status of a column', () => {
  const keys = async () => {
    const { body } = await api().request.get('/v2/statuses').set(board.org.admin.headers).expect(200);
    return (body as { key: string }[]).map(({ key }) => key);
  };
  const initial = ['open', 'inProgress', 'needInfo', 'resolved', 'closed'];

  test('is deleted with its last column, and with the project of that', async () => {
    const { rpc, project, columns, org } = board;
    const { id: other } = await givenQueue(rpc.db, org);
    const column = await rpc.call<number>('addColumn', project, 'In review');
    const there = await rpc.call<number>('addColumn', other, 'In review');
    await rpc.call('removeColumn', column);
    expect(await keys()).toEqual([...initial, 'inReview']);
    await rpc.call('removeColumn', there);
    expect(await keys()).toEqual(initial);
    // The initial ones stay.
    expect(await rpc.call('removeColumn', columns[4])).toBe(true);
    await rpc.call('removeColumn', await rpc.call('addColumn', project, 'In review'));
    await rpc.call('addColumn', other, 'Second look');
    expect(await keys()).toEqual([...initial, 'secondLook']);
    expect(await rpc.call('removeProject', other)).toBe(true);
    expect(await keys()).toEqual(initial);
  });

  test('stays as long as it is the previous one of an issue, and its name stays in changelogs', async () => {
    const { rpc, project, columns } = board;
    const column = await rpc.call<number>('addColumn', project, 'In review');
    const task = await board.createTask('Task', { column_id: column });
    await rpc.call('moveTaskPosition', project, task, columns[0], 1, 0);
    expect(await rpc.call('removeColumn', column)).toBe(true);
    expect(await board.getIssue(task)).toMatchObject({ previousStatus: { key: 'inReview' } });
    expect(await keys()).toContain('inReview');

    const again = await rpc.call<number>('addColumn', project, 'In review');
    await rpc.call('moveTaskPosition', project, task, columns[1], 1, 0);
    expect(await rpc.call('removeColumn', again)).toBe(true);
    expect(await keys()).toEqual(initial);
    const path = `/v2/issues/${await board.getIssueKey(task)}/changelog?field=status`;
    const { body } = await api().request.get(path).set(board.org.admin.headers).expect(200);
    const changes = (body as { fields: { field: { id: string }; from: unknown; to: unknown }[] }[]).map(({ fields }) =>
      fields.find(({ field }) => field.id === 'status'),
    );
    expect(changes).toMatchObject([
      { from: null, to: 'In review' },
      { from: 'In review', to: { key: 'open' } },
      { from: { key: 'open' }, to: { key: 'inProgress' } },
    ]);
  });

  test('concurrent with another column for it, is there if that column is', async () => {
    const { rpc, project, org } = board;
    const { id: other } = await givenQueue(rpc.db, org);
    for (let round = 1; round <= 4; round += 1) {
      const column = await rpc.call<number>('addColumn', project, 'Busy');
      const [, there] = await Promise.all([
        rpc.call('removeColumn', column),
        rpc.call<number>('addColumn', other, 'Busy'),
      ]);
      const task = await rpc.named<number>('createTask', { title: 'Task', project_id: other, column_id: there });
      expect((await board.getIssue(task)).status.display).toBe('Busy');
      await rpc.call('removeTask', task);
      expect(await rpc.call('removeColumn', there)).toBe(true);
      expect(await keys()).toEqual(initial);
    }
  });

  test('is refused to a member who has created 100, and to everybody when the organisation has 1000', async () => {
    const { rpc, org } = board;
    const [member, other, manager] = [
      await givenAccount(rpc.db, org),
      await givenAccount(rpc.db, org),
      await givenAccount(rpc.db, org, 'manager'),
    ];
    const give = (count: number, from: number, userId: number | null) =>
      rpc.db.query({
        name: '',
        text: `
          insert into statuses (org_id, key, name_ru, name_en, type, position, created_by)
          select $1, 's' || number, 'S' || number, 'S' || number, 'new', number, $4
          from generate_series($2::integer, $3::integer) as numbers (number)`,
        values: [org.orgId, from, from + count - 1, userId],
      });
    await give(99, 1000, member.id);
    const mine = rpcAs(api(), member);
    const project = await mine.call<number>('createMyPrivateProject', 'Own');
    const last = await mine.call<number>('addColumn', project, 'The last');
    await expectFailure(mine, false, 'addColumn', project, 'One more');
    // A name that exists costs nothing, and a removed column gives its status back.
    expect(await mine.call('addColumn', project, 'Open')).toEqual(expect.any(Number));
    await mine.call('removeColumn', last);
    expect(await mine.call('addColumn', project, 'One more')).toEqual(expect.any(Number));
    for (const account of [other, manager]) {
      const own = await rpcAs(api(), account).call('createMyPrivateProject', 'Own');
      expect(await rpcAs(api(), account).call('addColumn', own, `By ${account.id}`)).toEqual(expect.any(Number));
    }
    await give(1000 - (await keys()).length, 3000, null);
    await expectFailure(rpc, false, 'addColumn', board.project, 'The 1001st');
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

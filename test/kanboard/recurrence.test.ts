import { beforeEach, describe, expect, test } from '@jest/globals';
import { useApi } from '../support/api.ts';
import { type Board, givenBoard, type Task } from '../support/board.ts';

/** Tasks that recur: closing or moving one creates the next. */

const api = useApi();
let board: Board;

beforeEach(async () => {
  board = await givenBoard(api());
});

const DUE = '2030-01-31 12:00';
const seconds = (...parts: [number, number, number, number?]) => Date.UTC(...parts) / 1000;

const recurring = (settings: object) => board.createTask('Weekly', { recurrence_status: 1, ...settings });

async function childOf(task: number): Promise<Task> {
  const { recurrence_child, recurrence_status } = await board.getTask(task);
  expect(recurrence_status).toBe(2);
  return await board.getTask(recurrence_child as number);
}

test('a closed task creates the next, with its fields, tags and external links', async () => {
  const { rpc, columns } = board;
  const settings = { recurrence_trigger: 2, recurrence_factor: 7, date_due: DUE };
  const more = { tags: ['a', 'b'], column_id: columns[2], score: 3, time_spent: 4, date_started: '2030-01-01' };
  const task = await recurring({ ...settings, ...more });
  await rpc.call('createExternalTaskLink', task, 'https://example.org/plan', 'related');
  await rpc.call('createTaskLink', task, await board.createTask('Other'), 2);
  expect(await rpc.call('closeTask', task)).toBe(true);
  const child = await childOf(task);
  expect(child).toMatchObject({
    title: 'Weekly',
    is_active: 1,
    column_id: columns[0],
    date_due: seconds(2030, 1, 7, 12),
    score: 3,
    time_spent: null,
    date_started: 0,
    recurrence_status: 1,
    recurrence_trigger: 2,
    recurrence_factor: 7,
    recurrence_parent: task,
    recurrence_child: null,
  });
  expect(await rpc.call('searchTasks', board.project, 'tag:b status:open')).toMatchObject([
    { id: child.id, nb_external_links: 1, nb_links: 0, recurrence_parent: task },
  ]);
  expect((await board.listChanges(child.id))[0]).toMatch(/^IssueCreated/);

  // It recurs once, and so does each that follows.
  await rpc.call('openTask', task);
  await rpc.call('closeTask', task);
  expect(await board.getTask(task)).toMatchObject({ recurrence_child: child.id });
  await rpc.call('closeTask', child.id);
  expect(await childOf(child.id)).toMatchObject({ recurrence_parent: child.id, date_due: seconds(2030, 1, 14, 12) });
});

describe('the next due date', () => {
  test.each([
    [{ recurrence_factor: 1, recurrence_timeframe: 1 }, seconds(2030, 2, 3, 12)],
    [{ recurrence_factor: 2, recurrence_timeframe: 2 }, seconds(2032, 0, 31, 12)],
    [{ recurrence_factor: -1, recurrence_timeframe: 0 }, seconds(2030, 0, 30, 12)],
    [{ recurrence_factor: 0 }, seconds(2030, 0, 31, 12)],
    // Not on 1970-01-01, which cannot be a due date.
    [{ recurrence_factor: -21_945 }, seconds(2030, 0, 31, 12)],
  ])('with %j is %d', async (settings, expected) => {
    const task = await recurring({ recurrence_trigger: 2, date_due: DUE, ...settings });
    await board.rpc.call('closeTask', task);
    expect(await childOf(task)).toMatchObject({ date_due: expected });
  });

  test('counts from the day of the change if that is asked for, and is unset without a due date', async () => {
    const settings = { recurrence_trigger: 2, recurrence_factor: 1, recurrence_basedate: 1 };
    const task = await recurring({ ...settings, date_due: DUE });
    await board.rpc.call('closeTask', task);
    const { date_due } = await childOf(task);
    expect(Math.abs((date_due as number) - (Date.now() / 1000 + 86_400))).toBeLessThan(3600);
    const never = await recurring(settings);
    await board.rpc.call('closeTask', never);
    expect(await childOf(never)).toMatchObject({ date_due: 0 });
  });
});

test('a task recurs when it leaves the first column, or when it reaches the last', async () => {
  const { rpc, project, columns } = board;
  const move = (task: number, index: number) => rpc.call('moveTaskPosition', project, task, columns[index], 1, 0);
  const first = await recurring({ recurrence_trigger: 0 });
  const last = await recurring({ recurrence_trigger: 1 });
  const closed = await recurring({ recurrence_trigger: 2 });
  for (const task of [first, last, closed]) expect(await move(task, 1)).toBe(true);
  expect((await childOf(first)).column_id).toBe(columns[0]);
  for (const task of [last, closed]) expect(await board.getTask(task)).toMatchObject({ recurrence_status: 1 });
  await rpc.call('closeTask', last);
  for (const task of [last, closed]) expect(await move(task, 4)).toBe(true);
  expect(await childOf(last)).toMatchObject({ column_id: columns[0], is_active: 1 });
  expect(await board.getTask(closed)).toMatchObject({ recurrence_status: 1, recurrence_child: null });
});

test('a task recurs when a client of the Tracker API moves or closes it', async () => {
  const task = await recurring({ recurrence_trigger: 2 });
  const path = `/v2/issues/${await board.getIssueKey(task)}`;
  await api().request.patch(path).set(board.org.admin.headers).send({ status: 'closed' }).expect(200);
  expect(await childOf(task)).toMatchObject({ is_active: 1, recurrence_parent: task });
});

test('other tasks do not recur', async () => {
  const { rpc, project } = board;
  for (const recurrence_status of [0, 2]) {
    await rpc.call('closeTask', await recurring({ recurrence_status, recurrence_trigger: 2 }));
  }
  expect(await rpc.call('getAllTasks', project)).toEqual([]);
});

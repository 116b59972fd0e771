import { beforeEach, describe, expect, test } from '@jest/globals';
import { useApi } from '../support/api.ts';
import { type Board, givenBoard, type Task } from '../support/board.ts';
import { type GivenOrganisation, givenAccount, givenIssue, givenQueue } from '../support/builders.ts';
import {
  expectFailure,
  expectFailureByName,
  expectForbidden,
  INVALID_IDS,
  MISSING_ID,
  type Rpc,
  rpcAs,
} from '../support/rpc.ts';
import { unchanged } from '../support/snapshot.ts';

/** moveTaskPosition (Kanboard contract, section 6). */

const api = useApi();
const db = () => api().database.db;
let board: Board;
let org: GivenOrganisation;
let rpc: Rpc;
let project: number;
let columns: number[];

beforeEach(async () => {
  board = await givenBoard(api());
  ({ org, rpc, project, columns } = board);
});

describe('moveTaskPosition', () => {
  let ids: number[];

  beforeEach(async () => {
    ids = [];
    for (const title of ['A', 'B', 'C', 'D']) ids.push(await board.createTask(title));
  });

  const move = (task: number, column: number, position: unknown) =>
    rpc.call('moveTaskPosition', project, ids[task], columns[column], position, project);

  test('moveTaskPosition moves a task within its column and shifts the others', async () => {
    expect(await move(3, 0, 1)).toBe(true);
    expect(await board.listColumn(0)).toBe('D1 A2 B3 C4');
    expect(await move(3, 0, '3')).toBe(true);
    expect(await board.listColumn(0)).toBe('A1 B2 D3 C4');
    expect(await move(0, 0, 99)).toBe(true);
    expect(await board.listColumn(0)).toBe('B1 D2 C3 A4');
    expect((await board.getIssue(ids[0] as number)).version).toBe(1);
  });

  test('moving a task to another column changes its Tracker status and keeps it open', async () => {
    expect(await move(1, 1, 1)).toBe(true);
    expect(await move(2, 1, 1)).toBe(true);
    expect([await board.listColumn(0), await board.listColumn(1)]).toEqual(['A1 D2', 'C1 B2']);
    expect(await board.getIssue(ids[1] as number)).toMatchObject({
      version: 2,
      status: { key: 'inProgress' },
      previousStatus: { key: 'open' },
    });
    expect((await board.listChanges(ids[1] as number)).slice(1)).toEqual(['IssueWorkflow status']);
    expect(await move(1, 4, 5)).toBe(true);
    expect(await board.getTask(ids[1] as number)).toMatchObject({
      column_id: columns[4],
      position: 1,
      is_active: 1,
      date_completed: null,
    });
    expect((await board.getIssue(ids[1] as number)).status.key).toBe('closed');
  });

  test('a task with a resolution loses it in a column whose status is open, as with PATCH of the status', async () => {
    const path = `/v2/issues/${await board.getIssueKey(ids[0] ?? 0)}`;
    const patch = (body: object) => api().request.patch(path).set(org.admin.headers).send(body).expect(200);
    await patch({ resolution: 'fixed' });
    expect(await move(0, 0, 2)).toBe(true);
    expect((await board.getIssue(ids[0] ?? 0)).resolution).toMatchObject({ key: 'fixed' });
    expect(await move(0, 3, 1)).toBe(true);
    expect((await board.getIssue(ids[0] ?? 0)).resolution).toMatchObject({ key: 'fixed' });
    expect(await move(0, 1, 1)).toBe(true);
    const issue = await board.getIssue(ids[0] ?? 0);
    for (const field of ['resolution', 'resolvedAt', 'resolvedBy']) expect(issue).not.toHaveProperty(field);
    expect(await board.getTask(ids[0] ?? 0)).toMatchObject({ is_active: 1 });
    expect((await board.listChanges(ids[0] ?? 0)).slice(-2)).toEqual([
      'IssueUpdated resolution',
      'IssueWorkflow status',
    ]);
    await patch({ status: 'closed', resolution: 'fixed' });
    await patch({ status: 'open' });
    expect(await board.getIssue(ids[0] ?? 0)).not.toHaveProperty('resolution');
  });

  test('a closed task stays closed when it is moved, and takes no position among the open tasks', async () => {
    await rpc.call('closeTask', ids[0]);
    const { date_completed } = await board.getTask(ids[0] as number);
    expect(await move(0, 1, 1)).toBe(true);
    expect(await board.getTask(ids[0] as number)).toMatchObject({
      is_active: 0,
      date_completed,
      column_id: columns[1],
    });
    expect(await move(1, 1, 1)).toBe(true);
    expect([await board.listColumn(0), await board.listColumn(1)]).toEqual(['C1 D2', 'B1']);
  });

  test('moveTaskPosition returns false for unknown ids, invalid values and a move to the current position', async () => {
    const other = await board.getProjectId((await givenQueue(db(), org)).key);
    const [foreignColumn] = await board.listColumnIds(other);
    const valid = { project_id: project, task_id: ids[1], column_id: columns[0], position: 1, swimlane_id: project };
    const cases = [
      { position: 2 },
      { project_id: other },
      { column_id: foreignColumn },
      { swimlane_id: other },
      { project_id: other, column_id: foreignColumn, swimlane_id: other },
      ...INVALID_IDS.flatMap((value) => [{ task_id: value }, { column_id: value }, { project_id: value }]),
      ...INVALID_IDS.filter((value) => !Number.isInteger(value) || Number(value) < 1).map((value) => ({
        position: value,
      })),
      ...['text', -1, 1.5, MISSING_ID].map((value) => ({ swimlane_id: value })),
    ];
    await unchanged(db(), async () => {
      for (const params of cases) await expectFailureByName(rpc, false, 'moveTaskPosition', { ...valid, ...params });
    });
    expect(await rpc.named('moveTaskPosition', { ...valid, swimlane_id: 0 })).toBe(true);
  });

  test('moveTaskPosition returns 403 for a project that the user may not change, and false for a task of another project', async () => {
    const { key: closed } = await givenQueue(db(), org, []);
    const hidden = await givenIssue(db(), org, closed);
    const closedId = await board.getProjectId(closed);
    const [hiddenColumn] = await board.listColumnIds(closedId);
    const member = rpcAs(api(), await givenAccount(db(), org));
    const reader = rpcAs(api(), await givenAccount(db(), org, 'reader'));
    await unchanged(db(), async () => {
      await expectForbidden(member, 'moveTaskPosition', closedId, hidden.id, hiddenColumn, 1, closedId);
      await expectForbidden(member, 'moveTaskPosition', MISSING_ID, ids[0], columns[0], 0, project);
      await expectForbidden(reader, 'moveTaskPosition', project, ids[0], columns[0], 2, project);
    });
    await expectFailure(member, false, 'moveTaskPosition', project, hidden.id, columns[0], 2, project);
    await expectFailure(member, false, 'moveTaskPosition', project, MISSING_ID, columns[0], 2, project);
    expect(await member.call('moveTaskPosition', project, ids[0], columns[0], 2, project)).toBe(true);
  });

  test('positions stay unique under concurrent moves and Tracker status changes', async () => {
    const key = await board.getIssueKey(ids[3] as number);
    const moves = Array.from({ length: 24 }, (_, turn) => move(turn % 4, turn % 3, 1 + (turn % 2)));
    const writes = ['inProgress', 'open', 'needInfo'].map(async (status) => {
      const response = await api().request.patch(`/v2/issues/${key}`).set(org.admin.headers).send({ status });
      return response.status === 200;
    });
    const results = await Promise.all([...moves, ...writes]);
    expect(results.every((result) => typeof result === 'boolean')).toBe(true);
    // Check before a move below renumbers a column.
    const open = await rpc.call<Task[]>('getAllTasks', project);
    const taken = open.map(({ column_id, position }) => `${column_id} ${position}`);
    expect(open).toHaveLength(4);
    expect([...new Set(taken)]).toEqual(taken);

    for (const index of [0, 1, 2]) await move(3, index, 1);
    for (const index of [0, 1, 2]) {
      const tasks = (await board.listColumn(index)).split(' ').filter((task) => task !== '');
      expect(tasks.map((task) => Number(task.slice(1)))).toEqual(tasks.map((_, place) => place + 1));
    }
  });
});

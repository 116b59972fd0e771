import { beforeEach, describe, expect, test } from '@jest/globals';
import { useApi } from '../support/api.ts';
import { type Board, givenBoard, type Task } from '../support/board.ts';
import { type GivenOrganisation, givenAccount, givenIssue, givenQueue } from '../support/builders.ts';
import { forbids, INVALID_IDS, MISSING_ID, type Rpc, refuses, refusesNamed, rpcAs } from '../support/rpc.ts';
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

  const move = (place: number, columnPlace: number, position: unknown) =>
    rpc.call('moveTaskPosition', project, ids[place], columns[columnPlace], position, project);

  test('a task comes to a place in its column, and the others make room', async () => {
    expect(await move(3, 0, 1)).toBe(true);
    expect(await board.listColumn(0)).toBe('D1 A2 B3 C4');
    expect(await move(3, 0, '3')).toBe(true);
    expect(await board.listColumn(0)).toBe('A1 B2 D3 C4');
    expect(await move(0, 0, 99)).toBe(true);
    expect(await board.listColumn(0)).toBe('B1 D2 C3 A4');
    expect((await board.getIssue(ids[0] as number)).version).toBe(1);
  });

  test('in another column it has that status in Tracker, and stays open', async () => {
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

  test('a closed task moves and stays closed, and has no place among the open ones', async () => {
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

  test('what is not there, is odd, or would change nothing is false', async () => {
    const other = await board.getProjectId((await givenQueue(db(), org)).key);
    const [foreignColumn] = await board.listColumnIds(other);
    const whole = { project_id: project, task_id: ids[1], column_id: columns[0], position: 1, swimlane_id: project };
    const cases = [
      { position: 2 },
      { project_id: other },
      { column_id: foreignColumn },
      { swimlane_id: other },
      { project_id: other, column_id: foreignColumn, swimlane_id: other },
      ...INVALID_IDS.flatMap((odd) => [{ task_id: odd }, { column_id: odd }, { project_id: odd }]),
      ...INVALID_IDS.filter((odd) => !Number.isInteger(odd) || Number(odd) < 1).map((odd) => ({ position: odd })),
      ...['text', -1, 1.5, MISSING_ID].map((odd) => ({ swimlane_id: odd })),
    ];
    await unchanged(db(), async () => {
      for (const params of cases) await refusesNamed(rpc, false, 'moveTaskPosition', { ...whole, ...params });
    });
    expect(await rpc.named('moveTaskPosition', { ...whole, swimlane_id: 0 })).toBe(true);
  });

  test('the project must be one that the user may change, and the task one of it', async () => {
    const { key: closed } = await givenQueue(db(), org, []);
    const hidden = await givenIssue(db(), org, closed);
    const closedId = await board.getProjectId(closed);
    const [hiddenColumn] = await board.listColumnIds(closedId);
    const member = rpcAs(api(), await givenAccount(db(), org));
    const reader = rpcAs(api(), await givenAccount(db(), org, 'reader'));
    await unchanged(db(), async () => {
      await forbids(member, 'moveTaskPosition', closedId, hidden.id, hiddenColumn, 1, closedId);
      await forbids(member, 'moveTaskPosition', MISSING_ID, ids[0], columns[0], 0, project);
      await forbids(reader, 'moveTaskPosition', project, ids[0], columns[0], 2, project);
    });
    await refuses(member, false, 'moveTaskPosition', project, hidden.id, columns[0], 2, project);
    await refuses(member, false, 'moveTaskPosition', project, MISSING_ID, columns[0], 2, project);
    expect(await member.call('moveTaskPosition', project, ids[0], columns[0], 2, project)).toBe(true);
  });

  test('places stay whole when many move at once, and Tracker too', async () => {
    const key = await board.getIssueKey(ids[3] as number);
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
      const places = (await board.listColumn(place)).split(' ').filter((task) => task !== '');
      expect(places.map((task) => Number(task.slice(1)))).toEqual(places.map((_, index) => index + 1));
    }
  });
});

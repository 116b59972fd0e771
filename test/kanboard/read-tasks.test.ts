import { beforeEach, describe, expect, test } from '@jest/globals';
import { useApi } from '../support/api.ts';
import { type Board, givenBoard, type Task } from '../support/board.ts';
import { type GivenOrganisation, givenAccount, givenIssue, givenQueue, givenUser } from '../support/builders.ts';
import { expectFailureByName, expectForbidden, INVALID_IDS, MISSING_ID, type Rpc, rpcAs } from '../support/rpc.ts';
import { unchanged } from '../support/snapshot.ts';

/** getTask, getTaskByReference and getAllTasks (Kanboard contract, section 6). */

const api = useApi();
const db = () => api().database.db;
let board: Board;
let org: GivenOrganisation;
let rpc: Rpc;
let queue: string;
let project: number;

beforeEach(async () => {
  board = await givenBoard(api());
  ({ org, rpc, queue, project } = board);
});

describe('getTask, getTaskByReference and getAllTasks', () => {
  test('getTask returns an issue created through the Tracker API', async () => {
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

  test('getTask returns an unknown color_id as it is, with the colour yellow', async () => {
    const id = await board.createTask('A', { color_id: 'plaid' });
    expect(await board.getTask(id)).toMatchObject({ color_id: 'plaid', color: { name: 'Yellow' } });
  });

  test.each(INVALID_IDS)('getTask, getTaskByReference and getAllTasks find nothing for the id %j', async (id) => {
    await unchanged(db(), async () => {
      await expectFailureByName(rpc, null, 'getTask', { task_id: id });
      await expectFailureByName(rpc, null, 'getTaskByReference', { project_id: id, reference: 'R' });
      await expectFailureByName(rpc, [], 'getAllTasks', { project_id: id });
    });
  });

  test('getTaskByReference returns the first task of the project with that reference', async () => {
    const first = await board.createTask('A', { reference: 'R-1' });
    await board.createTask('B', { reference: 'R-1' });
    await board.createTask('C', { reference: '42' });
    const found = await rpc.call<Task>('getTaskByReference', project, 'R-1');
    expect(found).toEqual(await board.getTask(first));
    expect(await rpc.call('getTaskByReference', project, 42)).toMatchObject({ title: 'C' });
    await unchanged(db(), async () => {
      for (const reference of ['r-1', 'R-2', '', null, [], 'R\0']) {
        await expectFailureByName(rpc, null, 'getTaskByReference', { project_id: project, reference });
      }
    });
    const other = await board.getProjectId((await givenQueue(db(), org)).key);
    await expectFailureByName(rpc, null, 'getTaskByReference', { project_id: other, reference: 'R-1' });
  });

  test('getAllTasks returns the open or the closed tasks by id', async () => {
    const ids = [await board.createTask('A'), await board.createTask('B'), await board.createTask('C')];
    await rpc.call('closeTask', ids[1]);
    const list = async (...params: unknown[]) => {
      const tasks = await rpc.call<Task[]>('getAllTasks', project, ...params);
      return tasks.map(({ id }) => id);
    };
    expect(await list()).toEqual([ids[0], ids[2]]);
    expect(await list(1)).toEqual([ids[0], ids[2]]);
    expect(await list('0')).toEqual([ids[1]]);
    expect(await rpc.call('getAllTasks', project, 0)).toEqual([await board.getTask(ids[1] as number)]);
    for (const status of [2, -1, 'open', null, []]) expect(await list(status)).toEqual([]);
  });

  test('any role in a closed project can read its tasks; others, administrators included, get 403', async () => {
    const { key: closed } = await givenQueue(db(), org, []);
    const closedId = await board.getProjectId(closed);
    const { id } = await givenIssue(db(), org, closed);
    for (const role of ['manager', 'member', 'viewer'] as const) {
      const account = await givenAccount(db(), org);
      await board.giveRole(closed, account, role);
      const as = rpcAs(api(), account);
      expect(await as.call('getTask', id)).toMatchObject({ id });
      expect(await as.call('getAllTasks', closedId)).toHaveLength(1);
      expect(await as.call('getTaskByReference', closedId, 'R')).toBeNull();
    }
    for (const role of ['member', 'admin'] as const) {
      const as = rpcAs(api(), await givenAccount(db(), org, role));
      await unchanged(db(), async () => {
        for (const task of [id, MISSING_ID]) await expectForbidden(as, 'getTask', task);
        for (const hidden of [closedId, MISSING_ID, 'text']) {
          await expectForbidden(as, 'getAllTasks', hidden);
          await expectForbidden(as, 'getAllTasks', hidden, 7);
          await expectForbidden(as, 'getTaskByReference', hidden, 'R');
        }
      });
    }
    const reader = rpcAs(api(), await givenAccount(db(), org, 'reader'));
    expect(await reader.call('getAllTasks', project)).toEqual([]);
  });
});

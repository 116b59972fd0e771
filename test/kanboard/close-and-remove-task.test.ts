import { beforeEach, describe, expect, test } from '@jest/globals';
import { useApi } from '../support/api.ts';
import { type Board, givenBoard } from '../support/board.ts';
import {
  type GivenAccount,
  type GivenIssue,
  type GivenOrganisation,
  givenAccount,
  givenIssue,
  givenLink,
  givenQueue,
} from '../support/builders.ts';
import { expectFailure, expectForbidden, INVALID_IDS, MISSING_ID, type Rpc, rpcAs } from '../support/rpc.ts';
import { snapshot, unchanged } from '../support/snapshot.ts';

/** closeTask, openTask and removeTask (Kanboard contract, section 6). */

const api = useApi();
const db = () => api().database.db;
let board: Board;
let org: GivenOrganisation;
let rpc: Rpc;
let queue: string;
let columns: number[];

beforeEach(async () => {
  board = await givenBoard(api());
  ({ org, rpc, queue, columns } = board);
});

describe('closeTask and openTask', () => {
  let id: number;

  beforeEach(async () => {
    id = await board.createTask('A', { column_id: columns[1] });
  });

  test('closeTask and openTask keep the task in its column', async () => {
    expect(await rpc.call('closeTask', id)).toBe(true);
    const closed = await board.getTask(id);
    expect(closed).toMatchObject({ is_active: 0, date_completed: expect.any(Number), column_id: columns[1] });
    expect(closed['date_completed']).toBeGreaterThan(1_700_000_000);
    expect(await board.getIssue(id)).toMatchObject({ version: 2, status: { key: 'inProgress' } });
    expect(await rpc.call('openTask', id)).toBe(true);
    expect(await board.getTask(id)).toMatchObject({ is_active: 1, date_completed: 0, column_id: columns[1] });
    // The changelog has no field for this, so the entries are empty.
    expect((await board.listChanges(id)).slice(1)).toEqual(['IssueWorkflow', 'IssueWorkflow']);
  });

  test('closeTask and openTask write nothing for a task that is already closed or open', async () => {
    const before = await snapshot(db());
    expect(await rpc.call('openTask', id)).toBe(true);
    expect(await snapshot(db())).toEqual(before);
    await rpc.call('closeTask', id);
    const closed = await snapshot(db());
    expect(await rpc.call('closeTask', id)).toBe(true);
    expect(await snapshot(db())).toEqual(closed);
  });

  test('an issue closed through the Tracker API is a closed task, and openTask opens it', async () => {
    await api()
      .request.patch(`/v2/issues/${await board.getIssueKey(id)}`)
      .set(org.admin.headers)
      .send({ status: 'closed' })
      .expect(200);
    expect(await board.getTask(id)).toMatchObject({
      is_active: 0,
      date_completed: expect.any(Number),
      column_id: columns[4],
    });
    expect(await rpc.call('openTask', id)).toBe(true);
    expect(await board.getTask(id)).toMatchObject({ is_active: 1, column_id: columns[4] });
  });
});

describe('removeTask', () => {
  test('removeTask removes the task with its links, and adds an entry to the changelogs of the linked issues', async () => {
    const [a, b] = [await givenIssue(db(), org, queue), await givenIssue(db(), org, queue)];
    await givenLink(db(), org, 'depends', a, b);
    const member = rpcAs(api(), await givenAccount(db(), org));
    expect(await member.call('removeTask', a.id)).toBe(true);
    expect(await rpc.call('getTask', a.id)).toBeNull();
    expect(await rpc.call('getAllTaskLinks', b.id)).toEqual([]);
    expect(await board.listChanges(b.id)).toEqual(['IssueUnlinked']);
    await api().request.get(`/v2/issues/${a.key}`).set(org.admin.headers).expect(404);
    await expectFailure(rpc, false, 'removeTask', a.id);
    await expectForbidden(member, 'removeTask', a.id);
  });
});

test.each(['openTask', 'closeTask', 'removeTask'])(
  '%s returns false for an invalid id, and 403 for a task that the user may not change',
  async (method) => {
    await unchanged(db(), async () => {
      for (const value of INVALID_IDS) await expectFailure(rpc, false, method, value);
    });
    const { key: closed } = await givenQueue(db(), org, []);
    const hidden: GivenIssue = await givenIssue(db(), org, closed);
    const viewer: GivenAccount & { readonly id: number } = await givenAccount(db(), org);
    await board.giveRole(closed, viewer, 'viewer');
    const accounts = [viewer, await givenAccount(db(), org), await givenAccount(db(), org, 'admin')];
    await unchanged(db(), async () => {
      for (const account of accounts) await expectForbidden(rpcAs(api(), account), method, hidden.id);
    });
    const open = await givenIssue(db(), org, queue);
    await expectForbidden(rpcAs(api(), await givenAccount(db(), org, 'reader')), method, open.id);
    await expectForbidden(rpcAs(api(), viewer), method, MISSING_ID);
    const member = await givenAccount(db(), org);
    await board.giveRole(closed, member, 'member');
    expect(await rpcAs(api(), member).call(method, hidden.id)).toBe(true);
  },
);

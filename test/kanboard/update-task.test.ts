import { beforeEach, describe, expect, test } from '@jest/globals';
import { useApi } from '../support/api.ts';
import { type Board, givenBoard } from '../support/board.ts';
import { type GivenOrganisation, givenAccount, givenIssue, givenQueue, givenUser } from '../support/builders.ts';
import { expectFailureByName, expectForbidden, INVALID_IDS, MISSING_ID, type Rpc, rpcAs } from '../support/rpc.ts';
import { snapshot, unchanged } from '../support/snapshot.ts';

/** updateTask (Kanboard contract, section 6). */

const api = useApi();
const db = () => api().database.db;
let board: Board;
let org: GivenOrganisation;
let rpc: Rpc;
let columns: number[];

beforeEach(async () => {
  board = await givenBoard(api());
  ({ org, rpc, columns } = board);
});

describe('updateTask', () => {
  let id: number;

  beforeEach(async () => {
    id = await board.createTask('Before', {
      description: 'Old',
      tags: ['old'],
      date_due: '2030-01-02',
      reference: 'R',
      score: 1,
    });
  });

  test('updateTask changes the given fields, with positional parameters, and keeps those that are null', async () => {
    const alice = await givenUser(db(), org.orgId);
    const before = await board.getTask(id);
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
    expect(await board.getTask(id)).toEqual({
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
    expect(await board.getIssue(id)).toMatchObject({ summary: 'After', version: 2, tags: ['new'], description: 'Old' });
    expect((await board.listChanges(id)).slice(1)).toEqual(['IssueUpdated summary assignee tags']);
  });

  test('updateTask and the Tracker API keep the fields that the other one has written', async () => {
    await api()
      .request.patch(`/v2/issues/${await board.getIssueKey(id)}`)
      .set(org.admin.headers)
      .send({ summary: 'By Tracker', status: 'inProgress' })
      .expect(200);
    expect(await rpc.named('updateTask', { id, reference: 'R2' })).toBe(true);
    expect(await board.getTask(id)).toMatchObject({
      title: 'By Tracker',
      reference: 'R2',
      score: 1,
      column_id: columns[1],
    });
    const { body } = await api()
      .request.patch(`/v2/issues/${await board.getIssueKey(id)}`)
      .set(org.admin.headers)
      .send({ description: null })
      .expect(200);
    expect(body.version).toBe(4);
    expect(await board.getTask(id)).toMatchObject({
      description: '',
      reference: 'R2',
      date_due: Date.UTC(2030, 0, 2) / 1000,
    });
  });

  test('updateTask clears fields with empty values, and the owner with 0', async () => {
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
    expect(await board.getTask(id)).toMatchObject({
      owner_id: 0,
      description: '',
      date_due: 0,
      reference: '',
      score: 0,
      time_spent: 0,
    });
    expect(await board.getIssue(id)).not.toHaveProperty('tags');
    expect((await board.listChanges(id)).slice(1)).toEqual([
      'IssueUpdated assignee',
      'IssueUpdated description assignee tags deadline storyPoints',
    ]);
  });

  test('updateTask writes nothing when nothing changes; a field that only Kanboard has raises the version without a changelog entry', async () => {
    const before = await snapshot(db());
    expect(await rpc.call('updateTask', id)).toBe(true);
    expect(
      await rpc.named('updateTask', { id, title: 'Before', tags: ['old'], score: '1', date_due: '2030-01-02' }),
    ).toBe(true);
    expect(await snapshot(db())).toEqual(before);
    expect(await rpc.named('updateTask', { id, color_id: 'red' })).toBe(true);
    expect((await board.getIssue(id)).version).toBe(2);
    expect(await board.listChanges(id)).toHaveLength(1);
  });

  test('updateTask keeps a closed task closed', async () => {
    await rpc.call('closeTask', id);
    const { date_completed } = await board.getTask(id);
    expect(await rpc.named('updateTask', { id, title: 'After' })).toBe(true);
    expect(await board.getTask(id)).toMatchObject({ title: 'After', is_active: 0, date_completed });
  });

  test.each([
    { title: '' },
    { title: ' ' },
    { title: [] },
    { title: 'x'.repeat(65_536) },
    { owner_id: MISSING_ID },
    { owner_id: '' },
    { owner_id: [] },
    { date_due: 'soon' },
    { tags: 'one' },
    { score: 'x' },
    { reference: 'x'.repeat(192) },
    { time_estimated: 'x' },
    { date_due: 1, date_started: 2 },
  ])('updateTask returns false for %j', async (params) => {
    await expectFailureByName(rpc, false, 'updateTask', { id, ...params });
  });

  test('updateTask returns false for an invalid id, and 403 for a task that the user may not change', async () => {
    await unchanged(db(), async () => {
      for (const value of INVALID_IDS) await expectFailureByName(rpc, false, 'updateTask', { id: value, title: 'A' });
    });
    const { key: closed } = await givenQueue(db(), org, []);
    const hidden = await givenIssue(db(), org, closed);
    const member = await givenAccount(db(), org);
    await unchanged(db(), async () => {
      for (const task of [hidden.id, MISSING_ID]) {
        await expectForbidden(rpcAs(api(), member), 'updateTask', task, 'A');
        await expectForbidden(rpcAs(api(), member), 'updateTask', task, '');
      }
    });
    await board.giveRole(closed, member, 'viewer');
    await expectForbidden(rpcAs(api(), member), 'updateTask', hidden.id, 'A');
    await expectForbidden(rpcAs(api(), await givenAccount(db(), org, 'reader')), 'updateTask', id, 'A');
    const other = await givenAccount(db(), org);
    await board.giveRole(closed, other, 'member');
    expect(await rpcAs(api(), other).call('updateTask', hidden.id, 'A')).toBe(true);
    expect(await rpcAs(api(), other).named('updateTask', { id: hidden.id, owner_id: member.id })).toBe(false);
  });
});

import { beforeEach, expect, test } from '@jest/globals';
import { useApi } from '../support/api.ts';
import { type Board, givenBoard } from '../support/board.ts';
import { givenAccount, givenUser } from '../support/builders.ts';
import { expectFailure, expectForbidden, INVALID_IDS, MISSING_ID, rpcAs } from '../support/rpc.ts';

const api = useApi();
let board: Board;

beforeEach(async () => {
  board = await givenBoard(api());
});

async function givenMembers() {
  const { rpc, org } = board;
  const project = await rpc.call<number>('createProject', 'Closed');
  const [member, viewer, stranger] = [
    await givenAccount(rpc.db, org),
    await givenAccount(rpc.db, org),
    await givenAccount(rpc.db, org, 'admin'),
  ];
  await rpc.call('addProjectUser', project, member.id);
  await rpc.call('addProjectUser', project, viewer.id, 'project-viewer');
  return { project, member, viewer, stranger };
}

test('getAssignableUsers has the active users who may change tasks of the project', async () => {
  const { rpc, org, project: open } = board;
  const { project, member, viewer, stranger } = await givenMembers();
  const ids = async (...params: unknown[]) =>
    Object.keys(await rpc.call<object>('getAssignableUsers', ...params)).map(Number);
  expect(await rpc.call('getAssignableUsers', project)).toEqual({ [member.id]: member.login });
  expect(await rpc.call('getAssignableUsers', String(project), true)).toEqual({
    0: 'Unassigned',
    [member.id]: member.login,
  });
  const reader = await givenUser(rpc.db, org.orgId, { role: 'reader' });
  expect((await ids(open)).sort()).toEqual([org.admin.id, member.id, viewer.id, stranger.id].sort());
  expect(await ids(open)).not.toContain(reader.id);
  expect(await rpcAs(api(), viewer).call('getAssignableUsers', project)).toEqual({ [member.id]: member.login });
  for (const id of await ids(project)) {
    expect(await rpc.named('createTask', { title: 'Task', project_id: project, owner_id: id })).not.toBe(false);
  }
  expect(await rpc.named('createTask', { title: 'Task', project_id: project, owner_id: viewer.id })).toBe(false);
  await rpc.call('disableUser', member.id);
  expect(await rpc.call('getAssignableUsers', project)).toEqual({});
  for (const id of INVALID_IDS) expect([id, await rpc.call('getAssignableUsers', id)]).toEqual([id, {}]);
  for (const value of ['x', null, 2, []]) expect(await rpc.call('getAssignableUsers', open, value)).toEqual({});
  for (const id of [project, MISSING_ID]) await expectForbidden(rpcAs(api(), stranger), 'getAssignableUsers', id);
});

test('changeProjectUserRole changes the role of a member, and of nobody else', async () => {
  const { rpc } = board;
  const { project, member, viewer, stranger } = await givenMembers();
  expect(await rpc.call('changeProjectUserRole', project, member.id, 'project-viewer')).toBe(true);
  expect(await rpc.call('getProjectUserRole', project, member.id)).toBe('project-viewer');
  expect(await rpc.call('getAssignableUsers', project)).toEqual({});
  expect(await rpc.call('changeProjectUserRole', project, String(viewer.id), 'project-manager')).toBe(true);
  expect(await rpc.call('getProjectUserRole', project, viewer.id)).toBe('project-manager');
  for (const role of ['manager', '', null, [], 'app-admin']) {
    await expectFailure(rpc, false, 'changeProjectUserRole', project, member.id, role);
  }
  await expectFailure(rpc, false, 'changeProjectUserRole', project, stranger.id, 'project-member');
  for (const id of INVALID_IDS) {
    await expectFailure(rpc, false, 'changeProjectUserRole', project, id, 'project-member');
    await expectFailure(rpc, false, 'changeProjectUserRole', id, member.id, 'project-member');
  }
  for (const account of [member, stranger]) {
    await expectForbidden(rpcAs(api(), account), 'changeProjectUserRole', project, member.id, 'project-manager');
  }
});

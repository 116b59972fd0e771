import { expect, test } from '@jest/globals';
import { useApi } from '../support/api.ts';
import { givenBoard } from '../support/board.ts';
import { givenAccount } from '../support/builders.ts';
import { expectForbidden, INVALID_IDS, rpcAs } from '../support/rpc.ts';

const api = useApi();

test('getOverdueTasks and its kin list open tasks of active projects whose due date has passed', async () => {
  const board = await givenBoard(api());
  const { rpc, project, createTask, org } = board;
  const [admin, alice] = [await givenAccount(rpc.db, org, 'admin'), await givenAccount(rpc.db, org)];
  const date_due = '2001-02-03 04:05';
  const mine = await createTask('Mine', { date_due, owner_id: alice.id });
  const late = await createTask('Late', { date_due });
  await createTask('Later', { date_due: '2999-01-01' });
  await createTask('Whenever');
  await rpc.call('closeTask', await createTask('Done', { date_due }));
  const closed = await rpc.call<number>('createProject', 'Closed');
  const hidden = await rpc.named<number>('createTask', { title: 'Hidden', project_id: closed, date_due });

  const row = {
    id: mine,
    title: 'Mine',
    date_due: Date.UTC(2001, 1, 3, 4, 5) / 1000,
    project_id: project,
    creator_id: 0,
    owner_id: alice.id,
    project_name: board.queue,
    assignee_username: alice.login,
    assignee_name: '',
  };
  const [first, second, third] = await rpc.call<[object, object, object]>('getOverdueTasks');
  expect(first).toEqual(row);
  expect(Object.keys(first)).toEqual(Object.keys(row));
  expect([second, third]).toMatchObject([
    { id: late, owner_id: 0, assignee_username: null, assignee_name: null },
    { id: hidden },
  ]);
  expect(await rpcAs(api(), admin).call('getOverdueTasks')).toEqual([first, second]);
  expect(await rpcAs(api(), alice).call('getOverdueTasksByProject', project)).toEqual([first, second]);
  expect(await rpc.call('getOverdueTasksByProject', closed)).toEqual([third]);
  expect(await rpcAs(api(), alice).call('getMyOverdueTasks')).toEqual([first]);
  expect(await rpcAs(api(), admin).call('getMyOverdueTasks')).toEqual([]);
  await expectForbidden(rpcAs(api(), alice), 'getOverdueTasks');
  await expectForbidden(rpcAs(api(), alice), 'getOverdueTasksByProject', closed);
  await expectForbidden(rpc, 'getMyOverdueTasks');
  for (const id of INVALID_IDS) expect([id, await rpc.call('getOverdueTasksByProject', id)]).toEqual([id, []]);

  await rpc.call('disableProject', project);
  expect(await rpc.call('getOverdueTasks')).toEqual([third]);
  expect(await rpc.call('getOverdueTasksByProject', project)).toEqual([]);
});

test('the lists of colours and roles have the names that Kanboard shows in English', async () => {
  const { rpc } = await givenBoard(api());
  const colors = await rpc.call<Record<string, string>>('getColorList');
  expect(Object.keys(colors).join(' ')).toBe(
    'yellow blue green purple red orange grey brown deep_orange dark_grey pink teal cyan lime light_green amber',
  );
  expect(colors['deep_orange']).toBe('Deep Orange');
  expect(await rpc.call('getDefaultTaskColor')).toBe('yellow');
  const all = await rpc.call<Record<string, object>>('getDefaultTaskColors');
  expect(Object.keys(all)).toEqual(Object.keys(colors));
  expect(all['red']).toEqual({ name: 'Red', background: 'rgb(255, 187, 187)', border: 'rgb(255, 151, 151)' });
  expect(await rpc.call('getApplicationRoles')).toEqual({
    'app-admin': 'Administrator',
    'app-manager': 'Manager',
    'app-user': 'User',
  });
  expect(await rpc.call('getProjectRoles')).toEqual({
    'project-manager': 'Project Manager',
    'project-member': 'Project Member',
    'project-viewer': 'Project Viewer',
  });
});

import { beforeEach, expect, test } from '@jest/globals';
import { useApi } from '../support/api.ts';
import { type Board, givenBoard } from '../support/board.ts';
import { givenAccount } from '../support/builders.ts';
import { expectFailure, expectForbidden, INVALID_IDS, rpcAs } from '../support/rpc.ts';

const api = useApi();
let board: Board;

beforeEach(async () => {
  board = await givenBoard(api());
});

test('a category is created, listed by name, changed and removed from its tasks', async () => {
  const { rpc, project } = board;
  const id = await rpc.call<number>('createCategory', project, 'Web', 'blue');
  const first = await rpc.named<number>('createCategory', { project_id: project, name: 'API' });
  const row = { id, name: 'Web', project_id: project, description: null, color_id: 'blue' };
  expect(await rpc.call('getCategory', id)).toEqual(row);
  expect(Object.keys(await rpc.call<object>('getCategory', id))).toEqual(Object.keys(row));
  expect(await rpc.call('getAllCategories', project)).toEqual([
    { id: first, name: 'API', project_id: project, description: null, color_id: null },
    row,
  ]);

  const task = await board.createTask('Task', { category_id: id });
  await board.createTask('Other');
  const found = async (query: string) => await rpc.call<{ id: number }[]>('searchTasks', project, query);
  for (const query of ['category:Web', `category:${id}`]) {
    expect(await found(query)).toMatchObject([{ id: task, category_name: 'Web', category_color_id: 'blue' }]);
  }
  expect(await found('category:none')).toMatchObject([{ title: 'Other', category_name: null }]);
  expect(await rpc.call('updateCategory', id, 'Site')).toBe(true);
  expect(await found('category:Site')).toMatchObject([{ id: task, category_color_id: null }]);

  expect(await rpc.call('removeCategory', id)).toBe(true);
  await expectFailure(rpc, false, 'removeCategory', id);
  expect(await rpc.call('getCategory', id)).toBeNull();
  expect(await board.getTask(task)).toMatchObject({ category_id: 0 });
});

test('invalid values and taken names give false', async () => {
  const { rpc, project } = board;
  const id = await rpc.call<number>('createCategory', project, 'Web');
  await rpc.call('createCategory', project, 'API');
  for (const name of ['', ' ', 'API', null, [], 'a\0b', 'x'.repeat(192)]) {
    await expectFailure(rpc, false, 'createCategory', project, name);
    await expectFailure(rpc, false, 'updateCategory', id, name);
  }
  await expectFailure(rpc, false, 'createCategory', project, 'New', []);
  for (const value of INVALID_IDS) {
    await expectFailure(rpc, false, 'createCategory', value, 'New');
    await expectFailure(rpc, false, 'updateCategory', value, 'New');
    await expectFailure(rpc, false, 'removeCategory', value);
    expect([value, await rpc.call('getCategory', value)]).toEqual([value, null]);
    expect([value, await rpc.call('getAllCategories', value)]).toEqual([value, []]);
  }
});

test('only managers change categories', async () => {
  const { rpc, org } = board;
  const project = await rpc.call<number>('createProject', 'Closed');
  const id = await rpc.call('createCategory', project, 'Web');
  const [member, stranger] = [await givenAccount(rpc.db, org), await givenAccount(rpc.db, org)];
  await rpc.call('addProjectUser', project, member.id);
  for (const account of [member, stranger]) {
    await expectForbidden(rpcAs(api(), account), 'createCategory', project, 'New');
    await expectForbidden(rpcAs(api(), account), 'updateCategory', id, 'New');
    await expectForbidden(rpcAs(api(), account), 'removeCategory', id);
  }
  expect(await rpcAs(api(), member).call('getAllCategories', project)).toHaveLength(1);
  await expectForbidden(rpcAs(api(), stranger), 'getAllCategories', project);
});

test('the 1001st category of a project is refused', async () => {
  const { rpc, project, org } = board;
  await rpc.db.query({
    name: '',
    text: `
      insert into categories (org_id, queue_id, name)
      select $1, $2, 'Category ' || number from generate_series(1, 1000) as numbers (number)`,
    values: [org.orgId, project],
  });
  await expectFailure(rpc, false, 'createCategory', project, 'One more');
});

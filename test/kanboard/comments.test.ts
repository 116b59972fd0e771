import { beforeEach, expect, test } from '@jest/globals';
import { useApi } from '../support/api.ts';
import { type Board, givenBoard } from '../support/board.ts';
import { type GivenAccount, givenAccount } from '../support/builders.ts';
import { expectFailure, expectForbidden, INVALID_IDS, type Rpc, rpcAs } from '../support/rpc.ts';

/** Comments on tasks, which are the comments on issues. */

const api = useApi();
let board: Board;
let rpc: Rpc;
let task: number;
let alice: GivenAccount & { readonly id: number };

beforeEach(async () => {
  board = await givenBoard(api());
  ({ rpc } = board);
  task = await board.createTask('Task');
  alice = await givenAccount(rpc.db, board.org);
});

interface Comment {
  readonly id: number;
  readonly comment: string;
  readonly date_creation: number;
}

const as = (account: GivenAccount) => rpcAs(api(), account);
const textsOf = async (caller: Rpc) =>
  (await caller.call<Comment[]>('getAllComments', task)).map(({ comment }) => comment);

test('a comment is created, read, changed and removed, with the fields of Kanboard in its order', async () => {
  const id = await rpc.call<number>('createComment', task, alice.id, 'First', 'REF-1', 'app-manager');
  const comment = await rpc.call<Comment>('getComment', id);
  expect(Object.entries(comment)).toEqual([
    ['id', id],
    ['task_id', task],
    ['user_id', alice.id],
    ['date_creation', expect.any(Number)],
    ['date_modification', comment.date_creation],
    ['comment', 'First'],
    ['reference', 'REF-1'],
    ['visibility', 'app-manager'],
    ['username', alice.login],
    ['name', ''],
    ['email', ''],
    ['avatar_path', null],
  ]);
  const [listed] = await rpc.call<[Comment]>('getAllComments', task);
  const { reference: _reference, ...shared } = comment as Comment & { reference: string };
  expect(listed).toEqual(shared);
  expect(Object.keys(listed).join(' ')).toBe(
    'id date_creation date_modification task_id user_id comment visibility username name email avatar_path',
  );
  expect(await rpc.call('searchTasks', board.project, 'comment:irs')).toMatchObject([{ id: task, nb_comments: 1 }]);
  expect(await rpc.call('searchTasks', board.project, 'comment:other')).toEqual([]);

  expect(await rpc.call('updateComment', id, 'Changed')).toBe(true);
  expect(await rpc.call('getComment', String(id))).toMatchObject({ comment: 'Changed', user_id: alice.id });
  expect(await rpc.call('removeComment', id)).toBe(true);
  expect(await rpc.call('getComment', id)).toBeNull();
  expect(await rpc.call('getAllComments', task)).toEqual([]);
  for (const [method, ...params] of [['removeComment', id] as const, ['updateComment', id, 'x'] as const]) {
    await expectFailure(rpc, false, method, ...params);
  }
  const events = await rpc.db.query<{ type: string }>({
    name: '',
    text: `select type from events where org_id = $1 and issue_id = $2 order by event_id`,
    values: [board.org.orgId, task],
  });
  expect(events.slice(1).map(({ type }) => type)).toEqual([
    'IssueCommentAdded',
    'IssueCommentUpdated',
    'IssueCommentRemoved',
  ]);
});

test('comments of the application account are of no user', async () => {
  const id = await rpc.call<number>('createComment', task, 0, 'From a program');
  expect(await rpc.call('getComment', id)).toMatchObject({ user_id: 0, username: null, name: null, email: null });
});

test('invalid values give false and write nothing', async () => {
  for (const content of ['', '  ', null, [], 'a\0b', 'x'.repeat(512_001)]) {
    await expectFailure(rpc, false, 'createComment', task, alice.id, content);
  }
  for (const visibility of ['app-public', '', null, []]) {
    await expectFailure(rpc, false, 'createComment', task, alice.id, 'x', '', visibility);
  }
  await expectFailure(rpc, false, 'createComment', task, alice.id, 'x', 'r'.repeat(192));
  for (const id of INVALID_IDS) {
    await expectFailure(rpc, false, 'createComment', id, alice.id, 'x');
    if (id !== 0) await expectFailure(rpc, false, 'createComment', task, id, 'x');
    await expectFailure(rpc, false, 'updateComment', id, 'x');
    await expectFailure(rpc, false, 'removeComment', id);
    expect([id, await rpc.call('getComment', id)]).toEqual([id, null]);
    expect([id, await rpc.call('getAllComments', id)]).toEqual([id, []]);
  }
  const id = await rpc.call('createComment', task, alice.id, 'x');
  await expectFailure(rpc, false, 'updateComment', id, '');
});

test('users write only as themselves, and change and remove only their own comments', async () => {
  const bob = await givenAccount(rpc.db, board.org, 'admin');
  const reader = await givenAccount(rpc.db, board.org, 'reader');
  const id = await as(alice).call<number>('createComment', task, alice.id, 'Mine');
  await expectFailure(as(alice), false, 'createComment', task, bob.id, 'Not mine');
  await expectFailure(as(alice), false, 'createComment', task, 0, 'Not mine');
  await expectFailure(as(bob), false, 'updateComment', id, 'Not mine');
  await expectFailure(as(bob), false, 'removeComment', id);
  await expectForbidden(as(reader), 'createComment', task, reader.id, 'No');
  await expectForbidden(as(reader), 'updateComment', id, 'No');
  await expectForbidden(as(reader), 'removeComment', id);
  expect(await as(reader).call('getComment', id)).toMatchObject({ comment: 'Mine' });
  expect(await as(alice).call('updateComment', id, 'Still mine')).toBe(true);
  expect(await as(alice).call('removeComment', id)).toBe(true);
});

test('nobody sees or writes comments above their role in the organisation, except their own', async () => {
  const [manager, admin] = [
    await givenAccount(rpc.db, board.org, 'manager'),
    await givenAccount(rpc.db, board.org, 'admin'),
  ];
  for (const visibility of ['app-user', 'app-manager', 'app-admin']) {
    await as(admin).call('createComment', task, admin.id, visibility, '', visibility);
  }
  expect(await textsOf(as(admin))).toEqual(['app-user', 'app-manager', 'app-admin']);
  expect(await textsOf(as(manager))).toEqual(['app-user', 'app-manager']);
  expect(await textsOf(as(alice))).toEqual(['app-user']);
  expect(await as(alice).call('searchTasks', board.project, 'comment:manager')).toEqual([]);
  expect(await as(alice).call('searchTasks', board.project, '')).toMatchObject([{ nb_comments: 1 }]);
  await expectFailure(as(alice), false, 'createComment', task, alice.id, 'x', '', 'app-manager');
  await expectFailure(as(manager), false, 'createComment', task, manager.id, 'x', '', 'app-admin');
});

test('comments of a project that the user may not see are as missing ones', async () => {
  const closed = await rpc.call<number>('createProject', 'Closed');
  const hidden = await rpc.named<number>('createTask', { title: 'Hidden', project_id: closed });
  const id = await rpc.call<number>('createComment', hidden, 0, 'Hidden');
  for (const params of [
    ['getComment', id],
    ['getAllComments', hidden],
    ['createComment', hidden, alice.id, 'x'],
    ['updateComment', id, 'x'],
    ['removeComment', id],
  ] as const) {
    const [method, ...rest] = params;
    await expectForbidden(as(alice), method, ...rest);
  }
});

import { beforeEach, expect, test } from '@jest/globals';
import { useApi } from '../support/api.ts';
import { type Board, givenBoard } from '../support/board.ts';
import { type GivenAccount, givenAccount, givenQueue } from '../support/builders.ts';
import { expectForbidden, INVALID_IDS, MISSING_ID, type Rpc, rpcAs } from '../support/rpc.ts';

/** What happened to tasks: of a project, of several, and of all that a user may see. */

const api = useApi();
let board: Board;
let alice: GivenAccount & { readonly id: number };
let rpc: Rpc;

beforeEach(async () => {
  board = await givenBoard(api());
  alice = await givenAccount(board.rpc.db, board.org);
  rpc = rpcAs(api(), alice);
});

interface Activity {
  readonly event_name: string;
  readonly event_title: string;
  readonly task_id: number;
}

const activityOf = (project: unknown, caller = rpc) => caller.call<Activity[]>('getProjectActivity', project);
const namesOf = async (project: unknown, caller = rpc) =>
  (await activityOf(project, caller)).map(({ event_name }) => event_name);

test('each change of a task is an event, latest first', async () => {
  const { project, columns } = board;
  const create = (title: string) => rpc.named<number>('createTask', { title, project_id: project });
  expect(await activityOf(project)).toEqual([]);
  const [task, other] = [await create('Task <1>'), await create('Other')];
  await rpc.named('updateTask', { id: task, title: 'Task "1" & <2>' });
  await rpc.named('updateTask', { id: task, owner_id: alice.id });
  await rpc.named('updateTask', { id: task, owner_id: 0 });
  await rpc.call('moveTaskPosition', project, task, columns[1], 1, 0);
  await rpc.call('closeTask', task);
  await rpc.call('openTask', task);
  const comment = await rpc.call<number>('createComment', task, alice.id, 'A comment');
  await rpc.call('updateComment', comment, 'Another');
  await rpc.call('removeComment', comment);
  const link = await rpc.call<number>('createTaskLink', task, other, 1);
  await rpc.call('removeTaskLink', link);

  const { login } = alice;
  const titles = (await activityOf(project)).map(
    ({ event_name, event_title, task_id }) => `${event_name}: ${event_title.replace(`#${task_id}`, '#')}`,
  );
  expect(titles.reverse()).toEqual([
    `task.create: ${login} created the task #`,
    `task.create: ${login} created the task #`,
    `task.update: ${login} updated the task #`,
    // The task has no assignee now.
    `task.assignee_change: ${login} removed the assignee of the task #`,
    `task.assignee_change: ${login} removed the assignee of the task #`,
    `task.move.column: ${login} moved the task # to the column "In progress"`,
    `task.close: ${login} closed the task #`,
    `task.open: ${login} opened the task #`,
    `comment.create: ${login} commented on the task #`,
    `comment.update: ${login} updated a comment on the task #`,
    `comment.delete: ${login} removed a comment on the task #`,
    `task_internal_link.create_update: ${login} set a new internal link for the task #`,
    `task_internal_link.create_update: ${login} set a new internal link for the task #`,
    `task_internal_link.delete: ${login} removed an internal link for the task #`,
    `task_internal_link.delete: ${login} removed an internal link for the task #`,
  ]);
});

test('an event has its author and its task, and one about a comment has the comment', async () => {
  const { project } = board;
  const category = await board.rpc.call<number>('createCategory', project, 'Web');
  const task = await rpc.named<number>('createTask', {
    title: 'Task',
    project_id: project,
    owner_id: alice.id,
    category_id: category,
  });
  const comment = await rpc.call<number>('createComment', task, alice.id, 'A comment');
  const [commented, created] = await activityOf(project);
  const { url: _url, color: _color, ...fields } = await rpc.call<Record<string, unknown>>('getTask', task);
  const user = { id: alice.id, username: alice.login };
  expect(created).toEqual({
    id: expect.any(Number),
    date_creation: fields['date_creation'],
    event_name: 'task.create',
    creator_id: user.id,
    project_id: project,
    task_id: task,
    author_username: user.username,
    author_name: expect.any(String),
    email: expect.any(String),
    avatar_path: null,
    task: {
      ...fields,
      category_name: 'Web',
      swimlane_name: 'Default swimlane',
      project_name: expect.any(String),
      column_title: 'Open',
      assignee_username: user.username,
      assignee_name: expect.any(String),
      creator_username: user.username,
      creator_name: expect.any(String),
      category_description: null,
      column_position: 1,
    },
    author: expect.any(String),
    event_title: expect.stringContaining(`created the task #${task}`),
    event_content: expect.stringMatching(/^<p class="activity-title">.*created the task #\d+<\/p>$/),
  });
  expect(Object.keys(created ?? {}).join(' ')).toBe(
    'id date_creation event_name creator_id project_id task_id author_username author_name email avatar_path task author event_title event_content',
  );
  expect(Object.keys((created as unknown as { task: object }).task)).toEqual([
    ...Object.keys(fields),
    ...['category_name', 'swimlane_name', 'project_name', 'column_title', 'assignee_username', 'assignee_name'],
    ...['creator_username', 'creator_name', 'category_description', 'column_position'],
  ]);
  expect(commented).toMatchObject({ event_name: 'comment.create', comment: await rpc.call('getComment', comment) });
});

test('titles are escaped in event_content, and the application account is no user', async () => {
  const { project, rpc: application } = board;
  const { id } = await givenQueue(application.db, board.org);
  const task = await application.named<number>('createTask', { title: 'A & "B" <i>', project_id: project });
  await application.call('moveTaskToProject', task, id);
  const [moved] = await activityOf(id);
  expect(moved).toMatchObject({
    event_name: 'task.move.project',
    creator_id: 0,
    author_username: null,
    author_name: null,
    email: null,
    author: 'jsonrpc',
    event_title: expect.stringContaining(`moved the task #${task} "A & "B" <i>" to the project`),
    event_content: expect.stringContaining(`moved the task #${task} &#34;A &#38; &#34;B&#34; &#60;i&#62;&#34; to`),
  });
  expect(await activityOf(project)).toEqual([]);
});

test('getProjectActivities joins projects, and getMyActivityStream all active ones that the user may see', async () => {
  const { project, rpc: application } = board;
  const create = (title: string, where: number, caller = application) =>
    caller.named<number>('createTask', { title, project_id: where });
  const { id: second } = await givenQueue(application.db, board.org);
  const closed = await application.call<number>('createProject', 'Closed');
  const own = await rpc.call<number>('createMyPrivateProject', 'Own');
  const tasks = [
    await create('First', project),
    await create('Second', second),
    await create('Hidden', closed),
    await create('Own', own, rpc),
  ];
  const ids = async (method: string, ...params: unknown[]) =>
    (await rpc.call<Activity[]>(method, ...params)).map(({ task_id }) => task_id);
  expect(await ids('getProjectActivities', [second, String(project), second])).toEqual([tasks[1], tasks[0]]);
  expect(await ids('getMyActivityStream')).toEqual([tasks[3], tasks[1], tasks[0]]);
  await application.call('disableProject', second);
  expect(await ids('getMyActivityStream')).toEqual([tasks[3], tasks[0]]);
  expect(await ids('getProjectActivities', [])).toEqual([]);
  for (const id of [closed, MISSING_ID]) {
    await expectForbidden(rpc, 'getProjectActivity', id);
    await expectForbidden(rpc, 'getProjectActivities', [project, id]);
  }
  for (const value of INVALID_IDS) {
    expect([value, await application.call('getProjectActivity', value)]).toEqual([value, []]);
    expect([value, await application.call('getProjectActivities', [value])]).toEqual([value, []]);
  }
  for (const value of ['1', 1, null, {}, Array.from({ length: 1001 }, () => project)]) {
    expect(await rpc.call('getProjectActivities', value)).toEqual([]);
  }
  await expectForbidden(application, 'getMyActivityStream');
});

test('events about hidden comments and links to hidden tasks are no events', async () => {
  const { project, rpc: application } = board;
  const closed = await application.call<number>('createProject', 'Closed');
  const hidden = await application.named<number>('createTask', { title: 'Hidden', project_id: closed });
  const task = await board.createTask('Task');
  await application.call('createTaskLink', task, hidden, 1);
  await application.call('createComment', task, 0, 'For administrators', '', 'app-admin');
  expect(await namesOf(project)).toEqual(['task.create']);
  expect(await namesOf(project, application)).toEqual([
    'comment.create',
    'task_internal_link.create_update',
    'task.create',
  ]);
  expect((await rpc.call<Activity[]>('getMyActivityStream')).map(({ event_name }) => event_name)).toEqual([
    'task.create',
  ]);
});

test('the events of a quiet project are listed however many events of others came later', async () => {
  const { project, rpc: application } = board;
  const { id: quiet } = await givenQueue(application.db, board.org);
  const [first, second] = [
    await rpc.named<number>('createTask', { title: 'First', project_id: quiet }),
    await rpc.named<number>('createTask', { title: 'Second', project_id: quiet }),
  ];
  await rpc.named('updateTask', { id: first, title: 'Changed' });
  const busy = await board.createTask('Busy');
  await application.db.query({
    name: '',
    text: `
      insert into events (org_id, issue_id, type, user_id, changes)
      select $1, $2, 'IssueUpdated', $3, '{"fields":[]}' from generate_series(1, 2500)`,
    values: [board.org.orgId, busy, alice.id],
  });
  const tasksOf = (events: Activity[]) => events.map(({ task_id }) => task_id);
  expect(tasksOf(await activityOf(quiet))).toEqual([first, second, first]);
  expect(new Set(tasksOf(await activityOf(project)))).toEqual(new Set([busy]));
  const both = await rpc.call<Activity[]>('getProjectActivities', [quiet, project]);
  expect(tasksOf(both)).toEqual(Array.from({ length: 50 }, () => busy));
});

test('the latest 50 events of a project and 100 of all are listed', async () => {
  const { project, rpc: application } = board;
  const task = await board.createTask('Task');
  await application.db.query({
    name: '',
    text: `
      insert into events (org_id, issue_id, type, user_id, changes)
      select $1, $2, 'IssueUpdated', $3, '{"fields":[]}' from generate_series(1, 120)`,
    values: [board.org.orgId, task, alice.id],
  });
  const events = await rpc.call<{ id: number }[]>('getProjectActivity', project);
  const mine = await rpc.call<{ id: number }[]>('getMyActivityStream');
  expect([events.length, mine.length]).toEqual([50, 100]);
  expect(mine.slice(0, 50)).toEqual(events);
  const ids = mine.map(({ id }) => id);
  expect(ids).toEqual([...ids].sort((left, right) => right - left));
});

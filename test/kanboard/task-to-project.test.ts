import { beforeEach, describe, expect, test } from '@jest/globals';
import { useApi } from '../support/api.ts';
import { type Board, givenBoard } from '../support/board.ts';
import { givenAccount, givenOrganisation, givenQueue } from '../support/builders.ts';
import { expectFailure, expectForbidden, INVALID_IDS, rpcAs } from '../support/rpc.ts';

/** moveTaskToProject and duplicateTaskToProject. */

const api = useApi();
let board: Board;
/** A project with other columns: Backlog, Ready, Work in progress, Done. */
let target: number;
let columns: number[];

beforeEach(async () => {
  board = await givenBoard(api());
  target = await board.rpc.call<number>('createProject', 'Target');
  columns = await board.listColumnIds(target);
});

interface TaskLink {
  readonly task_id: number;
  readonly label: string;
}

const linksOf = async (task: number) => {
  const links = await board.rpc.call<TaskLink[]>('getAllTaskLinks', task);
  return links.map(({ task_id, label }) => `${label} ${task_id}`).sort();
};

describe('moveTaskToProject', () => {
  test('keeps links, comments and tags, opens the task, and gives it a new key', async () => {
    const { rpc, createTask, getTask } = board;
    const task = await createTask('Task', { tags: ['one'], score: 3, priority: 2 });
    const other = await createTask('Other');
    await rpc.call('createTaskLink', task, other, 2);
    await rpc.call('createComment', task, 0, 'A comment');
    await rpc.call('closeTask', task);
    const key = await board.getIssueKey(task);
    expect(await rpc.call('moveTaskToProject', task, target)).toBe(true);
    expect(await getTask(task)).toMatchObject({
      project_id: target,
      column_id: columns[0],
      is_active: 1,
      score: 3,
      priority: 2,
      position: 1,
    });
    expect(await board.getIssueKey(task)).not.toBe(key);
    expect(await linksOf(task)).toEqual([`blocks ${other}`]);
    expect(await linksOf(other)).toEqual([`is blocked by ${task}`]);
    expect(await rpc.call('getAllComments', task)).toHaveLength(1);
    expect(await rpc.call('searchTasks', target, 'tag:one')).toMatchObject([{ id: task }]);
    // Not to be found where it was.
    expect(await rpc.call('searchTasks', board.project, 'title:Task')).toEqual([]);
  });

  test('finds the column and the category by name; an owner and a priority that do not fit are dropped', async () => {
    const { rpc, createTask, getTask, project, columns: own } = board;
    const alice = await givenAccount(rpc.db, board.org);
    const bob = await givenAccount(rpc.db, board.org);
    await rpc.call('addProjectUser', target, bob.id);
    const [web, there] = [
      await rpc.call<number>('createCategory', project, 'Web'),
      await rpc.call<number>('createCategory', target, 'Web'),
    ];
    const api_ = await rpc.call<number>('createCategory', target, 'API');
    await rpc.call('updateColumn', columns[2], 'Need info');
    const given = { column_id: own[2], category_id: web, owner_id: alice.id, priority: 9 };
    const task = await createTask('Task', given);
    expect(await rpc.call('moveTaskToProject', task, target)).toBe(true);
    const moved = { project_id: target, column_id: columns[2], category_id: there, owner_id: 0, priority: 0 };
    expect(await getTask(task)).toMatchObject(moved);

    const second = await createTask('Second', given);
    expect(await rpc.call('moveTaskToProject', second, target, 99, columns[3], api_, bob.id)).toBe(true);
    expect(await getTask(second)).toMatchObject({ column_id: columns[3], category_id: api_, owner_id: bob.id });
    expect(await rpc.call('moveTaskToProject', second, target, null, 0, 0, 0)).toBe(true);
    expect(await getTask(second)).toMatchObject({ column_id: columns[0], category_id: 0, owner_id: 0 });
  });

  test('treats the category and the priority as _move of the Tracker API does', async () => {
    const { rpc, createTask, getTask, project } = board;
    const { id, key } = await givenQueue(rpc.db, board.org);
    const web = await rpc.call<number>('createCategory', project, 'Web');
    const own = await rpc.call<number>('createCategory', project, 'Own');
    const there = await rpc.call<number>('createCategory', id, 'Web');
    await rpc.named('updateProject', { project_id: id, priority_default: 5, priority_start: 4, priority_end: 6 });
    const move = async (task: number) => {
      const path = `/v2/issues/${await board.getIssueKey(task)}/_move?queue=${key}`;
      await api().request.post(path).set(board.org.admin.headers).expect(200);
    };
    const [first, second] = [
      await createTask('First', { category_id: web, priority: 6, score: 3 }),
      await createTask('Second', { category_id: own }),
    ];
    const [third, fourth] = [
      await createTask('Third', { category_id: web, priority: 6, score: 3 }),
      await createTask('Fourth', { category_id: own }),
    ];
    await move(first);
    await move(second);
    await rpc.call('moveTaskToProject', third, id);
    await rpc.call('moveTaskToProject', fourth, id);
    for (const task of [first, third]) {
      expect(await getTask(task)).toMatchObject({ project_id: id, category_id: there, priority: 6, score: 3 });
    }
    for (const task of [second, fourth]) {
      expect(await getTask(task)).toMatchObject({ project_id: id, category_id: 0, priority: 5 });
    }
    expect(await rpc.call('removeCategory', own)).toBe(true);
  });

  test('records the move and the new status', async () => {
    const { rpc, createTask } = board;
    const { id } = await givenQueue(rpc.db, board.org);
    const task = await createTask('Task', { column_id: board.columns[1] });
    await rpc.call('moveTaskToProject', task, id);
    expect((await board.listChanges(task)).slice(1)).toEqual(['IssueMoved queue key']);
    await rpc.call('moveTaskToProject', task, board.project, null, board.columns[0]);
    expect((await board.listChanges(task)).slice(2)).toEqual(['IssueMoved queue key', 'IssueWorkflow status']);
  });
});

describe('duplicateTaskToProject', () => {
  test('copies the fields, tags and external links, and links the copy to the task', async () => {
    const { rpc, createTask, getTask } = board;
    const task = await createTask('Task', {
      description: 'Text',
      tags: ['one', 'two'],
      color_id: 'red',
      date_due: '2030-01-02 03:04',
      date_started: '2029-01-02 03:04',
      score: 5,
      reference: 'REF',
      time_estimated: 2,
      time_spent: 1,
      recurrence_status: 1,
      recurrence_factor: 2,
    });
    await rpc.call('createExternalTaskLink', task, 'https://example.org/plan', 'related');
    const other = await createTask('Other');
    await rpc.call('createTaskLink', task, other, 2);
    await rpc.call('closeTask', task);

    const copy = await rpc.call<number>('duplicateTaskToProject', task, target);
    const same = ['title', 'description', 'color_id', 'date_due', 'score', 'reference', 'time_estimated'] as const;
    const [from, to] = [await getTask(task), await getTask(copy)];
    for (const field of same) expect([field, to[field]]).toEqual([field, from[field]]);
    expect(to).toMatchObject({
      project_id: target,
      column_id: columns[0],
      is_active: 1,
      date_started: 0,
      time_spent: null,
      recurrence_status: 1,
      recurrence_factor: 2,
      recurrence_parent: null,
    });
    expect(await rpc.call('searchTasks', target, 'tag:two')).toMatchObject([{ id: copy, nb_external_links: 1 }]);
    expect(await linksOf(copy)).toEqual([`duplicates ${task}`]);
    expect(await linksOf(task)).toEqual([`blocks ${other}`, `is duplicated by ${copy}`]);
  });

  test.each(['kanboard', 'tracker'] as const)(
    'with_links copies the links too, in a %s organisation',
    async (profile) => {
      const org = await givenOrganisation(api().database.db, { profile });
      board = profile === 'kanboard' ? board : { ...board, ...(await givenTrackerBoard(org)) };
      const { rpc, project } = board;
      const create = (title: string) => rpc.named<number>('createTask', { title, project_id: project });
      const [task, blocked, related, child, parent] = [
        await create('Task'),
        await create('Blocked'),
        await create('Related'),
        await create('Child'),
        await create('Parent'),
      ];
      await rpc.call('createTaskLink', task, blocked, 2);
      await rpc.call('createTaskLink', task, related, 1);
      await rpc.call('createTaskLink', child, task, 6);
      await rpc.call('createTaskLink', task, parent, 6);
      const copy = await rpc.named<number>('duplicateTaskToProject', {
        task_id: task,
        project_id: project,
        with_links: true,
      });
      // A subtask has one parent, where the rule is on.
      const children = profile === 'tracker' ? [] : [`is a parent of ${child}`];
      expect(await linksOf(copy)).toEqual(
        [
          `blocks ${blocked}`,
          `duplicates ${task}`,
          `is a child of ${parent}`,
          ...children,
          `relates to ${related}`,
        ].sort(),
      );
      const alone = await rpc.call<number>('duplicateTaskToProject', task, project);
      expect(await linksOf(alone)).toEqual([`duplicates ${task}`]);
    },
  );

  async function givenTrackerBoard(org: Awaited<ReturnType<typeof givenOrganisation>>) {
    const { id: project } = await givenQueue(api().database.db, org);
    const { givenApplication } = await import('../support/builders.ts');
    return { org, project, rpc: rpcAs(api(), await givenApplication(api().database.db, org)) };
  }

  test('without the label, makes a copy without the link', async () => {
    const { rpc, createTask, project } = board;
    const task = await createTask('Task');
    await rpc.call('removeLink', 4);
    const copy = await rpc.call<number>('duplicateTaskToProject', task, project);
    expect(await linksOf(copy)).toEqual([]);
  });

  test('leaves out links to tasks that the user may not see', async () => {
    const { rpc, createTask, project } = board;
    const task = await createTask('Task');
    const hidden = await rpc.named<number>('createTask', { title: 'Hidden', project_id: target });
    await rpc.call('createTaskLink', task, hidden, 2);
    const user = rpcAs(api(), await givenAccount(rpc.db, board.org));
    const copy = await user.call<number>('duplicateTaskToProject', task, project, null, null, null, null, true);
    expect(await linksOf(copy)).toEqual([`duplicates ${task}`]);
  });
});

test('invalid values and missing rights are refused, and nothing is written', async () => {
  const { rpc, createTask, project } = board;
  const task = await createTask('Task');
  for (const method of ['moveTaskToProject', 'duplicateTaskToProject']) {
    for (const id of INVALID_IDS) {
      await expectFailure(rpc, false, method, id, project);
      await expectFailure(rpc, false, method, task, id);
    }
    for (const value of ['x', 1.5, []]) {
      await expectFailure(rpc, false, method, task, project, value);
      await expectFailure(rpc, false, method, task, project, null, value);
      await expectFailure(rpc, false, method, task, project, null, null, value);
      await expectFailure(rpc, false, method, task, project, null, null, null, value);
    }
    const reader = rpcAs(api(), await givenAccount(rpc.db, board.org, 'reader'));
    const member = rpcAs(api(), await givenAccount(rpc.db, board.org));
    await expectForbidden(reader, method, task, project);
    await expectForbidden(member, method, task, target);
  }
  await expectFailure(rpc, false, 'duplicateTaskToProject', task, project, null, null, null, null, 'yes');
});

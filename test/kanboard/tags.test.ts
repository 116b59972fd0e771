import { beforeEach, describe, expect, test } from '@jest/globals';
import { useApi } from '../support/api.ts';
import { type Board, givenBoard } from '../support/board.ts';
import { givenAccount, givenQueue } from '../support/builders.ts';
import { expectFailure, expectFailureByName, expectForbidden, INVALID_IDS, MISSING_ID, rpcAs } from '../support/rpc.ts';

/** The tags of tasks and projects, which are the tags of issues. */

const api = useApi();
let board: Board;

beforeEach(async () => {
  board = await givenBoard(api());
});

interface Tag {
  readonly id: number;
  readonly name: string;
}

const listNames = async (project = board.project) =>
  (await board.rpc.call<Tag[]>('getTagsByProject', project)).map(({ name }) => name);
const tagsOf = async (task: number) => Object.values(await board.rpc.call<object>('getTaskTags', task));
const setTags = (task: number, tags: unknown, project: unknown = board.project) =>
  board.rpc.call('setTaskTags', project, task, tags);

async function patch(task: number, body: object): Promise<void> {
  const path = `/v2/issues/${await board.getIssueKey(task)}`;
  await api().request.patch(path).set(board.org.admin.headers).send(body).expect(200);
}

describe('the tags of a project', () => {
  test('are created, listed by name, changed and removed', async () => {
    const { rpc, project } = board;
    const id = await rpc.call<number>('createTag', project, 'web', 'blue');
    const first = await rpc.named<number>('createTag', { project_id: project, tag: 'API' });
    const row = { id, name: 'web', project_id: project, color_id: 'blue' };
    const list = [{ id: first, name: 'API', project_id: project, color_id: null }, row];
    expect(await rpc.call('getTagsByProject', project)).toEqual(list);
    const all = await rpc.call<object[]>('getAllTags');
    expect(all).toEqual(list);
    expect(Object.keys(all[1] ?? {})).toEqual(Object.keys(row));

    expect(await rpc.call('updateTag', id, 'site')).toBe(true);
    expect(await rpc.call('getTagsByProject', project)).toEqual([
      list[0],
      { id, name: 'site', project_id: project, color_id: null },
    ]);
    expect(await rpc.call('updateTag', String(id), 'site', 'red')).toBe(true);
    expect(await rpc.call('getTagsByProject', project)).toMatchObject([{}, { name: 'site', color_id: 'red' }]);
    expect(await rpc.call('removeTag', id)).toBe(true);
    expect(await listNames()).toEqual(['API']);
    await expectFailure(rpc, false, 'removeTag', id);
  });

  test('are refused with an invalid or a taken name', async () => {
    const { rpc, project } = board;
    const id = await rpc.call<number>('createTag', project, 'web');
    await rpc.call('createTag', project, 'API');
    for (const name of ['', ' ', 'API', null, [], {}, 'a\0b', 'x'.repeat(256)]) {
      await expectFailure(rpc, false, 'createTag', project, name);
      await expectFailure(rpc, false, 'updateTag', id, name);
    }
    for (const color of [[], {}, 'x'.repeat(51)]) {
      await expectFailure(rpc, false, 'createTag', project, 'new', color);
      await expectFailure(rpc, false, 'updateTag', id, 'new', color);
    }
    for (const value of INVALID_IDS) {
      await expectFailure(rpc, false, 'createTag', value, 'new');
      await expectFailure(rpc, false, 'updateTag', value, 'new');
      await expectFailure(rpc, false, 'removeTag', value);
      expect([value, await rpc.call('getTagsByProject', value)]).toEqual([value, []]);
      expect([value, await rpc.call('getTaskTags', value)]).toEqual([value, {}]);
    }
  });

  test('include those that an issue gets through the Tracker API, and stay when it loses them', async () => {
    const { rpc, project, queue, org } = board;
    const { body } = await api()
      .request.post('/v2/issues')
      .set(org.admin.headers)
      .send({ queue, summary: 'Issue', tags: ['one', 'Two'] })
      .expect(201);
    const [{ id: task } = { id: 0 }] = await rpc.call<{ id: number }[]>('getAllTasks', project);
    expect(await listNames()).toEqual(['Two', 'one']);
    expect((await tagsOf(task)).sort()).toEqual(['Two', 'one']);
    await patch(task, { tags: { add: ['three'], remove: ['one'] } });
    expect(await listNames()).toEqual(['Two', 'one', 'three']);
    expect((await tagsOf(task)).sort()).toEqual(['Two', 'three']);
    const [two] = await rpc.call<Tag[]>('getTagsByProject', project);
    expect(await rpc.call('getTaskTags', task)).toMatchObject({ [String(two?.id)]: 'Two' });

    // Tracker's tags differ by their letter case.
    await patch(task, { tags: ['Three', 'three'] });
    expect(await listNames()).toEqual(['Three', 'Two', 'one', 'three']);
    const key = (body as { key: string }).key;
    const { body: copy } = await api()
      .request.post(`/v2/issues/${key}/_clone?queues=${(await givenQueue(rpc.db, org)).key}`)
      .set(org.admin.headers)
      .expect(201);
    const there = await board.getProjectId((copy as { key: string }).key.split('-')[0] ?? '');
    expect(await listNames(there)).toEqual(['Three', 'three']);
  });

  test('go along to another project, with a move in either API and with a copy', async () => {
    const { rpc, org } = board;
    const targets = [await givenQueue(rpc.db, org), await givenQueue(rpc.db, org), await givenQueue(rpc.db, org)];
    const [moved, copied, last] = targets.map(({ id }) => id) as [number, number, number];
    const task = await board.createTask('Task', { tags: ['one'] });
    await rpc.call('duplicateTaskToProject', task, copied);
    await rpc.call('moveTaskToProject', task, moved);
    const key = await board.getIssueKey(task);
    await api().request.post(`/v2/issues/${key}/_move?queue=${targets[2]?.key}`).set(org.admin.headers).expect(200);
    for (const project of [board.project, copied, moved, last]) expect(await listNames(project)).toEqual(['one']);
    expect(await tagsOf(task)).toEqual(['one']);
    expect(await rpc.call('getTaskTags', task)).toEqual({
      [String((await rpc.call<Tag[]>('getTagsByProject', last))[0]?.id)]: 'one',
    });
  });

  test('are renamed on all their issues, and removed from them, as the changelog shows', async () => {
    const { rpc, project, org } = board;
    const { id: other } = await givenQueue(rpc.db, org);
    const task = await board.createTask('Task', { tags: ['a', 'b', 'c'] });
    const closed = await board.createTask('Closed', { tags: ['b'] });
    await rpc.call('closeTask', closed);
    const without = await board.createTask('Without', { tags: ['a'] });
    const elsewhere = await rpc.named<number>('createTask', { title: 'T', project_id: other, tags: ['b'] });
    const tags = await rpc.call<Tag[]>('getTagsByProject', project);
    const b = tags.find(({ name }) => name === 'b')?.id;

    expect(await rpc.call('updateTag', b, 'B two', 'red')).toBe(true);
    expect((await board.getIssue(task)).tags).toEqual(['a', 'B two', 'c']);
    expect(await board.getIssue(task)).toMatchObject({ version: 2 });
    expect((await board.listChanges(task)).slice(1)).toEqual(['IssueUpdated tags']);
    expect(await rpc.call('searchTasks', project, 'tag:"b two"')).toMatchObject([{ id: task }, { id: closed }]);
    expect(await tagsOf(elsewhere)).toEqual(['b']);
    expect(await board.getIssue(without)).toMatchObject({ version: 1, tags: ['a'] });

    expect(await rpc.call('updateTag', b, 'B two')).toBe(true);
    expect(await board.getIssue(task)).toMatchObject({ version: 2 });
    expect(await rpc.call('removeTag', b)).toBe(true);
    expect((await board.getIssue(task)).tags).toEqual(['a', 'c']);
    expect(await board.getIssue(closed)).not.toHaveProperty('tags');
    expect((await board.listChanges(closed)).slice(-2)).toEqual(['IssueUpdated tags', 'IssueUpdated tags']);
    expect(await tagsOf(elsewhere)).toEqual(['b']);
    expect(await rpc.call('searchTasks', project, 'tag:none')).toMatchObject([{ id: closed }]);
  });

  test('concurrent with issues that get it, a tag that is removed is on no issue without being listed', async () => {
    const { rpc, project } = board;
    const tasks = await Promise.all(['A', 'B', 'C'].map((title) => board.createTask(title)));
    const tag = await rpc.call<number>('createTag', project, 'busy');
    await Promise.all([rpc.call('removeTag', tag), ...tasks.map((task) => setTags(task, ['busy']))]);
    for (const task of tasks) {
      const { tags = [] } = await board.getIssue(task);
      expect(await tagsOf(task)).toEqual(tags);
    }
  });
});

describe('setTaskTags', () => {
  test('replaces the tags of a task, as Tracker shows, and creates those that are missing', async () => {
    const { rpc } = board;
    const task = await board.createTask('Task');
    expect(await rpc.call('getTaskTags', task)).toEqual({});
    expect(await setTags(task, ['tag1', 'tag2', '', 'tag1'])).toBe(true);
    expect(await tagsOf(task)).toEqual(['tag1', 'tag2']);
    expect((await board.getIssue(task)).tags).toEqual(['tag1', 'tag2']);
    expect(await setTags(task, ['tag2', 3], String(board.project))).toBe(true);
    expect((await tagsOf(task)).sort()).toEqual(['3', 'tag2']);
    expect(await listNames()).toEqual(['3', 'tag1', 'tag2']);
    expect((await board.listChanges(task)).slice(1)).toEqual(['IssueUpdated tags', 'IssueUpdated tags']);
    expect(await setTags(task, [])).toBe(true);
    expect(await rpc.call('getTaskTags', task)).toEqual({});
    expect(await board.getIssue(task)).not.toHaveProperty('tags');
    expect(await setTags(task, [])).toBe(true);
    expect(await board.getIssue(task)).toMatchObject({ version: 4 });
  });

  test('takes a tag that the project has with other capitals, as createTask and updateTask do', async () => {
    const { rpc } = board;
    await rpc.call('createTag', board.project, 'Срочно');
    const task = await board.createTask('Task', { tags: ['срочно', 'СРОЧНО', 'new'] });
    expect((await board.getIssue(task)).tags).toEqual(['Срочно', 'new']);
    await rpc.named('updateTask', { id: task, tags: ['NEW'] });
    expect((await board.getIssue(task)).tags).toEqual(['new']);
    expect(await setTags(task, ['New', 'срочно'])).toBe(true);
    expect((await board.getIssue(task)).tags).toEqual(['new', 'Срочно']);
    expect((await listNames()).sort()).toEqual(['new', 'Срочно']);
    // With both, each is itself.
    await rpc.call('createTag', board.project, 'NEW');
    expect(await setTags(task, ['NEW'])).toBe(true);
    expect((await board.getIssue(task)).tags).toEqual(['NEW']);
  });

  test('gives new tags that differ by their letter case the first spelling, as createTask and updateTask do', async () => {
    const { rpc } = board;
    const task = await board.createTask('Task', { tags: ['foo', 'FOO', 'Жук', 'жук'] });
    expect((await board.getIssue(task)).tags).toEqual(['foo', 'Жук']);
    await rpc.named('updateTask', { id: task, tags: ['BAR', 'bar', 'FOO'] });
    expect((await board.getIssue(task)).tags).toEqual(['BAR', 'foo']);
    expect(await setTags(task, ['Web', 'WEB', 'web', 'bar'])).toBe(true);
    expect((await board.getIssue(task)).tags).toEqual(['Web', 'BAR']);
    expect((await listNames()).sort()).toEqual(['BAR', 'Web', 'foo', 'Жук']);
  });

  test('returns false for invalid tags, and for a task of another project', async () => {
    const { rpc, project, org } = board;
    const task = await board.createTask('Task', { tags: ['old'] });
    const { id: other } = await givenQueue(rpc.db, org);
    const many = Array.from({ length: 101 }, (_, place) => `tag ${place}`);
    for (const tags of ['one', null, { a: 'one' }, [['one']], [null], ['a\0b'], ['x'.repeat(256)], many]) {
      await expectFailure(rpc, false, 'setTaskTags', project, task, tags);
    }
    await expectFailure(rpc, false, 'setTaskTags', other, task, ['new']);
    for (const id of INVALID_IDS) {
      await expectFailure(rpc, false, 'setTaskTags', id, task, ['new']);
      await expectFailure(rpc, false, 'setTaskTags', project, id, ['new']);
    }
    await expectFailureByName(rpc, 0, 'createTask', { title: 'Task', project_id: MISSING_ID, tags: ['new'] });
  });
});

test('members write tags, viewers read them, and strangers, also administrators, do not know of them', async () => {
  const { rpc, org } = board;
  const project = await rpc.call<number>('createProject', 'Closed');
  const task = await rpc.named<number>('createTask', { title: 'Task', project_id: project, tags: ['secret'] });
  const [tag] = await rpc.call<Tag[]>('getTagsByProject', project);
  const [member, viewer, stranger] = [
    rpcAs(api(), await givenAccount(rpc.db, org)),
    await givenAccount(rpc.db, org),
    rpcAs(api(), await givenAccount(rpc.db, org, 'admin')),
  ];
  const account = await givenAccount(rpc.db, org);
  await rpc.call('addProjectUser', project, viewer.id, 'project-viewer');
  await rpc.call('addProjectUser', project, account.id);
  const writes: [string, ...unknown[]][] = [
    ['createTag', project, 'new'],
    ['updateTag', tag?.id, 'newer'],
    ['setTaskTags', project, task, ['newest']],
    ['removeTag', tag?.id],
  ];
  const reads: [string, ...unknown[]][] = [
    ['getTagsByProject', project],
    ['getTaskTags', task],
  ];
  for (const [method, ...params] of writes) {
    for (const caller of [stranger, member, rpcAs(api(), viewer)]) await expectForbidden(caller, method, ...params);
  }
  for (const [method, ...params] of reads) {
    for (const caller of [stranger, member]) await expectForbidden(caller, method, ...params);
  }
  expect(await stranger.call('getAllTags')).toEqual([]);
  expect(await rpcAs(api(), viewer).call('getAllTags')).toMatchObject([{ name: 'secret', project_id: project }]);
  expect(await rpcAs(api(), viewer).call('getTaskTags', task)).toEqual({ [String(tag?.id)]: 'secret' });
  for (const [method, ...params] of writes) {
    expect([method, await rpcAs(api(), account).call(method, ...params)]).not.toEqual([method, false]);
  }
  for (const method of ['updateTag', 'removeTag']) {
    await expectForbidden(stranger, method, MISSING_ID, ...(method === 'updateTag' ? ['x'] : []));
  }
});

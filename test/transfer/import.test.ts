import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text as readText } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { checkOrganisation } from '../../src/core/check/check.service.ts';
import { createToken } from '../../src/core/tokens/tokens.service.ts';
import { getUserId } from '../../src/core/users/users.service.ts';
import type { Reader, ReaderOptions } from '../../src/import/base.ts';
import { KanboardReader } from '../../src/import/kanboard-reader.ts';
import { Source } from '../../src/import/source.ts';
import { TrackerReader } from '../../src/import/tracker-reader.ts';
import { loadOrganisation } from '../../src/transfer/load.service.ts';
import { useApi } from '../support/api.ts';
import { givenBoard } from '../support/board.ts';
import {
  type GivenOrganisation,
  givenApplication,
  givenIssue,
  givenOrganisation,
  givenQueue,
  givenUser,
} from '../support/builders.ts';
import { runCommand } from '../support/command-line.ts';
import { restAs } from '../support/rest.ts';
import { rpcAs } from '../support/rpc.ts';

const api = useApi();
const db = () => api().database.db;
let folder: string;
const servers: Server[] = [];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'issue-links-import-'));
});
afterAll(async () => {
  for (const server of servers) server.close();
  await rm(folder, { recursive: true, force: true });
});

type Options = Omit<Parameters<typeof Source.open>[0], 'requestsPerSecond' | 'state'> & { state?: string };

async function importInto(orgId: string, options: Options, create: (options: ReaderOptions) => Reader) {
  const source = await Source.open({ state: join(folder, `${orgId}.ndjson`), requestsPerSecond: 1000, ...options });
  try {
    const reader = create({ source, orgId, language: 'en', startedAt: source.startedAt });
    const report = await loadOrganisation(db(), reader.read(), { orgId, namesRecords: true });
    return { report, notes: [...reader.buffer.notes.keys()] };
  } finally {
    await source.close();
  }
}

const fromTracker = (options: ReaderOptions) => new TrackerReader(options);
const fromKanboard = (options: ReaderOptions) => new KanboardReader(options);

const trackerAt = ({ admin }: GivenOrganisation) => ({ url: `${api().url}/v3`, headers: admin.headers });

async function expectNoDamage(orgId: string): Promise<void> {
  const problems: unknown[] = [];
  await checkOrganisation(db(), orgId, (finding) => {
    problems.push(finding);
    return Promise.resolve();
  });
  expect(problems).toEqual([]);
}

/** Reads as the user with the login that was imported. */
async function readerOf(orgId: string, login: string) {
  const { token } = await createToken(db(), orgId, await getUserId(db(), orgId, login), { scopes: ['read', 'write'] });
  const rest = restAs(api(), { headers: { Authorization: `OAuth ${token}`, 'X-Org-ID': orgId } });
  return async (path: string) => (await rest.get(path).expect(200)).body;
}

/** A server of recorded responses, in the form of the original. */
async function serve(
  respond: (request: IncomingMessage, body: string) => { status?: number; headers?: object; body: unknown },
) {
  const server = createServer((request, response) => {
    void readText(request).then((body) => {
      const { status = 200, headers = {}, body: result } = respond(request, body);
      response.writeHead(status, { 'Content-Type': 'application/json', ...headers });
      response.end(JSON.stringify(result));
    });
  });
  return await listen(server);
}

async function listen(server: Server): Promise<string> {
  servers.push(server);
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  const address = server.address();
  return `http://127.0.0.1:${typeof address === 'object' && address ? address.port : 0}`;
}

/** A Tracker that is not this service. */
const foreignUser = (id: string) => ({ self: `https://host/v3/users/${id}`, id, display: `User ${id}` });
const foreignIssue = (number: number, members: object = {}) => ({
  ...{ id: `5f0000000000000000000${100 + number}`, key: `WORK-${number}`, version: 3, summary: `Issue ${number}` },
  ...{ createdAt: '2020-01-02T03:04:05.678+0000', updatedAt: '2020-02-02T03:04:05.678+0000' },
  ...{
    createdBy: foreignUser('9007199254740993123'),
    updatedBy: foreignUser('12'),
    queue: { id: '7', key: 'WORK', display: 'Work' },
  },
  ...{ type: { id: '2', key: 'task', display: 'Task' }, priority: { id: '3', key: 'normal', display: 'Normal' } },
  ...{ status: { id: '40', key: 'review', display: 'Review' }, sprint: [{ id: '1' }], ...members },
});
const foreignLink = (id: number, type: object, direction: string, number: number) => ({
  ...{ id, type, direction, object: { id: foreignIssue(number).id, key: `WORK-${number}`, display: '' } },
  ...{
    createdBy: foreignUser('12'),
    createdAt: '2020-03-02T03:04:05.678+0000',
    updatedAt: '2020-03-02T03:04:05.678+0000',
  },
});
const FOREIGN_TRACKER: Readonly<Record<string, unknown>> = {
  '/myself': { uid: 12, login: 'owner' },
  '/statuses': [{ id: 1, key: 'open', name: 'Open', order: 1, version: 1 }],
  '/issuetypes': [{ id: 2, key: 'task', name: 'Task', version: 1 }],
  '/priorities': [{ id: 3, key: 'normal', name: 'Normal', version: 1 }],
  '/resolutions': [],
  '/users': [{ uid: 12, login: 'owner', display: 'Owner', email: 'owner@example.com', dismissed: false }],
  '/queues': [
    {
      id: 7,
      key: 'WORK',
      name: 'Work',
      lead: foreignUser('12'),
      defaultType: { id: '2', key: 'task' },
      defaultPriority: { id: '3', key: 'normal' },
    },
  ],
};

describe('from a Tracker', () => {
  test('this service imports its own organisation, with keys, ids, authors and times', async () => {
    const org = await givenOrganisation(db(), { language: 'en' });
    const { key: queue } = await givenQueue(db(), org);
    const author = await givenUser(db(), org.orgId, { display: 'Ann Author' });
    const given = async (summary: string) => (await givenIssue(db(), org, queue, { summary, assignee: author })).key;
    const [one, two, three] = [await given('one'), await given('two'), await given('three')];
    const rest = restAs(api(), author);
    await rest.post(`/v3/issues/${one}/links`, { relationship: 'depends on', issue: two }).expect(201);
    await rest.post(`/v3/issues/${one}/links`, { relationship: 'is subtask for', issue: three }).expect(201);
    await rest.post(`/v3/issues/${two}/links`, { relationship: 'relates', issue: three }).expect(201);
    await rest.post(`/v3/issues/${one}/comments`, { text: 'A comment', summonees: [org.admin.login] }).expect(201);
    await rest
      .post(`/v3/issues/${one}/remotelinks`, { relationship: 'relates', key: 'a/b', origin: 'com.github' })
      .expect(201);
    await rest.patch(`/v3/issues/${one}`, { tags: ['x'], deadline: '2026-12-24', storyPoints: 2.5 }).expect(200);

    const { report } = await importInto('tracker-copy', trackerAt(org), fromTracker);
    expect(report).toMatchObject({
      issue: { written: 3 },
      link: { written: 3 },
      comment: { written: 1 },
      remoteLink: { written: 1 },
    });
    await expectNoDamage('tracker-copy');
    const copied = await readerOf('tracker-copy', author.login);
    const original = async (path: string) => (await rest.get(path).expect(200)).body;
    const portable = (value: unknown): unknown =>
      JSON.parse(
        JSON.stringify(value, (key, member) =>
          ['self', 'trackerUid', 'passportUid'].includes(key) ? undefined : member,
        ),
      );
    for (const key of [one, two, three]) {
      expect(portable(await copied(`/v3/issues/${key}/links`))).toEqual(
        portable(await original(`/v3/issues/${key}/links`)),
      );
      expect(portable(await copied(`/v3/issues/${key}`))).toEqual(portable(await original(`/v3/issues/${key}`)));
    }
    expect(portable(await copied(`/v3/issues/${one}/comments`))).toEqual(
      portable(await original(`/v3/issues/${one}/comments`)),
    );
    expect(await copied(`/v3/issues/${one}/remotelinks`)).toMatchObject([{ object: { key: 'a/b' } }]);
    const entries = (await copied(`/v3/issues/${one}/changelog`)) as { type: string }[];
    expect(entries.map(({ type }) => type)).toEqual(['IssueCreated', 'IssueLinked', 'IssueLinked']);
  });

  test('an original with other types, statuses and members is imported, and what is lost is named', async () => {
    let failures = 2;
    const requests: string[] = [];
    const own = { id: 'causes', inward: 'Causes', outward: 'Is caused by' };
    const responses: Record<string, unknown> = {
      ...FOREIGN_TRACKER,
      '/issues/_search': [foreignIssue(1), foreignIssue(2, { aliases: ['OLD-5'], followers: [foreignUser('12')] })],
      '/issues/WORK-1/links': [foreignLink(500, own, 'outward', 2), foreignLink(501, { id: 'relates' }, 'inward', 99)],
      '/issues/WORK-2/links': [foreignLink(500, own, 'inward', 1), foreignLink(502, { id: 'relates' }, 'inward', 1)],
      '/issues/WORK-1/comments': [
        {
          id: 77,
          longId: '5f00000000000000000000aa',
          text: 'Hi',
          createdBy: foreignUser('12'),
          createdAt: '2020-04-01T00:00:00.000+0000',
        },
      ],
      '/issues/WORK-2/comments': [],
    };
    const url = await serve(({ url: target = '', headers }) => {
      requests.push(target);
      expect(headers.authorization).toBe('OAuth secret');
      if (target.startsWith('/v3/issues/_search') && failures > 0) {
        failures -= 1;
        return { status: 429, headers: { 'Retry-After': '0' }, body: {} };
      }
      const { pathname } = new URL(target, 'http://host');
      const body = responses[pathname.replace('/v3', '')];
      if (body === undefined) return { status: 404, body: {} };
      return { headers: { 'X-Total-Count': Array.isArray(body) ? String(body.length) : '1' }, body };
    });
    const options = { url: `${url}/v3`, headers: { Authorization: 'OAuth secret' } };
    const { report, notes } = await importInto('foreign', options, fromTracker);
    expect(failures).toBe(0);
    expect(report).toMatchObject({
      issue: { written: 2 },
      link: { written: 1 },
      alias: { written: 1 },
      comment: { written: 1 },
    });
    expect(notes).toEqual(
      expect.arrayContaining([
        'the member sprint of issues',
        'links to issues that the token cannot read',
        'links that break a rule: two issues have one link, and an issue has one parent and one epic',
        'rules of the link type causes, if it has any',
      ]),
    );
    await expectNoDamage('foreign');
    const read = await readerOf('foreign', 'owner');
    expect(await read('/v3/issues/OLD-5')).toMatchObject({
      key: 'WORK-2',
      id: foreignIssue(2).id,
      version: 3,
      status: { key: 'review' },
    });
    expect(await read('/v3/issues/WORK-1/links')).toMatchObject([
      {
        id: 500,
        type: { id: 'causes', outward: 'Is caused by' },
        direction: 'outward',
        createdAt: '2020-03-02T03:04:05.678+0000',
      },
    ]);

    // What was read is not requested again.
    const before = requests.length;
    const again = await importInto('foreign', options, fromTracker);
    expect(requests).toHaveLength(before);
    expect(Object.values(again.report).every(({ written }) => written === 0)).toBe(true);
    // A response that was not written to its end is requested again.
    const state = join(folder, 'foreign.ndjson');
    const lines = (await readFile(state, 'utf8')).split('\n');
    await writeFile(state, [...lines.slice(0, -3), (lines.at(-3) ?? '').slice(0, 20)].join('\n'));
    await importInto('foreign', options, fromTracker);
    expect(requests.length - before).toBe(2);
    expect(await readFile(state, 'utf8')).not.toContain('secret');
  });

  test('pages without a total are all read, and a link that closes a cycle is left out', async () => {
    const issues = Array.from({ length: 101 }, (_, place) => foreignIssue(place + 1));
    const links: Record<string, object[]> = {
      'WORK-1': [foreignLink(1, { id: 'depends' }, 'inward', 2), foreignLink(3, { id: 'depends' }, 'outward', 101)],
      'WORK-2': [foreignLink(2, { id: 'depends' }, 'inward', 101)],
    };
    const url = await serve(({ url: target = '' }) => {
      const { pathname, searchParams } = new URL(target, 'http://host');
      const page = (Number(searchParams.get('page')) - 1) * 100;
      if (pathname === '/issues/_search') return { body: issues.slice(page, page + 100) };
      const [, key = ''] = /^\/issues\/([^/]*)\/links$/.exec(pathname) ?? [];
      return { body: links[key] ?? FOREIGN_TRACKER[pathname] ?? [] };
    });
    const { report, notes } = await importInto('cyclic', { url, headers: {} }, fromTracker);
    expect(report).toMatchObject({ issue: { written: 101 }, link: { written: 2 } });
    expect(notes).toContain('links of the type depends that close a cycle');
    await expectNoDamage('cyclic');
  });

  test('a refused token ends the import, and nothing is written', async () => {
    const url = await serve(() => ({ status: 401, body: { errorMessages: ['No.'] } }));
    await expect(
      importInto('unknown', { url, headers: {}, state: join(folder, 'refused') }, fromTracker),
    ).rejects.toThrow(/GET \/statuses.*401/);
    expect(
      await db().query({ name: '', text: `select from organisations where org_id = 'unknown'`, values: [] }),
    ).toEqual([]);
  });
});

describe('from a Kanboard', () => {
  test('this service imports its own projects, with the ids of tasks, users, columns and links', async () => {
    const board = await givenBoard(api());
    const { rpc, org, project, columns, createTask } = board;
    const member = await givenUser(db(), org.orgId);
    await rpc.call('addProjectUser', project, member.id, 'project-manager');
    const category = await rpc.call('createCategory', project, 'Later', 'red');
    await rpc.call('createTag', project, 'web', 'blue');
    const one = await createTask('one', {
      owner_id: member.id,
      creator_id: member.id,
      category_id: category,
      tags: ['web'],
      score: 3,
      date_due: '2026-12-24 10:00',
    });
    const two = await createTask('two', { column_id: columns[1] });
    await rpc.call('closeTask', two);
    const label = await rpc.call('createLink', 'tests', 'is tested by');
    await rpc.call('createTaskLink', one, two, 2);
    await rpc.call('createTaskLink', two, one, label);
    await rpc.named('createComment', { task_id: one, user_id: member.id, content: 'A comment' });
    await rpc.named('createExternalTaskLink', {
      task_id: one,
      url: 'https://example.com/',
      dependency: 'related',
      type: 'weblink',
    });
    const account = await givenApplication(db(), org);
    const originalRpc = rpcAs(api(), account);
    const headers = { Authorization: `Basic ${Buffer.from(`${account.login}:${account.secret}`).toString('base64')}` };

    const { report } = await importInto(
      'kanboard-copy',
      { url: `${api().url}/kanboard/${org.orgId}/jsonrpc.php`, headers },
      fromKanboard,
    );
    expect(report).toMatchObject({
      issue: { written: 2 },
      link: { written: 2 },
      comment: { written: 1 },
      remoteLink: { written: 1 },
    });
    await expectNoDamage('kanboard-copy');
    const copy = rpcAs(api(), await givenApplication(db(), { ...org, orgId: 'kanboard-copy' }));
    for (const [method, ...params] of [
      ['getAllTaskLinks', one],
      ['getAllTaskLinks', two],
      ['getTaskTags', one],
      ['getColumns', project],
      ['getAllCategories', project],
      ['getTagsByProject', project],
      ['getProjectUsers', project],
      ['getAllLinks'],
    ] as const)
      expect([method, await copy.call(method, ...params)]).toEqual([method, await originalRpc.call(method, ...params)]);
    const { date_modification: _, url: __, ...task } = await originalRpc.call<Record<string, unknown>>('getTask', one);
    expect(await copy.call('getTask', one)).toMatchObject(task);
    expect(await copy.call('getAllComments', one)).toMatchObject([{ comment: 'A comment', user_id: member.id }]);
  });

  test('links of an original are made of their two rows, and what is lost is named', async () => {
    const task = (id: number) => ({
      ...{
        id,
        title: `Task ${id}`,
        description: '',
        date_creation: 1577934245 + id,
        color_id: 'green',
        project_id: 1,
        column_id: 4,
      },
      ...{
        owner_id: 1,
        position: id,
        is_active: 1,
        date_completed: null,
        score: 0,
        date_due: 0,
        category_id: 0,
        creator_id: 9,
      },
      ...{
        date_modification: 1577934245,
        reference: '',
        date_started: 0,
        time_spent: null,
        time_estimated: '2.5',
        swimlane_id: 1,
      },
      ...{
        date_moved: 1577934245,
        priority: 2,
        url: `http://host/?controller=TaskViewController&action=show&task_id=${id}`,
      },
    });
    const row = (id: number, task_id: number, label: string) => ({ id, task_id, label, title: '', is_active: 1 });
    const links: Record<number, object[]> = {
      1: [row(1, 2, 'blocks'), row(4, 2, 'relates to'), row(8, 1, 'blocks'), row(9, 1, 'is blocked by')],
      2: [row(2, 1, 'is blocked by'), row(5, 1, 'relates to'), row(7, 1, 'fixes')],
    };
    const results = (method: string, id: number): unknown =>
      ({
        getAllLinks: [
          { id: 1, label: 'relates to', opposite_id: 0 },
          { id: 2, label: 'blocks', opposite_id: 3 },
          { id: 3, label: 'is blocked by', opposite_id: 2 },
          { id: 10, label: 'fixes', opposite_id: 11 },
          { id: 11, label: 'is fixed by', opposite_id: 10 },
        ],
        getAllUsers: [{ id: 1, username: 'admin', role: 'app-admin', is_active: true, name: null, email: null }],
        getAllProjects: [
          {
            id: 1,
            name: 'Web',
            is_active: 1,
            identifier: 'WEB',
            owner_id: 0,
            description: null,
            last_modified: 1577934245,
          },
        ],
        getColumns: [{ id: 4, title: 'Doing', position: 1, project_id: 1, task_limit: 0, description: '' }],
        getAllSwimlanes: [{ id: 1 }, { id: 2 }],
        getProjectUsers: { 1: 'admin' },
        getProjectUserRole: 'project-manager',
        getAllTaskLinks: links[id],
        getAllSubtasks: [{ id: 1 }],
      })[method] ?? [];
    const url = await serve((_request, body) => {
      const calls = JSON.parse(body) as {
        id: number;
        method: string;
        params: { task_id?: number; status_id?: number };
      }[];
      return {
        body: calls.map(({ id, method, params }) => ({
          ...{ jsonrpc: '2.0', id },
          result:
            method === 'getAllTasks'
              ? params.status_id === 1
                ? [task(1), task(2)]
                : []
              : results(method, params.task_id ?? 0),
        })),
      };
    });
    const { report, notes } = await importInto('boards', { url, headers: {} }, fromKanboard);
    expect(report).toMatchObject({ issue: { written: 2 }, link: { written: 2 } });
    expect(notes).toEqual(
      expect.arrayContaining([
        'subtasks of tasks',
        'swimlanes of projects',
        'rows of links of tasks to themselves',
        'links of which the original has only one of two rows',
        'ids of links whose first row does not have an odd id',
      ]),
    );
    await expectNoDamage('boards');
    const org = await givenOrganisation(db());
    const copy = rpcAs(api(), await givenApplication(db(), { ...org, orgId: 'boards' }));
    expect(await copy.call('getAllTaskLinks', 1)).toMatchObject([
      { id: expect.any(Number), task_id: 2, label: 'relates to' },
      { id: 1, task_id: 2, label: 'blocks' },
    ]);
    expect(await copy.call('getTask', 1)).toMatchObject({ owner_id: 1, time_estimated: 2.5, priority: 2 });
    const [issue] = await db().query<{ key: string }>({
      name: '',
      text: `select key from issues where org_id = 'boards' order by key`,
      values: [],
    });
    expect(issue).toEqual({ key: 'WEB-1' });
  });
});

describe('the source', () => {
  test('a lost connection is repeated; what is not JSON, or asks to wait for hours, ends the import', async () => {
    const server = createServer((request, response) => {
      requests.push(request.url);
      if (request.url === '/html') response.writeHead(200, { 'Content-Type': 'text/html' }).end('<h1>Sign in</h1>');
      else if (request.url === '/later') response.writeHead(503, { 'Retry-After': '86400' }).end();
      else if (request.url === '/date' && requests.length === 1)
        response.writeHead(503, { 'Retry-After': new Date(0).toUTCString() }).end();
      else if (request.url === '/lost' && requests.filter((path) => path === '/lost').length === 1) {
        response.writeHead(200, { 'Content-Length': '100' }).write('[1');
        setImmediate(() => response.destroy());
      } else response.end('[1]');
    });
    const requests: (string | undefined)[] = [];
    const url = await listen(server);
    const source = await Source.open({
      state: join(folder, 'source.ndjson'),
      url,
      headers: {},
      requestsPerSecond: 1000,
    });
    try {
      expect(await source.send({ path: '/date' })).toMatchObject({ body: [1] });
      expect(await source.send({ path: '/lost' })).toMatchObject({ body: [1] });
      await expect(source.send({ path: '/html' })).rejects.toThrow(
        /GET \/html: .*not JSON, but text\/html: <h1>Sign in/,
      );
      await expect(source.send({ path: '/later' })).rejects.toThrow(/503.*\n.*responds again at 2/);
    } finally {
      await source.close();
    }
    expect(requests).toEqual(['/date', '/date', '/lost', '/lost', '/html', '/later']);
  });

  test('a file of another original, or of something else, is refused by name and stays as it is', async () => {
    const state = join(folder, 'state-of-another.ndjson');
    const options = { state, url: 'http://one', identity: { user: 'a' }, headers: {}, requestsPerSecond: 1 };
    await (await Source.open(options)).close();
    for (const [content, changed, message] of [
      [undefined, { url: 'http://two' }, /another import \(url: http:\/\/one, not http:\/\/two\)/],
      [undefined, { identity: { user: 'b' } }, /another import \(user: a, not b\)/],
      [undefined, { identity: {} }, /another import \(user: a, not unset\)/],
      ['precious', {}, /was not written by an import/],
      ['{"organisation":{}}\nprecious', {}, /was not written by an import/],
    ] as const) {
      if (content !== undefined) await writeFile(state, content);
      const before = await readFile(state, 'utf8');
      await expect(Source.open({ ...options, ...changed })).rejects.toThrow(message);
      expect(await readFile(state, 'utf8')).toBe(before);
    }
  });
});

/** A Kanboard that is not this service. A method without a result has the result `[]`. */
async function serveKanboard(resultOf: (method: string, params: Record<string, unknown>) => unknown) {
  return await serve((_request, body) => {
    const calls = JSON.parse(body) as { id: number; method: string; params: Record<string, unknown> }[];
    if (calls.length === 0 || calls.length > 1000) return { body: { error: { code: -32_600 } } };
    const responses = calls.map(({ id, method, params }) => ({ id, result: resultOf(method, params) ?? [] }));
    return { body: responses.filter(({ result }) => result !== 'missing') };
  });
}

const KANBOARD_TASK = { id: 1, title: 'One', date_creation: 1577934245, project_id: 1, column_id: 4, is_active: 1 };

test('a project of Kanboard may have no members or very many, and tasks that move while they are read', async () => {
  const users = Array.from({ length: 1001 }, (_, place) => ({ id: place + 1, username: `user${place}` }));
  const url = await serveKanboard((method, { project_id }) => {
    if (method === 'getAllUsers') return users;
    if (method === 'getAllProjects') return [1, 2].map((id) => ({ id, name: `Project ${id}`, identifier: '' }));
    if (method === 'getColumns') return [{ id: 3 + Number(project_id), title: 'Doing', position: 1 }];
    if (method === 'getAllTasks') return [KANBOARD_TASK];
    if (method === 'getAllTaskLinks') return [{ id: 1, task_id: 1, label: 'unlisted' }];
    if (method === 'getProjectUserRole') return 'project-member';
    if (method === 'getProjectUsers' && project_id === 2) return Object.fromEntries(users.map(({ id }) => [id, '']));
    return undefined;
  });
  const { report, notes } = await importInto('moving', { url, headers: {} }, fromKanboard);
  expect(report).toMatchObject({ issue: { written: 1 }, queueMember: { written: 1001 } });
  expect(notes).toContain('rows of links with a label that the original does not list');
});

test('a record that cannot be written is named, since no file has its line', async () => {
  const url = await serveKanboard((method) => {
    if (method === 'getAllProjects') return [{ id: 1, name: 'Web', identifier: 'WEB' }];
    return method === 'getAllTasks' ? [KANBOARD_TASK] : undefined;
  });
  await expect(importInto('unknown', { url, headers: {}, state: join(folder, 'named') }, fromKanboard)).rejects.toThrow(
    /^issue 1: .*\nNothing was written\.$/,
  );
  expect(
    await db().query({ name: '', text: `select from organisations where org_id = 'unknown'`, values: [] }),
  ).toEqual([]);
});

test('a batch with a missing response ends the import, and nothing is written', async () => {
  const url = await serveKanboard((method) => (method === 'getAllUsers' ? 'missing' : undefined));
  await expect(importInto('unknown', { url, headers: {} }, fromKanboard)).rejects.toThrow(/getAllUsers/);
  expect(
    await db().query({ name: '', text: `select from organisations where org_id = 'unknown'`, values: [] }),
  ).toEqual([]);
});

test('the command takes the token from the environment, and writes a file to load', async () => {
  const org = await givenOrganisation(db(), { language: 'en' });
  const state = join(folder, 'state.ndjson');
  const args = [
    'import',
    'tracker',
    '--url',
    api().url,
    '--org',
    'by-command',
    '--from-org',
    org.orgId,
    '--state',
    state,
  ];
  const outcome = await runCommand([...args, '--out', join(folder, 'out.ndjson')], { IMPORT_TOKEN: org.admin.token });
  expect(outcome).toMatchObject({ code: 0, stdout: '', stderr: expect.stringMatching(/^Not kept:\n- /) as unknown });
  const lines = (await readFile(join(folder, 'out.ndjson'), 'utf8')).split('\n');
  expect(await loadOrganisation(db(), lines, {})).toMatchObject({
    organisation: { written: 1 },
    status: { written: 5 },
  });
  const both = await runCommand([...args, '--out', 'x', '--dry-run'], { IMPORT_TOKEN: org.admin.token });
  expect(both).toMatchObject({ code: 2, stderr: expect.stringContaining('--out') as unknown });
  const dryRun = await runCommand([...args, '--org', 'tried', '--dry-run', '--json'], {
    ...{ DATABASE_URL: api().database.url, IMPORT_TOKEN: org.admin.token },
  });
  expect(dryRun).toMatchObject({ code: 0, stderr: expect.stringContaining(`is kept in ${state}`) as unknown });
  expect(JSON.parse(dryRun.stdout)).toMatchObject({
    report: { status: { written: 5 } },
    notKept: expect.any(Object) as unknown,
  });
  expect(await db().query({ name: '', text: `select from organisations where org_id = 'tried'`, values: [] })).toEqual(
    [],
  );
  const refused = await runCommand(
    [...args, '--state', `${state}.new`, '--token-stdin'],
    { DATABASE_URL: api().database.url },
    'wrong',
  );
  expect(refused).toMatchObject({ code: 1, stderr: expect.stringContaining('401') as unknown });
});

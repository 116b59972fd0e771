import { randomUUID } from 'node:crypto';
import { beforeAll, describe, expect, test } from '@jest/globals';
import type { Response } from 'supertest';
import { loadContract } from '../../src/contract/contract.ts';
import { loadRpcContract } from '../../src/contract/openrpc.ts';
import { createComment } from '../../src/core/comments/comments.service.ts';
import { createCategory } from '../../src/kanboard/categories/categories.service.ts';
import { createTag } from '../../src/kanboard/tags/tags.service.ts';
import { texts } from '../../src/texts.ts';
import { useApi } from '../support/api.ts';
import {
  type GivenAccount,
  type GivenIssue,
  type GivenOrganisation,
  type GivenQueue,
  type GivenUser,
  givenAccount,
  givenIssue,
  givenLink,
  givenOrganisation,
  givenQueue,
  givenUser,
} from '../support/builders.ts';
import { restAs } from '../support/rest.ts';
import { MISSING_ID, rpcAs } from '../support/rpc.ts';
import { unchanged } from '../support/snapshot.ts';

// What a caller may not see is as if it did not exist: the same status, headers and body, and no wait for its locks.

const api = useApi();
const db = () => api().database.db;

/** Names of things in both APIs: of hidden ones, or of none. */
interface Names {
  readonly issue: string;
  readonly queue: string;
  readonly taskId: number;
  readonly projectId: number;
  readonly linkId: number;
  readonly commentId: number;
  readonly columnId: number;
  readonly categoryId: number;
  readonly tagId: number;
}

let org: GivenOrganisation;
/** An administrator and a manager, each without a role in the closed queue. */
let admin: GivenUser;
let manager: GivenAccount;
let insider: GivenUser;
let open: GivenQueue;
let closed: GivenQueue;
let shown: GivenIssue;
let other: GivenIssue;
let shownLinkId: number;
let shownCommentId: number;
let shownCategoryId: number;
let shownTagId: number;
let hidden: Names;
const MISSING: Names = {
  issue: 'NONE-1',
  queue: 'NONE',
  taskId: MISSING_ID,
  projectId: MISSING_ID,
  linkId: MISSING_ID,
  commentId: MISSING_ID,
  columnId: MISSING_ID,
  categoryId: MISSING_ID,
  tagId: MISSING_ID,
};

beforeAll(async () => {
  org = await givenOrganisation(db(), { language: 'en' });
  ({ admin } = org);
  manager = await givenAccount(db(), org, 'manager');
  insider = await givenUser(db(), org.orgId);
  open = await givenQueue(db(), org);
  closed = await givenQueue(db(), org, [insider]);
  [shown, other] = [await givenIssue(db(), org, open.key), await givenIssue(db(), org, open.key)];
  shownLinkId = await givenLink(db(), org, 'relates', shown, other);
  const [issue, far] = [await givenIssue(db(), org, closed.key), await givenIssue(db(), org, closed.key)];
  const linkId = await givenLink(db(), org, 'relates', issue, far);
  const commentId = await givenComment(issue);
  shownCommentId = await givenComment(shown);
  const [columnId = 0] = closed.columns;
  const categoryId = await givenCategory(closed);
  shownCategoryId = await givenCategory(open);
  const tagId = await givenTag(closed);
  shownTagId = await givenTag(open);
  hidden = {
    issue: issue.key,
    queue: closed.key,
    taskId: issue.id,
    projectId: closed.id,
    ...{ linkId, commentId, columnId, categoryId, tagId },
  };
});

async function givenComment(issue: GivenIssue): Promise<number> {
  const viewer = { orgId: org.orgId, userId: insider.id, role: 'admin', isApplication: true } as const;
  return (await createComment(db(), viewer, issue.id, { text: 'A comment' })).id;
}

async function givenCategory({ id }: GivenQueue): Promise<number> {
  const viewer = { orgId: org.orgId, userId: insider.id, role: 'admin', isApplication: true } as const;
  return await createCategory(db(), viewer, id, { name: 'A category', color: null });
}

async function givenTag({ id }: GivenQueue): Promise<number> {
  const viewer = { orgId: org.orgId, userId: insider.id, role: 'admin', isApplication: true } as const;
  return await createTag(db(), viewer, id, { name: 'A tag', color: null });
}

/** Holds the strongest locks on everything hidden while `work` runs. */
async function whileLocked(work: () => Promise<void>): Promise<void> {
  await db().transaction(async (transaction) => {
    const lock = (text: string) =>
      transaction.query({ name: '', text: `${text} for update`, values: [org.orgId, closed.id] });
    const inQueue = 'org_id = $1 and issue_id in (select issue_id from issues where org_id = $1 and queue_id = $2)';
    await lock('select from queues where org_id = $1 and queue_id = $2');
    await lock('select from columns where org_id = $1 and queue_id = $2');
    await lock('select from tags where org_id = $1 and queue_id = $2');
    await lock('select from issues where org_id = $1 and queue_id = $2');
    await lock(`select from comments where ${inQueue}`);
    await lock(`select from links where ${inQueue.replaceAll(/\bissue_id in/g, 'inward_issue_id in')}`);
    await work();
  });
}

/** All that tells one response from another, with the names of the request replaced. */
function describeResponse({ status, headers, text }: Response, { issue, queue }: Names) {
  const { date: _date, 'x-request-id': _id, ...kept } = headers as Record<string, string>;
  const named = JSON.stringify({ status, headers: kept, text }).replaceAll(issue, 'ISSUE').replaceAll(queue, 'QUEUE');
  // The hash and the length of a body that repeats a name depend on it.
  return named.includes('ISSUE') ? named.replaceAll(/"(etag|content-length)":"([^"\\]|\\.)*"/g, '') : named;
}

interface RestCall {
  readonly operationId: string;
  readonly path: string;
  readonly body?: object;
}

/** Every operation that names an issue, a queue or a link, with each of the names in turn. */
function restCalls({ issue, queue, linkId, commentId }: Names): readonly RestCall[] {
  const imported = { createdBy: admin.login, createdAt: '2017-06-11T05:16:01.421+0000' };
  const remote = { relationship: 'relates', key: 'example', origin: 'com.github' };
  return [
    { operationId: 'listIssueLinks', path: `/issues/${issue}/links` },
    {
      operationId: 'createIssueLink',
      path: `/issues/${issue}/links`,
      body: { relationship: 'relates', issue: shown.key },
    },
    { operationId: 'createIssueLink', path: `/issues/${shown.key}/links`, body: { relationship: 'relates', issue } },
    {
      operationId: 'importIssueLink',
      path: `/issues/${issue}/links/_import`,
      body: { relationship: 'relates', issue: shown.key, ...imported },
    },
    {
      operationId: 'importIssueLink',
      path: `/issues/${shown.key}/links/_import`,
      body: { relationship: 'relates', issue, ...imported },
    },
    { operationId: 'listIssueLinksPage', path: `/issues/${issue}/links/_list`, body: {} },
    { operationId: 'getIssueLink', path: `/issues/${issue}/links/${linkId}` },
    { operationId: 'getIssueLink', path: `/issues/${shown.key}/links/${linkId}` },
    { operationId: 'updateIssueLink', path: `/issues/${issue}/links/${linkId}`, body: { relationship: 'depends on' } },
    { operationId: 'updateIssueLink', path: `/issues/${shown.key}/links/${shownLinkId}`, body: { issue } },
    { operationId: 'deleteIssueLink', path: `/issues/${issue}/links/${linkId}` },
    { operationId: 'deleteIssueLink', path: `/issues/${shown.key}/links/${linkId}` },
    { operationId: 'searchIssueLinks', path: '/links/_search', body: { issues: [issue, shown.key] } },
    { operationId: 'getLinkGraph', path: `/issues/${issue}/links/_graph` },
    { operationId: 'createIssue', path: '/issues', body: { queue, summary: 'New' } },
    { operationId: 'createIssue', path: '/issues', body: { queue: open.key, summary: 'New', parent: issue } },
    { operationId: 'createIssue', path: '/issues', body: { queue: open.key, summary: 'New', epic: issue } },
    { operationId: 'createIssue', path: '/issues', body: { queue: { name: queue }, summary: 'New' } },
    { operationId: 'importIssue', path: '/issues/_import', body: { queue, summary: 'New', ...imported } },
    { operationId: 'searchIssues', path: '/issues/_search', body: { keys: [issue] } },
    { operationId: 'searchIssues', path: '/issues/_search', body: { filter: { queue } } },
    { operationId: 'countIssues', path: '/issues/_count', body: { filter: { queue } } },
    { operationId: 'getIssue', path: `/issues/${issue}` },
    { operationId: 'updateIssue', path: `/issues/${issue}`, body: { summary: 'Changed' } },
    { operationId: 'updateIssue', path: `/issues/${issue}`, body: { summary: 'Changed', parent: shown.key } },
    { operationId: 'updateIssue', path: `/issues/${shown.key}`, body: { parent: issue } },
    { operationId: 'updateIssue', path: `/issues/${shown.key}`, body: { epic: issue, summary: 'Changed' } },
    { operationId: 'updateIssue', path: `/issues/${shown.key}`, body: { queue } },
    { operationId: 'deleteIssue', path: `/issues/${issue}` },
    { operationId: 'listIssues', path: `/issues?keys=${issue}` },
    { operationId: 'suggestIssues', path: `/issues/_suggest?input=${issue}` },
    { operationId: 'cloneIssue', path: `/issues/${issue}/_clone` },
    { operationId: 'cloneIssue', path: `/issues/${shown.key}/_clone?queues=${queue}` },
    { operationId: 'moveIssue', path: `/issues/${issue}/_move?queue=${open.key}` },
    { operationId: 'moveIssue', path: `/issues/${shown.key}/_move?queue=${queue}` },
    { operationId: 'listTransitions', path: `/issues/${issue}/transitions` },
    { operationId: 'getTransition', path: `/issues/${issue}/transitions/closed` },
    { operationId: 'executeTransition', path: `/issues/${issue}/transitions/closed/_execute`, body: { comment: 'x' } },
    { operationId: 'listComments', path: `/issues/${issue}/comments` },
    { operationId: 'createComment', path: `/issues/${issue}/comments`, body: { text: 'New' } },
    { operationId: 'importComment', path: `/issues/${issue}/comments/_import`, body: { text: 'New', ...imported } },
    { operationId: 'getComment', path: `/issues/${issue}/comments/${commentId}` },
    { operationId: 'getComment', path: `/issues/${shown.key}/comments/${commentId}` },
    { operationId: 'updateComment', path: `/issues/${issue}/comments/${commentId}`, body: { text: 'Changed' } },
    { operationId: 'updateComment', path: `/issues/${shown.key}/comments/${commentId}`, body: { text: 'Changed' } },
    { operationId: 'deleteComment', path: `/issues/${issue}/comments/${commentId}` },
    { operationId: 'deleteComment', path: `/issues/${shown.key}/comments/${commentId}` },
    { operationId: 'listIssueChanges', path: `/issues/${issue}/changelog` },
    { operationId: 'getIssueChange', path: `/issues/${issue}/changelog/1` },
    { operationId: 'getQueue', path: `/queues/${queue}` },
    { operationId: 'listRemoteLinks', path: `/issues/${issue}/remotelinks` },
    { operationId: 'createRemoteLink', path: `/issues/${issue}/remotelinks`, body: remote },
    { operationId: 'getRemoteLink', path: `/issues/${issue}/remotelinks/1` },
    { operationId: 'deleteRemoteLink', path: `/issues/${issue}/remotelinks/1` },
  ];
}

describe('the Tracker API', () => {
  const contract = loadContract();

  test('has a call here for every operation with an issue or a queue in its path', () => {
    const named = contract.operations.filter(({ path }) => /\{(issueId|queueId|linkId)\}/.test(path));
    const called = new Set(restCalls(MISSING).map(({ operationId }) => operationId));
    expect(named.map(({ id }) => id).filter((id) => !called.has(id))).toEqual([]);
  });

  test('responds to a hidden name as to a missing one, and waits for no lock of it', async () => {
    const send = async ({ operationId, path, body }: RestCall, user: GivenUser) => {
      const method = contract.operations.find(({ id }) => id === operationId)?.method ?? 'get';
      const request = api().request[method](`/v3${path}`).set(user.headers);
      return await (body === undefined ? request : request.send(body));
    };
    const member = await givenUser(db(), org.orgId);
    for (const user of [admin, member]) {
      const missing = restCalls(MISSING);
      for (const [place, call] of restCalls(hidden).entries()) {
        await unchanged(db(), () =>
          whileLocked(async () => {
            const found = describeResponse(await send(call, user), hidden);
            const none = describeResponse(await send(missing[place] ?? call, user), MISSING);
            expect([call.operationId, call.path, found]).toEqual([call.operationId, call.path, none]);
            expect(found).not.toContain('"status":503');
          }),
        );
      }
    }
  });
});

describe('the Kanboard API', () => {
  const METHODS = [...loadRpcContract().methods.values()].filter((method) => method['x-access'] === 'project');

  /** A value of each parameter that the viewer may see, and what the names of hidden and missing things put there. */
  const params = (name: string): { readonly seen: unknown; readonly named?: (names: Names) => unknown } => {
    const value: Record<string, { seen: unknown; named?: (names: Names) => unknown }> = {
      task_id: { seen: shown.id, named: ({ taskId }) => taskId },
      id: { seen: shown.id, named: ({ taskId }) => taskId },
      opposite_task_id: { seen: other.id, named: ({ taskId }) => taskId },
      project_id: { seen: open.id, named: ({ projectId }) => projectId },
      project_ids: { seen: [open.id], named: ({ projectId }) => [open.id, projectId] },
      task_link_id: { seen: 2 * shownLinkId - 1, named: ({ linkId }) => 2 * linkId - 1 },
      name: { seen: open.key, named: ({ queue }) => queue },
      identifier: { seen: open.key, named: ({ queue }) => queue },
      user_id: { seen: org.admin.id },
      role: { seen: 'project-viewer' },
      link_id: { seen: 2 },
      title: { seen: 'A title' },
      column_id: { seen: open.columns[0], named: ({ columnId }) => columnId },
      category_id: { seen: shownCategoryId, named: ({ categoryId }) => categoryId },
      tag_id: { seen: shownTagId, named: ({ tagId }) => tagId },
      tag: { seen: 'a tag' },
      tags: { seen: ['a tag'] },
      comment_id: { seen: shownCommentId, named: ({ commentId }) => commentId },
      content: { seen: 'A comment' },
      position: { seen: 1 },
      swimlane_id: { seen: 0, named: ({ projectId }) => projectId },
      reference: { seen: 'a reference' },
      query: { seen: 'status:open' },
      url: { seen: 'https://example.org/' },
      dependency: { seen: 'related' },
    };
    const found = value[name];
    if (found === undefined) throw new Error(`Add a value for the parameter ${name}.`);
    return found;
  };

  test('responds to a hidden id or name as to a missing one, and waits for no lock of it', async () => {
    const member = await givenAccount(db(), org);
    const send = (method: string, named: object, { login, secret }: GivenAccount) =>
      api()
        .request.post(`/kanboard/${org.orgId}/jsonrpc.php`)
        .auth(login, secret)
        .send({ jsonrpc: '2.0', method, id: 1, params: named });
    for (const { name: method, params: declared } of METHODS) {
      const required = declared.filter((parameter) => parameter.required).map(({ name }) => name);
      const seen = Object.fromEntries(required.map((name) => [name, params(name).seen]));
      for (const name of required.filter((parameter) => params(parameter).named)) {
        for (const account of [manager, member]) {
          await unchanged(db(), () =>
            whileLocked(async () => {
              const call = (names: Names) => send(method, { ...seen, [name]: params(name).named?.(names) }, account);
              const found = describeResponse(await call(hidden), hidden);
              const none = describeResponse(await call(MISSING), MISSING);
              expect([method, name, found]).toEqual([method, name, none]);
              expect(found).not.toContain('"status":503');
            }),
          );
        }
      }
    }
  });
});

test('a key that a hidden queue has is refused like that of a visible queue for callers who may create queues', async () => {
  const rest = restAs(api(), admin);
  const rpc = rpcAs(api(), manager);
  const member = restAs(api(), await givenUser(db(), org.orgId));
  await unchanged(db(), () =>
    whileLocked(async () => {
      const taken = async (key: string) => {
        const { status, body } = await rest.post('/v3/queues', { key, name: 'Mine' });
        expect([status, body.errorMessages]).toEqual([409, [texts.queueKeyTaken(key).en]]);
        expect(await rpc.call('createProject', 'Mine', null, 0, key)).toBe(false);
      };
      await taken(open.key);
      await taken(closed.key);
      // Others learn nothing.
      const [of, none] = [closed.key, 'NONE'].map((key) => member.post('/v3/queues', { key, name: 'Mine' }));
      const [refused, same] = [await of, await none];
      expect([refused?.status, refused?.text]).toEqual([403, same?.text]);
    }),
  );
});

test('a "unique" that another user has used creates an issue, and each user finds their own', async () => {
  const unique = randomUUID();
  const [own, outsider] = [restAs(api(), insider), restAs(api(), admin)];
  const find = `/v3/issues/_findByUnique?unique=${unique}`;
  const { body: secret } = await own.post('/v3/issues', { queue: closed.key, summary: 'Secret', unique }).expect(201);
  await outsider.post(find).expect(404);
  const { body: mine } = await outsider.post('/v3/issues', { queue: open.key, summary: 'Mine', unique }).expect(201);

  expect((await own.post(find).expect(200)).body.key).toBe(secret.key);
  expect((await outsider.post(find).expect(200)).body.key).toBe(mine.key);
  const reader = restAs(api(), await givenUser(db(), org.orgId, { role: 'reader' }));
  expect((await reader.post(find).expect(200)).body.key).toBe(mine.key);
  await outsider.post('/v3/issues', { queue: open.key, summary: 'Again', unique }).expect(409);
  await own.post('/v3/issues', { queue: open.key, summary: 'Again', unique }).expect(409);
});

describe('a parent that the caller may not see', () => {
  let child: GivenIssue;
  let parent: GivenIssue;
  let secret: GivenIssue;

  async function givenHiddenParent(): Promise<void> {
    [child, parent] = [await givenIssue(db(), org, open.key), await givenIssue(db(), org, open.key)];
    secret = await givenIssue(db(), org, closed.key);
    await givenLink(db(), org, 'subtask', child, secret);
  }

  const parentSeenBy = async (user: GivenUser) =>
    (await restAs(api(), user).get(`/v3/issues/${child.key}`).expect(200)).body.parent?.key;

  const SUBTASK_LABEL = 6;
  const WRITES: Readonly<Record<string, () => Promise<unknown>>> = {
    'PATCH issue': () => restAs(api(), admin).patch(`/v3/issues/${child.key}`, { parent: parent.key }).expect(200),
    'POST links': () =>
      restAs(api(), admin)
        .post(`/v3/issues/${child.key}/links`, { relationship: 'is subtask for', issue: parent.key })
        .expect(201),
    'POST links from the other end': () =>
      restAs(api(), admin)
        .post(`/v3/issues/${parent.key}/links`, { relationship: 'is parent task for', issue: child.key })
        .expect(201),
    'PATCH links': async () => {
      const linkId = await givenLink(db(), org, 'relates', child, parent);
      await restAs(api(), admin)
        .patch(`/v3/issues/${child.key}/links/${linkId}`, { relationship: 'is subtask for' })
        .expect(200);
    },
    createTaskLink: async () => {
      const id = await rpcAs(api(), manager).call('createTaskLink', child.id, parent.id, SUBTASK_LABEL);
      expect(id).toEqual(expect.any(Number));
    },
  };

  test.each(Object.keys(WRITES))('is replaced by %s, as if there were none', async (route) => {
    await givenHiddenParent();
    expect(await parentSeenBy(admin)).toBeUndefined();
    await WRITES[route]?.();
    expect([await parentSeenBy(admin), await parentSeenBy(insider)]).toEqual([parent.key, parent.key]);
    const { body } = await restAs(api(), insider).get(`/v3/issues/${secret.key}/changelog`).expect(200);
    expect(body).toMatchObject([{ type: 'IssueUnlinked' }]);
  });

  test('is kept when the field is cleared, since clients send back what they have read', async () => {
    await givenHiddenParent();
    await restAs(api(), admin).patch(`/v3/issues/${child.key}`, { parent: null }).expect(200);
    expect(await parentSeenBy(insider)).toBe(secret.key);
  });

  test('is kept, and the link refused, if the caller may not change the child', async () => {
    await givenHiddenParent();
    // Its own queue, of which the caller is a viewer.
    const queue = await givenQueue(db(), org, [insider]);
    const caller = await givenUser(db(), org.orgId);
    await db().query({
      name: '',
      text: `insert into queue_members (org_id, queue_id, user_id, role) values ($1, $2, $3, 'viewer')`,
      values: [org.orgId, queue.id, caller.id],
    });
    child = await givenIssue(db(), org, queue.key);
    await givenLink(db(), org, 'subtask', child, secret);
    await unchanged(db(), async () => {
      const { body } = await restAs(api(), caller)
        .post(`/v3/issues/${parent.key}/links`, { relationship: 'is parent task for', issue: child.key })
        .expect(422);
      expect(body.errorMessages).toEqual([texts.secondSingle('subtask', child.key).en]);
    });
  });

  test('is refused with the same message as before if the caller may see it', async () => {
    await givenHiddenParent();
    await unchanged(db(), async () => {
      const { body } = await restAs(api(), insider)
        .post(`/v3/issues/${child.key}/links`, { relationship: 'is subtask for', issue: parent.key })
        .expect(422);
      expect(body.errorMessages).toEqual([texts.secondSingle('subtask', child.key).en]);
    });
  });
});

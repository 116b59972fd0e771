import { randomUUID } from 'node:crypto';
import { beforeEach, describe, expect, test } from '@jest/globals';
import { addMember } from '../../src/core/queues/queue-members.service.ts';
import { texts } from '../../src/texts.ts';
import { useApi } from '../support/api.ts';
import {
  type GivenOrganisation,
  type GivenQueue,
  type GivenUser,
  givenApplication,
  givenIssue,
  givenOrganisation,
  givenQueue,
  givenUser,
} from '../support/builders.ts';
import { getIssueId, listEvents } from '../support/issues.ts';
import { restAs } from '../support/rest.ts';
import { rpcAs } from '../support/rpc.ts';
import { unchanged } from '../support/snapshot.ts';

const api = useApi();
const db = () => api().database.db;
const as = (user: GivenUser) => restAs(api(), user);
const CREATED = '2017-06-11T05:16:01.421+0000';
const UPDATED = '2018-01-02T03:04:05.006+0000';
const RESOLVED = '2017-12-31T23:59:59.999+0000';
let org: GivenOrganisation;
let queue: GivenQueue;
let ivanov: GivenUser;
let petrova: GivenUser;

beforeEach(async () => {
  org = await givenOrganisation(db());
  queue = await givenQueue(db(), org);
  ivanov = await givenUser(db(), org.orgId, { display: 'Иван Иванов' });
  petrova = await givenUser(db(), org.orgId, { display: 'Анна Петрова' });
});

const required = () => ({ queue: queue.key, summary: 'Old', createdAt: CREATED, createdBy: ivanov.login });
const importIssue = (fields: object, user = org.admin, version = 'v2') =>
  as(user).post(`/${version}/issues/_import`, { ...required(), ...fields });

async function makeManager({ id: userId }: GivenUser, { id }: GivenQueue): Promise<void> {
  const viewer = { orgId: org.orgId, userId: org.admin.id, role: 'admin', isApplication: true } as const;
  await addMember(db(), viewer, id, { userId, role: 'manager' });
}

test.each(['v2', 'v3'])('POST /%s/issues/_import keeps authors and times', async (version) => {
  const { body, headers } = await importIssue({}, org.admin, version).expect(201);
  expect(headers['location']).toBe(body.self);
  expect(body).toMatchObject({
    key: `${queue.key}-1`,
    version: 1,
    summary: 'Old',
    createdAt: CREATED,
    updatedAt: CREATED,
    createdBy: { display: 'Иван Иванов' },
    updatedBy: { display: 'Иван Иванов' },
    status: { key: 'open' },
  });
  expect(body).not.toHaveProperty('author');
  expect((await as(petrova).get(new URL(body.self).pathname).expect(200)).body).toEqual(body);
});

test('_import accepts every field that it declares', async () => {
  const { body } = await importIssue({
    key: `${queue.key.toLowerCase()}-41`,
    updatedAt: '2018-01-02T06:04:05.006+03:00',
    updatedBy: petrova.login,
    status: 5,
    resolution: { key: 'wontFix' },
    resolvedAt: RESOLVED,
    resolvedBy: petrova.login,
    type: 1,
    priority: 'minor',
    description: 'Text',
    assignee: petrova.login,
    author: petrova.login,
    followers: [ivanov.login, petrova.login],
    deadline: '2018-02-01',
    storyPoints: 1.5,
    tags: ['old'],
    unique: randomUUID(),
    components: [],
    fixVersions: [],
    votedBy: [],
    markupType: 'md',
  }).expect(201);
  expect(body).toMatchObject({
    key: `${queue.key}-41`,
    createdAt: CREATED,
    updatedAt: UPDATED,
    updatedBy: { display: 'Анна Петрова' },
    status: { key: 'closed' },
    resolution: { key: 'wontFix' },
    resolvedAt: RESOLVED,
    resolvedBy: { display: 'Анна Петрова' },
    type: { key: 'bug' },
    priority: { key: 'minor' },
    description: 'Text',
    assignee: { display: 'Анна Петрова' },
    author: { display: 'Анна Петрова' },
    followers: [{ display: 'Иван Иванов' }, { display: 'Анна Петрова' }],
    deadline: '2018-02-01',
    storyPoints: 1.5,
    tags: ['old'],
  });
  const rpc = rpcAs(api(), await givenApplication(db(), org));
  expect(await rpc.call('getTask', await getIssueId(db(), org, body.key))).toMatchObject({
    is_active: 0,
    date_creation: Math.floor(Date.parse(CREATED.replace('+0000', 'Z')) / 1000),
    date_completed: Math.floor(Date.parse(RESOLVED.replace('+0000', 'Z')) / 1000),
  });
});

test('a resolution without a time has that of the last change', async () => {
  const { body } = await importIssue({
    resolution: 'fixed',
    updatedAt: UPDATED,
    updatedBy: petrova.login,
  }).expect(201);
  expect(body).toMatchObject({ resolvedAt: UPDATED, resolvedBy: { display: 'Анна Петрова' } });
});

test('the event names the creator of the import', async () => {
  const { body } = await importIssue({ status: 'closed' }).expect(201);
  expect(await listEvents(db(), org, await getIssueId(db(), org, body.key))).toMatchObject([{ type: 'IssueCreated' }]);
  const changes = (await as(petrova).get(`/v2/issues/${body.key}/changelog`).expect(200)).body;
  expect(changes).toMatchObject([{ type: 'IssueCreated', updatedBy: { display: org.admin.login } }]);
});

describe('the key', () => {
  const create = async () =>
    (await as(org.admin).post('/v2/issues', { queue: queue.key, summary: 'New' }).expect(201)).body.key;

  test('with a higher number raises those of further issues, and leaves the lower ones free', async () => {
    await importIssue({ key: `${queue.key}-7` }).expect(201);
    expect(await create()).toBe(`${queue.key}-8`);
    expect((await importIssue({ key: `${queue.key}-3` }).expect(201)).body.key).toBe(`${queue.key}-3`);
    expect(await create()).toBe(`${queue.key}-9`);
    expect((await importIssue({}).expect(201)).body.key).toBe(`${queue.key}-10`);
  });

  test('that an issue has, had before a move, or had before it was deleted is a conflict, and nothing is written', async () => {
    const { key: other } = await givenQueue(db(), org);
    const [present, moved, deleted] = [await create(), await create(), await create()];
    await as(org.admin).post(`/v2/issues/${moved}/_move?queue=${other}`).expect(200);
    await as(org.admin).delete(`/v2/issues/${deleted}`).expect(204);
    await unchanged(db(), async () => {
      for (const key of [present, moved, deleted]) {
        const { body } = await importIssue({ key }).expect(409);
        expect(body.errors).toEqual({ key: texts.issueKeyTaken.ru });
      }
    });
  });

  test('is imported once by concurrent requests', async () => {
    const responses = await Promise.all([1, 2, 3, 4].map(() => importIssue({ key: `${queue.key}-5` })));
    expect(responses.map(({ status }) => status).sort()).toEqual([201, 409, 409, 409]);
  });
});

const REFUSED: [fields: () => object, status: number, field: string][] = [
  [() => ({ queue: undefined }), 422, 'queue'],
  [() => ({ summary: undefined }), 422, 'summary'],
  [() => ({ summary: ' ' }), 422, 'summary'],
  [() => ({ createdAt: undefined }), 422, 'createdAt'],
  [() => ({ createdBy: undefined }), 422, 'createdBy'],
  [() => ({ createdAt: 'yesterday' }), 400, 'createdAt'],
  [() => ({ createdAt: '2999-01-01T00:00:00.000+0000' }), 422, 'createdAt'],
  [() => ({ createdBy: 'nobody' }), 422, 'createdBy'],
  [() => ({ updatedAt: UPDATED }), 422, 'updatedBy'],
  [() => ({ updatedBy: petrova.login }), 422, 'updatedAt'],
  [() => ({ updatedAt: '2016-01-01T00:00:00Z', updatedBy: petrova.login }), 422, 'updatedAt'],
  [() => ({ resolvedAt: RESOLVED, resolvedBy: petrova.login }), 422, 'resolution'],
  [() => ({ resolution: 'fixed', resolvedAt: RESOLVED }), 422, 'resolvedBy'],
  [() => ({ resolution: 'fixed', resolvedBy: petrova.login }), 422, 'resolvedAt'],
  [() => ({ resolution: 'fixed', resolvedAt: '2016-01-01T00:00:00Z', resolvedBy: petrova.login }), 422, 'resolvedAt'],
  [() => ({ resolution: 'fixed', resolvedAt: '2999-01-01T00:00:00Z', resolvedBy: petrova.login }), 422, 'resolvedAt'],
  [() => ({ resolution: 'fixed', resolvedAt: RESOLVED, resolvedBy: 'nobody' }), 422, 'resolvedBy'],
  [() => ({ resolution: 'unknown' }), 422, 'resolution'],
  [() => ({ status: 'unknown' }), 422, 'status'],
  [() => ({ type: 'unknown' }), 422, 'type'],
  [() => ({ assignee: 'nobody' }), 422, 'assignee'],
  [() => ({ followers: ['nobody'] }), 422, 'followers'],
  [() => ({ key: 'OTHER-1' }), 422, 'key'],
  [() => ({ key: `${queue.key}-0` }), 422, 'key'],
  [() => ({ key: 'nonsense' }), 422, 'key'],
  [() => ({ deadline: '2018-02-30' }), 400, 'deadline'],
  [() => ({ spent: 3_600_000 }), 422, 'spent'],
  [() => ({ votedBy: ['ivanov'] }), 422, 'votedBy'],
  [() => ({ parent: 'JUNE-1' }), 422, 'parent'],
  [() => ({ nonsense: 1 }), 422, 'nonsense'],
];

test.each(REFUSED.map(([fields, status, field]) => [String(fields).slice(6), status, field, fields] as const))(
  '_import refuses %s with %i under %s, and writes nothing',
  async (_name, status, field, fields) => {
    await unchanged(db(), async () => {
      const response = await importIssue(fields());
      expect([response.status, Object.keys(response.body.errors)]).toEqual([status, [field]]);
    });
  },
);

test('_import is for managers of the queue: others get 403, or 404 for a queue that they do not see', async () => {
  const closed = await givenQueue(db(), org, [petrova]);
  await makeManager(ivanov, closed);
  await unchanged(db(), async () => {
    const { body } = await importIssue({}, petrova).expect(403);
    expect(body.errorMessages).toEqual([texts.queueManagersOnly.ru]);
    await importIssue({ queue: closed.key }, petrova).expect(403);
    await importIssue({ queue: closed.key }, org.admin).expect(404);
    await importIssue({ queue: 'NOTHING' }).expect(404);
  });
  expect((await importIssue({ queue: closed.key }, ivanov).expect(201)).body.key).toBe(`${closed.key}-1`);
});

test('a unique value that the creator has used is a conflict for the creator and for administrators', async () => {
  const unique = randomUUID();
  await importIssue({ unique }).expect(201);
  await unchanged(db(), async () => {
    await importIssue({ unique }).expect(409);
    await as(ivanov).post('/v2/issues', { queue: queue.key, summary: 'New', unique }).expect(409);
  });
  await importIssue({ unique, createdBy: petrova.login }).expect(201);
});

test('a manager of a queue cannot set unique for another user, used or not, but can for themselves', async () => {
  const own = await givenQueue(db(), org, [org.admin]);
  await makeManager(petrova, own);
  const unique = randomUUID();
  await as(ivanov).post('/v2/issues', { queue: queue.key, summary: 'New', unique }).expect(201);
  await unchanged(db(), async () => {
    for (const value of [unique, randomUUID()]) {
      const { body } = await importIssue({ queue: own.key, unique: value }, petrova).expect(422);
      expect(body.errors).toEqual({ unique: texts.uniqueOfCreator.ru });
    }
  });
  await importIssue({ queue: own.key, unique, createdBy: petrova.login }, petrova).expect(201);
  await importIssue({ queue: own.key }, petrova).expect(201);
});

test('an imported issue is an issue like others', async () => {
  const { body } = await importIssue({}).expect(201);
  const other = await givenIssue(db(), org, queue.key);
  await as(petrova).post(`/v2/issues/${body.key}/links`, { relationship: 'relates', issue: other.key }).expect(201);
  const changed = await as(petrova).patch(`/v2/issues/${body.key}`, { status: 'inProgress' }).expect(200);
  expect(changed.body).toMatchObject({ version: 2, createdAt: CREATED, updatedBy: { display: 'Анна Петрова' } });
  const found = await as(petrova).post('/v2/issues/_search', { query: 'Created: 2017-06-11' }).expect(200);
  expect(found.body.map(({ key }: { key: string }) => key)).toEqual([body.key]);
});

import { expect, test } from '@jest/globals';
import { texts } from '../../src/texts.ts';
import { useApi } from '../support/api.ts';
import {
  type GivenUser,
  givenApplication,
  givenIssue,
  givenOrganisation,
  givenQueue,
  givenUser,
} from '../support/builders.ts';
import { restAs } from '../support/rest.ts';
import { rpcAs } from '../support/rpc.ts';
import { unchanged } from '../support/snapshot.ts';

const api = useApi();
const REQUEST_MS = 4000;
const hurried = useApi({}, () => Promise.resolve(api().database.connection), { requestMs: REQUEST_MS });
const db = () => api().database.db;
const as = (user: GivenUser) => restAs(api(), user);

async function givenIssues(count: number) {
  const org = await givenOrganisation(db(), { language: 'en' });
  const queue = (await givenQueue(db(), org)).key;
  const keys: string[] = [];
  for (let place = 0; place < count; place += 1) keys.push((await givenIssue(db(), org, queue)).key);
  return { org, queue, keys };
}

const issueOf = async (user: GivenUser, key: string | undefined) =>
  (await as(user).get(`/v3/issues/${key}`).expect(200)).body;

test('_update changes the named issues, and GET /bulkchange/{id} reports the same', async () => {
  const { org, keys } = await givenIssues(2);

  const body = { issues: [...keys, keys[0]], values: { priority: 'blocker', tags: { add: ['bulk'] } } };
  const response = await as(org.admin).post('/v3/bulkchange/_update?notify=false', body).expect(201);

  expect(response.body).toMatchObject({
    self: `${api().url}/v3/bulkchange/${response.body.id}`,
    status: 'COMPLETE',
    statusText: 'Changed issues: 2 of 2.',
    executionChunkPercent: 100,
    executionIssuePercent: 100,
    totalIssues: 2,
    totalCompletedIssues: 2,
    failures: [],
  });
  expect(response.headers['location']).toBe(response.body.self);
  expect((await as(org.admin).get(`/v3/bulkchange/${response.body.id}`).expect(200)).body).toEqual(response.body);
  for (const key of keys) {
    expect(await issueOf(org.admin, key)).toMatchObject({ priority: { key: 'blocker' }, tags: ['bulk'], version: 2 });
  }
});

test('a bulk change that fails for some issues changes the others, and says which failed and why', async () => {
  const { org, keys } = await givenIssues(3);
  const insider = await givenUser(db(), org.orgId);
  const hidden = await givenIssue(db(), org, (await givenQueue(db(), org, [insider])).key);
  const [parent, child, other] = keys;

  // The parent cannot be its own parent.
  const body = { issues: [parent, 'NONE-1', hidden.key, child, other], values: { parent } };
  const response = await as(org.admin).post('/v3/bulkchange/_update', body).expect(201);

  const notFound = { errorMessages: [texts.issueNotFound.en], statusCode: 404 };
  expect(response.body).toMatchObject({ status: 'FAILED', totalIssues: 5, totalCompletedIssues: 2 });
  expect(response.body.failures).toMatchObject([
    { issue: parent, error: { errorsData: { code: 'self_link' }, statusCode: 422 } },
    { issue: 'NONE-1', error: notFound },
    { issue: hidden.key, error: notFound },
  ]);
  expect((await as(org.admin).get(`/v3/bulkchange/${response.body.id}`).expect(200)).body).toEqual(response.body);
  for (const key of [child, other]) expect(await issueOf(org.admin, key)).toMatchObject({ parent: { key: parent } });
  expect((await issueOf(org.admin, parent)).parent).toBeUndefined();
});

test('_update takes a query, and nothing else for issues', async () => {
  const { org, queue, keys } = await givenIssues(2);
  const body = { issues: `Key: ${keys[1]}`, values: { summary: 'Found' } };
  expect((await as(org.admin).post('/v3/bulkchange/_update', body).expect(201)).body.totalIssues).toBe(1);
  expect([await issueOf(org.admin, keys[0]), await issueOf(org.admin, keys[1])]).toMatchObject([
    { version: 1 },
    { summary: 'Found' },
  ]);
  await unchanged(db(), async () => {
    for (const issues of ['Sprint: 5', Array(1001).fill(keys[0]), 7]) {
      await as(org.admin).post('/v3/bulkchange/_update', { issues, values: {} }).expect(400);
    }
    await as(org.admin)
      .post('/v3/bulkchange/_update', { issues: `Queue: ${queue}` })
      .expect(422);
    await as(org.admin)
      .post('/v3/bulkchange/_update', { issues: keys, values: { sprint: 5 } })
      .expect(422);
    await as(org.admin).post('/v3/bulkchange/_update?notify=true', { issues: keys, values: {} }).expect(400);
  });
});

test('_move moves issues as the official client asks for it, and _transition gives them the status and values', async () => {
  const { org, keys } = await givenIssues(2);
  const to = (await givenQueue(db(), org)).key;
  const move = { queue: to, issues: keys, values: {}, moveAllFields: false, initialStatus: false };

  expect((await as(org.admin).post('/v3/bulkchange/_move', move).expect(201)).body.status).toBe('COMPLETE');
  const transition = { transition: 'closed', issues: [`${to}-1`, `${to}-2`], values: { priority: 'blocker' } };
  expect((await as(org.admin).post('/v3/bulkchange/_transition', transition).expect(201)).body.status).toBe('COMPLETE');

  for (const key of keys) {
    const issue = await issueOf(org.admin, key);
    expect(issue).toMatchObject({ queue: { key: to }, status: { key: 'closed' }, priority: { key: 'blocker' } });
  }
  const unknown = { transition: 'fly', issues: [`${to}-1`] };
  const { body } = await as(org.admin).post('/v3/bulkchange/_transition', unknown).expect(201);
  expect(body.failures).toMatchObject([{ error: { errorMessages: [texts.transitionNotFound.en], statusCode: 404 } }]);
});

test('a bulk change with an Idempotency-Key gives a status that the queue had no column for', async () => {
  const { org, keys } = await givenIssues(1);
  const rpc = rpcAs(api(), await givenApplication(db(), org));
  const project = await rpc.call<number>('createProject', 'Project');
  await rpc.call('addProjectUser', project, org.admin.id, 'project-manager');
  const [{ key: queue }] = (await as(org.admin).get('/v3/queues').expect(200)).body.filter(
    ({ id }: { id: number | string }) => Number(id) === project,
  );
  await as(org.admin).post(`/v3/issues/${keys[0]}/_move?queue=${queue}`).expect(200);

  const { body } = await as(org.admin)
    .post('/v3/bulkchange/_update', { issues: keys, values: { status: 'needInfo' } })
    .set('Idempotency-Key', 'bulk')
    .expect(201);

  expect(body).toMatchObject({ status: 'COMPLETE', failures: [] });
  expect(await issueOf(org.admin, keys[0])).toMatchObject({ status: { key: 'needInfo' } });
});

test('GET /bulkchange/{id} no longer names issues that became hidden from its user', async () => {
  const { org, keys } = await givenIssues(1);
  const member = await givenUser(db(), org.orgId);
  const secret = await givenQueue(db(), org, [member]);
  const parent = await givenIssue(db(), org, secret.key);
  await as(member).patch(`/v3/issues/${keys[0]}`, { parent: parent.key }).expect(200);
  const values = { parent: keys[0] };
  const { body } = await as(member)
    .post('/v3/bulkchange/_update', { issues: [parent.key], values })
    .expect(201);
  expect(JSON.stringify(body.failures)).toContain(parent.key);
  await db().query({
    name: '',
    text: 'delete from queue_members where org_id = $1 and queue_id = $2',
    values: [org.orgId, secret.id],
  });

  const { body: later } = await as(member).get(`/v3/bulkchange/${body.id}`).expect(200);

  expect(later.failures).toMatchObject([{ error: { errorMessages: [texts.issueNotFound.en], errorsData: {} } }]);
  expect(JSON.stringify(later.failures[0].error)).not.toContain(parent.key);
});

test('a reader changes nothing in bulk, and a bulk change is shown to its user only', async () => {
  const { org, keys } = await givenIssues(1);
  const reader = await givenUser(db(), org.orgId, { role: 'reader' });
  const body = { issues: keys, values: { summary: 'Changed' } };

  const { body: bulkChange } = await as(reader).post('/v3/bulkchange/_update', body).expect(201);

  expect(bulkChange).toMatchObject({ status: 'FAILED', failures: [{ error: { statusCode: 403 } }] });
  expect(await issueOf(org.admin, keys[0])).toMatchObject({ version: 1 });
  await as(reader).get(`/v3/bulkchange/${bulkChange.id}`).expect(200);
  for (const id of [bulkChange.id, '0'.repeat(20), 'nonsense']) {
    await as(org.admin).get(`/v3/bulkchange/${id}`).expect(404);
  }
});

test('a bulk change whose time runs out is reported with what was done', async () => {
  const { org, keys } = await givenIssues(3);
  const [first, held, last] = keys;
  const body = { issues: keys, values: { priority: 'blocker' } };

  const response = await db().transaction(async (transaction) => {
    const values = [org.orgId, held];
    await transaction.query({
      name: '',
      text: 'select from issues where org_id = $1 and key = $2 for update',
      values,
    });
    return await restAs(hurried(), org.admin).post('/v3/bulkchange/_update', body);
  });

  expect(response).toMatchObject({ status: 201, body: { status: 'FAILED', totalIssues: 3, totalCompletedIssues: 1 } });
  expect(response.body.failures).toMatchObject([
    { issue: held, error: { statusCode: 503 } },
    { issue: last, error: { statusCode: 503 } },
  ]);
  expect((await as(org.admin).get(`/v3/bulkchange/${response.body.id}`).expect(200)).body).toMatchObject({
    id: response.body.id,
    failures: response.body.failures,
  });
  expect(await issueOf(org.admin, first)).toMatchObject({ priority: { key: 'blocker' }, version: 2 });
  for (const key of [held, last]) expect(await issueOf(org.admin, key)).toMatchObject({ version: 1 });
});

test('a bulk change with an Idempotency-Key whose time runs out is 503 and writes nothing', async () => {
  const { org, keys } = await givenIssues(2);
  const body = { issues: keys, values: { priority: 'blocker' } };
  await unchanged(db(), () =>
    db().transaction(async (transaction) => {
      const values = [org.orgId, keys[1]];
      await transaction.query({
        name: '',
        text: 'select from issues where org_id = $1 and key = $2 for update',
        values,
      });
      await restAs(hurried(), org.admin)
        .post('/v3/bulkchange/_update', body)
        .set('Idempotency-Key', 'slow')
        .expect(503);
    }),
  );
});

test('GET /bulkchange/{id}/issues lists the issues that could not be changed, as far as the user may see them', async () => {
  const { org, keys } = await givenIssues(2);
  const insider = await givenUser(db(), org.orgId);
  const hidden = await givenIssue(db(), org, (await givenQueue(db(), org, [insider])).key, { summary: 'Secret' });
  const [parent, child] = keys as [string, string];
  const body = { issues: [parent, child, hidden.key, 'NONE-1'], values: { parent } };
  const { id } = (await as(org.admin).post('/v3/bulkchange/_update', body).expect(201)).body;

  const { body: issues } = await as(org.admin).get(`/v3/bulkchange/${id}/issues`).expect(200);
  const { failures } = (await as(org.admin).get(`/v3/bulkchange/${id}`).expect(200)).body;
  const { id: hexId } = await issueOf(org.admin, parent);
  const self = `${api().url}/v3/issues/${parent}`;
  expect(issues).toEqual([
    { issue: { self, id: hexId, key: parent, display: 'An issue' }, status: 'FAILED', error: failures[0].error },
    { issue: { key: hidden.key, display: hidden.key }, status: 'FAILED', error: failures[1].error },
    { issue: { key: 'NONE-1', display: 'NONE-1' }, status: 'FAILED', error: failures[2].error },
  ]);
  expect(issues[0].error.errorsData.code).toBe('self_link');
  expect(issues[1].error).toEqual(issues[2].error);

  const complete = await as(org.admin)
    .post('/v3/bulkchange/_update', { issues: [child], values: {} })
    .expect(201);
  expect((await as(org.admin).get(`/v3/bulkchange/${complete.body.id}/issues`).expect(200)).body).toEqual([]);
  await as(insider).get(`/v3/bulkchange/${id}/issues`).expect(404);
  await as(org.admin).get('/v3/bulkchange/00000000000000000000/issues').expect(404);
});

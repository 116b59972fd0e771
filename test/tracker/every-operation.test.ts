import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { loadContract, type Operation } from '../../src/contract/contract.ts';
import { texts } from '../../src/texts.ts';
import { useApi } from '../support/api.ts';
import { type GivenOrganisation, givenIssue, givenOrganisation, givenQueue, givenUser } from '../support/builders.ts';
import { type DatabaseProxy, openDatabaseProxy } from '../support/database-proxy.ts';
import { restAs } from '../support/rest.ts';
import { snapshot, unchanged } from '../support/snapshot.ts';

// These hold for every operation of the contract, including future ones.

let proxy: DatabaseProxy;
const api = useApi({}, async (connection) => {
  proxy = await openDatabaseProxy(connection);
  return proxy.connection;
});
const db = () => api().database.db;
const tiny = useApi({}, () => Promise.resolve(api().database.connection), { responseLimits: { bytesMax: 1 } });
afterAll(() => proxy.cut());
const OPERATIONS = loadContract().operations.map((operation) => [operation.id, operation] as const);

/** For requests that are refused, and therefore change neither. */
let mine: GivenOrganisation;
let theirs: GivenOrganisation;
beforeAll(async () => {
  mine = await givenOrganisation(db());
  theirs = await givenOrganisation(db());
});

test.each(OPERATIONS)('%s returns 401 without a token', async (_id, operation) => {
  const response = await send(operation, {});
  expect(response.status).toBe(401);
  expect(response.headers['www-authenticate']).toBe('OAuth, Bearer');
});

test.each(OPERATIONS)('%s returns 403 for another organisation', async (_id, operation) => {
  const response = await send(operation, { ...mine.admin.headers, 'X-Org-ID': theirs.orgId });
  expect(response.status).toBe(403);
});

test.each(OPERATIONS)('%s returns 403 for a token without its scope', async (_id, operation) => {
  const otherScopes = (['read', 'write', 'admin'] as const).filter((scope) => scope !== operation.scope);
  const user = await givenUser(db(), mine.orgId, { role: 'admin', scopes: otherScopes });
  const before = await snapshot(db());
  const response = await send(operation, user.headers);
  expect(response.status).toBe(403);
  expect(await snapshot(db())).toEqual(before);
});

describe('from an address that sent 300 wrong tokens in a minute', () => {
  const flooded = useApi({ trustProxy: 1 }, () => Promise.resolve(api().database.connection));
  const FLOODER = { 'X-Forwarded-For': '203.0.113.66' };
  const sendWrong = (operation: Operation) => send(operation, { Authorization: 'OAuth wrong', ...FLOODER }, flooded());

  async function flood() {
    const [[, operation] = []] = OPERATIONS;
    if (operation === undefined) return;
    for (let status = 401; status !== 429; ) ({ status } = await sendWrong(operation));
  }

  test.each(OPERATIONS)('%s returns 429 for a wrong token, and writes nothing', async (_id, operation) => {
    await unchanged(db(), async () => {
      await flood();
      let response = await sendWrong(operation);
      // The minute that is counted may have just ended.
      if (response.status === 401) {
        await flood();
        response = await sendWrong(operation);
      }
      expect([response.status, response.body.errorMessages]).toEqual([429, [texts.busy.ru]]);
      expect(response.headers['retry-after']).toMatch(/^([1-9]|[1-5]\d|60)$/);
      expect(response.headers['www-authenticate']).toBeUndefined();
    });
  });

  test('valid tokens still work, and wrong ones from elsewhere get 401', async () => {
    await flood();
    const { admin } = await givenOrganisation(db());
    const links = (headers: Record<string, string>) => flooded().request.get('/v3/linktypes').set(headers);
    await links({ ...admin.headers, ...FLOODER }).expect(200);
    await links({ Authorization: 'OAuth wrong', 'X-Forwarded-For': '203.0.113.67' }).expect(401);
    await links(FLOODER).expect(401);
  });
});

test.each(OPERATIONS)('%s returns 503 while the database is unavailable', async (_id, operation) => {
  await proxy.cut();
  try {
    const response = await send(operation, { Authorization: 'OAuth any' });
    expect(response.status).toBe(503);
    expect(response.headers['retry-after']).toMatch(/^\d+$/);
  } finally {
    await proxy.restore();
  }
});

test.each(OPERATIONS.filter(([, { hasBody }]) => hasBody))(
  '%s returns 400 for a body that is not JSON and 413 for one that is too large',
  async (_id, operation) => {
    const before = await snapshot(db());
    expect((await send(operation, mine.admin.headers).send('{"broken":')).status).toBe(400);
    expect((await send(operation, mine.admin.headers).send(JSON.stringify('x'.repeat(1_100_000)))).status).toBe(413);
    expect(await snapshot(db())).toEqual(before);
  },
);

describe('with resources', () => {
  const values: Record<string, unknown> = {
    statusId: 'open',
    transitionId: 'closed',
    resolutionId: 'fixed',
    priorityId: 'normal',
    issueTypeId: 'task',
    fieldId: 'tags',
    categoryId: '000000000000000000000001',
    applicationId: 'com.github',
    linkTypeId: 'relates',
  };
  const query = new URLSearchParams();
  let org: GivenOrganisation;

  beforeAll(async () => {
    org = await givenOrganisation(db());
    const rest = restAs(api(), org.admin);
    const { key: queue } = await givenQueue(db(), org);
    const unique = randomUUID();
    const { body: issue } = await rest.post('/v3/issues', { queue, summary: 'An issue', unique });
    const issues = `/v3/issues/${issue.key}`;
    await rest.patch(issues, { summary: 'Changed' });
    const { body: changes } = await rest.get(`${issues}/changelog`);
    const remote = { relationship: 'RELATES', key: 'example', origin: values['applicationId'] };
    const { body: remoteLink } = await rest.post(`${issues}/remotelinks`, remote);
    const { body: comment } = await rest.post(`${issues}/comments`, { text: 'A comment' });
    const other = await givenIssue(db(), org, queue);
    const { body: link } = await rest.post(`${issues}/links`, { relationship: 'relates', issue: other.key });
    const { body: tokens } = await rest.get('/v3/tokens');
    const { body: bulkChange } = await rest.post('/v3/bulkchange/_update', { issues: [], values: {} });
    Object.assign(values, {
      bulkChangeId: bulkChange.id,
      issueId: issue.key,
      entryId: changes[0].id,
      remoteLinkId: remoteLink.id,
      objectId: remoteLink.object.id,
      linkId: link.id,
      commentId: comment.id,
      queueId: queue,
      userId: org.admin.login,
      tokenId: tokens.at(0).id,
    });
    query.set('unique', unique);
    query.set('input', 'issue');
    query.set('queue', (await givenQueue(db(), org)).key);
  });

  const pathTo = ({ path }: Operation) =>
    `/v3${path.replaceAll(/\{(\w+)\}/g, (_match, name: string) => String(values[name]))}?${query.toString()}`;

  test.each(OPERATIONS.filter(([, { method }]) => method === 'get'))(
    '%s sends a tag and returns 304 while it matches',
    async (_id, operation) => {
      const read = () => api().request.get(pathTo(operation)).set(org.admin.headers);
      const { headers, body } = await read().expect(200);
      const revalidation = {
        etag: expect.stringMatching(/^"(\d+-)?[\w-]{27}"$/),
        'cache-control': 'private, no-cache',
        vary: `${operation.id === 'getLinkGraph' ? 'Accept, ' : ''}Accept-Language, Authorization`,
      };
      expect(headers).toMatchObject(revalidation);
      const kept = await read().set('If-None-Match', String(headers['etag'])).expect(304);
      expect(kept.headers).toMatchObject({ ...revalidation, etag: headers['etag'] });
      const stale = await read().set('If-None-Match', '"stale"').expect(200);
      expect([stale.body, stale.headers['etag']]).toEqual([body, headers['etag']]);
    },
  );

  // A streamed response has no limit.
  const isLimited = ({ id, hasBody, scope }: Operation) => (!hasBody || scope === 'read') && id !== 'searchIssueLinks';

  test.each(OPERATIONS.filter(([, operation]) => isLimited(operation)))(
    '%s returns 413 for a response that is too large, and writes nothing',
    async (_id, operation) => {
      await unchanged(db(), async () => {
        const request = tiny().request[operation.method](pathTo(operation));
        const response = await (operation.hasBody ? request.send({}) : request).set(org.admin.headers);
        expect([response.status, response.body.errorMessages]).toEqual([413, [texts.responseTooLarge('1').ru]]);
      });
    },
  );
});

function send(operation: Operation, headers: Record<string, string>, { request } = api()) {
  const path = operation.path.replaceAll(/\{\w+\}/g, '1');
  return request[operation.method](`/v2${path}`).set(headers);
}

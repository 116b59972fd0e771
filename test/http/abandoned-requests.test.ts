import { request as httpRequest } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { LOCK_TIMEOUT_MS } from '../../src/database/open-database.ts';
import type { UnnamedStatement } from '../../src/database/statement.ts';
import { useApi } from '../support/api.ts';
import {
  type GivenAccount,
  type GivenIssue,
  type GivenOrganisation,
  givenAccount,
  givenApplication,
  givenIssue,
  givenLink,
  givenOrganisation,
  givenQueue,
} from '../support/builders.ts';
import { type DatabaseProxy, openDatabaseProxy } from '../support/database-proxy.ts';
import { unchanged } from '../support/snapshot.ts';
import { untilWaiting } from '../support/statements.ts';

/** The work for a request ends when its client disconnects, its time is up, or the database is lost. */

const BATCH_MS = 500;
const REQUEST_MS = 500;
let proxy: DatabaseProxy;
const api = useApi({}, async (connection) => {
  proxy = await openDatabaseProxy(connection);
  return proxy.connection;
});
afterAll(() => proxy.cut());
const hurried = useApi({}, () => Promise.resolve(api().database.connection), {
  batchMs: BATCH_MS,
  requestMs: REQUEST_MS,
});
const db = () => api().database.db;
let org: GivenOrganisation;
let application: GivenAccount;
let issues: readonly [GivenIssue, GivenIssue];
let labels = 0;

beforeAll(async () => {
  org = await givenOrganisation(db(), { profile: 'kanboard' });
  application = await givenApplication(db(), org);
  const { key: queue } = await givenQueue(db(), org);
  issues = [await givenIssue(db(), org, queue), await givenIssue(db(), org, queue)];
  await givenLink(db(), org, 'relates', ...issues);
});

const SERVICE_UNAVAILABLE = { code: 503, message: 'Service Unavailable' };

interface Call {
  readonly method: string;
  readonly params?: readonly unknown[];
}

const getLinks = (): Call => ({ method: 'getAllTaskLinks', params: [issues[0].id] });
const createLabel = (): Call => {
  labels += 1;
  return { method: 'createLink', params: [`label ${labels}`] };
};

function rpc(calls: readonly Call[], { account = application, at = api() } = {}) {
  return at.request
    .post(`/kanboard/${org.orgId}/jsonrpc.php`)
    .auth(account.login, account.secret)
    .send(calls.map((call, id) => ({ jsonrpc: '2.0', id, ...call })));
}

/**
 * Runs `work` while all statements on links wait for a lock. It must not wait until they give up by themselves, as they
 * would if nothing cancelled them.
 */
async function whileLinksAreLocked(work: () => Promise<void>): Promise<void> {
  await db().transaction(async (transaction) => {
    await transaction.query({ name: '', text: 'lock table links in access exclusive mode', values: [] });
    const started = performance.now();
    await work();
    expect(performance.now() - started).toBeLessThan(LOCK_TIMEOUT_MS);
  });
}

/** Sends a request, and returns a function that disconnects before the response. */
function send(method: string, path: string, headers: Readonly<Record<string, string>>, body = ''): () => void {
  const outgoing = httpRequest(`${api().url}${path}`, { method, headers });
  outgoing.on('error', () => undefined);
  outgoing.end(body);
  return () => outgoing.destroy();
}

/** Waits until the service has no statement that runs or waits. */
async function untilIdle(): Promise<void> {
  const active: UnnamedStatement = {
    name: '',
    text: `
      select from pg_stat_activity
      where datname = current_database() and application_name = 'issue-links' and pid <> pg_backend_pid()
        and state <> 'idle' and query not like 'lock table%'`,
    values: [],
  };
  while ((await db().query(active)).length > 0) await sleep(5);
}

describe('when the client disconnects', () => {
  test('the statement of a read is cancelled', async () => {
    await whileLinksAreLocked(async () => {
      const disconnect = send('GET', `/v3/issues/${issues[0].key}/links`, org.admin.headers);
      await untilWaiting(db(), 1);
      disconnect();
      await untilIdle();
    });
  });

  test('a write is rolled back', async () => {
    await unchanged(db(), async () => {
      await whileLinksAreLocked(async () => {
        const link = JSON.stringify({ relationship: 'relates', issue: issues[0].key });
        const disconnect = send('POST', `/v3/issues/${issues[1].key}/links`, org.admin.headers, link);
        await untilWaiting(db(), 1);
        disconnect();
        await untilIdle();
      });
    });
  });

  test('the remaining calls of a batch do not run', async () => {
    const [first, second] = [createLabel(), createLabel()];
    const calls = [first, getLinks(), second].map((call, id) => ({ jsonrpc: '2.0', id, ...call }));
    const authorization = Buffer.from(`${application.login}:${application.secret}`).toString('base64');
    await whileLinksAreLocked(async () => {
      const disconnect = send(
        'POST',
        `/kanboard/${org.orgId}/jsonrpc.php`,
        { Authorization: `Basic ${authorization}` },
        JSON.stringify(calls),
      );
      await untilWaiting(db(), 1);
      disconnect();
      await untilIdle();
    });
    await untilIdle();
    const found = await rpc(
      [first, second].map(({ params }) => ({ method: 'getLinkByLabel', ...(params && { params }) })),
    );
    expect(found.body).toMatchObject([{ result: { label: first.params?.[0] } }, { result: null }]);
  });
});

test('a request that takes too long gets 503, its statement is cancelled, and nothing is written', async () => {
  await unchanged(db(), async () => {
    await whileLinksAreLocked(async () => {
      const { status, headers, body } = await hurried()
        .request.post(`/v3/issues/${issues[1].key}/links`)
        .set({ ...org.admin.headers, 'Accept-Language': 'en' })
        .send({ relationship: 'relates', issue: issues[0].key });
      expect([status, headers['retry-after']]).toEqual([503, expect.stringMatching(/^[1-9]\d*$/)]);
      expect(body).toMatchObject({
        statusCode: 503,
        errorMessages: ['The request took too long and was stopped. Try again later.'],
      });
      await untilIdle();
    });
  });
});

describe('a batch', () => {
  test('that exceeds its time keeps its results, and the remaining calls do not run', async () => {
    const [second, notification] = [createLabel(), createLabel()];
    let response: ReturnType<typeof rpc> | undefined;
    await whileLinksAreLocked(async () => {
      const calls = [getLinks(), second, { ...notification, id: null }, { method: 'getTimezone' }];
      response = rpc(calls, { at: hurried() });
      const sent = response.then(() => undefined);
      await untilWaiting(db(), 1);
      await sleep(BATCH_MS);
      void sent;
    });
    const { status, body } = (await response) as Awaited<ReturnType<typeof rpc>>;
    expect([status, body]).toEqual([
      200,
      [
        { jsonrpc: '2.0', result: [expect.objectContaining({ task_id: issues[1].id })], id: 0 },
        { jsonrpc: '2.0', error: SERVICE_UNAVAILABLE, id: 1 },
        { jsonrpc: '2.0', error: SERVICE_UNAVAILABLE, id: 3 },
      ],
    ]);
    const found = await rpc(
      [second, notification].map(({ params }) => ({ method: 'getLinkByLabel', ...(params && { params }) })),
    );
    expect(found.body).toMatchObject([{ result: null }, { result: null }]);
  });

  test('whose database is lost keeps its results, and the remaining calls do not run', async () => {
    const [first, last] = [createLabel(), createLabel()];
    let response: Promise<unknown> | undefined;
    await whileLinksAreLocked(async () => {
      response = rpc([first, getLinks(), last, { method: 'nope' }]).then(({ status, body }) => [status, body]);
      await untilWaiting(db(), 1);
      await proxy.cut();
      expect(await response).toEqual([
        200,
        [
          { jsonrpc: '2.0', result: expect.any(Number), id: 0 },
          ...[1, 2, 3].map((id) => ({ jsonrpc: '2.0', error: SERVICE_UNAVAILABLE, id })),
        ],
      ]);
    });
    await proxy.restore();
    const found = await rpc(
      [first, last].map(({ params }) => ({ method: 'getLinkByLabel', ...(params && { params }) })),
    );
    expect(found.body).toMatchObject([{ result: { label: first.params?.[0] } }, { result: null }]);
  });
});

test('an account that floods the server does not block other accounts', async () => {
  const member = await givenAccount(db(), org);
  const links = `/v3/issues/${issues[0].key}/links`;
  let flood: Promise<number>[] = [];
  await whileLinksAreLocked(async () => {
    flood = Array.from({ length: 40 }, () =>
      api()
        .request.post(`${links}/_list`)
        .set(org.admin.headers)
        .then(({ status }) => status),
    );
    await untilWaiting(db(), 8);
    const { status, body } = await rpc([{ method: 'getMe' }], { account: member });
    expect([status, body]).toMatchObject([200, [{ result: { username: member.login } }]]);
  });
  expect(await Promise.all(flood)).toEqual(Array(40).fill(200));
});

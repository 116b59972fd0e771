import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { useApi } from '../support/api.ts';
import {
  type GivenIssue,
  type GivenOrganisation,
  givenApplication,
  givenIssue,
  givenOrganisation,
  givenQueue,
} from '../support/builders.ts';
import { type DatabaseProxy, openDatabaseProxy } from '../support/database-proxy.ts';
import { type Rpc, rpcAs } from '../support/rpc.ts';
import { unchanged } from '../support/snapshot.ts';
import { createLinkTrigger } from '../support/triggers.ts';

/** What clients see while PostgreSQL is gone, does not respond, or does not accept writes. */

/** Shorter than the timeout of statements (15 s): the silence itself must be noticed. */
const SOON_MS = 12_000;

let proxy: DatabaseProxy;
const api = useApi({}, async (connection) => {
  proxy = await openDatabaseProxy(connection);
  return proxy.connection;
});
const db = () => api().database.db;
let org: GivenOrganisation;
let issues: readonly [GivenIssue, GivenIssue];
let application: Awaited<ReturnType<typeof givenApplication>>;
let rpc: Rpc;

beforeAll(async () => {
  org = await givenOrganisation(db(), { profile: 'kanboard' });
  const { key: queue } = await givenQueue(db(), org);
  issues = [await givenIssue(db(), org, queue), await givenIssue(db(), org, queue)];
  application = await givenApplication(db(), org);
  rpc = rpcAs(api(), application);
});
afterAll(() => proxy.cut());
afterEach(async () => {
  // The session that listens for invalidations is back as well.
  while ((await query('select from pg_stat_activity where query like $1', '%pg_notify%')).length === 0) await sleep(5);
});

function query(text: string, ...values: unknown[]) {
  return db().query<Record<string, unknown>>({ name: '', text, values });
}

const getLinks = () => api().request.get(`/v3/issues/${issues[0].key}/links`).set(org.admin.headers);
const createLink = () =>
  api()
    .request.post(`/v3/issues/${issues[0].key}/links`)
    .set(org.admin.headers)
    .set('Accept-Language', 'en')
    .send({ relationship: 'relates', issue: issues[1].key });
const callRpc = () =>
  api()
    .request.post(`/kanboard/${org.orgId}/jsonrpc.php`)
    .auth(application.login, application.secret)
    .send({ jsonrpc: '2.0', method: 'createTaskLink', params: [issues[0].id, issues[1].id, 1], id: 1 });

const REST_503 = { errors: {}, errorsData: {}, errorMessages: [expect.any(String)], statusCode: 503 };
const RPC_503 = { jsonrpc: '2.0', error: { code: 503, message: 'Service Unavailable' }, id: null };

describe.each<[string, () => Promise<void>, () => Promise<void>]>([
  ['is gone', () => proxy.cut(), () => proxy.restore()],
  [
    'does not respond',
    () => Promise.resolve(proxy.freeze()),
    async () => {
      proxy.thaw();
      // Connections that began during the silence are still being made.
      while ((await api().request.get('/readyz')).status !== 200) await sleep(20);
    },
  ],
])('while PostgreSQL %s', (_state, lose, find) => {
  test('every request gets 503 in the form of its API soon, nothing is written, and the next ones are served', async () => {
    // Connections of the pool are open.
    await Promise.all([getLinks().expect(200), callsOk()]);
    await unchanged(db(), async () => {
      await lose();
      const started = performance.now();
      const requests = [getLinks(), createLink(), callRpc(), api().request.get('/readyz')];
      const responses = await Promise.all([...requests, ...Array.from({ length: 40 }, () => createLink())]);
      expect(performance.now() - started).toBeLessThan(SOON_MS);
      expect(responses.map(({ status }) => status)).toEqual(Array(44).fill(503));
      for (const { headers } of responses) expect(headers['retry-after']).toMatch(/^[1-9]\d*$/);
      const [read, write, call, ready] = responses;
      expect([read?.body, write?.body, call?.body]).toEqual([REST_503, REST_503, RPC_503]);
      expect(ready?.body).toEqual({ status: 'unavailable', problem: 'the database is not available' });
      await find();
    });
    await api().request.get('/readyz').expect(200);
    await Promise.all([getLinks().expect(200), callsOk()]);
  });
});

async function callsOk(): Promise<void> {
  expect(await rpc.call('getAllTaskLinks', issues[0].id)).toEqual([]);
}

test('a long statement is no silence', async () => {
  const body = 'perform pg_sleep(2); return new;';
  const drop = await createLinkTrigger(db(), { name: 'slow', moment: 'before insert', body });
  expect((await createLink()).status).toBe(201);
  await drop();
  await query('delete from links');
});

describe.each([
  ['53100', 'a full disk'],
  ['25006', 'a standby'],
])('with the error %s of %s', (code) => {
  test('writes get a 503 that says so, nothing is written, and reading goes on', async () => {
    const body = `raise exception using errcode = '${code}', message = 'could not extend file "base/1/2"';`;
    const drop = await createLinkTrigger(db(), { name: 'refuse', moment: 'before insert', body });
    await unchanged(db(), async () => {
      const [write, call] = [await createLink(), await callRpc()];
      expect(write.status).toBe(503);
      expect(write.headers['retry-after']).toMatch(/^[1-9]\d*$/);
      expect(write.body).toEqual({
        ...REST_503,
        errorMessages: [
          'The database accepts no changes at the moment, for example because its disk is full. Reading works. Try again later.',
        ],
      });
      expect([call.status, call.body]).toEqual([503, RPC_503]);
      await getLinks().expect(200);
      expect(await rpc.call('getAllTaskLinks', issues[0].id)).toEqual([]);
      await api().request.get('/readyz').expect(200);
    });
    await drop();
    await createLink().expect(201);
    await query('delete from links');
  });
});

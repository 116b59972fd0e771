import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import supertest from 'supertest';
import type { Connection } from '../../src/database/connection.ts';
import { migrate } from '../../src/database/migrations.ts';
import { type AppInstance, startInstance } from '../support/app-instance.ts';
import {
  type GivenIssue,
  type GivenOrganisation,
  givenIssue,
  givenOrganisation,
  givenQueue,
} from '../support/builders.ts';
import { runCommand } from '../support/command-line.ts';
import { type DatabaseProxy, openDatabaseProxy } from '../support/database-proxy.ts';
import { PostgresServer } from '../support/replication.ts';
import { unchanged } from '../support/snapshot.ts';

// Servers of which one knows both hosts of the database, and the other reaches it through a proxy, as with HAProxy.

let folder: string;
let one: PostgresServer;
let two: PostgresServer;
let proxy: DatabaseProxy;
let direct: AppInstance;
let proxied: AppInstance;
let org: GivenOrganisation;
let queue: string;
let issue: GivenIssue;
let far: GivenIssue;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'issue-links-failover-'));
  one = await PostgresServer.create(folder, 'one');
  await migrate(one.connection);
  two = await one.clone(folder, 'two');
  proxy = await openDatabaseProxy(one.connection);
  direct = await startInstance(connectionTo(two, one));
  proxied = await startInstance(proxy.connection);
  org = await givenOrganisation(direct.db, { language: 'en' });
  queue = (await givenQueue(direct.db, org)).key;
  [issue, far] = [await givenIssue(direct.db, org, queue), await givenIssue(direct.db, org, queue)];
});
afterAll(async () => {
  await Promise.all([direct.stop(), proxied.stop()]);
  await proxy.cut();
  await Promise.all([one.close(), two.close()]);
  await rm(folder, { recursive: true });
});

function connectionTo(first: PostgresServer, ...others: PostgresServer[]): Connection {
  return { ...first.connection, otherHosts: others.map(({ connection }) => connection) };
}

function urlOf(servers: readonly PostgresServer[]): string {
  const { user, password } = one.connection;
  const hosts = servers.map(({ connection: { host, port } }) => `${host}:${port}`);
  return `postgresql://${user}:${password}@${hosts.join(',')}/postgres?target_session_attrs=read-write`;
}

const createLink = ({ url }: AppInstance) =>
  supertest(url)
    .post(`/v3/issues/${issue.key}/links`)
    .set(org.admin.headers)
    .set('Accept-Language', 'en')
    .send({ relationship: 'relates', issue: far.key });
const readLinks = ({ url }: AppInstance) => supertest(url).get(`/v3/issues/${issue.key}/links`).set(org.admin.headers);
const deleteLinks = () => direct.db.query({ name: '', text: 'delete from links; delete from events', values: [] });

/** Repeats a request while its response is 503; otherwise the test runs out of time. */
async function untilServed<Response extends { readonly status: number }>(
  send: () => PromiseLike<Response>,
): Promise<Response> {
  for (;;) {
    const response = await send();
    if (response.status !== 503) return response;
    await sleep(20);
  }
}

test('writes to a primary that was set to read-only get 503 until it is writable again, and reading goes on', async () => {
  await unchanged(direct.db, async () => {
    await one.set({ default_transaction_read_only: 'on' });
    for (const server of [direct, proxied]) {
      // A session applies the setting after its next statement.
      await readLinks(server).expect(200);
      const refused = await createLink(server);
      expect([refused.status, refused.headers['retry-after']]).toEqual([503, expect.stringMatching(/^[1-9]\d*$/)]);
      await readLinks(server).expect(200);
    }
    await one.set({ default_transaction_read_only: 'off' });
  });
  for (const server of [direct, proxied]) {
    expect((await untilServed(() => createLink(server))).status).toBe(201);
    await deleteLinks();
  }
});

test('a write whose wait for a synchronous standby is cancelled is not acknowledged', async () => {
  await one.set({ synchronous_standby_names: 'missing' });
  const write = createLink(direct).then((response) => response);
  const waiting = `select pid from pg_stat_activity where wait_event = 'SyncRep'`;
  await one.until(`select exists (${waiting})`);
  await one.query(`select pg_cancel_backend(pid) from (${waiting}) waiting`);
  expect((await write).status).toBe(503);
  await one.set({ synchronous_standby_names: '' });
  await deleteLinks();
});

test('a standby behind the address of the primary gets no request', async () => {
  await two.until('select pg_last_wal_replay_lsn() >= $1::pg_lsn', [
    (await one.query<{ lsn: string }>('select pg_current_wal_insert_lsn() as lsn'))[0]?.lsn,
  ]);
  await unchanged(direct.db, async () => {
    proxy.redirect(two.connection);
    for (const send of [createLink, readLinks]) {
      const { status, headers } = await send(proxied);
      expect([status, headers['retry-after']]).toEqual([503, expect.stringMatching(/^[1-9]\d*$/)]);
    }
    proxy.redirect(one.connection);
  });
  await untilServed(() => readLinks(proxied));
  expect((await createLink(proxied)).status).toBe(201);
  await deleteLinks();
});

test('when the primary dies and its standby is promoted, servers and commands follow', async () => {
  await one.set({ synchronous_standby_names: 'two' });
  await createLink(direct).expect(201);
  await one.stop('SIGKILL');
  for (const server of [direct, proxied]) expect((await createLink(server)).status).toBe(503);
  await two.promote();
  await two.set({ synchronous_standby_names: '' });
  proxy.redirect(two.connection);

  for (const server of [direct, proxied]) {
    expect((await untilServed(() => readLinks(server))).body).toHaveLength(1);
    expect((await untilServed(() => createLink(server))).status).toBe(422);
  }
  // Both listen for notifications from the new primary.
  while ((await two.query(`select from pg_stat_activity where query like '%pg_notify%'`)).length < 2) await sleep(20);
  await supertest(direct.url).patch('/v3/organization').set(org.admin.headers).send({ language: 'ru' }).expect(200);
  await untilLanguage(proxied, 'ru');

  for (const hosts of [
    [one, two],
    [two, one],
  ] as const) {
    const outcome = await runCommand('check --json', { DATABASE_URL: urlOf(hosts) });
    expect(outcome).toMatchObject({ code: 0, stderr: '' });
    expect(JSON.parse(outcome.stdout)).toEqual({ organisations: 1, findings: 0, repaired: 0 });
    expect(outcome.database).not.toContain(one.connection.password);
  }
  expect(direct.log.join('')).toContain('another server is the primary now');
  expect(direct.log.join('')).not.toContain(one.connection.password);
});

async function untilLanguage({ url }: AppInstance, language: string): Promise<void> {
  for (;;) {
    const { body } = await supertest(url).get('/v3/organization').set(org.admin.headers);
    if (body.language === language) return;
    await sleep(20);
  }
}

test('a former primary that comes back gets no request, although it accepts writes', async () => {
  await one.start();
  await one.set({ synchronous_standby_names: '' });
  for (const hosts of [connectionTo(one, two), connectionTo(two, one)]) {
    const server = await startInstance(hosts);
    const [row] = await server.db.query<{ name: string }>({ name: '', text: `show cluster_name`, values: [] });
    expect(row).toEqual({ cluster_name: 'two' });
    await server.stop();
  }
});

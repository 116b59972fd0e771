import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals';
import supertest from 'supertest';
import type { Connection } from '../../src/database/connection.ts';
import { migrate } from '../../src/database/migrations.ts';
import { openDatabase } from '../../src/database/open-database.ts';
import { type AppInstance, startInstance } from '../support/app-instance.ts';
import {
  type GivenIssue,
  type GivenOrganisation,
  givenApplication,
  givenIssue,
  givenOrganisation,
  givenQueue,
} from '../support/builders.ts';
import { runCommand } from '../support/command-line.ts';
import { PostgresServer } from '../support/replication.ts';

// Two servers on a primary with two replicas. Whatever happens to these, a read has what was acknowledged before.

let folder: string;
let primary: PostgresServer;
let replicas: [PostgresServer, PostgresServer];
let servers: [AppInstance, AppInstance];
let org: GivenOrganisation;
let application: Awaited<ReturnType<typeof givenApplication>>;
let queue: string;
let issue: GivenIssue;
let far: GivenIssue;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'issue-links-replicas-'));
  primary = await PostgresServer.create(folder, 'primary');
  await migrate(primary.connection);
  replicas = [await primary.clone(folder, 'one'), await primary.clone(folder, 'two')];
  servers = [await startServer(), await startServer()];
  const [{ db }] = servers;
  org = await givenOrganisation(db, { language: 'en', profile: 'kanboard' });
  application = await givenApplication(db, org);
  queue = (await givenQueue(db, org)).key;
  [issue, far] = [await givenIssue(db, org, queue), await givenIssue(db, org, queue)];
});
afterEach(() => replicasUsed([true, true]));
afterAll(async () => {
  await Promise.all(servers.map((server) => server.stop()));
  await Promise.all([primary, ...replicas].map((server) => server.close()));
  await rm(folder, { recursive: true });
});

function startServer(): Promise<AppInstance> {
  return startInstance(primary.connection, {}, replicaConnection());
}

function replicaConnection(): Connection {
  const [one, two] = replicas;
  return { ...one.connection, otherHosts: [two.connection] };
}

/** Waits until both servers use these replicas, and no other. */
async function replicasUsed(expected: readonly boolean[]): Promise<void> {
  for (const { db } of servers)
    while (db.replicaStates().some(({ isUsed }, index) => isUsed !== expected[index])) await sleep(10);
}

const request = ({ url }: AppInstance) => supertest.agent(url).set(org.admin.headers);

async function callRpc({ url }: AppInstance, method: string, ...params: unknown[]): Promise<unknown> {
  const { body } = await supertest(url)
    .post(`/kanboard/${org.orgId}/jsonrpc.php`)
    .auth(application.login, application.secret)
    .send({ jsonrpc: '2.0', id: 1, method, params })
    .expect(200);
  return body.result;
}

/** Writes through one server, and reads through the other at once: links over both APIs, an issue, and what is gone. */
async function expectOwnWrites(pairs: number): Promise<void> {
  for (let pair = 0; pair < pairs; pair += 1) {
    const [writer, reader] = pair % 2 === 0 ? servers : ([...servers].reverse() as typeof servers);
    const path = `/v3/issues/${issue.key}`;
    const { body: link } = await request(writer)
      .post(`${path}/links`)
      .send({ relationship: 'relates', issue: far.key })
      .expect(201);
    const { body: links } = await request(reader).get(`${path}/links`).expect(200);
    expect(links).toMatchObject([{ id: link.id }]);
    expect(await callRpc(reader, 'getAllTaskLinks', far.id)).toMatchObject([{ task_id: issue.id }]);
    await request(writer)
      .patch(path)
      .send({ summary: `Pair ${pair}` })
      .expect(200);
    expect((await request(reader).get(path).expect(200)).body.summary).toBe(`Pair ${pair}`);
    await request(writer).delete(`${path}/links/${link.id}`).expect(204);
    expect((await request(reader).get(`${path}/links`).expect(200)).body).toEqual([]);
    expect(await callRpc(reader, 'getAllTaskLinks', far.id)).toEqual([]);
  }
}

/** Whether a session of the servers has last run a statement with this fragment. */
async function ran(server: PostgresServer, fragment: string): Promise<boolean> {
  const sessions = await server.query(
    `select from pg_stat_activity where application_name = 'issue-links' and strpos(query, $1) > 0`,
    [fragment],
  );
  return sessions.length > 0;
}

test('reads go to the replicas, and have what was written through another server', async () => {
  await replicasUsed([true, true]);
  await expectOwnWrites(20);
  for (let read = 0; read < 4; read += 1) await request(servers[0]).get(`/v3/issues/${issue.key}/links`).expect(200);
  const statement = 'as viewer (issue_name';
  expect(await Promise.all(replicas.map((replica) => ran(replica, statement)))).toEqual([true, true]);
  expect(await ran(primary, statement)).toBe(false);
  const { body } = await supertest(servers[0].url).get('/readyz').expect(200);
  expect(body).toEqual({ status: 'ok', replicas: [{ isUsed: true }, { isUsed: true }] });
});

test('the changelog, and what commands read, comes from the primary', async () => {
  await request(servers[0]).get(`/v3/issues/${issue.key}/changelog`).expect(200);
  const statement = "'issues' as kind";
  expect(await ran(primary, statement)).toBe(true);
  expect(await Promise.all(replicas.map((replica) => ran(replica, statement)))).toEqual([false, false]);
  const { user, password, host, port } = primary.connection;
  const outcome = await runCommand('check --json', {
    DATABASE_URL: `postgres://${user}:${password}@${host}:${port}/postgres`,
    DATABASE_READ_URL: 'postgres://127.0.0.1:1/postgres',
  });
  expect(outcome).toMatchObject({ code: 0, stderr: '' });
});

test('a replica whose replay is paused is left out and comes back', async () => {
  const [one] = replicas;
  await one.query('select pg_wal_replay_pause()');
  await one.until(`select pg_get_wal_replay_pause_state() = 'paused'`);
  await expectOwnWrites(10);
  await replicasUsed([false, true]);
  const { body } = await supertest(servers[1].url).get('/readyz').expect(200);
  expect(body.replicas).toMatchObject([{ isUsed: false, reason: 'its replay is paused' }, { isUsed: true }]);
  await expectOwnWrites(5);
  await one.query('select pg_wal_replay_resume()');
  await replicasUsed([true, true]);
  const warnings = servers[0].log.filter((line) => line.includes('is left out') && line.includes('paused'));
  expect(warnings).toHaveLength(1);
});

test('deleted issues and closed queues are not read from a replica that does not know yet', async () => {
  const [writer, reader] = servers;
  const { key } = await givenIssue(writer.db, org, queue);
  const other = await givenQueue(writer.db, org);
  const hidden = await givenIssue(writer.db, org, other.key);
  for (const name of [key, hidden.key]) await request(reader).get(`/v3/issues/${name}/links`).expect(200);
  for (const replica of replicas) await replica.query('select pg_wal_replay_pause()');
  await request(writer).delete(`/v3/issues/${key}`).expect(204);
  await writer.db.query({
    name: '',
    text: `update queues set access = 'members' where org_id = $1 and queue_id = $2`,
    values: [org.orgId, other.id],
  });
  await writer.db.query({
    name: '',
    text: 'delete from queue_members where org_id = $1 and queue_id = $2',
    values: [org.orgId, other.id],
  });
  for (const server of servers)
    for (const name of [key, hidden.key])
      for (const path of [`/v3/issues/${name}`, `/v3/issues/${name}/links`])
        await request(server).get(path).expect(404);
  await replicasUsed([false, false]);
  for (const replica of replicas) await replica.query('select pg_wal_replay_resume()');
});

test('a replica that is gone, or does not respond, costs no request, and comes back', async () => {
  const [one, two] = replicas;
  await two.stop('SIGKILL');
  await expectOwnWrites(5);
  await replicasUsed([true, false]);
  await one.freeze();
  await expectOwnWrites(5);
  await replicasUsed([false, false]);
  await expectOwnWrites(2);
  const { body } = await supertest(servers[0].url).get('/readyz').expect(200);
  const state = { isUsed: false, reason: 'it does not respond' };
  expect(body).toEqual({ status: 'ok', replicas: [state, state] });
  await one.thaw();
  await two.start();
});

test('a replica of another database is never read from', async () => {
  const wrong = { ...replicas[0].connection, database: 'template1' };
  const db = openDatabase(primary.connection, { info: () => undefined, warn: () => undefined }, { replicas: wrong });
  db.listen();
  const reasonOf = () => db.replicaStates()[0]?.reason;
  while (reasonOf() === 'it has not been checked yet') await sleep(10);
  expect(reasonOf()).toBe('it has another database');
  expect(await db.reader.query({ name: '', text: 'select current_database() as name', values: [] })).toEqual([
    { name: 'postgres' },
  ]);
  await db.close();
});

test('a replica that was promoted, or stays with a former primary, is left out', async () => {
  const [one, two] = replicas;
  await one.promote();
  await expectOwnWrites(5);
  await replicasUsed([false, true]);
  expect(servers[0].db.replicaStates()[0]?.reason).toBe('it is not a standby');
  // As after a failover: the promoted one is the primary, which the other does not follow.
  await Promise.all(servers.map((server) => server.stop()));
  await primary.stop('SIGKILL');
  const replicaOnly = { ...two.connection };
  servers = [
    await startInstance(one.connection, {}, replicaOnly),
    await startInstance(one.connection, {}, replicaOnly),
  ];
  await expectOwnWrites(10);
  await replicasUsed([false]);
  await two.stop();
  replicas[1] = await one.clone(folder, 'two', two.connection.port);
  await replicasUsed([true]);
  await expectOwnWrites(10);
});

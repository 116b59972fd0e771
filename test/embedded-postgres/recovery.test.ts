import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, open, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import pg from 'pg';
import { startEmbeddedPostgres } from '../../src/embedded-postgres/embedded-postgres.ts';
import { PROGRAM, type ServerProcess, startServer } from '../support/server-process.ts';
import { remainingProcesses } from './installation.ts';

const execute = promisify(execFile);

let folder: string;
let dataDir: string;
let server: ServerProcess | undefined;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'recovery-'));
  dataDir = join(folder, 'data');
});
afterEach(async () => {
  await server?.stop();
  server = undefined;
  const left = await remainingProcesses(folder, 10_000);
  await rm(folder, { recursive: true, force: true });
  expect(left).toEqual([]);
});

test('the service restarts PostgreSQL as soon as it can start again', async () => {
  server = await start();
  const settings = join(dataDir, 'postgres', 'postgresql.auto.conf');
  const before = await readFile(settings);
  await writeFile(settings, 'shared_buffers = plenty\n');
  await crash();
  expect(await status('/healthz')).toBe(200);

  // Five rounds of three starts each. Giving up after the first would end the service for good.
  await until(async () => (await status('/healthz')) === 503);
  expect(await status('/readyz')).toBe(503);
  const response = await fetch(`${server.url}/healthz`);
  expect(response.headers.get('retry-after')).toMatch(/^[1-9]\d*$/);
  expect(await response.json()).toEqual({
    status: 'unavailable',
    problem: 'the embedded PostgreSQL is not recovering: see the log',
  });
  expect(failures()).toHaveLength(5);
  expect(failures()[0]).toContain('invalid value for parameter \\"shared_buffers\\": \\"plenty\\"');

  await writeFile(settings, before);
  await until(async () => (await status('/readyz')) === 200);
  expect(await status('/healthz')).toBe(200);
});

test('a missing data folder makes /healthz fail, and the service recovers once it is back', async () => {
  server = await start();
  await rename(join(dataDir, 'postgres'), join(folder, 'elsewhere'));
  await crash(join(folder, 'elsewhere'));
  await until(async () => (await status('/healthz')) === 503);
  expect(failures()).toHaveLength(1);

  await rename(join(folder, 'elsewhere'), join(dataDir, 'postgres'));
  await until(async () => (await status('/readyz')) === 200);
  expect(await status('/healthz')).toBe(200);
});

test('a service whose PostgreSQL does not restart still shuts down with exit code 0', async () => {
  server = await start();
  await rename(join(dataDir, 'postgres'), join(folder, 'elsewhere'));
  await crash(join(folder, 'elsewhere'));
  await until(async () => (await status('/healthz')) === 503);
  expect(await server.stop()).toEqual({ code: 0, signal: null });
  server = undefined;
});

test('several users of a PostgreSQL that crashes start it again together, without a failed attempt', async () => {
  let returned = 0;
  const failed: object[] = [];
  const log = {
    info(_details: object, message: string) {
      if (message.includes('is back')) returned += 1;
    },
    warn: () => undefined,
    error: (details: object) => void failed.push(details),
  };
  const options = { dataDir, create: true, durability: 'disposable', log } as const;
  const users = [
    await startEmbeddedPostgres(options),
    ...(await Promise.all(Array.from({ length: 3 }, () => startEmbeddedPostgres(options)))),
  ];
  for (let crashes = 1; crashes <= 5; crashes += 1) {
    const [pid = ''] = (await readFile(join(dataDir, 'postgres', 'postmaster.pid'), 'utf8')).split('\n');
    process.kill(Number(pid), 'SIGKILL');
    await until(() => returned === crashes * users.length);
  }
  expect(failed).toEqual([]);
  for (const user of users) await user.stop();
});

const canMount =
  process.platform === 'linux' &&
  process.getuid?.() === 0 &&
  (await withDisk(await mkdtemp(join(tmpdir(), 'mount-')), () => Promise.resolve()).then(
    () => true,
    () => false,
  ));

(canMount ? test : test.skip)('the service recovers from a full disk as soon as there is space', async () => {
  await mkdir(dataDir);
  await withDisk(dataDir, async () => {
    server = await start();
    await fill(join(dataDir, 'ballast'));
    // PostgreSQL cannot create the next WAL segment, and stops.
    await expect(query('select pg_switch_wal()', 'create table t (n integer)', 'checkpoint')).rejects.toThrow();
    await until(() => failures().length >= 2);
    expect(await status('/readyz')).toBe(503);

    await rm(join(dataDir, 'ballast'));
    await until(async () => (await status('/readyz')) === 200);
    expect(await status('/healthz')).toBe(200);
    const links = await fetch(`${server.url}/v2/issues/JUNE-2/links`, {
      headers: { Authorization: 'OAuth demo-token' },
    });
    expect(links.status).toBe(200);
    await server.stop();
    server = undefined;
  });
});

function start(): Promise<ServerProcess> {
  return startServer([...PROGRAM, 'serve'], { DATA_DIR: dataDir });
}

async function status(path: string): Promise<number> {
  return (await fetch(`${server?.url}${path}`)).status;
}

/** The log lines of failed restarts. */
function failures(): string[] {
  return (server?.output() ?? '').split('\n').filter((line) => line.includes('could not be brought back'));
}

async function crash(cluster = join(dataDir, 'postgres')): Promise<void> {
  process.kill(Number.parseInt(await readFile(join(cluster, 'postmaster.pid'), 'utf8'), 10), 'SIGKILL');
  await until(() => (server?.output() ?? '').includes('The embedded PostgreSQL is gone'));
}

async function query(...statements: string[]): Promise<void> {
  const host = join(dataDir, 'postgres');
  const password = (await readFile(join(host, 'password'), 'utf8')).trim();
  const client = new pg.Client({ host, port: 5432, user: 'postgres', password, database: 'issue_links' });
  client.on('error', () => undefined);
  await client.connect();
  try {
    for (const statement of statements) await client.query(statement);
  } finally {
    await client.end();
  }
}

/** Runs `work` with a small disk mounted at `path`. */
async function withDisk(path: string, work: () => Promise<void>): Promise<void> {
  await execute('mount', ['-t', 'tmpfs', '-o', 'size=128m,mode=755', 'tmpfs', path]);
  try {
    await work();
  } finally {
    await execute('umount', ['--lazy', path]);
  }
}

async function fill(file: string): Promise<void> {
  const handle = await open(file, 'w');
  try {
    for (let size = 1_048_576; size >= 1; size = Math.floor(size / 2)) {
      const chunk = Buffer.alloc(size);
      while (
        await handle.appendFile(chunk).then(
          () => true,
          () => false,
        )
      );
    }
  } finally {
    await handle.close();
  }
}

async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  for (const deadline = Date.now() + 60_000; !(await condition()); await sleep(50)) {
    if (Date.now() > deadline)
      throw new Error(`The condition did not hold within 60 s. The server wrote: ${server?.output()}`);
  }
}

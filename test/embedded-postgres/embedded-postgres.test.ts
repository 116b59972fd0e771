import { execFile, spawn } from 'node:child_process';
import {
  chmod,
  chown,
  lstat,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  readlink,
  rename,
  rm,
  writeFile,
} from 'node:fs/promises';
import { tmpdir, totalmem } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from '@jest/globals';
import pg from 'pg';
import { type EmbeddedPostgres, startEmbeddedPostgres } from '../../src/embedded-postgres/embedded-postgres.ts';
import { sharedBuffersFor } from '../../src/embedded-postgres/shared-buffers.ts';
import { StartError } from '../../src/errors.ts';
import { type Account, install, OtherProcess, PLATFORM_PACKAGE, remainingProcesses } from './installation.ts';

const isRoot = process.getuid?.() === 0;
const NOBODY: Account = { uid: 65534, gid: 65534 };
/** Only root can run as another account, which must be able to execute this node. */
const canRunAsNobody =
  isRoot &&
  (await promisify(execFile)(process.execPath, ['--version'], { ...NOBODY, cwd: '/' }).then(
    () => true,
    () => false,
  ));
const testAsRoot = isRoot && process.platform === 'linux' ? test : test.skip;
const testOnLinux = process.platform === 'linux' ? test : test.skip;
const testAsOther = canRunAsNobody ? test : test.skip;
const otherAccount = canRunAsNobody ? NOBODY : undefined;

let shared: string;
let installation: string;
let cluster: string;
let folder: string;
let dataDir: string;
let warnings: string[] = [];

beforeAll(async () => {
  shared = await temporaryFolder();
  await chmod(shared, 0o755);
  installation = await install(join(shared, 'installation'));
  cluster = join(shared, 'data');
  await (await start('disposable', cluster)).stop();
});

afterAll(() => rm(shared, { recursive: true, force: true }));

beforeEach(async () => {
  folder = await temporaryFolder();
  dataDir = join(folder, 'data');
  warnings = [];
});

afterEach(async () => {
  const left = await remainingProcesses(folder, 10_000);
  if (left.length === 0) await returnCluster();
  await rm(folder, { recursive: true, force: true });
  expect(left).toEqual([]);
});

test('the first start creates the cluster and its database, and a later start finds the stored data', async () => {
  const first = await start('durable');
  expect(first.created).toBe(true);
  expect(
    await query(
      first,
      "select current_database() as name, pg_encoding_to_char(encoding) as encoding, lower('Ж') as lower from pg_database where datname = current_database()",
    ),
  ).toEqual([{ name: 'issue_links', encoding: 'UTF8', lower: 'ж' }]);
  expect(
    await query(first, "select current_setting('fsync') as fsync, current_setting('listen_addresses') as tcp"),
  ).toEqual([{ fsync: 'on', tcp: '' }]);
  await query(first, 'create table kept as select 42 as answer');
  await first.stop();
  await first.stop();

  const second = await start();
  expect(second.created).toBe(false);
  expect(await query(second, "select answer, current_setting('fsync') as fsync from kept")).toEqual([
    { answer: 42, fsync: 'off' },
  ]);
  await second.stop();
  expect((await lstat(join(dataDir, 'postgres', 'password'))).mode & 0o777).toBe(0o600);
  expect(warnings).toEqual([]);
});

test('the shared buffers depend on the memory, unless alter system has set them', async () => {
  await givenCluster();
  const first = await start('durable');
  const chosen = sharedBuffersFor(totalmem(), process.constrainedMemory());
  const isChosen = `select pg_size_bytes(current_setting('shared_buffers')) = pg_size_bytes('${chosen}') as "isChosen"`;
  expect(await query(first, isChosen)).toEqual([{ isChosen: true }]);
  await query(first, "alter system set shared_buffers = '96MB'");
  await first.stop();
  const second = await start('durable');
  expect(await query(second, 'show shared_buffers')).toEqual([{ shared_buffers: '96MB' }]);
  await query(second, 'alter system reset shared_buffers');
  await second.stop();
});

test('two concurrent starts in one process share a server, which stops with the last of them', async () => {
  const [one, two] = await Promise.all([start(), start()]);
  expect([one.created, two.created].sort()).toEqual([false, true]);
  expect(await serverStart(one.connection)).toEqual(await serverStart(two.connection));
  await one.stop();
  expect(await query(two, 'select 1 as one')).toEqual([{ one: 1 }]);
  await two.stop();
  expect(await remainingProcesses(folder, 2000)).toEqual([]);
});

test('processes that start and stop concurrently share one server at a time', async () => {
  for (let round = 0; round < 2; round++) {
    const processes = [other(), other()];
    const started = await Promise.all(processes.map((process) => process.started()));
    expect(started.filter(({ created }) => created)).toHaveLength(round === 0 ? 1 : 0);
    const servers = await Promise.all(started.map(({ connection }) => serverStart(connection)));
    expect(new Set(servers).size).toBe(1);
    // The next processes start while the server is stopping.
    const next = round === 1 ? [other(), other()] : [];
    expect(await Promise.all(processes.map((process) => process.end('stop')))).toEqual([0, 0]);
    for (const process of next) await process.started();
    expect(await Promise.all(next.map((process) => process.end('stop')))).toEqual(next.map(() => 0));
    expect(await remainingProcesses(folder, 5000)).toEqual([]);
  }
});

test('a second process attaches to the server of a running service, and takes it over when the service is killed', async () => {
  await givenCluster();
  const service = other();
  const { connection } = await service.started();
  const before = await serverStart(connection);
  const beside = await start();
  await service.kill();
  // Longer than the watchdog of the killed service keeps trying.
  await sleep(2500);
  expect(await serverStart(beside.connection)).toEqual(before);
  await beside.stop();
  expect(await remainingProcesses(folder, 2000)).toEqual([]);
});

test('processes that are killed, or exit without stopping the server, leave no server running', async () => {
  await givenCluster();
  const killed = [other(), other()];
  for (const process of killed) await process.started();
  await Promise.all(killed.map((process) => process.kill()));
  expect(await remainingProcesses(folder, 10_000)).toEqual([]);

  for (const how of ['exit', 'drain'] as const) {
    const careless = other();
    await careless.started();
    expect(await careless.end(how)).toBe(0);
    expect(await remainingProcesses(folder, 10_000)).toEqual([]);
  }
});

testOnLinux('Ctrl-C in the terminal of the service does not stop its server', async () => {
  await givenCluster();
  const service = other();
  const { connection } = await service.started();
  process.kill(-(service.child.pid as number), 'SIGINT');
  await sleep(100);
  expect(await serverStart(connection)).toBeDefined();
  await service.end('stop');
});

test('a killed server is started again, and the service logs a warning', async () => {
  await givenCluster();
  const service = await start('durable');
  try {
    await query(service, 'create table kept as select 42 as answer');
    process.kill(await serverPid(), 'SIGKILL');
    await until(() => warnings.length > 0);
    await until(() => hasRows(service, 'select answer from kept'));
  } finally {
    await service.stop();
  }
  expect(warnings).toEqual([expect.stringContaining('Reconnecting')]);
  expect(await remainingProcesses(folder, 2000)).toEqual([]);
});

testOnLinux('a lock file left by a crash of the machine does not prevent a start', async () => {
  await givenCluster();
  await (await start()).stop();
  const { uid, gid } = await lstat(join(dataDir, 'postgres'));
  // PostgreSQL mistakes any live process of its own account for the server that wrote the lock file.
  const unrelated = spawn('sleep', ['60'], isRoot ? { uid, gid } : {});
  try {
    for (const content of [`${unrelated.pid}\n${dataDir}\n1\n5432\n.\n\n1 1\nready   \n`, '']) {
      const lock = join(dataDir, 'postgres', 'postmaster.pid');
      await writeFile(lock, content);
      await chown(lock, uid, gid);
      const again = await start();
      expect(await query(again, 'select 1 as one')).toEqual([{ one: 1 }]);
      await again.stop();
    }
  } finally {
    unrelated.kill();
  }
});

testAsRoot('root can use an installation and a data folder that other accounts cannot read', async () => {
  const copies = '/var/cache/issue-links';
  const before = await readdir(copies).catch(() => undefined);
  await chmod(shared, 0o700);
  await chmod(folder, 0o700);
  try {
    const first = other();
    const { connection, created } = await first.started();
    expect(created).toBe(true);
    expect(connection.host).toBe(join(dataDir, 'postgres'));
    const client = new pg.Client(connection);
    await client.connect();
    await client.query('create table numbers as select n, md5(n::text) as text from generate_series(1, 100000) as n');
    await client.query('analyze numbers');
    await client.query(
      'set parallel_setup_cost = 0; set parallel_tuple_cost = 0; set min_parallel_table_scan_size = 0',
    );
    const plan = await client.query('explain (analyze) select sum(length(text)) from numbers');
    expect(JSON.stringify(plan.rows)).toMatch(/Workers Launched: [1-9]/);
    await client.query('checkpoint');
    await client.end();
    expect(await first.end('stop')).toBe(0);

    const second = other();
    const again = await second.started();
    expect(await query(again, 'select count(*)::int as count from numbers')).toEqual([{ count: 100_000 }]);
    await second.kill();
    expect(await remainingProcesses(folder, 10_000)).toEqual([]);
  } finally {
    await chmod(shared, 0o755);
    // A copy that existed before may be in use.
    if (before === undefined) await rm(copies, { recursive: true, force: true });
  }
});

testAsRoot('root can start a cluster that root has copied', async () => {
  await givenCluster();
  await promisify(execFile)('chown', ['-R', '0:0', dataDir]);
  await chmod(join(dataDir, 'postgres'), 0o755);
  const copy = await start();
  expect(await query(copy, 'select 1 as one')).toEqual([{ one: 1 }]);
  await copy.stop();
});

test('an account other than root runs the server as itself', async () => {
  await giveFolder();
  const service = other(otherAccount);
  const { connection, created } = await service.started();
  expect(created).toBe(true);
  expect(await serverStart(connection)).toBeDefined();
  expect((await lstat(join(dataDir, 'postgres', 'PG_VERSION'))).uid).toBe(otherAccount?.uid ?? process.getuid?.());
  expect(await service.end('stop')).toBe(0);
});

test('a read-only package without its symbolic links runs from a copy', async () => {
  await giveFolder();
  const lib = join(installation, 'node_modules', PLATFORM_PACKAGE, 'native', 'lib');
  await removeLinks(lib);
  await chmod(lib, 0o555);
  try {
    const service = other(otherAccount);
    expect(await serverStart((await service.started()).connection)).toBeDefined();
    expect(await service.end('stop')).toBe(0);
  } finally {
    await chmod(lib, 0o755);
  }
});

test('a writable package without its symbolic links gets them', async () => {
  const lib = join(installation, 'node_modules', PLATFORM_PACKAGE, 'native', 'lib');
  await removeLinks(lib);
  await givenCluster();
  const service = other();
  await service.started();
  expect(await service.end('stop')).toBe(0);
  expect(await readlink(join(lib, 'libpq.so.5'))).toMatch(/^libpq\.so\.5\.\d+$/);
});

test('the server uses TCP on the loopback address if the path is too long for a socket', async () => {
  dataDir = join(folder, 'long'.repeat(30), 'data');
  await givenCluster();
  const embedded = await start();
  expect(embedded.connection.host).toBe('127.0.0.1');
  expect(await query(embedded, 'select host(inet_server_addr()) as address')).toEqual([{ address: '127.0.0.1' }]);
  const beside = await start();
  expect(beside.connection).toEqual(embedded.connection);
  process.kill(await serverPid(), 'SIGKILL');
  await until(() => hasRows(embedded, 'select 1 as one'));
  await embedded.stop();
  await beside.stop();
});

test.each([
  [
    'is of another major version',
    /of PostgreSQL 16.*brings PostgreSQL 17.*pg_dump/,
    () => put('data/postgres/PG_VERSION', '16\n'),
  ],
  ['is itself a cluster of another major version', /of PostgreSQL 15.*DATA_DIR/, () => put('data/PG_VERSION', '15\n')],
  ['is itself a cluster', /did not create.*another folder/, () => put('data/PG_VERSION', '17\n')],
  [
    'contains other files in place of the cluster',
    /is in the way.*move it/,
    () => put('data/postgres/diary.txt', 'mine'),
  ],
  ['has lost its password', /password.*bring it back/, () => put('data/postgres/PG_VERSION', '17\n')],
  ['is a file', /a file is in its place.*set DATA_DIR/, () => put('data', 'mine')],
  [
    'lies in a file',
    /a file is in its place.*set DATA_DIR/,
    async () => {
      await put('data', 'mine');
      dataDir = join(dataDir, 'below');
    },
  ],
])('a data folder that %s is rejected with advice', async (_description, message, prepare) => {
  await prepare();
  const before = await filesIn(folder);
  const error = await start().catch((reason: unknown) => reason);
  expect(error).toBeInstanceOf(StartError);
  expect((error as Error).message).toMatch(message);
  expect(await filesIn(folder)).toEqual(before);
});

const FOLDER_ERROR = {
  name: 'StartError',
  message: expect.stringMatching(/may not be read and written.*set DATA_DIR/),
};

test('a data folder that the account may not write is rejected with advice', async () => {
  await chmod(folder, 0o555);
  expect(await other(otherAccount).startError()).toEqual(FOLDER_ERROR);
  await chmod(folder, 0o755);
});

testAsOther('a data folder of another account is rejected with advice', async () => {
  await givenCluster();
  const ours = await start();
  expect(await other(NOBODY).startError()).toEqual(FOLDER_ERROR);
  await ours.stop();
});

test('a start that fails is rejected with the log of the server', async () => {
  await givenCluster();
  await (await start()).stop();
  const settings = join(dataDir, 'postgres', 'postgresql.auto.conf');
  const before = await readFile(settings);
  await writeFile(settings, 'shared_buffers = plenty\n');
  const error = await start().catch((reason: unknown) => reason);
  await writeFile(settings, before);
  expect(error).toBeInstanceOf(StartError);
  expect((error as Error).message).toMatch(
    /could not be started.*invalid value for parameter "shared_buffers": "plenty"/,
  );
});

test('an installation without the package of this platform is rejected with advice', async () => {
  const bare = await install(join(folder, 'bare'), false);
  expect(await new OtherProcess(bare, dataDir).startError()).toEqual({
    name: 'StartError',
    message: expect.stringMatching(/is not installed: run `npm ci`.*DATABASE_URL/),
  });
});

async function start(
  durability: 'durable' | 'disposable' = 'disposable',
  directory = dataDir,
): Promise<EmbeddedPostgres> {
  const warn = (_details: object, message: string) => void warnings.push(message);
  const log = { info: () => undefined, warn, error: warn };
  return startEmbeddedPostgres({ dataDir: directory, create: true, durability, log });
}

function other(account?: Account): OtherProcess {
  return new OtherProcess(installation, dataDir, account);
}

/** Moves a shared cluster into the data folder, because creating one takes most of the time of a first start. */
async function givenCluster(): Promise<void> {
  await mkdir(join(dataDir, '..'), { recursive: true });
  await rename(cluster, dataDir).catch(() => undefined);
}

async function returnCluster(): Promise<void> {
  await rename(dataDir, cluster).catch(() => undefined);
}

async function giveFolder(): Promise<void> {
  if (otherAccount) await chown(folder, otherAccount.uid, otherAccount.gid);
}

async function query(embedded: Pick<EmbeddedPostgres, 'connection'>, sql: string): Promise<unknown[]> {
  const client = new pg.Client(embedded.connection);
  client.on('error', () => undefined);
  await client.connect();
  try {
    return (await client.query<Record<string, unknown>>(sql)).rows;
  } finally {
    await client.end();
  }
}

async function hasRows(embedded: EmbeddedPostgres, sql: string): Promise<boolean> {
  return query(embedded, sql).then(
    (rows) => rows.length > 0,
    () => false,
  );
}

async function serverStart(connection: EmbeddedPostgres['connection']): Promise<string> {
  const [row] = (await query({ connection }, 'select pg_postmaster_start_time()::text as started')) as {
    started: string;
  }[];
  return row?.started as string;
}

async function serverPid(): Promise<number> {
  return Number.parseInt(await readFile(join(dataDir, 'postgres', 'postmaster.pid'), 'utf8'), 10);
}

async function put(path: string, text: string): Promise<void> {
  const file = join(folder, path);
  await mkdir(join(file, '..'), { recursive: true });
  await writeFile(file, text);
}

async function removeLinks(path: string): Promise<void> {
  for (const entry of await readdir(path, { withFileTypes: true })) {
    if (entry.isSymbolicLink()) await rm(join(path, entry.name));
  }
}

async function filesIn(path: string): Promise<string[]> {
  return (await readdir(path, { recursive: true })).sort();
}

async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  for (const deadline = Date.now() + 10_000; !(await condition()); await sleep(20)) {
    if (Date.now() > deadline) throw new Error('The condition did not hold within 10 s.');
  }
}

async function temporaryFolder(): Promise<string> {
  return mkdtemp(join(tmpdir(), 'embedded-'));
}

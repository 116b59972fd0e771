import { spawn } from 'node:child_process';
import { open } from 'node:fs/promises';
import { createRequire } from 'node:module';
import type { Socket } from 'node:net';
import { packagedProgram } from './postgres-binaries.ts';
import { type Cluster, passwordFile, SUPERUSER } from './postgres-cluster.ts';

/**
 * Held shared, on a connection to the database `postgres`, by every process that uses the cluster; who gets it
 * exclusively is alone and may stop the server. It falls with its connection, however a process ends.
 */
export const ATTACHED_LOCK = 7_303_982_654;

/** The server tells the number of its own process: no file that could be of another one has to be believed. */
export const ALONE_QUERY = `select pg_try_advisory_lock(${ATTACHED_LOCK}) as alone,
  split_part(pg_read_file('postmaster.pid'), E'\\n', 1)::int as pid`;

export interface Watchdog {
  /** We have left; there is nothing to watch any more. */
  dismiss(): void;
  /** Has it do what it would do if we had died: stop the server unless somebody else is attached. */
  release(): void;
}

/**
 * A process that waits until this one is gone, even by `kill -9`, and then stops the server unless somebody else is
 * attached. A pipe tells it: the system closes our end whatever happens to us.
 */
export async function startWatchdog(cluster: Cluster): Promise<Watchdog> {
  const pg = createRequire(import.meta.url).resolve('pg');
  const pgCtl = process.platform === 'win32' ? packagedProgram('pg_ctl') : '';
  const node = [process.execPath, '-e', SOURCE, pg, cluster.folder, passwordFile(cluster), pgCtl];
  // A shell waits in 1 MB where node takes 40, and becomes node only when it has come to that.
  const [command = '', ...args] = process.platform === 'win32' ? node : ['/bin/sh', '-c', WAIT, 'sh', ...node];
  const log = await open(cluster.logFile, 'a', 0o600);
  try {
    const child = spawn(command, args, {
      cwd: '/',
      detached: true,
      windowsHide: true,
      stdio: ['pipe', log.fd, log.fd],
    });
    // Without it everything works, save that a server may outlive us until the next start finds it.
    child.on('error', () => undefined);
    child.unref();
    // What `spawn` makes for a pipe is a socket, though its type says less.
    const pipe = child.stdin as Socket;
    pipe.on('error', () => undefined);
    pipe.unref();
    return {
      dismiss: () => pipe.end('left\n'),
      release: () => pipe.end(),
    };
  } finally {
    await log.close();
  }
}

const WAIT = 'unset NODE_OPTIONS; read -r line && exit; exec "$@"';

/** Plain JavaScript in a string: it runs from the compiled service and from the sources under test alike. */
const SOURCE = `
const { readFileSync } = require('node:fs');
const { execFileSync } = require('node:child_process');
const [pg, folder, passwordFile, pgCtl] = process.argv.slice(1);
const { Client } = require(pg);

// The system needs a moment to close the connection of the process that died, and a server one to start or recover.
const LEAVE_MS = 2000, START_MS = 30000, ABSENT_MS = 1000, PAUSE_MS = 20;

async function connect() {
  const lines = readFileSync(folder + '/postmaster.pid', 'utf8').split('\\n');
  const client = new Client({
    host: lines[4] ? folder : '127.0.0.1', port: Number(lines[3]), database: 'postgres', user: '${SUPERUSER}',
    password: readFileSync(passwordFile, 'utf8').trim(), connectionTimeoutMillis: 5000,
  });
  client.on('error', () => {});
  await client.connect();
  client.on('end', () => process.exit());
  return client;
}

async function reach() {
  const start = Date.now();
  for (;;) {
    try {
      return await connect();
    } catch (error) {
      const limit = error.code === 'ENOENT' && error.syscall === 'open' ? ABSENT_MS : START_MS;
      if (Date.now() - start > limit) process.exit();
    }
    await new Promise((done) => setTimeout(done, PAUSE_MS));
  }
}

async function stopIfAlone() {
  const client = await reach();
  for (const start = Date.now(); Date.now() - start < LEAVE_MS; ) {
    const { rows } = await client.query(\`${ALONE_QUERY}\`);
    if (rows[0].alone) {
      console.log('The last process that used this server is gone without stopping it: stopping it now.');
      if (pgCtl) execFileSync(pgCtl, ['kill', 'INT', String(rows[0].pid)]);
      else process.kill(rows[0].pid, 'SIGINT');
      // Not before the server closes it does this connection end: until then the lock keeps newcomers out.
      return setTimeout(process.exit, START_MS);
    }
    await new Promise((done) => setTimeout(done, PAUSE_MS));
  }
  await client.end();
}

// It fails where somebody else stops the server at the same moment, and all is well then.
process.stdin.on('data', () => process.exit()).on('end', () => stopIfAlone().catch(() => process.exit()));
`;

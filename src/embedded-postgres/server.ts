import { execFile, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { link, open, readFile, rename, rm, stat } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { findBinaries, POSTGRES_ENV, packagedProgram, programFile } from './binaries.ts';
import { accountOf, type Cluster, type Durability, dataDirectoryArgument } from './cluster.ts';
import { codeOf } from './error-code.ts';
import { chooseSharedBuffers } from './shared-buffers.ts';

/** Where a server listens, as `pg` takes it: a folder as the host means the socket in it. */
export interface Address {
  readonly host: string;
  readonly port: number;
}

/** The content of postmaster.pid, which a server keeps in its data directory while it runs. */
export interface LockFile {
  readonly text: string;
  readonly pid: number;
  readonly address: Address;
  /** `starting`, `ready`, `stopping`; empty in the first moments. */
  readonly status: string;
}

export interface ServerProcess {
  readonly pid: number | undefined;
  /** Undefined while it runs. */
  readonly failure: Error | undefined;
}

const LOOPBACK = '127.0.0.1';
const SOCKET_PORT = 5432;
/** The path of a socket is limited to 103 bytes on macOS and 107 on Linux. */
const SOCKET_PATH_BYTES_MAX = 100;
const DISPOSABLE_SETTINGS = ['fsync=off', 'full_page_writes=off', 'synchronous_commit=off'];
const LOG_TAIL_LINES = 3;

const execute = promisify(execFile);

/** The address to listen on. A socket has 29 % more throughput than TCP, and no other account can reach it. */
export async function chooseAddress(cluster: Cluster, overTcp: boolean): Promise<Address> {
  const socket = join(cluster.folder, `.s.PGSQL.${SOCKET_PORT}`);
  if (overTcp || process.platform === 'win32' || Buffer.byteLength(socket) > SOCKET_PATH_BYTES_MAX) {
    return { host: LOOPBACK, port: await findFreePort() };
  }
  return { host: cluster.folder, port: SOCKET_PORT };
}

/** Starts a server that outlives us. It exits by itself when another server has the cluster. */
export async function spawnServer(
  cluster: Cluster,
  address: Address,
  { durability, connectionsMax }: { readonly durability: Durability; readonly connectionsMax: number | undefined },
): Promise<ServerProcess> {
  const account = await accountOf(cluster);
  const bin = await findBinaries(cluster.dataDir, account);
  const sharedBuffers = durability === 'durable' ? await chooseSharedBuffers(cluster) : undefined;
  const isSocket = address.host !== LOOPBACK;
  const settings = [
    `listen_addresses=${isSocket ? '' : LOOPBACK}`,
    // Relative to the data directory, since the server may be unable to traverse its path.
    `unix_socket_directories=${isSocket ? '.' : ''}`,
    'unix_socket_permissions=0700',
    `port=${address.port}`,
    ...(connectionsMax === undefined ? [] : [`max_connections=${connectionsMax}`]),
    ...(durability === 'disposable' ? DISPOSABLE_SETTINGS : []),
    ...(sharedBuffers === undefined ? [] : [`shared_buffers=${sharedBuffers}`]),
  ];
  const args = [
    '-D',
    dataDirectoryArgument(cluster.folder, account),
    ...settings.flatMap((setting) => ['-c', setting]),
  ];
  const log = await open(cluster.logFile, 'a', 0o600);
  try {
    if (account) await log.chown(account.uid, account.gid);
    const child = spawn(join(bin, programFile('postgres')), args, {
      ...account,
      cwd: cluster.folder,
      env: POSTGRES_ENV,
      // In a separate session, so that Ctrl-C in our terminal reaches only us.
      detached: true,
      windowsHide: true,
      stdio: ['ignore', log.fd, log.fd],
    });
    child.unref();
    const server: { pid: number | undefined; failure: Error | undefined } = { pid: child.pid, failure: undefined };
    child.once('error', (error) => {
      server.failure = error;
    });
    child.once('exit', (code, signal) => {
      server.failure ??= new Error(`postgres ended with ${signal ?? `code ${code}`}`);
    });
    return server;
  } finally {
    await log.close();
  }
}

export async function readLockFile(cluster: Cluster): Promise<LockFile | undefined> {
  let text: string;
  try {
    text = await readFile(lockFilePath(cluster), 'utf8');
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined;
    throw error;
  }
  const [pid = '', , , port = '', socketFolder = '', , , status = ''] = text.split('\n');
  const host = socketFolder === '' ? LOOPBACK : cluster.folder;
  return { text, pid: Number(pid), address: { host, port: Number(port) }, status: status.trim() };
}

/**
 * False for a lock file that a crashed machine left behind, even if another process has its id by now. Where we cannot
 * see the folder of a process (root without CAP_SYS_PTRACE, as in Docker), the process name has to suffice.
 */
export async function isServerRunning(cluster: Cluster, { pid }: LockFile): Promise<boolean> {
  if (!isAlive(pid)) return false;
  if (process.platform === 'win32') return true;
  if (process.platform !== 'linux') return (await commandOf(pid)).endsWith('postgres');
  try {
    const [its, ours] = await Promise.all([stat(`/proc/${pid}/cwd`), stat(cluster.folder)]);
    return its.dev === ours.dev && its.ino === ours.ino;
  } catch (error) {
    if (codeOf(error) !== 'EACCES') return false;
    return (await readFile(`/proc/${pid}/comm`, 'utf8').catch(() => '')).trim() === 'postgres';
  }
}

/**
 * Call it before a server is spawned. Of two servers that find a stale lock file, one may delete the new file of the other, which
 * then blocks every start until it notices, up to a minute later. PostgreSQL also takes a stale file for a live one
 * when another process of the same account has its id. A file that changed in the meantime is left, or put back.
 */
export async function removeStaleLock(cluster: Cluster, left: LockFile): Promise<void> {
  if ((await readLockFile(cluster))?.text !== left.text) return;
  const aside = `${lockFilePath(cluster)}.${randomUUID()}`;
  try {
    await rename(lockFilePath(cluster), aside);
    if ((await readFile(aside, 'utf8')) !== left.text) await link(aside, lockFilePath(cluster));
  } catch (error) {
    if (codeOf(error) !== 'ENOENT' && codeOf(error) !== 'EEXIST') throw error;
  } finally {
    await rm(aside, { force: true });
  }
}

/** Requests a fast shutdown: connections are closed, open transactions are rolled back, nothing is lost. */
export async function stopServer(pid: number): Promise<void> {
  // Node has no signals on Windows: kill() would end the process without warning.
  if (process.platform === 'win32') await execute(packagedProgram('pg_ctl'), ['kill', 'INT', String(pid)]);
  else process.kill(pid, 'SIGINT');
}

/** True when the server with this process id has left the cluster and is gone. */
export async function waitForEnd(cluster: Cluster, pid: number, limitMs: number): Promise<boolean> {
  const deadline = Date.now() + limitMs;
  // The lock file is the last thing that a server gives up. Its process may linger as a zombie.
  while ((await readLockFile(cluster))?.pid === pid && isAlive(pid)) {
    if (Date.now() > deadline) return false;
    await sleep(5);
  }
  for (let attempt = 0; attempt < 100 && isAlive(pid); attempt++) await sleep(5);
  return true;
}

export async function logSize(cluster: Cluster): Promise<number> {
  return stat(cluster.logFile).then(
    ({ size }) => size,
    () => 0,
  );
}

/** The last lines that were logged after the offset `from`, without timestamps. */
export async function logTail(cluster: Cluster, from: number): Promise<string> {
  const log = await readFile(cluster.logFile).catch(() => Buffer.alloc(0));
  const lines = log.subarray(from).toString().trim().split('\n');
  return lines.slice(-LOG_TAIL_LINES).map(withoutTime).join(' ');
}

function withoutTime(line: string): string {
  return line.replace(/^\S+ \S+ \S+ \[\d+\] /, '').trim();
}

function lockFilePath(cluster: Cluster): string {
  return join(cluster.folder, 'postmaster.pid');
}

function isAlive(pid: number): boolean {
  if (!Number.isInteger(pid) || pid <= 0) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return codeOf(error) === 'EPERM';
  }
}

async function commandOf(pid: number): Promise<string> {
  return execute('/bin/ps', ['-o', 'comm=', '-p', String(pid)]).then(
    ({ stdout }) => stdout.trim(),
    () => '',
  );
}

async function findFreePort(): Promise<number> {
  const server = createServer();
  try {
    await new Promise<void>((done, failed) => {
      server.once('error', failed).listen(0, LOOPBACK, done);
    });
    const address = server.address();
    return address !== null && typeof address === 'object' ? address.port : SOCKET_PORT;
  } finally {
    server.close();
  }
}

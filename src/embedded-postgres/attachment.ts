import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { StartError } from '../errors.ts';
import { ALONE_QUERY, type AloneRow, ATTACHED_LOCK } from './attached-lock.ts';
import { type Cluster, type Durability, hasCluster, SUPERUSER } from './cluster.ts';
import { codeOf } from './error-code.ts';
import {
  type Address,
  chooseAddress,
  isServerRunning,
  type LockFile,
  logSize,
  logTail,
  readLockFile,
  removeStaleLock,
  type ServerProcess,
  spawnServer,
  stopServer,
  waitForEnd,
} from './server.ts';
import { startWatchdog, type Watchdog } from './start-watchdog.ts';

/** A subset of pino's logger. */
export interface Log {
  info(details: object, message: string): void;
  warn(details: object, message: string): void;
  error(details: object, message: string): void;
}

export interface Target {
  readonly cluster: Cluster;
  readonly password: string;
  readonly durability: Durability;
  /** `max_connections`, if this process starts the server. */
  readonly connectionsMax: number | undefined;
  readonly log: Log;
  /** Creates what a user of the cluster relies on. */
  readonly prepare: (client: pg.Client) => Promise<void>;
}

/** The connection that holds the lock. The types of `pg` omit two of its methods. */
interface Hold {
  readonly client: pg.Client & { ref(): void; unref(): void };
  readonly address: Address;
}

const POLL_MS = 5;
const START_LIMIT_MS = 120_000;
const START_ATTEMPTS = 3;
const START_PAUSE_MS = 200;
const RETRY_FIRST_MS = 1_000;
/** While an outage is young, its cause may be short: another start in progress, the last processes of a crashed server. */
const YOUNG_MS = 60_000;
const RETRY_MAX_YOUNG_MS = 5_000;
const RETRY_MAX_MS = 30_000;
/** After at least twelve seconds. */
const LOST_AFTER_FAILURES = 5;
const STOP_LIMIT_MS = 60_000;
const CONNECT_LIMIT_MS = 5_000;
/** invalid_authorization_specification, invalid_password */
const LOGIN_REJECTED = new Set(['28000', '28P01']);

/**
 * One user of a cluster's server, which no process owns: the first user starts it and the last one stops it. If the
 * server goes away, we reconnect to it, and start it if necessary.
 */
export class Attachment {
  readonly #target: Target;
  readonly #watchdog: Watchdog;
  readonly #closing = new AbortController();
  #hold: Hold;
  #returning: Promise<void> = Promise.resolve();
  #left: Promise<void> | undefined;
  #isLost = false;

  private constructor(target: Target, watchdog: Watchdog, hold: Hold) {
    this.#target = target;
    this.#watchdog = watchdog;
    this.#hold = this.#guard(hold);
  }

  static async open(target: Target): Promise<Attachment> {
    // First, so that we can never die and leave a server behind.
    const watchdog = await startWatchdog(target.cluster);
    try {
      return new Attachment(target, watchdog, await reachServer(target));
    } catch (error) {
      watchdog.release();
      throw error;
    }
  }

  get address(): Address {
    return this.#hold.address;
  }

  /** True while the server is gone and either its files are gone too or starting it keeps failing. */
  get isLost(): boolean {
    return this.#isLost;
  }

  leave(): Promise<void> {
    this.#left ??= this.#leave();
    return this.#left;
  }

  #guard(hold: Hold): Hold {
    hold.client.once('end', () => {
      if (!this.#left) this.#returning = this.#return(hold.address);
    });
    return hold;
  }

  /** Tries for as long as this process is attached: a full disk may have room again at any time. */
  async #return(address: Address): Promise<void> {
    const { cluster, log } = this.#target;
    const { signal } = this.#closing;
    const { dataDir } = cluster;
    log.warn({ dataDir }, 'The embedded PostgreSQL is gone: it crashed, or it was stopped or restarted. Reconnecting');
    const goneAt = performance.now();
    for (let failures = 1; ; failures++) {
      try {
        this.#hold = this.#guard(await reachServer(this.#target, { address, signal }));
        this.#isLost = false;
        log.info({ dataDir }, 'The embedded PostgreSQL is back');
        return;
      } catch (err) {
        if (signal.aborted) return;
        const isGone = !(await hasCluster(cluster).catch(() => false));
        this.#isLost = isGone || failures >= LOST_AFTER_FAILURES;
        const isYoung = performance.now() - goneAt < YOUNG_MS;
        const retryMaxMs = isYoung ? RETRY_MAX_YOUNG_MS : RETRY_MAX_MS;
        const retryInMs = Math.min(RETRY_FIRST_MS * 2 ** (failures - 1), retryMaxMs);
        log.error({ err, retryInMs }, 'The embedded PostgreSQL could not be brought back; trying again');
        await sleep(retryInMs, undefined, { signal }).catch(() => undefined);
      }
    }
  }

  async #leave(): Promise<void> {
    this.#closing.abort();
    await this.#returning;
    const { client } = this.#hold;
    let isUnlocked = false;
    try {
      client.ref();
      // Unlock before checking: of two processes that leave at once, each would otherwise see the other and not stop it.
      await client.query(`select pg_advisory_unlock_shared(${ATTACHED_LOCK})`);
      isUnlocked = true;
      const { rows } = await client.query<AloneRow>(ALONE_QUERY);
      if (rows[0]?.alone) await this.#stop(rows[0].pid);
      this.#watchdog.dismiss();
    } catch (err) {
      // After we have unlocked, another process may have stopped it.
      if (!isUnlocked) {
        const message =
          'The embedded PostgreSQL was gone before this process detached from it. The watchdog stops it if it comes back';
        this.#target.log.warn({ err }, message);
      }
      this.#watchdog.release();
    }
    await client.end();
  }

  /** We hold the lock until the server is gone, so a new process waits and then starts it again. */
  async #stop(pid: number): Promise<void> {
    const { cluster, log } = this.#target;
    await stopServer(pid);
    if (await waitForEnd(cluster, pid, STOP_LIMIT_MS))
      log.info({ dataDir: cluster.dataDir }, 'Stopped the embedded PostgreSQL');
    else
      log.warn(
        { pid, logFile: cluster.logFile },
        'The embedded PostgreSQL is taking too long to stop; no longer waiting for it',
      );
  }
}

interface Return {
  readonly address: Address;
  readonly signal: AbortSignal;
}

/** Attaches to the server of the cluster, and starts it unless it runs. */
async function reachServer(target: Target, back?: Return): Promise<Hold> {
  const { cluster } = target;
  const deadline = Date.now() + START_LIMIT_MS;
  let server: ServerProcess | undefined;
  let attempts = 0;
  let logged = 0;
  while (Date.now() < deadline) {
    back?.signal.throwIfAborted();
    const lock = await readLockFile(cluster);
    if (lock && (await isServerRunning(cluster, lock))) {
      const hold = lock.status === 'ready' && (await holdLock(target, lock));
      if (hold) return hold;
      // Another process was faster. If its server is gone before we hold the lock, start over.
      if (lock.pid !== server?.pid) {
        server = undefined;
        attempts = 0;
      }
    } else if (!server || server.failure) {
      // A server that failed may have met one that was still stopping.
      if (attempts > 0 || lock?.text === '') await sleep(START_PAUSE_MS);
      if (lock) await removeStaleLock(cluster, lock);
      if (attempts === START_ATTEMPTS) throw await startError(cluster, logged, server?.failure);
      attempts++;
      // Some shared folders of virtual machines cannot hold sockets, so the last attempt uses TCP.
      const address = back?.address ?? (await chooseAddress(cluster, attempts === START_ATTEMPTS));
      logged = await logSize(cluster);
      server = await spawnServer(cluster, address, target);
    }
    await sleep(POLL_MS);
  }
  throw new StartError(
    `PostgreSQL in ${cluster.dataDir} was not ready after ${START_LIMIT_MS / 1000} s. See ${cluster.logFile} for what it is doing, and start again when it has finished.`,
  );
}

async function startError(cluster: Cluster, logged: number, cause: Error | undefined): Promise<Error> {
  const reason = (await logTail(cluster, logged)) || cause?.message;
  return new StartError(
    `PostgreSQL could not be started in ${cluster.dataDir} (${reason}): fix that (see ${cluster.logFile}), or set DATABASE_URL.`,
    { cause },
  );
}

/** Undefined while the server is unavailable: it is recovering or stopping, or is about to be stopped. */
async function holdLock(target: Target, { address, pid }: LockFile): Promise<Hold | undefined> {
  const options: pg.ClientConfig = {
    ...address,
    user: SUPERUSER,
    password: target.password,
    database: 'postgres',
    application_name: 'issue-links attachment',
    connectionTimeoutMillis: CONNECT_LIMIT_MS,
  };
  const client = new pg.Client(options) as Hold['client'];
  // The `end` event is enough.
  client.on('error', () => undefined);
  try {
    await client.connect();
    const { rows } = await client.query<{ held: boolean }>(
      `select pg_try_advisory_lock_shared(${ATTACHED_LOCK}) as held`,
    );
    if (rows[0]?.held && (await isStillReady(target.cluster, pid))) {
      await target.prepare(client);
      // The idle connection must not keep this process alive.
      client.unref();
      return { client, address };
    }
  } catch (error) {
    throwUnlessGone(target.cluster, error);
  }
  void client.end().catch(() => undefined);
  return undefined;
}

/**
 * A stopping server drops its stopper's connection, and thereby the lock that kept us out, before it exits. But first
 * it writes to its lock file that it is stopping.
 */
async function isStillReady(cluster: Cluster, pid: number): Promise<boolean> {
  const lock = await readLockFile(cluster);
  return lock?.pid === pid && lock.status === 'ready';
}

/** Ignores a lost connection and a server that accepts none: neither is the error of a statement. */
function throwUnlessGone(cluster: Cluster, cause: unknown): void {
  if (LOGIN_REJECTED.has(codeOf(cause) ?? '')) {
    throw new StartError(
      `The PostgreSQL in ${cluster.dataDir} rejects the password in ${cluster.folder}: restore the original file, or set DATA_DIR to a new folder.`,
      { cause },
    );
  }
  if (cause instanceof pg.DatabaseError && cause.severity === 'ERROR') throw cause;
}

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
  removeLeftLock,
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
  readonly log: Log;
  /** Makes sure of what a user of the cluster relies on. */
  readonly prepare: (client: pg.Client) => Promise<void>;
}

/** The connection that holds the lock; the types of `pg` leave two of its methods out. */
interface Hold {
  readonly client: pg.Client & { ref(): void; unref(): void };
  readonly address: Address;
}

const POLL_MS = 5;
const START_LIMIT_MS = 120_000;
const START_ATTEMPTS = 3;
const START_PAUSE_MS = 200;
const RETRY_FIRST_MS = 1_000;
const RETRY_MAX_MS = 30_000;
/** About twenty seconds. */
const LOST_AFTER_FAILURES = 5;
const STOP_LIMIT_MS = 60_000;
const CONNECT_LIMIT_MS = 5_000;
/** invalid_authorization_specification, invalid_password */
const NOT_LET_IN = new Set(['28000', '28P01']);

/**
 * One user of a cluster's server, which nobody owns: whoever comes first starts it, whoever leaves last stops it.
 * Should the server go away under us, it is looked for again, and started if need be.
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
    // First, so that there is no moment in which we could die and leave a server behind.
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
        const retryInMs = Math.min(RETRY_FIRST_MS * 2 ** (failures - 1), RETRY_MAX_MS);
        log.error({ err, retryInMs }, 'The embedded PostgreSQL could not be brought back; trying again');
        await sleep(retryInMs, undefined, { signal }).catch(() => undefined);
      }
    }
  }

  async #leave(): Promise<void> {
    this.#closing.abort();
    await this.#returning;
    const { client } = this.#hold;
    let letGo = false;
    try {
      client.ref();
      // Let go before asking: two that leave at once would otherwise each see the other, and both walk away.
      await client.query(`select pg_advisory_unlock_shared(${ATTACHED_LOCK})`);
      letGo = true;
      const { rows } = await client.query<AloneRow>(ALONE_QUERY);
      if (rows[0]?.alone) await this.#stop(rows[0].pid);
      this.#watchdog.dismiss();
    } catch (err) {
      // Once we have let go, the next one to leave may well have stopped it.
      if (!letGo) {
        const message = 'The embedded PostgreSQL is gone before we left it; what comes back of it stops by itself';
        this.#target.log.warn({ err }, message);
      }
      this.#watchdog.release();
    }
    await client.end();
  }

  /** The lock is ours until the server is gone: who comes meanwhile waits, and starts it afresh. */
  async #stop(pid: number): Promise<void> {
    const { cluster, log } = this.#target;
    await stopServer(pid);
    if (await waitForEnd(cluster, pid, STOP_LIMIT_MS))
      log.info({ dataDir: cluster.dataDir }, 'Stopped the embedded PostgreSQL');
    else
      log.warn({ pid, logFile: cluster.logFile }, 'The embedded PostgreSQL takes its time to stop; not waiting for it');
  }
}

interface Return {
  readonly address: Address;
  readonly signal: AbortSignal;
}

/** Takes part in the server of the cluster, and starts it if there is none, until we hold the lock. */
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
      // Somebody else was faster. Should theirs be gone before we hold it, we begin again.
      if (lock.pid !== server?.pid) {
        server = undefined;
        attempts = 0;
      }
    } else if (!server || server.failure) {
      if (attempts > 0) await recoverFrom(cluster, lock);
      if (attempts === START_ATTEMPTS) throw await startError(cluster, logged, server?.failure);
      attempts++;
      // Some shared folders of virtual machines hold no sockets, so the last attempt goes without.
      const address = back?.address ?? (await chooseAddress(cluster, attempts === START_ATTEMPTS));
      logged = await logSize(cluster);
      server = await spawnServer(cluster, address, target.durability);
    }
    await sleep(POLL_MS);
  }
  throw new StartError(
    `PostgreSQL in ${cluster.dataDir} was not ready after ${START_LIMIT_MS / 1000} s: look into ${cluster.logFile}, and start again when it has done what it says there.`,
  );
}

/** A server may have failed because another one is just going away, or because of a lock that a crash left. */
async function recoverFrom(cluster: Cluster, lock: LockFile | undefined): Promise<void> {
  if (lock) await removeLeftLock(cluster, lock);
  await sleep(START_PAUSE_MS);
}

async function startError(cluster: Cluster, logged: number, cause: Error | undefined): Promise<Error> {
  const reason = (await logTail(cluster, logged)) || cause?.message;
  return new StartError(
    `PostgreSQL could not be started in ${cluster.dataDir} (${reason}): mend that, look into ${cluster.logFile} for more, or set DATABASE_URL.`,
    { cause },
  );
}

/** Nothing when the server is not to be had right now: it recovers, it stops, or somebody is about to stop it. */
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
  // Its end says all there is to say.
  client.on('error', () => undefined);
  try {
    await client.connect();
    const { rows } = await client.query<{ held: boolean }>(
      `select pg_try_advisory_lock_shared(${ATTACHED_LOCK}) as held`,
    );
    if (rows[0]?.held && (await isStillReady(target.cluster, pid))) {
      await target.prepare(client);
      // Idle, it must not keep this process alive.
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
 * A server that stops closes the connection of who stopped it, and with it goes the lock that kept us out; but before
 * that it says in its lock file that it stops.
 */
async function isStillReady(cluster: Cluster, pid: number): Promise<boolean> {
  const lock = await readLockFile(cluster);
  return lock?.pid === pid && lock.status === 'ready';
}

/** Passes over the loss of a connection, and what a server says that takes none: both are no errors of a statement. */
function throwUnlessGone(cluster: Cluster, cause: unknown): void {
  if (NOT_LET_IN.has(codeOf(cause) ?? '')) {
    throw new StartError(
      `The PostgreSQL in ${cluster.dataDir} does not take the password in ${cluster.folder}: bring back the file that was there, or set DATA_DIR to a new folder.`,
      { cause },
    );
  }
  if (cause instanceof pg.DatabaseError && cause.severity === 'ERROR') throw cause;
}

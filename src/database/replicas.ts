import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { DomainError } from '../errors.ts';
import type { Shares } from '../shares.ts';
import type { Client } from './client.ts';
import { type Address, addressesOf, type Connection, nameOf } from './connection.ts';
import { unavailable } from './database-error.ts';
import { type ConnectionSource, type HeldConnection, holdConnection } from './held-connection.ts';
import { catchUp, type ReadIndex, ReplicaError } from './read-index.ts';
import { destroy } from './row-query.ts';
import { openPool, Session, type SessionPool } from './session.ts';
import { SilenceWatch } from './silence-watch.ts';

interface Log {
  info(details: object, message: string): void;
  warn(details: object, message: string): void;
}

/** Whether reads go to a replica, and if not, why. */
export interface ReplicaState {
  readonly host: string;
  readonly isUsed: boolean;
  readonly reason?: string;
}

const CHECK_MS = 250;
const RESPONSE_TIMEOUT_MS = 1000;
const CONNECT_TIMEOUT_MS = 1000;
/** A replica that was left out is used again when that many checks in a row have found it current. */
const CHECKS_TO_RETURN = 4;

interface ReplicaOptions {
  readonly readIndex: ReadIndex;
  readonly log: Log;
  readonly settings: pg.PoolConfig;
  /** Divides the connections to one replica among accounts. */
  readonly shares: () => Shares;
}

/** The replicas that reads may go to. One that is behind, gone or wrong is left out, and comes back by itself. */
export class Replicas {
  readonly #replicas: readonly Replica[];
  readonly #readIndex: ReadIndex;
  #turn = 0;

  constructor(connection: Connection, options: ReplicaOptions) {
    const { otherHosts: _, options: flags = '', ...server } = connection;
    const settings = {
      application_name: 'issue-links',
      ...server,
      ...options.settings,
      options: `${flags} ${options.settings.options ?? ''}`,
    };
    this.#readIndex = options.readIndex;
    this.#replicas = addressesOf(connection).map((address) => new Replica(address, { ...options, settings }));
  }

  start(): void {
    for (const replica of this.#replicas) replica.start();
  }

  async stop(): Promise<void> {
    await Promise.all(this.#replicas.map((replica) => replica.stop()));
  }

  get count(): number {
    return this.#replicas.length;
  }

  states(): ReplicaState[] {
    return this.#replicas.map(({ state }) => state);
  }

  /**
   * Runs `read` on a replica that has everything acknowledged before, or else on the primary. `read` must call its second
   * argument when it has passed on a row, since it cannot be repeated then.
   */
  async read<Result>(
    client: Client,
    onPrimary: (work: (connection: HeldConnection) => Promise<Result>) => Promise<Result>,
    read: (connection: HeldConnection, onPassed: () => void) => Promise<Result>,
  ): Promise<Result> {
    const replica = this.#pick();
    let isPassed = false as boolean;
    const work = (connection: HeldConnection) =>
      read(connection, () => {
        isPassed = true;
      });
    if (replica) {
      try {
        return await holdConnection(replica.source, client, async (connection) => {
          await this.#catchUp(replica, connection);
          return await work(connection);
        });
      } catch (error) {
        const isFailure = !(error instanceof DomainError) || error.code === 'unavailable';
        if (client.signal?.aborted || !isFailure) throw error;
        // A replica also cancels statements that delay its replay for too long.
        if (isPassed) throw error instanceof pg.DatabaseError ? unavailable(error) : error;
      }
    }
    return await onPrimary(work);
  }

  async #catchUp(replica: Replica, connection: HeldConnection): Promise<void> {
    try {
      await catchUp(connection.session, this.#readIndex);
    } catch (error) {
      if (error instanceof ReplicaError) replica.leaveOut(error.message);
      // A DomainError is about the primary; any other is a failure of this connection.
      else if (!(error instanceof DomainError)) connection.isBroken = true;
      throw error;
    }
  }

  /** They take turns. */
  #pick(): Replica | undefined {
    for (let step = 0; step < this.#replicas.length; step += 1) {
      this.#turn = (this.#turn + 1) % this.#replicas.length;
      const replica = this.#replicas[this.#turn];
      if (replica?.state.isUsed) return replica;
    }
    return undefined;
  }
}

class Replica {
  readonly source: ConnectionSource;
  readonly #address: Address;
  readonly #pool: SessionPool;
  readonly #settings: pg.PoolConfig;
  readonly #readIndex: ReadIndex;
  readonly #log: Log;
  readonly #stop = new AbortController();
  #state: ReplicaState;
  #isReported = false;
  #goodChecks = CHECKS_TO_RETURN - 1;
  #done: Promise<void> = Promise.resolve();

  constructor(address: Address, { readIndex, log, settings, shares }: ReplicaOptions) {
    this.#address = address;
    this.#readIndex = readIndex;
    this.#log = log;
    this.#settings = { ...settings, connectionTimeoutMillis: CONNECT_TIMEOUT_MS };
    this.#state = { host: nameOf(address), isUsed: false, reason: 'it has not been checked yet' };
    this.#pool = openPool(
      this.#settings,
      () => address,
      () => undefined,
      log,
    );
    this.source = {
      connect: () => this.#pool.connect(),
      connections: shares(),
      silence: new SilenceWatch(() => undefined),
      onReadOnly: () => undefined,
    };
  }

  get state(): ReplicaState {
    return this.#state;
  }

  /** `cause` is for the log only: it may name addresses and accounts. */
  leaveOut(reason: string, cause?: string): void {
    const { host, isUsed } = this.#state;
    if (isUsed || !this.#isReported) {
      this.#log.warn({ replica: host, reason, ...(cause && { cause }) }, 'a replica is left out of reading');
    }
    this.#isReported = true;
    this.#state = { host, isUsed: false, reason };
    this.#goodChecks = 0;
  }

  start(): void {
    this.#done = this.#watch();
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#done;
    await this.#pool.end();
  }

  async #watch(): Promise<void> {
    const isStopped = () => this.#stop.signal.aborted;
    while (!isStopped()) {
      const session = new Session({ ...this.#settings, ...this.#address, query_timeout: RESPONSE_TIMEOUT_MS });
      // The pending or next query reports the error.
      session.on('error', () => undefined);
      try {
        await session.connect();
        while (!isStopped()) {
          await this.#check(session);
          await this.#pause();
        }
      } catch (error) {
        if (!isStopped()) {
          this.leaveOut('it does not respond', error instanceof Error ? error.message : String(error));
          // What runs there is repeated on the primary.
          this.source.silence.abandon(() => true);
        }
      } finally {
        // A server that does not respond would not respond to the end of the session either.
        destroy(session);
      }
      await this.#pause().catch(() => undefined);
    }
  }

  /** Throws if the replica cannot be asked. */
  async #check(session: Session): Promise<void> {
    try {
      await catchUp(session, this.#readIndex);
    } catch (error) {
      if (error instanceof ReplicaError) this.leaveOut(error.message);
      // A DomainError is about the primary.
      else if (!(error instanceof DomainError)) throw error;
      return;
    }
    this.#goodChecks += 1;
    if (this.#state.isUsed || this.#goodChecks < CHECKS_TO_RETURN) return;
    this.#isReported = true;
    this.#state = { host: this.#state.host, isUsed: true };
    this.#log.info({ replica: this.#state.host }, 'reads go to a replica');
  }

  async #pause(): Promise<void> {
    await sleep(CHECK_MS, undefined, { signal: this.#stop.signal, ref: false });
  }
}

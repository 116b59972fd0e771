import pg from 'pg';
import { Shares } from '../shares.ts';
import { type Cache, NO_CACHE, ProcessCache } from './cache.ts';
import type { Client } from './client.ts';
import type { Connection } from './connection.ts';
import { contended, unavailable } from './database-error.ts';
import {
  type ConnectionSource,
  type HeldConnection,
  holdConnection,
  NoResponse,
  receive,
  run,
} from './held-connection.ts';
import { CHANNEL, InvalidationListener } from './invalidation-listener.ts';
import { Primary } from './primary.ts';
import { ReadIndex } from './read-index.ts';
import { type ReplicaState, Replicas } from './replicas.ts';
import type { RawRow } from './row-query.ts';
import { openPool, type PooledSession, type SessionPool } from './session.ts';
import { SharedReads, type SharedStatement, STATEMENTS_MAX } from './shared-reads.ts';
import { SilenceWatch } from './silence-watch.ts';
import type { NamedStatement, Statement } from './statement.ts';

/** The parameter type of functions that only read: the pool or a transaction. */
export interface Queryable {
  query<Row>(statement: Statement<Row>): Promise<Row[]>;
  /**
   * The rows of each key. Outside of a transaction, one statement reads for all clients that ask at the same moment.
   */
  readShared<Key, Row>(statement: SharedStatement<Key, Row>, orgId: string, keys: readonly Key[]): Promise<Row[][]>;
  /** Values of the process; empty in a transaction that has invalidated some of them. */
  readonly cache: Cache;
  /** Reads on the primary, or in the transaction, and never on a replica: for what is cached. */
  readonly primary: Queryable;
}

/** The parameter type of use cases: the pool, or the transaction of a larger use case, which they join. */
export interface Database extends Queryable {
  /**
   * Runs `work` in a READ COMMITTED transaction, and repeats it after a deadlock, a serialization failure or a
   * ConcurrentChange. Throws `contended` after the last attempt. Within a transaction, `work` joins that transaction,
   * which is repeated as a whole.
   */
  transaction<Result>(work: (transaction: Transaction) => Promise<Result>): Promise<Result>;
  /** Runs a statement that writes as a transaction of its own, repeated likewise; in a transaction, as a part of it. */
  execute<Row>(statement: Statement<Row>): Promise<Row[]>;
  /**
   * Whether one statement should do what several could: not in a transaction, which would keep its locks even if it writes
   * nothing, and not with Citus, which takes a statement apart that inserts into several tables.
   */
  readonly prefersOneStatement: boolean;
}

/** The parameter type of functions that lock or write: calling them outside a transaction does not compile. */
export interface Transaction extends ClientDatabase {
  readonly prefersOneStatement: false;
  /** Runs `work`, and undoes its writes if it throws. The transaction can go on. */
  attempt<Result>(work: () => Promise<Result>): Promise<Result>;
  /** Invalidates the cached values of a scope, which the transaction changes, in all processes when it commits. */
  invalidate(scope: string): Promise<void>;
}

export function isTransaction(db: Database): db is Transaction {
  return 'attempt' in db;
}

/** The pool on behalf of one client. */
export interface ClientDatabase extends Database {
  /**
   * Passes the rows of a statement on as they arrive. While the promise that `onRow` returned is pending, no more are read
   * from PostgreSQL; those that have been read already still arrive.
   */
  receive(statement: NamedStatement<unknown>, onRow: (row: RawRow) => Promise<void> | undefined): Promise<void>;
  /** For operations that only read: their reads may go to replicas that have all acknowledged writes. */
  readonly reader: ClientDatabase;
  /** Ignores the client's deadline and disconnection, to record what has been done. */
  readonly untimed: ClientDatabase;
}

/** What the handle has done since the start of the process, and what it does now. */
export interface DatabaseStatistics {
  readonly connections: {
    readonly open: number;
    readonly idle: number;
    readonly max: number;
    /** Requests that wait for one. */
    readonly waiting: number;
  };
  readonly cache: ReturnType<ProcessCache['statistics']>;
  readonly sharedReads: ReturnType<SharedReads['statistics']>;
}

export interface DatabasePool extends ClientDatabase {
  forClient(client: Client): ClientDatabase;
  /** Starts to apply the invalidations of other processes; until then, values are cached for a second at most. */
  listen(): void;
  /** Whether reads go to the replicas; empty if there are none. */
  replicaStates(): ReplicaState[];
  /** Of the connections to the primary. */
  statistics(): DatabaseStatistics;
  close(): Promise<void>;
}

export interface DatabaseOptions {
  /** Without timeouts, a statement may take as long as it needs: for maintenance, not for requests. */
  readonly hasTimeouts?: boolean;
  /** They are read from once the pool listens. */
  readonly replicas?: Connection | undefined;
}

/** Thrown in a transaction that conflicts with a concurrent change, to roll it back and repeat it. */
export class ConcurrentChange extends Error {
  override readonly name = 'ConcurrentChange';
}

interface Log {
  info(details: object, message: string): void;
  warn(details: object, message: string): void;
}

const POOL_SIZE = 16;
/** The connections that one account may hold at once; its other requests wait. */
const ACCOUNT_CONNECTIONS_MAX = POOL_SIZE / 2;
const ACCOUNT_WAITERS_MAX = 500;
/** Of all accounts. */
const WAITERS_MAX = 2000;
/** The connections whose rows wait for slow clients; the others remain for short statements. */
const RECEIVING_CONNECTIONS_MAX = POOL_SIZE / 2;
const STATEMENT_TIMEOUT_MS = 15_000;
/** Less than the statement's own timeout, so that contention is told apart from a database that is too slow. */
export const LOCK_TIMEOUT_MS = 10_000;
/** Detects a dead connection, on which PostgreSQL cannot report its own timeout. */
const RESPONSE_TIMEOUT_MS = 20_000;
const CONNECT_TIMEOUT_MS = 5_000;
/** Joins in the order in which they are written. On tables without statistics, PostgreSQL would start from all users. */
const PLANNER = '-c join_collapse_limit=1 -c from_collapse_limit=1';
/** The format of dates in rows that are received as text. */
const DATES = '-c datestyle=ISO -c timezone=UTC';
const TRANSACTION_ATTEMPTS = 5;
/** deadlock_detected, serialization_failure */
const REPEATABLE = new Set(['40P01', '40001']);

const types: pg.CustomTypesConfig = {
  getTypeParser: (oid, format) =>
    oid === pg.types.builtins.INT8 ? Number : (pg.types.getTypeParser(oid, format) as (value: string) => unknown),
};

export function openDatabase(
  connection: Connection,
  log: Log,
  { hasTimeouts = true, replicas: replicasAt }: DatabaseOptions = {},
): DatabasePool {
  const { otherHosts: _, options = '', ...server } = connection;
  const session = { application_name: 'issue-links', ...server, options, connectionTimeoutMillis: CONNECT_TIMEOUT_MS };
  const primary = new Primary(connection, log, () => {
    silence.abandon((address) => !primary.isAt(address));
  });
  const settings = {
    max: POOL_SIZE,
    options: `${PLANNER} ${DATES}`,
    ...(hasTimeouts && {
      statement_timeout: STATEMENT_TIMEOUT_MS,
      lock_timeout: LOCK_TIMEOUT_MS,
      query_timeout: RESPONSE_TIMEOUT_MS,
    }),
    types,
  };
  // Known once a session has begun.
  let hasCitus = false;
  const pool = openPool(
    { ...session, ...settings, options: `${options} ${settings.options}` },
    () => primary.address,
    (opened) => {
      opened.requirePrimary();
      hasCitus = opened.hasCitus;
    },
    log,
  );
  const cache = new ProcessCache();

  const connectionShares = () =>
    new Shares({
      total: POOL_SIZE,
      share: ACCOUNT_CONNECTIONS_MAX,
      waitersMax: ACCOUNT_WAITERS_MAX,
      allWaitersMax: WAITERS_MAX,
      waitMs: CONNECT_TIMEOUT_MS,
    });
  const connections = connectionShares();

  const receiving = new Shares({
    total: RECEIVING_CONNECTIONS_MAX,
    share: RECEIVING_CONNECTIONS_MAX / 2,
    waitersMax: ACCOUNT_WAITERS_MAX,
    allWaitersMax: WAITERS_MAX,
    waitMs: CONNECT_TIMEOUT_MS,
  });

  const silence = new SilenceWatch(() => {
    for (const shares of [connections, receiving]) shares.dismiss(unavailable(new NoResponse()));
  });
  const listener = new InvalidationListener(session, primary, cache, log, () => {
    silence.heard();
  });
  const source: ConnectionSource = {
    connect: () => connectToPrimary(pool, primary),
    connections,
    silence,
    onReadOnly: () => void primary.search().catch(() => undefined),
  };
  const withConnection = async <Result>(
    client: Client,
    work: (connection: HeldConnection) => Promise<Result>,
  ): Promise<Result> => await holdConnection(source, client, work);

  const sharedReads = new SharedReads(async (statement, onRow) => {
    await withConnection({}, (connection) => run(connection, statement, {}, onRow));
  });
  const replicas =
    replicasAt &&
    new Replicas(replicasAt, {
      readIndex: new ReadIndex((statement) => withConnection({}, (connection) => run(connection, statement, {}))),
      log,
      settings,
      shares: connectionShares,
    });
  const readerFor = replicas && openReaders(replicas, withConnection);

  /** Runs a transaction until PostgreSQL accepts it, but not more often than five times. */
  const repeatedly = async <Result>(run: () => Promise<Result>): Promise<Result> => {
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await run();
      } catch (error) {
        if (!isRepeatable(error)) throw error;
        if (error instanceof pg.DatabaseError)
          log.warn({ code: error.code, attempt }, 'PostgreSQL refused a transaction');
        if (attempt === TRANSACTION_ATTEMPTS) throw contended(error);
      }
    }
  };

  const databaseFor = (client: Client): DatabasePool => ({
    cache,
    get primary() {
      return this;
    },
    get reader() {
      return readerFor ? readerFor(client, this) : this;
    },
    get untimed() {
      const { signal: _signal, ...untimed } = client;
      return databaseFor(untimed);
    },
    get prefersOneStatement() {
      return !hasCitus;
    },
    query: (statement) => withConnection(client, (connection) => run(connection, statement, client)),
    execute: (statement) =>
      repeatedly(() => withConnection(client, (connection) => run(connection, statement, client))),
    transaction: (work) =>
      repeatedly(() => withConnection(client, (connection) => runTransaction(connection, work, client, cache))),
    readShared: (statement, orgId, keys) =>
      Promise.all(keys.map((key) => sharedReads.read(statement, orgId, key, client))),
    async receive(statement, onRow) {
      const { account, signal } = client;
      await receiving.take(account, 1, { signal });
      try {
        await withConnection({ ...client, isUrgent: true }, (connection) =>
          receive(connection, statement, signal, onRow),
        );
      } finally {
        receiving.give(account, 1);
      }
    },
    forClient: databaseFor,
    listen: () => {
      listener.start();
      silence.start();
      replicas?.start();
    },
    replicaStates: () => replicas?.states() ?? [],
    statistics: () => ({
      connections: {
        open: pool.totalCount,
        idle: pool.idleCount,
        max: POOL_SIZE,
        waiting: connections.waiting,
      },
      cache: cache.statistics(),
      sharedReads: sharedReads.statistics(),
    }),
    async close() {
      silence.stop();
      await replicas?.stop();
      await listener.stop();
      await pool.end();
    },
  });
  return databaseFor({});
}

type WithConnection = <Result>(
  client: Client,
  work: (connection: HeldConnection) => Promise<Result>,
) => Promise<Result>;

/** Returns a function that makes the reader of a client's handle. */
function openReaders(
  replicas: Replicas,
  onPrimary: WithConnection,
): (client: Client, primary: ClientDatabase) => ClientDatabase {
  const read = <Result>(
    client: Client,
    work: (connection: HeldConnection, onPassed: () => void) => Promise<Result>,
  ): Promise<Result> => replicas.read(client, (fallback) => onPrimary(client, fallback), work);
  const sharedReads = new SharedReads(async (statement, onRow) => {
    await read({}, (connection, onPassed) =>
      run(connection, statement, {}, (row) => {
        onPassed();
        onRow(row);
      }),
    );
  }, STATEMENTS_MAX * replicas.count);

  return (client, primary) => {
    const reader: ClientDatabase = {
      primary,
      cache: primary.cache,
      prefersOneStatement: false,
      execute: (statement) => primary.execute(statement),
      transaction: (work) => primary.transaction(work),
      get reader() {
        return reader;
      },
      get untimed() {
        return primary.untimed;
      },
      query: (statement) =>
        read(client, (connection, onPassed) => {
          const countBytes = (bytes: number) => {
            onPassed();
            client.countBytes?.(bytes);
          };
          return run(connection, statement, { ...client, countBytes });
        }),
      readShared: (statement, orgId, keys) =>
        Promise.all(keys.map((key) => sharedReads.read(statement, orgId, key, client))),
      receive: (statement, onRow) =>
        read(client, (connection, onPassed) =>
          receive(connection, statement, client.signal, (row) => {
            onPassed();
            return onRow(row);
          }),
        ),
    };
    return reader;
  };
}

function isRepeatable(error: unknown): boolean {
  if (error instanceof ConcurrentChange) return true;
  return error instanceof pg.DatabaseError && error.code !== undefined && REPEATABLE.has(error.code);
}

/** Takes a connection from the pool, and drops those to a former primary. */
async function connectToPrimary(pool: SessionPool, primary: Primary): Promise<PooledSession> {
  if (primary.address === undefined) await primary.search();
  for (let isRetry = false; ; ) {
    try {
      const session = await pool.connect();
      if (primary.isAt(session)) return session;
      session.release(true);
    } catch (error) {
      const { address } = primary;
      const next = await primary.search();
      if (isRetry || next === address) throw error;
      isRetry = true;
    }
  }
}

async function runTransaction<Result>(
  connection: HeldConnection,
  work: (transaction: Transaction) => Promise<Result>,
  client: Client,
  cache: ProcessCache,
): Promise<Result> {
  const invalidated = new Set<string>();
  const sendCommand = (text: string) => run(connection, { name: '', text, values: [] }, client);
  // The only place that creates a Transaction.
  const transaction: Transaction = {
    prefersOneStatement: false,
    get primary() {
      return transaction;
    },
    get reader() {
      return transaction;
    },
    get untimed() {
      return transaction;
    },
    get cache() {
      return invalidated.size === 0 ? cache : NO_CACHE;
    },
    query: (statement: Statement<unknown>) => run(connection, statement, client),
    async readShared<Key, Row>({ bind, rowOf }: SharedStatement<Key, Row>, orgId: string, keys: readonly Key[]) {
      const rows = keys.map((): Row[] => []);
      await run(connection, bind(orgId, keys), client, ({ fields }) =>
        rows[Number(fields[0]) - 1]?.push(rowOf(fields)),
      );
      return rows;
    },
    execute: (statement: Statement<unknown>) => run(connection, statement, client),
    transaction: (joined: typeof work) => joined(transaction),
    receive: (statement: NamedStatement<unknown>, onRow: (row: RawRow) => Promise<void> | undefined) =>
      receive(connection, statement, client.signal, onRow),
    async attempt<Part>(part: () => Promise<Part>): Promise<Part> {
      await sendCommand('savepoint attempt');
      try {
        const done = await part();
        await sendCommand('release savepoint attempt');
        return done;
      } catch (error) {
        if (!connection.isBroken) await sendCommand('rollback to savepoint attempt');
        throw error;
      }
    },
    async invalidate(scope: string) {
      if (invalidated.has(scope)) return;
      invalidated.add(scope);
      await run(connection, { name: '', text: 'select pg_notify($1, $2)', values: [CHANNEL, scope] }, client);
    },
  } as unknown as Transaction;
  try {
    await sendCommand('begin');
    const result = await work(transaction);
    client.signal?.throwIfAborted();
    try {
      await run(connection, { name: '', text: 'commit', values: [] }, {});
    } finally {
      // A commit that failed may still have happened.
      for (const scope of invalidated) cache.invalidate(scope);
    }
    return result;
  } catch (error) {
    if (!connection.isBroken) {
      await run(connection, { name: '', text: 'rollback', values: [] }, {}).catch(() => {
        connection.isBroken = true;
      });
    }
    throw error;
  }
}

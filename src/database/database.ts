import pg from 'pg';
import { Shares } from '../shares.ts';
import type { Signal } from '../signal.ts';
import { type Cache, NO_CACHE, ProcessCache } from './cache.ts';
import { cancelStatement } from './cancel.ts';
import type { Client } from './client.ts';
import { contended, databaseError, unavailable } from './database-error.ts';
import { CHANNEL, InvalidationListener } from './invalidation-listener.ts';
import { destroy, pauseUntil, type RawRow, sendStatement } from './row-query.ts';
import { SharedReads, type SharedStatement } from './shared-reads.ts';
import { type PendingWork, SilenceWatch } from './silence-watch.ts';
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
  /** Whether this is a transaction, which keeps the locks of a statement that turns out to write nothing. */
  readonly isTransaction: boolean;
}

/** The parameter type of functions that lock or write: calling them outside a transaction does not compile. */
export interface Transaction extends ClientDatabase {
  readonly isTransaction: true;
  /** Runs `work`, and undoes its writes if it throws. The transaction can go on. */
  attempt<Result>(work: () => Promise<Result>): Promise<Result>;
  /** Invalidates the cached values of a scope, which the transaction changes, in all processes when it commits. */
  invalidate(scope: string): Promise<void>;
}

/** The pool on behalf of one client. */
export interface ClientDatabase extends Database {
  /**
   * Passes the rows of a statement on as they arrive. While the promise that `onRow` returned is pending, no more are read
   * from PostgreSQL; those that have been read already still arrive.
   */
  receive(statement: NamedStatement<unknown>, onRow: (row: RawRow) => Promise<void> | undefined): Promise<void>;
}

export interface DatabasePool extends ClientDatabase {
  forClient(client: Client): ClientDatabase;
  /** Starts to apply the invalidations of other processes; until then, values are cached for a second at most. */
  listen(): void;
  close(): Promise<void>;
}

/** Thrown in a transaction that conflicts with a concurrent change, to roll it back and repeat it. */
export class ConcurrentChange extends Error {
  override readonly name = 'ConcurrentChange';
}

/** The address of PostgreSQL: a URL, or the parts for the embedded server. */
export type Connection =
  | { connectionString: string }
  | { host: string; port: number; user: string; password: string; database: string };

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
const LOCK_TIMEOUT_MS = 10_000;
/** Detects a dead connection, on which PostgreSQL cannot report its own timeout. */
const RESPONSE_TIMEOUT_MS = 20_000;
const CONNECT_TIMEOUT_MS = 5_000;
/**
 * Plans each named statement once per connection, with joins in the order in which they are written. By default,
 * PostgreSQL plans the query for the links of an issue six times, for 20 to 35 ms each, and on tables without
 * statistics it starts from all users of the organisation.
 */
const PLANNER = '-c plan_cache_mode=force_generic_plan -c join_collapse_limit=1 -c from_collapse_limit=1';
/** The format of dates in rows that are received as text. */
const DATES = '-c datestyle=ISO -c timezone=UTC';
const TRANSACTION_ATTEMPTS = 5;
/** deadlock_detected, serialization_failure */
const REPEATABLE = new Set(['40P01', '40001']);

const types: pg.CustomTypesConfig = {
  getTypeParser: (oid, format) =>
    oid === pg.types.builtins.INT8 ? Number : (pg.types.getTypeParser(oid, format) as (value: string) => unknown),
};

/** Without timeouts, a statement may take as long as it needs: for maintenance, not for requests. */
export function openDatabase(connection: Connection, log: Log, { hasTimeouts = true } = {}): DatabasePool {
  const session = {
    ...connection,
    application_name: 'issue-links',
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
  };
  const pool = new pg.Pool({
    ...session,
    max: POOL_SIZE,
    options: `${PLANNER} ${DATES}`,
    ...(hasTimeouts && {
      statement_timeout: STATEMENT_TIMEOUT_MS,
      lock_timeout: LOCK_TIMEOUT_MS,
      query_timeout: RESPONSE_TIMEOUT_MS,
    }),
    types,
  });
  // Without a listener, an error of a connection in use would end the process. It is there from the start: one read may hold
  // both the end of a statement, upon which the pool hands the connection on, and a fatal error. The statement that runs, or
  // the next one, reports the error, and the pool drops the connection.
  pool.on('connect', (client) => client.on('error', () => undefined));
  const cache = new ProcessCache();
  // Without a listener, an idle connection that PostgreSQL closes would end the process. The pool replaces it on demand.
  pool.on('error', (error: NodeJS.ErrnoException) => {
    // Don't log the error itself: it contains the connection with its cancellation key.
    log.warn({ code: error.code, reason: error.message }, 'PostgreSQL closed an idle connection');
  });

  const connections = new Shares({
    total: POOL_SIZE,
    share: ACCOUNT_CONNECTIONS_MAX,
    waitersMax: ACCOUNT_WAITERS_MAX,
    allWaitersMax: WAITERS_MAX,
    waitMs: CONNECT_TIMEOUT_MS,
  });

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
  const listener = new InvalidationListener(session, cache, log, () => {
    silence.heard();
  });
  const withConnection = async <Result>(
    client: Client,
    work: (connection: HeldConnection) => Promise<Result>,
  ): Promise<Result> => await holdConnection({ pool, connections, silence }, client, work);

  const sharedReads = new SharedReads(async (statement, onRow) => {
    await withConnection({}, (connection) => run(connection, statement, {}, onRow));
  });

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
    isTransaction: false,
    query: (statement) => withConnection(client, (connection) => run(connection, statement, client)),
    execute: (statement) =>
      repeatedly(() => withConnection(client, (connection) => run(connection, statement, client))),
    transaction: (work) =>
      repeatedly(() => withConnection(client, (connection) => runTransaction(connection, work, client, cache))),
    readShared: (statement, orgId, keys) =>
      Promise.all(keys.map((key) => sharedReads.read(statement, orgId, key, client))),
    async receive(statement, onRow) {
      const { account, signal } = client;
      await receiving.take(account, 1, signal);
      try {
        await withConnection(client, (connection) => receive(connection, statement, signal, onRow));
      } finally {
        receiving.give(account, 1);
      }
    },
    forClient: databaseFor,
    listen: () => {
      listener.start();
      silence.start();
    },
    async close() {
      silence.stop();
      await listener.stop();
      await pool.end();
    },
  });
  return databaseFor({});
}

function isRepeatable(error: unknown): boolean {
  if (error instanceof ConcurrentChange) return true;
  return error instanceof pg.DatabaseError && error.code !== undefined && REPEATABLE.has(error.code);
}

/** A connection that is taken from the pool. */
interface HeldConnection {
  readonly client: pg.PoolClient;
  readonly silence: SilenceWatch;
  /** The connection is in an unknown state and must not be reused. */
  isBroken: boolean;
}

interface ConnectionSource {
  readonly pool: pg.Pool;
  readonly connections: Shares;
  readonly silence: SilenceWatch;
}

async function holdConnection<Result>(
  { pool, connections, silence }: ConnectionSource,
  { account, signal }: Client,
  work: (connection: HeldConnection) => Promise<Result>,
): Promise<Result> {
  signal?.throwIfAborted();
  await connections.take(account, 1, signal);
  const pending = silence.begin();
  try {
    const client = await connect(pool, pending);
    const connection: HeldConnection = { client, silence, isBroken: false };
    pending.fail = () => {
      connection.isBroken = true;
      destroy(client);
    };
    try {
      return await work(connection);
    } finally {
      client.release(connection.isBroken);
    }
  } finally {
    silence.end(pending);
    connections.give(account, 1);
  }
}

class NoResponse extends Error {
  override readonly name = 'NoResponse';
  override readonly message = 'PostgreSQL does not respond.';
}

async function connect(pool: pg.Pool, pending: PendingWork): Promise<pg.PoolClient> {
  return await new Promise((resolve, reject) => {
    let isFailed = false;
    pending.fail = () => {
      isFailed = true;
      reject(unavailable(new NoResponse()));
    };
    pool.connect().then(
      (client) => {
        if (isFailed) client.release();
        else resolve(client);
      },
      (error: unknown) => {
        reject(unavailable(error));
      },
    );
  });
}

async function run<Row>(
  connection: HeldConnection,
  statement: Statement<Row>,
  { signal, countBytes = () => undefined }: Client,
  onRow?: (row: RawRow) => void,
): Promise<Row[]> {
  return await send<Row>(connection, statement, signal, (row) => {
    countBytes(row.length);
    onRow?.(row);
    return onRow === undefined;
  });
}

async function receive(
  connection: HeldConnection,
  statement: NamedStatement<unknown>,
  signal: Signal | undefined,
  onRow: (row: RawRow) => Promise<void> | undefined,
): Promise<void> {
  let ready: Promise<void> | undefined;
  await send(connection, statement, signal, (row, refuse) => {
    const next = signal?.aborted ? undefined : onRow(row);
    if (next !== undefined && next !== ready) {
      ready = next;
      pauseUntil(connection.client, next.catch(refuse));
    }
    return false;
  });
  await ready;
}

/** Runs a statement. If `isWanted` throws, or passes `refuse` an error, the statement is cancelled and rejects with it. */
async function send<Row>(
  connection: HeldConnection,
  statement: Statement<Row>,
  signal: Signal | undefined,
  isWanted: (row: RawRow, refuse: (error: unknown) => void) => boolean,
): Promise<Row[]> {
  signal?.throwIfAborted();
  let refusal: { readonly error: unknown } | undefined;
  const cancel = () => {
    connection.isBroken = true;
    cancelStatement(connection.client);
  };
  const refuse = (error: unknown) => {
    refusal ??= { error };
    cancel();
  };
  signal?.addEventListener('abort', cancel);
  try {
    const rows = await sendStatement<Row>(connection.client, statement, (row) => {
      if (refusal) return false;
      try {
        return isWanted(row, refuse);
      } catch (error) {
        refuse(error);
        return false;
      }
    });
    connection.silence.heard();
    if (refusal) throw refusal.error;
    return rows;
  } catch (error) {
    signal?.throwIfAborted();
    if (refusal) throw refusal.error;
    // A DatabaseError leaves the connection usable; any other error is a failure of the connection.
    if (error instanceof pg.DatabaseError) connection.silence.heard();
    else connection.isBroken = true;
    throw databaseError(error);
  } finally {
    signal?.removeEventListener('abort', cancel);
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
  const transaction = {
    isTransaction: true,
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

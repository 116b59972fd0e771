import pg from 'pg';
import { Shares } from '../shares.ts';
import { ProcessCache } from './cache.ts';
import type { Client } from './client.ts';
import type { Connection } from './connection.ts';
import type { DatabasePool } from './database.ts';
import { unavailable } from './database-error.ts';
import {
  type ConnectionSource,
  type HeldConnection,
  holdConnection,
  NoResponse,
  receive,
  run,
} from './held-connection.ts';
import { InvalidationListener } from './invalidation-listener.ts';
import { Primary } from './primary.ts';
import { ReadIndex } from './read-index.ts';
import { readersOf } from './replica-reader.ts';
import { Replicas } from './replicas.ts';
import { openPool, type PooledSession, type SessionPool } from './session.ts';
import { type RunShared, SharedStatements } from './shared-statements.ts';
import { SilenceWatch } from './silence-watch.ts';
import { repeatedly, runTransaction } from './transaction.ts';

export interface DatabaseOptions {
  /** Without timeouts, a statement may take as long as it needs: for maintenance, not for requests. */
  readonly hasTimeouts?: boolean;
  /** They are read from once the pool listens. */
  readonly replicas?: Connection | undefined;
}

interface Log {
  info(details: object, message: string): void;
  warn(details: object, message: string): void;
}

const POOL_SIZE = 16;
/** The requests of one account that may wait for a connection. */
const ACCOUNT_WAITERS_MAX = 500;
/** The requests of all accounts that may wait for one. */
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

const types: pg.CustomTypesConfig = {
  getTypeParser: (oid, format) =>
    oid === pg.types.builtins.INT8 ? Number : (pg.types.getTypeParser(oid, format) as (value: string) => unknown),
};

/** Opens the pool of connections to the primary, and to the replicas if there are any. */
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

  const connections = sharesOf(POOL_SIZE);
  const receiving = sharesOf(RECEIVING_CONNECTIONS_MAX);

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

  const runShared: RunShared = async (statement, signal, onRow) => {
    await withConnection({ signal }, (connection) => run(connection, statement, { signal }, onRow));
  };
  const sharedReads = new SharedStatements(runShared);
  const sharedWrites = new SharedStatements(runShared);
  const replicas =
    replicasAt &&
    new Replicas(replicasAt, {
      readIndex: new ReadIndex((statement) => withConnection({}, (connection) => run(connection, statement, {}))),
      log,
      settings,
      shares: () => sharesOf(POOL_SIZE),
    });
  const readerFor = replicas && readersOf(replicas, withConnection);

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
      repeatedly(log, () => withConnection(client, (connection) => run(connection, statement, client))),
    transaction: (work) =>
      repeatedly(log, () => withConnection(client, (connection) => runTransaction(connection, work, client, cache))),
    readShared: (statement, orgId, keys) =>
      Promise.all(keys.map((key) => sharedReads.run(statement, orgId, key, client))),
    executeShared(statement, orgId, writes) {
      // The bytes of what has been written are not refused.
      const { countBytes: _countBytes, ...writer } = client;
      return Promise.all(writes.map((write) => sharedWrites.run(statement, orgId, write, writer)));
    },
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
      sharedWrites: sharedWrites.statistics(),
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

/** Divides connections among accounts: one may hold half of them at once, and its other requests wait. */
function sharesOf(total: number): Shares {
  return new Shares({
    total,
    share: total / 2,
    waitersMax: ACCOUNT_WAITERS_MAX,
    allWaitersMax: WAITERS_MAX,
    waitMs: CONNECT_TIMEOUT_MS,
  });
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

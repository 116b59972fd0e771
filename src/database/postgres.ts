import { setTimeout as sleep } from 'node:timers/promises';
import type { Config } from '../config.ts';
import { type EmbeddedPostgres, startEmbeddedPostgres } from '../embedded-postgres/embedded-postgres.ts';
import { DomainError, StartError } from '../errors.ts';
import type { Log } from '../log.ts';
import { addressesOf, type Connection, connectionFrom, nameOf } from './connection.ts';
import type { Database, DatabasePool } from './database.ts';
import { isSchemaCurrent, migrate } from './migrations.ts';
import { openDatabase } from './open-database.ts';
import { statement } from './statement.ts';

const VERSION_MIN = 15;
/**
 * How a PostgreSQL that is starting refuses connections: nothing listens yet, cannot_connect_now, or it is a standby that
 * may be promoted.
 */
const STARTING = new Set([
  ...['ECONNREFUSED', 'ECONNRESET', 'ENOENT', 'ETIMEDOUT', 'EHOSTUNREACH', 'EAI_AGAIN'],
  ...['57P03', '25006'],
]);
const RETRY_MS = 250;
/** Of the embedded PostgreSQL, whose own default is enough for one process and commands beside it. */
const CONNECTIONS_DEFAULT = 100;
/** More than the pool of a worker, the session that listens and the attachment take. */
const WORKER_CONNECTIONS = 20;

/** A connected PostgreSQL, either embedded or at DATABASE_URL. */
export interface Postgres {
  /** Identifies the database to an operator, without credentials. */
  readonly name: string;
  readonly db: DatabasePool;
  readonly connection: Connection;
  /** Undefined with a DATABASE_URL. */
  readonly embedded: EmbeddedPostgres | undefined;
  /** Closes the pool, and stops the embedded server unless another process uses it. */
  close(): Promise<void>;
}

type Location = Pick<Config, 'databaseUrl' | 'databaseReadUrl' | 'databaseWaitSeconds' | 'dataDir' | 'workers'>;

export interface ConnectOptions {
  /** Creates the embedded database if it does not exist. */
  readonly create: boolean;
  readonly log: Log;
  /** Called once if the database is still starting, before it is waited for. */
  readonly onWait: (reason: string) => void;
}

/**
 * Connects to the configured database, and starts the embedded PostgreSQL if there is no DATABASE_URL. Throws a
 * StartError if the database cannot be used, or if it does not exist and `create` is false.
 */
export async function connectPostgres(location: Location, options: ConnectOptions): Promise<Postgres> {
  const { databaseUrl, databaseReadUrl, dataDir, databaseWaitSeconds, workers } = location;
  const { create, log, onWait } = options;
  if (databaseUrl !== undefined) {
    const connection = connectionFrom(databaseUrl, 'primary');
    const name = `${connection.database} on ${addressesOf(connection).map(nameOf).join(', ')}`;
    const replicas = databaseReadUrl === undefined ? undefined : connectionFrom(databaseReadUrl, 'replicas');
    const postgres = open(name, openDatabase(connection, log, { replicas }), connection);
    return await checked(postgres, databaseWaitSeconds * 1000, onWait);
  }
  const connectionsMax = workers === 1 ? undefined : CONNECTIONS_DEFAULT + (workers - 1) * WORKER_CONNECTIONS;
  const embedded = await startEmbeddedPostgres({ dataDir, create, connectionsMax, log });
  return await checked(
    open(
      `the embedded PostgreSQL in ${dataDir}`,
      openDatabase(embedded.connection, log),
      embedded.connection,
      embedded,
    ),
    0,
    onWait,
  );
}

/** Brings the schema up to date. */
export async function updateSchema({ db, connection }: Postgres, log: Log): Promise<void> {
  // The query fails if no migration has run yet.
  if (await isSchemaCurrent(db).catch(() => false)) return;
  const steps = await migrate(connection);
  log.info({ steps }, 'schema migrated');
}

function open(name: string, db: DatabasePool, connection: Connection, embedded?: EmbeddedPostgres): Postgres {
  const close = async () => {
    await db.close();
    await embedded?.stop();
  };
  return { name, db, connection, embedded, close };
}

async function checked(postgres: Postgres, waitMs: number, onWait: ConnectOptions['onWait']): Promise<Postgres> {
  try {
    await checkVersion(postgres.db, waitMs, onWait);
    return postgres;
  } catch (error) {
    await postgres.close();
    throw error;
  }
}

const CHECK_VERSION = statement<never, { version: number }>(
  'check_version',
  `select current_setting('server_version_num')::integer / 10000 as version`,
);

async function checkVersion(db: Database, waitMs: number, onWait: ConnectOptions['onWait']): Promise<void> {
  const deadline = performance.now() + waitMs;
  let isWaiting = false;
  for (;;) {
    try {
      const [row] = await db.query(CHECK_VERSION({}));
      if (row && row.version < VERSION_MIN) {
        throw new StartError(`PostgreSQL ${row.version} is too old: issue-links needs ${VERSION_MIN} or later.`);
      }
      return;
    } catch (error) {
      if (error instanceof StartError) throw error;
      const cause = error instanceof DomainError ? error.cause : error;
      const reason = reasonOf(cause);
      if (!isStarting(cause) || performance.now() >= deadline) {
        throw new StartError(`The database cannot be used (${reason}): check DATABASE_URL.`, { cause: error });
      }
      if (!isWaiting) onWait(reason);
      isWaiting = true;
      await sleep(RETRY_MS);
    }
  }
}

const MAX_CONNECTIONS = statement<never, { connections: number }>(
  'max_connections',
  `select current_setting('max_connections')::integer as connections`,
);

/** Warns if PostgreSQL accepts too few connections. The process that starts the embedded one decides how many that are. */
export async function warnOfFewConnections({ db }: Pick<Postgres, 'db'>, workers: number, log: Log): Promise<void> {
  const [row] = await db.query(MAX_CONNECTIONS({}));
  const needed = workers * WORKER_CONNECTIONS;
  if (!row || row.connections >= needed) return;
  log.warn(
    { maxConnections: row.connections, needed },
    'PostgreSQL accepts too few connections for all workers: raise its max_connections; if it is the embedded one, stop all processes that use it, and start this server first',
  );
}

function isStarting(error: unknown): boolean {
  if (error instanceof AggregateError) return error.errors.every(isStarting);
  return error instanceof Error && 'code' in error && STARTING.has(String(error.code));
}

/** A connection to a host with several addresses fails with one error per address. */
function reasonOf(error: unknown): string {
  if (error instanceof AggregateError) return error.errors.map(reasonOf).join(', ');
  return error instanceof Error ? error.message : String(error);
}

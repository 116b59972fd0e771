import pg from 'pg';
import type { Config } from '../config.ts';
import { type EmbeddedPostgres, startEmbeddedPostgres } from '../embedded-postgres/embedded-postgres.ts';
import { DomainError, StartError } from '../errors.ts';
import type { Log } from '../log.ts';
import { type Connection, type Database, type DatabasePool, openDatabase } from './database.ts';
import { isSchemaCurrent, migrate } from './migrations.ts';
import { statement } from './statement.ts';

const VERSION_MIN = 15;

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

type Location = Pick<Config, 'databaseUrl' | 'dataDir'>;

/**
 * Connects to the configured database, and starts the embedded PostgreSQL if there is no DATABASE_URL. Throws a
 * StartError if the database cannot be used, or if it does not exist and `create` is false.
 */
export async function connectPostgres(location: Location, create: boolean, log: Log): Promise<Postgres> {
  const { databaseUrl: connectionString, dataDir } = location;
  if (connectionString !== undefined) {
    const { host, port, database = '' } = new pg.Client({ connectionString });
    return await open(`${database} on ${host}:${port}`, { connectionString }, log);
  }
  const embedded = await startEmbeddedPostgres({ dataDir, create, log });
  return await open(`the embedded PostgreSQL in ${dataDir}`, embedded.connection, log, embedded);
}

/** Brings the schema up to date. */
export async function updateSchema({ db, connection }: Postgres, log: Log): Promise<void> {
  // The query fails if no migration has run yet.
  if (await isSchemaCurrent(db).catch(() => false)) return;
  const steps = await migrate(connection);
  log.info({ steps }, 'schema migrated');
}

async function open(name: string, connection: Connection, log: Log, embedded?: EmbeddedPostgres): Promise<Postgres> {
  const db = openDatabase(connection, log);
  const close = async () => {
    await db.close();
    await embedded?.stop();
  };
  try {
    await checkVersion(db);
  } catch (error) {
    await close();
    throw error;
  }
  return { name, db, connection, embedded, close };
}

const CHECK_VERSION = statement<never, { version: number }>(
  'check_version',
  `select current_setting('server_version_num')::integer / 10000 as version`,
);

async function checkVersion(db: Database): Promise<void> {
  const [row] = await db.query(CHECK_VERSION({})).catch((error: unknown) => {
    const reason = reasonOf(error instanceof DomainError ? error.cause : error);
    throw new StartError(`The database cannot be used (${reason}): check DATABASE_URL.`, { cause: error });
  });
  if (row && row.version < VERSION_MIN) {
    throw new StartError(`PostgreSQL ${row.version} is too old: issue-links needs ${VERSION_MIN} or later.`);
  }
}

/** A connection to a host with several addresses fails with one error per address. */
function reasonOf(error: unknown): string {
  if (error instanceof AggregateError) return error.errors.map(reasonOf).join(', ');
  return error instanceof Error ? error.message : String(error);
}

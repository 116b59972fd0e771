import type { Config } from '../config.ts';
import { type EmbeddedPostgres, startEmbeddedPostgres } from '../embedded-postgres/embedded-postgres.ts';
import { DomainError, StartError } from '../errors.ts';
import type { Log } from '../log.ts';
import { type Connection, type Database, openDatabase } from './database.ts';
import { isSchemaCurrent, migrate } from './migrations.ts';

const VERSION_MIN = 15;

/** PostgreSQL as the configuration names it, reachable. */
export interface Postgres {
  readonly db: Database;
  readonly connection: Connection;
  /** Undefined with a DATABASE_URL. */
  readonly embedded: EmbeddedPostgres | undefined;
  /** Ends the pool, and stops the embedded server unless another process uses it. */
  close(): Promise<void>;
}

/** Starts the embedded PostgreSQL, or finds the operator's. Throws a StartError when that cannot be used. */
export async function connectPostgres(config: Pick<Config, 'databaseUrl' | 'dataDir'>, log: Log): Promise<Postgres> {
  if (config.databaseUrl !== undefined) return await open({ connectionString: config.databaseUrl }, log);
  const embedded = await startEmbeddedPostgres({ dataDir: config.dataDir, log });
  return await open(embedded.connection, log, embedded);
}

/** The same, with the schema brought up to date. */
export async function migratedPostgres(config: Pick<Config, 'databaseUrl' | 'dataDir'>, log: Log): Promise<Postgres> {
  const postgres = await connectPostgres(config, log);
  try {
    // Without the table of migrations the answer is an error, and no as well.
    if (await isSchemaCurrent(postgres.db).catch(() => false)) return postgres;
    const steps = await migrate(postgres.connection);
    log.info({ steps }, 'schema migrated');
    return postgres;
  } catch (error) {
    await postgres.close();
    throw error;
  }
}

async function open(connection: Connection, log: Log, embedded?: EmbeddedPostgres): Promise<Postgres> {
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
  return { db, connection, embedded, close };
}

async function checkVersion(db: Database): Promise<void> {
  const [row] = await db
    .query<{ version: number }>({
      name: 'select_server_version',
      text: `select current_setting('server_version_num')::integer / 10000 as version`,
      values: [],
    })
    .catch((error: unknown) => {
      const reason = reasonOf(error instanceof DomainError ? error.cause : error);
      throw new StartError(`The database cannot be used (${reason}): check DATABASE_URL.`, { cause: error });
    });
  if (row && row.version < VERSION_MIN) {
    throw new StartError(`PostgreSQL ${row.version} is too old: issue-links needs ${VERSION_MIN} or later.`);
  }
}

/** Of a host with several addresses each has failed in its own way. */
function reasonOf(error: unknown): string {
  if (error instanceof AggregateError) return error.errors.map(reasonOf).join(', ');
  return error instanceof Error ? error.message : String(error);
}

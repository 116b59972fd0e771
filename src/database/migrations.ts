import { readdir, readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import type { Knex } from 'knex';
import { StartError } from '../errors.ts';
import { PACKAGE_ROOT } from '../package/package-root.ts';
import type { Connection } from './connection.ts';
import { locate } from './primary.ts';
import { statement } from './statement.ts';
import type { Reader } from './tables.ts';

const FOLDER = new URL('db/migrations/', PACKAGE_ROOT);
const TABLE = 'schema_migrations';
/**
 * The advisory lock that is held during a migration, so that servers sharing a database do not migrate concurrently. A
 * backup shares it.
 */
export const MIGRATION_LOCK = 7_405_124;

/**
 * Runs all pending migrations, or with `down` reverts the last one. Returns the names of the migrations that ran.
 * Throws a StartError when one fails.
 */
export async function migrate(connection: Connection, direction: 'up' | 'down' = 'up'): Promise<string[]> {
  const run = (db: Knex) => (direction === 'up' ? db.migrate.latest() : db.migrate.down());
  const [, names] = (await withMigrator(connection, run)) as [number, string[]];
  return names;
}

/** Runs or reverts migrations until `last` is the last one that has run. Throws a StartError when one fails. */
export async function migrateTo(connection: Connection, last: string): Promise<void> {
  const getMigrations = async () => (await migrationNames()).filter((name) => name <= last);
  await withMigrator(connection, async (db) => {
    await db.migrate.latest({ migrationSource: { ...sqlFiles, getMigrations } });
    while ((await db.migrate.currentVersion()) > last) await db.migrate.down();
  });
}

async function withMigrator<Result>(connection: Connection, work: (db: Knex) => Promise<Result>): Promise<Result> {
  // Imported lazily: loading knex takes longer than most commands run.
  const { default: knex } = await import('knex');
  const db = knex({
    client: 'pg',
    connection: () => locate(connection),
    // A single connection holds the lock, so that the lock ends with a killed process.
    pool: { min: 1, max: 1 },
    // knex would print whole migrations; the error is enough.
    log: { warn: ignore, error: ignore, deprecate: ignore, debug: ignore },
    migrations: {
      migrationSource: sqlFiles,
      tableName: TABLE,
      // An older server may start with a newer schema: each migration is compatible with the previous version.
      disableMigrationsListValidation: true,
    },
  });
  try {
    await db.raw('select pg_advisory_lock(?)', [MIGRATION_LOCK]);
    // knex also records a running migration in a table; a killed process leaves that record behind.
    await db.migrate.forceFreeMigrationsLock();
    return await work(db);
  } catch (error) {
    const reason = error instanceof Error ? messageOf(error) : String(error);
    throw new StartError(`The schema of the database cannot be changed (${reason}): fix that and try again.`, {
      cause: error,
    });
  } finally {
    await db.destroy();
  }
}

/** Whether every migration that this server knows has run. Throws when the database is unavailable. */
export async function isSchemaCurrent(db: Reader): Promise<boolean> {
  const applied = new Set(await listAppliedMigrations(db));
  return (await migrationNames()).every((name) => applied.has(name));
}

const LIST_APPLIED_MIGRATIONS = statement<never, { name: string }>(
  'list_applied_migrations',
  `select name from ${TABLE} order by id`,
);

/** The names of the migrations that have run, in order. Throws if none has ever run. */
export async function listAppliedMigrations(db: Reader): Promise<string[]> {
  const rows = await db.query(LIST_APPLIED_MIGRATIONS({}));
  return rows.map(({ name }) => name);
}

/** The names of all migrations that this server knows, in order. */
export async function migrationNames(): Promise<string[]> {
  const files = await readdir(FOLDER);
  return files
    .filter((file) => file.endsWith('.up.sql'))
    .map((file) => file.slice(0, -'.up.sql'.length))
    .sort();
}

const sqlFiles: Knex.MigrationSource<string> = {
  getMigrations: migrationNames,
  getMigrationName: (name) => name,
  async getMigration(name) {
    const [up, down] = await Promise.all([readStep(name, 'up'), readStep(name, 'down')]);
    return { up: (db) => run(db, name, up), down: (db) => run(db, name, down) };
  },
};

async function run(db: Knex, name: string, sql: string): Promise<void> {
  try {
    // One by one: Citus sends the text of a foreign key's statement to the nodes, which run no more than one.
    for (const statement of statementsOf(sql)) await db.raw(statement);
  } catch (error) {
    const message = error instanceof Error ? messageOf(error) : String(error);
    throw new Error(`Migration ${name}: ${message}`, { cause: error });
  }
}

/** The statements of a file, each with the comments before it. */
function statementsOf(sql: string): string[] {
  const statements = sql.match(/(?:--.*|'[^']*'|"[^"]*"|\$(\w*)\$[\s\S]*?\$\1\$|[^;])+/g) ?? [];
  return statements.filter((statement) => statement.trim() !== '');
}

/** PostgreSQL's message, which knex prefixes with the whole statement. */
function messageOf({ message }: Error): string {
  const separator = message.lastIndexOf(' - ');
  return separator === -1 ? message : message.slice(separator + 3);
}

function ignore(): void {
  // On purpose.
}

function readStep(name: string, direction: 'up' | 'down'): Promise<string> {
  return readFile(fileURLToPath(new URL(`${name}.${direction}.sql`, FOLDER)), 'utf8');
}

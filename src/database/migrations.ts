import { readdir, readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import type { Knex } from 'knex';
import { StartError } from '../errors.ts';
import type { Connection, Queryable } from './database.ts';

const FOLDER = new URL('../../db/migrations/', import.meta.url);
const TABLE = 'schema_migrations';
/** One number for all servers that share a database: whoever migrates holds it. */
const LOCK = 7_405_124;

/** Brings the schema up to date, or with `down` takes the last step back. Answers the names of the steps it ran. */
export async function migrate(connection: Connection, direction: 'up' | 'down' = 'up'): Promise<string[]> {
  // Only here: loading it takes longer than most commands.
  const { default: knex } = await import('knex');
  const db = knex({
    client: 'pg',
    // Not the URL alone: knex reads one in its own way, and finds no socket in it.
    connection,
    // The lock belongs to the one connection, so that it ends with a process that is killed.
    pool: { min: 1, max: 1 },
    // It would print whole migrations; the error says enough.
    log: { warn: ignore, error: ignore, deprecate: ignore, debug: ignore },
    migrations: {
      migrationSource: sqlFiles,
      tableName: TABLE,
      // An older server may start beside a newer schema: each step suits the code that ran before it.
      disableMigrationsListValidation: true,
    },
  });
  try {
    await db.raw('select pg_advisory_lock(?)', [LOCK]);
    // knex marks a running migration in a table of its own, and a killed process leaves the mark behind.
    await db.migrate.forceFreeMigrationsLock();
    const [, names] = (await (direction === 'up' ? db.migrate.latest() : db.migrate.down())) as [number, string[]];
    return names;
  } catch (error) {
    const reason = error instanceof Error ? wordsOf(error) : String(error);
    throw new StartError(`The schema of the database cannot be changed (${reason}): mend that, and start again.`, {
      cause: error,
    });
  } finally {
    await db.destroy();
  }
}

/** Whether every step that this server knows has run. Throws when the database is away. */
export async function isSchemaCurrent(db: Queryable): Promise<boolean> {
  const [row] = await db.query<{ count: number }>({
    name: 'count_schema_migrations',
    text: `select count(*) from ${TABLE} where name = any($1)`,
    values: [await migrationNames()],
  });
  return row?.count === (await migrationNames()).length;
}

async function migrationNames(): Promise<string[]> {
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
    await db.raw(sql);
  } catch (error) {
    const words = error instanceof Error ? wordsOf(error) : String(error);
    throw new Error(`Migration ${name}: ${words}`, { cause: error });
  }
}

/** knex puts the whole statement before PostgreSQL's own words. */
function wordsOf({ message }: Error): string {
  const separator = message.lastIndexOf(' - ');
  return separator === -1 ? message : message.slice(separator + 3);
}

function ignore(): void {
  // On purpose.
}

function readStep(name: string, direction: 'up' | 'down'): Promise<string> {
  return readFile(fileURLToPath(new URL(`${name}.${direction}.sql`, FOLDER)), 'utf8');
}

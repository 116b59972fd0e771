import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import pg from 'pg';
import { from as copyFrom, to as copyTo } from 'pg-copy-streams';
import { StartError } from '../errors.ts';
import {
  type BackedUpTable,
  type BackupHeader,
  type BackupReader,
  damaged,
  type RowCounts,
  writeBackup,
} from './backup-file.ts';
import type { Connection } from './connection.ts';
import { hasCitus } from './distribution.ts';
import { listAppliedMigrations, MIGRATION_LOCK, migrate, migrateTo, migrationNames } from './migrations.ts';
import { locate } from './primary.ts';
import type { Statement } from './statement.ts';
import {
  adHoc,
  continuationOf,
  dropForeignKeys,
  quoted,
  type Reader,
  type Sequence,
  selectSequences,
  selectTables,
  type Table,
} from './tables.ts';

/** The forms of values, whatever the settings of the database and of the role are. */
const FORMS = `set client_encoding = 'UTF8'; set datestyle = 'ISO'; set intervalstyle = 'postgres'; set extra_float_digits = 3`;

/** A session of its own, without the time limits of requests, and the statements that it runs. */
interface Session extends Reader {
  readonly client: pg.Client;
}

/**
 * Reads the whole database in one snapshot, while servers may write to it, and passes the file on, uncompressed, to `store`.
 * Returns the number of rows of each table. Throws a StartError for a distributed database, whose nodes have no snapshot in
 * common.
 */
export async function takeBackup(
  connection: Connection,
  store: (content: Readable) => Promise<void>,
): Promise<RowCounts> {
  return await withSession(connection, async (session) => {
    if (await hasCitus(session)) {
      throw new StartError('A database with the extension "citus" has no common snapshot: back up its nodes instead.');
    }
    // No migration may change a table that has not been read yet.
    await session.query(adHoc(`select pg_advisory_lock_shared(${MIGRATION_LOCK})`));
    await session.query(adHoc('begin isolation level repeatable read, read only'));
    const migrations = (await hasTable(session, 'schema_migrations')) ? await listAppliedMigrations(session) : [];
    if (migrations.length === 0) throw new StartError('The database holds no data of issue-links.');
    const tables = (await selectTables(session)).filter(({ is_unlogged }) => !is_unlogged);
    // After the snapshot was taken, so that no row that it shows has a number that a sequence would return again.
    const sequences = await selectSequences(session);
    const copies = new Map<string, { readonly rowCount: number }>();
    const countRows = () => Object.fromEntries([...copies].map(([table, { rowCount }]) => [table, rowCount]));
    const copyTables = async function* (): AsyncGenerator<BackedUpTable> {
      for (const { name, columns } of tables) {
        const rows = session.client.query(copyTo(`copy ${target(name, columns)} to stdout`));
        copies.set(name, rows);
        yield { table: name, columns, rows };
      }
      // The last copy knows its number of rows once the session is ready for another statement.
      await session.query(adHoc('commit'));
    };
    const takenAt = new Date().toISOString();
    await store(Readable.from(writeBackup({ takenAt, migrations, sequences, tables: copyTables(), countRows })));
    return countRows();
  });
}

/**
 * Restores a backup in one transaction, which `adopt` completes, into a database without organisations, and brings the
 * schema up to date. Throws a StartError, having restored nothing, if the backup is damaged or of a newer schema, or if the
 * database is not empty.
 */
export async function restoreBackup(
  connection: Connection,
  reader: BackupReader,
  adopt: (session: Reader) => Promise<void> = () => Promise.resolve(),
): Promise<RowCounts> {
  const header = await reader.readHeader();
  await requireKnownSchema(header);
  await withSession(connection, requireEmpty);
  await migrateTo(connection, header.migrations.at(-1) ?? '');
  const counts = await withSession(
    connection,
    (session) => restore(session, reader, header, adopt),
    'Nothing was restored.',
  );
  await migrate(connection);
  // Until then the planner would take the tables for empty.
  await withSession(connection, (session) => session.query(adHoc('analyze')), 'The backup was restored.');
  return counts;
}

/** Throws a StartError unless the file is a backup, complete and unchanged, that this version can restore. */
export async function verifyBackup(reader: BackupReader): Promise<void> {
  await requireKnownSchema(await reader.readHeader());
  await reader.readTables(async ({ rows }) => {
    for await (const _ of rows);
  });
}

async function requireKnownSchema({ migrations }: BackupHeader): Promise<void> {
  const known = new Set(await migrationNames());
  const unknown = migrations.find((name) => !known.has(name));
  if (unknown === undefined) return;
  throw new StartError(
    `The backup is of a newer version of issue-links (its schema includes ${unknown}). Restore it with that version.`,
  );
}

async function restore(
  session: Session,
  reader: BackupReader,
  { migrations, sequences }: BackupHeader,
  adopt: (session: Reader) => Promise<void>,
): Promise<RowCounts> {
  await session.query(adHoc('begin'));
  const tables = await selectTables(session);
  const names = tables.map(({ name }) => name);
  await session.query(adHoc(`lock table ${names.map(quoted).join(', ')} in access exclusive mode`));
  await requireEmpty(session);
  const applied = await listAppliedMigrations(session);
  if (applied.length !== migrations.length || !migrations.every((name) => applied.includes(name))) {
    throw new StartError(
      'Another process changed the schema meanwhile. Stop all servers of this database, and try again.',
    );
  }
  // They are checked when they are added again, all rows at once.
  const foreignKeys = await dropForeignKeys(session, names);
  const restored = new Map<string, number>();
  const expected = await reader.readTables(async (table) => {
    restored.set(table.table, await restoreTable(session, tables, table));
  });
  for (const [table, count] of Object.entries(expected)) {
    if (restored.get(table) !== count) throw damaged(`it lacks rows of ${table}`);
  }
  for (const foreignKey of foreignKeys) await session.query(adHoc(foreignKey));
  await adopt(session);
  await continueSequences(session, sequences);
  await session.query(adHoc('commit'));
  return expected;
}

/** Returns the number of rows. */
async function restoreTable(
  { client }: Session,
  tables: readonly Table[],
  { table, columns, rows }: BackedUpTable,
): Promise<number> {
  const known = tables.find(({ name }) => name === table);
  if (known === undefined || [...known.columns].sort().join() !== [...columns].sort().join()) {
    throw damaged(`the schema has no such table ${table}`);
  }
  const copy = client.query(copyFrom(`copy ${target(table, columns)} from stdin`));
  await pipeline(rows, copy);
  return copy.rowCount;
}

async function requireEmpty(session: Session): Promise<void> {
  if (!(await hasTable(session, 'organisations'))) return;
  if ((await session.query(adHoc('select from organisations limit 1'))).length === 0) return;
  throw new StartError(
    'The database is not empty, and a backup is restored into an empty one only. Name another with DATA_DIR or DATABASE_URL.',
  );
}

async function hasTable(session: Session, name: string): Promise<boolean> {
  const [row] = await session.query<{ exists: boolean }>(adHoc('select to_regclass($1) is not null as exists', name));
  return row?.exists ?? false;
}

/** Last, since it cannot be rolled back. */
async function continueSequences(session: Session, sequences: readonly Sequence[]): Promise<void> {
  for (const sequence of sequences) await session.query(adHoc(`select ${continuationOf(sequence)}`));
}

function target(table: string, columns: readonly string[]): string {
  return `${quoted(table)} (${columns.map(quoted).join(', ')})`;
}

async function withSession<Result>(
  connection: Connection,
  work: (session: Session) => Promise<Result>,
  consequence = '',
): Promise<Result> {
  const client = new pg.Client({ application_name: 'issue-links backup', ...(await locate(connection)) });
  // The pending statement reports the error.
  client.on('error', () => undefined);
  await client.connect();
  try {
    await client.query(FORMS);
    return await work({
      client,
      query: async <Row>({ text, values }: Statement<Row>) => (await client.query(text, [...values])).rows as Row[],
    });
  } catch (error) {
    if (!(error instanceof pg.DatabaseError)) throw error;
    throw new StartError(`PostgreSQL refuses (${error.message}). ${consequence}`.trimEnd(), { cause: error });
  } finally {
    await client.end();
  }
}

import type { Queryable, Transaction } from '../database/database.ts';
import {
  adHoc,
  continuationOf,
  literal,
  quoted,
  selectSequences,
  selectTables,
  type Table,
} from '../database/tables.ts';

/** The schema that holds the copies of all tables, and the function that restores them. */
const SCHEMA = 'issue_links_snapshot';

/** Whether the role may suspend foreign keys. Checking them would take most of the time of a restore. */
export async function maySuspendForeignKeys(db: Queryable): Promise<boolean> {
  const [row] = await db.query<{ may: boolean }>(
    adHoc(`select has_parameter_privilege('session_replication_role', 'set') as may`),
  );
  return row?.may === true;
}

/** The name of the last migration when the snapshot was taken. Undefined if there is none. */
export async function findSnapshot(db: Queryable): Promise<string | undefined> {
  const [found] = await db.query<{ exists: boolean }>(
    adHoc(`select to_regclass('${SCHEMA}.state') is not null as exists`),
  );
  if (!found?.exists) return undefined;
  const [state] = await db.query<{ migration: string }>(adHoc(`select migration from ${SCHEMA}.state`));
  return state?.migration;
}

/** Copies all tables and the states of all sequences. `migration` is the last one that has run. */
export async function takeSnapshot(db: Transaction, migration: string): Promise<void> {
  const tables = await selectTables(db);
  const sequences = await selectSequences(db);
  await db.query(
    adHoc(`
      create schema ${SCHEMA};
      ${tables.map(copyOf).join('\n')}
      create table ${SCHEMA}.state as select ${literal(migration)} as migration;
      create function ${SCHEMA}.restore() returns void language plpgsql as $restore$ begin
        lock table ${tables.map(({ name }) => quoted(name)).join(', ')} in exclusive mode;
        set local session_replication_role = replica;
        ${tables.map(restoreOf).join('\n')}
        ${sequences.map((sequence) => `perform ${continuationOf(sequence)};`).join('\n')}
      end $restore$`),
  );
}

/** Replaces the content of all tables with the snapshot's, and continues all sequences from where they were. */
export async function restoreSnapshot(db: Transaction): Promise<void> {
  await db.query(adHoc(`select ${SCHEMA}.restore()`));
}

function copyOf({ name, primary_key }: Table): string {
  const copy = `${SCHEMA}.${quoted(name)}`;
  return `
    create table ${copy} as table ${quoted(name)};
    alter table ${copy} add primary key (${primary_key.map(quoted).join(', ')});`;
}

/** Writes only the rows that differ: a test changes few of them. */
function restoreOf({ name, columns, primary_key }: Table): string {
  const table = quoted(name);
  const copy = `${SCHEMA}.${table}`;
  const list = (alias: string, names: readonly string[]) =>
    names.map((column) => `${alias}.${quoted(column)}`).join(', ');
  const isSame = `(${list('copy', primary_key)}) = (${list('stored', primary_key)})`;
  return `
    delete from ${table} stored where not exists (
      select from ${copy} copy where ${isSame} and (${list('copy', columns)}) is not distinct from (${list('stored', columns)}));
    insert into ${table} (${columns.map(quoted).join(', ')}) overriding system value
      select ${list('copy', columns)} from ${copy} copy where not exists (select from ${table} stored where ${isSame});`;
}

// Spreads the tables over the nodes of a Citus cluster: those of a tenant by organisation, the directories as a copy on
// each node. See docs/decisions/0020-distribution.md.
import type { Database, Transaction } from './database.ts';
import { LOCK_TIMEOUT_MS } from './open-database.ts';
import { adHoc, dropForeignKeys, type Reader } from './tables.ts';

/** Tables that every node has a copy of. */
const DIRECTORIES = ['organisation_directory', 'token_directory'];
/** All tables of tenants follow this one: the rows of an organisation are on one node. */
const ROOT = 'organisations';
const COLUMN = 'org_id';

export interface TableToDistribute {
  readonly table: string;
  readonly isDirectory: boolean;
  /** An estimate; -1 if the table has never been analysed. */
  readonly rows: number;
}

/** Whether the database has the extension that distributes tables. */
export async function hasCitus(db: Reader): Promise<boolean> {
  return (await select(db, `select from pg_extension where extname = 'citus'`)).length > 0;
}

/** The tables that are not distributed yet, in the order in which they will be. Throws without the extension Citus. */
export async function tablesToDistribute(db: Reader): Promise<TableToDistribute[]> {
  const tables = await select<{ table: string; rows: number }>(
    db,
    `
    select pg_class.relname as table, pg_class.reltuples::bigint as rows
    from pg_class
    join pg_attribute on pg_attribute.attrelid = pg_class.oid and pg_attribute.attname = $1
    where pg_class.relnamespace = 'public'::regnamespace and pg_class.relkind = 'r'
      and pg_class.oid not in (select logicalrelid from pg_dist_partition)
    order by pg_class.relname`,
    COLUMN,
  );
  const rank = ({ table, isDirectory }: TableToDistribute) => (isDirectory ? 0 : table === ROOT ? 1 : 2);
  return tables
    .map(({ table, rows }) => ({ table, rows, isDirectory: DIRECTORIES.includes(table) }))
    .sort((left, right) => rank(left) - rank(right));
}

/**
 * Distributes the tables that are not yet, in one transaction; `onTable` is called before each. Meanwhile, other clients cannot
 * use the tables. Without such tables, it only repeats the settings of the nodes.
 */
export function distribute(db: Database, onTable: (table: TableToDistribute) => void): Promise<void> {
  return db.transaction(async (transaction) => {
    // The commands that follow each other depend on one another.
    await select(transaction, `set local citus.multi_shard_modify_mode = 'sequential'`);
    const tables = await tablesToDistribute(transaction);
    // A foreign key between a local table and a distributed one is not possible, so they are made again at the end.
    const keys = await dropForeignKeys(
      transaction,
      tables.map(({ table }) => table),
    );
    for (const table of tables) {
      onTable(table);
      if (table.isDirectory) await select(transaction, 'select create_reference_table($1)', table.table);
      else if (table.table === ROOT) {
        await select(transaction, 'select create_distributed_table($1, $2)', table.table, COLUMN);
      } else {
        await select(
          transaction,
          'select create_distributed_table($1, $2, colocate_with => $3)',
          table.table,
          COLUMN,
          ROOT,
        );
      }
    }
    for (const key of keys) await select(transaction, key);
    await limitLockWaits(transaction);
  });
}

/** Rows are locked on the nodes, in sessions of Citus, which have no settings of ours but those of the database there. */
async function limitLockWaits(transaction: Transaction): Promise<void> {
  const failures = await select<{ result: string }>(
    transaction,
    `
    select nodename || ':' || nodeport || ': ' || result as result
    from run_command_on_workers(format(
      'do $$ begin set local citus.enable_ddl_propagation = off; alter database %I set lock_timeout = %s; end $$',
      current_database(), $1::integer))
    where not success`,
    LOCK_TIMEOUT_MS,
  );
  if (failures.length > 0) throw new Error(failures.map(({ result }) => result).join('; '));
}

function select<Row>(db: Reader, text: string, ...values: readonly unknown[]): Promise<Row[]> {
  return db.query<Row>(adHoc(text, ...values));
}

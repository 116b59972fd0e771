import type { Transaction } from './database.ts';
import { statement } from './statement.ts';

const NEXT_IDS = statement<'table' | 'column' | 'count', { id: number }>(
  'next_ids',
  'select nextval(pg_get_serial_sequence(:table, :column)) as id from generate_series(1, :count::integer)',
);

/**
 * The next ids of a table's identity column, ascending. An insert that reads a table of tenants needs them: Citus runs it on
 * a worker, which has sequences of its own. Without such a table, this statement runs on the coordinator.
 */
export async function nextIds(db: Transaction, table: string, column: string, count: number): Promise<number[]> {
  const rows = await db.query(NEXT_IDS({ table, column, count }));
  return rows.map(({ id }) => id);
}

export async function nextId(db: Transaction, table: string, column: string): Promise<number> {
  const [id] = await nextIds(db, table, column, 1);
  return id as number;
}

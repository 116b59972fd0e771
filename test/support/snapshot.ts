import { expect } from '@jest/globals';
import type { Database } from '../../src/database/database.ts';

/** Everything that is stored, table by table: to show that a refused request wrote nothing. */
export async function snapshot(db: Database): Promise<Record<string, unknown>> {
  const tables = await db.query<{ table: string }>({
    name: '',
    text: `
      select relname as table from pg_class
      where relkind = 'r' and relnamespace = 'public'::regnamespace
      order by relname`,
    values: [],
  });
  const contents: Record<string, unknown> = {};
  for (const { table } of tables) {
    const rows = await db.query<{ rows: unknown }>({
      name: '',
      text: `select coalesce(jsonb_agg(row order by row::text), '[]') as rows from (select to_jsonb(${table}) as row from ${table}) as found`,
      values: [],
    });
    contents[table] = rows[0]?.rows;
  }
  return contents;
}

const watched = new WeakSet<Database>();

/** Shows that nothing is written meanwhile: one look before and one after, for all that is in `work`. */
export async function unchanged(db: Database, work: () => Promise<void>): Promise<void> {
  if (watched.has(db)) {
    await work();
    return;
  }
  watched.add(db);
  try {
    const before = await snapshot(db);
    await work();
    expect(await snapshot(db)).toEqual(before);
  } finally {
    watched.delete(db);
  }
}

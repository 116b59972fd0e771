import { expect } from '@jest/globals';
import type { Database } from '../../src/database/database.ts';

/** The contents of every table, to show that a rejected request wrote nothing. */
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

/** Expects that `work` writes nothing. Nested calls share the snapshots of the outermost one. */
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

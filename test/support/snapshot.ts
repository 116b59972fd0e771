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

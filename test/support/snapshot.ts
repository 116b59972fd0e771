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

/** A digest of an organisation's rows by table: cheaper than a snapshot, and it does not tell what has changed. */
export async function digest(db: Database, orgId: string): Promise<Record<string, string | null>> {
  const tables = await db.query<{ table: string }>({
    name: '',
    text: `
      select relname as table from pg_class
      join pg_attribute on attrelid = pg_class.oid and attname = 'org_id'
      where relkind = 'r' and relnamespace = 'public'::regnamespace`,
    values: [],
  });
  const digests = tables.map(
    ({ table }) => `select '${table}' as table, md5(string_agg(row::text, ' ' order by row::text)) as digest
      from ${table} as row where org_id = $1`,
  );
  const rows = await db.query<{ table: string; digest: string | null }>({
    name: '',
    text: digests.join(' union all '),
    values: [orgId],
  });
  return Object.fromEntries(rows.map(({ table, digest }) => [table, digest]));
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

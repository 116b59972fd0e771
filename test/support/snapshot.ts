import { expect } from '@jest/globals';
import type { Database } from '../../src/database/database.ts';

/** The rows of every table, for a test that looks into them. */
export async function contents(db: Database): Promise<Record<string, unknown>> {
  const rows = await db.query<{ table: string; rows: unknown }>({
    name: '',
    text: (await tables(db))
      .map(
        (table) => `
          select '${table}' as table, coalesce(jsonb_agg(to_jsonb(row) order by row::text), '[]') as rows
          from ${table} as row`,
      )
      .join(' union all '),
    values: [],
  });
  return Object.fromEntries(rows.map(({ table, rows }) => [table, rows]));
}

/**
 * The number of rows of every table and a digest of them, to show that a rejected request wrote nothing; of one
 * organisation only, which is cheaper, or of all.
 */
export async function snapshot(db: Database, orgId?: string): Promise<Record<string, string>> {
  const ofOrganisation = orgId === undefined ? '' : 'where org_id = $1';
  const rows = await db.query<{ table: string; digest: string }>({
    name: '',
    text: (await tables(db, orgId === undefined ? undefined : `attname = 'org_id'`))
      .map(
        (table) => `
          select '${table}' as table, count(*) || ' rows, ' || coalesce(sum(hashtextextended(row::text, 0)), 0) as digest
          from ${table} as row ${ofOrganisation}`,
      )
      .join(' union all '),
    values: orgId === undefined ? [] : [orgId],
  });
  return Object.fromEntries(rows.map(({ table, digest }) => [table, digest]));
}

/** The tables with such a column. */
async function tables(db: Database, condition = 'true'): Promise<string[]> {
  const rows = await db.query<{ table: string }>({
    name: '',
    text: `
      select distinct relname as table from pg_class
      join pg_attribute on attrelid = pg_class.oid
      where relkind = 'r' and relnamespace = 'public'::regnamespace and ${condition}
      order by relname`,
    values: [],
  });
  return rows.map(({ table }) => table);
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

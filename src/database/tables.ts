import type { Queryable } from './database.ts';

/** A database of which only ad-hoc statements are run. */
export type Reader = Pick<Queryable, 'query'>;

export interface Table {
  readonly name: string;
  /** Without generated columns. */
  readonly columns: readonly string[];
  readonly primary_key: readonly string[];
  /** Whether a crash empties it. */
  readonly is_unlogged: boolean;
}

export interface Sequence {
  readonly name: string;
  /** Null if it was never used. */
  readonly last_value: string | null;
  readonly start_value: string;
}

const SELECT_TABLES = `
  select tables.relname as name,
    array(
      select attname::text from pg_attribute
      where attrelid = tables.oid and attnum > 0 and not attisdropped and attgenerated = ''
      order by attnum
    ) as columns,
    array(
      select attname::text from pg_attribute
      where attrelid = tables.oid and attnum = any(pg_index.indkey)
    ) as primary_key,
    relpersistence = 'u' as is_unlogged
  from pg_class tables
  join pg_index on indrelid = tables.oid and indisprimary
  where relnamespace = current_schema()::regnamespace and relkind = 'r' and relname not like 'schema_migrations%'
  order by relname`;

/** All tables but those of the migrations. */
export function selectTables(db: Reader): Promise<Table[]> {
  return db.query<Table>(adHoc(SELECT_TABLES));
}

const SELECT_SEQUENCES = `
  select sequencename::text as name, last_value::text, start_value::text
  from pg_sequences
  where schemaname = current_schema() and sequencename not like 'schema_migrations%'
  order by sequencename`;

export function selectSequences(db: Reader): Promise<Sequence[]> {
  return db.query<Sequence>(adHoc(SELECT_SEQUENCES));
}

/** The call that continues a sequence from where it was. */
export function continuationOf({ name, last_value, start_value }: Sequence): string {
  return `setval(${literal(quoted(name))}, ${last_value ?? start_value}, ${last_value !== null})`;
}

/** Drops the foreign keys of the tables, and those that refer to them. Returns the commands that add them again. */
export async function dropForeignKeys(db: Reader, tables: readonly string[]): Promise<string[]> {
  const keys = await db.query<{ table: string; name: string; definition: string }>(
    adHoc(
      `
      select conrelid::regclass::text as table, quote_ident(conname) as name, pg_get_constraintdef(oid) as definition
      from pg_constraint
      where contype = 'f' and (conrelid::regclass::text = any($1) or confrelid::regclass::text = any($1))
      order by conname`,
      tables,
    ),
  );
  for (const { table, name } of keys) await db.query(adHoc(`alter table ${table} drop constraint ${name}`));
  return keys.map(({ table, name, definition }) => `alter table ${table} add constraint ${name} ${definition}`);
}

export function adHoc(text: string, ...values: readonly unknown[]) {
  return { name: '', text, values } as const;
}

export function quoted(identifier: string): string {
  return `"${identifier.replaceAll('"', '""')}"`;
}

export function literal(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}

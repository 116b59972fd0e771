import type { Database, Queryable, Transaction } from '../database/database.ts';
import { numberPlaceholders, type UnnamedStatement } from '../database/statement.ts';
import type { Column, RecordKind } from './record-kinds.ts';

// These statements run once in a command, or once for many records, so they are assembled from the kinds of records
// instead of declared.

function bind(sql: string, values: Readonly<Record<string, unknown>>): UnnamedStatement {
  const { text, keys } = numberPlaceholders(sql);
  return { name: '', text, values: keys.map((key) => values[key]) };
}

/** Reads the records of a kind as lines of an export, by primary key. */
export function selectLines(
  { name, table, columns, key }: RecordKind,
  orgId: string,
  { withSecrets }: { readonly withSecrets: boolean },
): UnnamedStatement {
  const members = columns
    .filter(({ isSecret }) => withSecrets || !isSecret)
    .map((column) => `'"${column.member}":' || to_json(${exportedValue(column)})::text`);
  // The column that comes first is never null, so each other member can bring its comma: concat leaves out nulls.
  if (key.length === 0) members.unshift(`'"id":' || to_json(stored.org_id)::text`);
  const text = `
    select concat('{"${name}":{', ${members.join(`, ',' || `)}, '}}') as line
    from ${table} stored
    where stored.org_id = :orgId
    order by ${['org_id', ...key.map(({ name: column }) => column)].map((column) => `stored.${column}`).join(', ')}`;
  return bind(text, { orgId });
}

function exportedValue(column: Column): string {
  if (column.default === undefined) return `stored.${column.name}`;
  const value = isLiteral(column.default) ? `${column.default}::${column.type}` : `stored.${column.default}`;
  return `nullif(stored.${column.name}, ${value})`;
}

/** Literals are quoted, numbers or booleans; all else is the name of a column. */
function isLiteral(sql: string): boolean {
  return /^('.*'|\d+|true|false)$/.test(sql);
}

/** SQL: the record `given` of each line of the batch. */
function givenRecords({ name, columns }: RecordKind): string {
  const members = columns.map(({ member, type }) => `"${member}" ${type}`).join(', ');
  return `jsonb_array_elements(:lines) with ordinality as batch (line, place)
    cross join lateral jsonb_to_record(batch.line -> '${name}') as given (${members})`;
}

function givenValue({ columns }: RecordKind, column: Column): string {
  if (column.default === undefined) return `given."${column.member}"`;
  const source = columns.find(({ name }) => name === column.default);
  const value = source ? `given."${source.member}"` : `${column.default}::${column.type}`;
  return `coalesce(given."${column.member}", ${value})`;
}

function insert(kind: RecordKind, onConflict = ''): string {
  const { table, columns, derived, key } = kind;
  const names = [...columns.map(({ name }) => name), ...Object.keys(derived.columns)];
  const values = [...columns.map((column) => givenValue(kind, column)), ...Object.values(derived.columns)];
  return `
    insert into ${table} (org_id, ${names.join(', ')}) overriding system value
    select :orgId, ${values.join(', ')}
    from ${givenRecords(kind)}${derived.joins}
    order by batch.place
    ${onConflict}
    returning ${key[0]?.name ?? 'org_id'}`;
}

/** Inserts the records that conflict with no row. `lines` is a JSON array. Returns how many. */
export async function insertRecords(db: Transaction, kind: RecordKind, orgId: string, lines: string): Promise<number> {
  const rows = await db.query(bind(insert(kind, 'on conflict do nothing'), { orgId, lines }));
  return rows.length;
}

/**
 * Inserts one record, without its reference to another of its kind, which may follow. Rejects with the constraint that it
 * conflicts with, and returns false if it refers to nothing.
 */
export async function insertRecord(db: Transaction, kind: RecordKind, orgId: string, line: string): Promise<boolean> {
  const columns = kind.columns.filter((column) => column !== kind.selfReference);
  const rows = await db.query(bind(insert({ ...kind, columns }), { orgId, lines: `[${line}]` }));
  return rows.length > 0;
}

/** The places in the batch, from 1, of records that refer to none of their kind. */
export async function selectDangling(db: Queryable, kind: RecordKind, orgId: string, lines: string): Promise<number[]> {
  const { table, key, selfReference } = kind;
  if (selfReference === undefined) return [];
  const text = `
    select batch.place
    from ${givenRecords(kind)}
    left join ${table} stored on stored.org_id = :orgId and stored.${key[0]?.name} = given."${selfReference.member}"
    where given."${selfReference.member}" is not null and stored.org_id is null
    order by batch.place`;
  const rows = await db.query<{ place: number }>(bind(text, { orgId, lines }));
  return rows.map(({ place }) => place);
}

/** The places in the batch, from 1, of records that are not stored as they are. */
export async function selectDifferences(
  db: Queryable,
  kind: RecordKind,
  orgId: string,
  lines: string,
): Promise<number[]> {
  const { table, columns, key } = kind;
  const compared = columns.filter(({ isCompared }) => isCompared);
  const isSameKey = key.map(({ name, member }) => ` and stored.${name} = given."${member}"`).join('');
  const text = `
    select batch.place
    from ${givenRecords(kind)}
    left join ${table} stored on stored.org_id = :orgId${isSameKey}
    where stored.org_id is null
      or row(${compared.map(({ name }) => `stored.${name}`).join(', ')})
        is distinct from row(${compared.map((column) => givenValue(kind, column)).join(', ')})
    order by batch.place`;
  const rows = await db.query<{ place: number }>(bind(text, { orgId, lines }));
  return rows.map(({ place }) => place);
}

/** Whether a load into the organisation has begun and not ended. */
export async function selectIsLoading(db: Queryable, orgId: string): Promise<boolean> {
  const text = 'select is_loading from organisations where org_id = :orgId';
  const [row] = await db.query<{ is_loading: boolean }>(bind(text, { orgId }));
  return row?.is_loading ?? false;
}

/** Lets PostgreSQL count the rows of the tables now, so that it plans for what was loaded. Autovacuum does it a minute later. */
export async function analyze(db: Database, kinds: readonly RecordKind[]): Promise<void> {
  await db.execute(bind(`analyze ${kinds.map(({ table }) => table).join(', ')}`, {}));
}

export async function endLoad(db: Database, orgId: string): Promise<void> {
  await db.execute(bind('update organisations set is_loading = false where org_id = :orgId', { orgId }));
}

/** How many records an export has. */
export async function countRecords(db: Queryable, kinds: readonly RecordKind[], orgId: string): Promise<number> {
  const counts = kinds.map(({ table }) => `(select count(*) from ${table} where org_id = :orgId)`);
  const [row] = await db.query<{ count: number }>(bind(`select ${counts.join(' + ')} as count`, { orgId }));
  return row?.count ?? 0;
}

import type { Database, Queryable, Transaction } from '../../database/database.ts';
import { statement } from '../../database/statement.ts';

const DISABLE_USERS = statement<'orgId'>(
  'disable_users',
  'update users set is_active = false, password_hash = null where org_id = :orgId',
);
const DELETE_ALL_TOKENS = statement<'orgId'>('delete_all_tokens', 'delete from tokens where org_id = :orgId');
const DELETE_ALL_TOKEN_ENTRIES = statement<'orgId'>(
  'delete_all_token_entries',
  'delete from token_directory where org_id = :orgId',
);

const SELECT_HAS_ACTIVE_USERS = statement<'orgId', { has_active_users: boolean }>(
  'select_has_active_users',
  'select exists (select from users where org_id = :orgId and is_active) as has_active_users',
);

/** Whether anyone can use the organisation: false only while it is being loaded or deleted. */
export async function selectHasActiveUsers(db: Queryable, orgId: string): Promise<boolean> {
  const [row] = await db.query(SELECT_HAS_ACTIVE_USERS({ orgId }));
  return row?.has_active_users ?? false;
}

/** Makes all credentials of the organisation invalid. */
export async function deleteCredentials(db: Transaction, orgId: string): Promise<void> {
  await db.invalidate(orgId);
  for (const statementOf of [DISABLE_USERS, DELETE_ALL_TOKENS, DELETE_ALL_TOKEN_ENTRIES]) {
    await db.query(statementOf({ orgId }));
  }
}

interface TenantTable {
  readonly name: string;
  readonly primaryKey: readonly string[];
  /** The other tables whose foreign keys refer to it. */
  readonly referencedBy: readonly string[];
}

/** Read from the catalog, so that no table can be forgotten. */
const SELECT_TENANT_TABLES = `
  select tables.relname as name,
    array(
      select quote_ident(attname) from pg_attribute where attrelid = tables.oid and attnum = any(pg_index.indkey)
    ) as "primaryKey",
    array(
      select distinct referencing.relname::text
      from pg_constraint
      join pg_class referencing on referencing.oid = pg_constraint.conrelid
      where contype = 'f' and confrelid = tables.oid and conrelid <> tables.oid
    ) as "referencedBy"
  from pg_class tables
  join pg_attribute on pg_attribute.attrelid = tables.oid and pg_attribute.attname = 'org_id'
  join pg_index on pg_index.indrelid = tables.oid and pg_index.indisprimary
  where tables.relnamespace = current_schema()::regnamespace and tables.relkind in ('r', 'p')
    and tables.relname not in ('organisations', 'organisation_directory', 'token_directory')
  order by tables.relname`;

/** All tables with rows of organisations except the directories and `organisations`, each after the tables that refer to it. */
export async function selectTenantTables(db: Queryable): Promise<TenantTable[]> {
  let unordered = await db.query<TenantTable>({ name: '', text: SELECT_TENANT_TABLES, values: [] });
  const ordered: TenantTable[] = [];
  while (unordered.length > 0) {
    const next = unordered.filter(({ referencedBy }) =>
      referencedBy.every((name) => unordered.every((table) => table.name !== name)),
    );
    if (next.length === 0)
      throw new Error(`Foreign keys form a cycle: ${unordered.map(({ name }) => name).join(', ')}.`);
    ordered.push(...next);
    unordered = unordered.filter((table) => !next.includes(table));
  }
  return ordered;
}

/** Deletes some rows of the organisation in a transaction of its own, and returns how many. */
export async function deleteRows(
  db: Database,
  { name, primaryKey }: TenantTable,
  orgId: string,
  limit: number,
): Promise<number> {
  const key = primaryKey.join(', ');
  const text = `
    delete from ${name}
    where org_id = $1 and (${key}) in (select ${key} from ${name} where org_id = $1 order by ${key} limit $2)
    returning 1`;
  const rows = await db.execute({ name: '', text, values: [orgId, limit] });
  return rows.length;
}

const DELETE_ORGANISATION = statement<'orgId'>(
  'delete_organisation',
  'delete from organisations where org_id = :orgId',
);

export async function deleteOrganisationRow(db: Transaction, orgId: string): Promise<void> {
  await db.query(DELETE_ORGANISATION({ orgId }));
}

import { readFile } from 'node:fs/promises';
import { expect, test } from '@jest/globals';
import { schemaSql } from '../../scripts/schema.js';
import type { Database } from '../../src/database/database.ts';
import { isSchemaCurrent, migrate } from '../../src/database/migrations.ts';
import { createTestDatabase, useDatabase } from '../support/test-database.ts';

const migrated = useDatabase();
const SCHEMA_FILE = new URL('../../db/schema.sql', import.meta.url);

/** Tables that no tenant owns: the tenants themselves, and knex's. */
const NOT_OF_TENANTS = ['organisations', 'schema_migrations', 'schema_migrations_lock'];

/** Unique constraints that find the organisation, and so cannot start with it. */
const FINDS_ORGANISATION = ['organisations_cloud_id_key'];

/** Foreign keys without an index: what they refer to is not deleted, nor its key changed, while it is in use. */
const WITHOUT_INDEX = [
  // Users with a history are disabled, not deleted.
  'events_user_id_fkey',
  'issues_created_by_fkey',
  'issues_updated_by_fkey',
  'links_created_by_fkey',
  'links_updated_by_fkey',
  'remote_links_created_by_fkey',
  'remote_links_updated_by_fkey',
  // Types, priorities and statuses are the organisation's own for good.
  'issues_issue_type_id_fkey',
  'issues_priority_id_fkey',
  'issues_previous_status_id_fkey',
  'queues_default_issue_type_id_fkey',
  'queues_default_priority_id_fkey',
  // An organisation's rule changes once in a life, and then its links are all touched anyway.
  'links_one_link_per_pair_fkey',
];

async function select<Row>(db: Database, text: string, ...values: unknown[]): Promise<Row[]> {
  return await db.query<Row>({ name: '', text, values });
}

/** Everything that a migration can make, by name, in PostgreSQL's own words. */
async function schemaOf(db: Database): Promise<string[]> {
  const rows = await select<{ line: string }>(
    db,
    `
    with relations as (
      select oid, relname from pg_class where relnamespace = 'public'::regnamespace and relkind in ('r', 'v', 'm', 'S', 'p')
    )
    select concat_ws(' ', 'column', relname, attname,
      -- Its place, not its number: a column that went and came back has another number.
      row_number() over (partition by relname order by attnum), format_type(atttypid, atttypmod), attnotnull, attidentity,
      attgenerated, attcollation::regcollation, pg_get_expr(adbin, adrelid), col_description(relations.oid, attnum)) as line
    from relations
    join pg_attribute on attrelid = relations.oid and attnum > 0 and not attisdropped
    left join pg_attrdef on adrelid = attrelid and adnum = attnum
    union all
    select concat_ws(' ', 'relation', relname, obj_description(oid, 'pg_class')) from relations
    union all
    select concat_ws(' ', 'constraint', conname, conrelid::regclass, pg_get_constraintdef(oid)) from pg_constraint
    where connamespace = 'public'::regnamespace
    union all
    select concat_ws(' ', 'index', indexdef) from pg_indexes where schemaname = 'public'
    union all
    select concat_ws(' ', 'trigger', tgrelid::regclass, pg_get_triggerdef(oid)) from pg_trigger
    where not tgisinternal
    union all
    select concat_ws(' ', 'function', oid::regprocedure, md5(prosrc)) from pg_proc where pronamespace = 'public'::regnamespace
    union all
    select concat_ws(' ', 'type', typname) from pg_type
    where typnamespace = 'public'::regnamespace and typtype in ('e', 'd')
    order by line`,
  );
  return rows.map(({ line }) => line);
}

test('the way down undoes the way up, step by step, and up again is the same schema', async () => {
  const { db, connection, drop } = await createTestDatabase('template0');
  const steps = await migrate(connection);
  expect(steps.length).toBeGreaterThan(0);
  const schema = await schemaOf(db);
  expect(schema).toEqual(await schemaOf(migrated().db));

  for (const step of [...steps].reverse()) expect(await migrate(connection, 'down')).toEqual([step]);
  expect(await migrate(connection, 'down')).toEqual([]);
  const left = (await schemaOf(db)).filter((line) => !line.includes('schema_migrations'));
  expect(left).toEqual([]);

  expect(await migrate(connection)).toEqual(steps);
  expect(await schemaOf(db)).toEqual(schema);
  await drop();
});

test('db/schema.sql is the schema as it stands', async () => {
  expect(await readFile(SCHEMA_FILE, 'utf8')).toBe(await schemaSql(migrated().db));
});

test('db/schema.sql makes all that the migrations make', async () => {
  const { db, drop } = await createTestDatabase('template0');
  await select(db, await readFile(SCHEMA_FILE, 'utf8'));
  const schema = await schemaOf(migrated().db);
  expect(await schemaOf(db)).toEqual(schema.filter((line) => !line.includes('schema_migrations')));
  await drop();
});

test('a single step down and up again changes nothing, whichever step is the last', async () => {
  const { db, connection, drop } = await createTestDatabase('template_issue_links');
  const schema = await schemaOf(db);
  const steps: string[] = [];
  for (let [step] = await migrate(connection, 'down'); step !== undefined; [step] = await migrate(connection, 'down')) {
    const without = await schemaOf(db);
    expect(await isSchemaCurrent(db)).toBe(false);
    steps.unshift(step);
    await migrate(connection);
    expect(await schemaOf(db)).toEqual(schema);
    for (const _ of steps) await migrate(connection, 'down');
    expect(await schemaOf(db)).toEqual(without);
  }
  await drop();
});

test('what is up to date is left alone', async () => {
  const { db, connection } = migrated();
  const schema = await schemaOf(db);
  expect(await isSchemaCurrent(db)).toBe(true);
  expect(await migrate(connection)).toEqual([]);
  expect(await schemaOf(db)).toEqual(schema);
});

test('of several that migrate at once one does it, and the others find it done', async () => {
  const { db, connection, drop } = await createTestDatabase('template0');
  const all = await Promise.all(Array.from({ length: 4 }, () => migrate(connection)));
  const [steps, ...others] = all.sort((left, right) => right.length - left.length);
  expect(steps?.length).toBeGreaterThan(0);
  expect(others).toEqual([[], [], []]);
  expect(await schemaOf(db)).toEqual(await schemaOf(migrated().db));
  await drop();
});

test('a step that fails leaves nothing of itself, and can be repeated', async () => {
  const { db, connection, drop } = await createTestDatabase('template0');
  await select(db, 'create table links (in_the_way integer)');
  await expect(migrate(connection)).rejects.toThrow(
    /^The schema of the database cannot be changed \(Migration \S+: relation "links" already exists\)/,
  );
  await select(db, 'drop table links');
  await migrate(connection);
  expect(await schemaOf(db)).toEqual(await schemaOf(migrated().db));
  await drop();
});

test('a start that was killed while it migrated is in nobody’s way', async () => {
  const { db, connection, drop } = await createTestDatabase('template_issue_links');
  await migrate(connection, 'down');
  await select(db, 'update schema_migrations_lock set is_locked = 1');
  expect(await migrate(connection)).toHaveLength(1);
  await drop();
});

test('every table of the tenants starts its keys with the organisation', async () => {
  const keys = await select<{ name: string; table: string; columns: string[]; referenced: string[] | null }>(
    migrated().db,
    `
    select conname as name, conrelid::regclass::text as table,
      array(select attname::text from unnest(conkey) with ordinality as k (n, place)
        join pg_attribute on attrelid = conrelid and attnum = n order by place) as columns,
      case when contype = 'f' then
        array(select attname::text from unnest(confkey) with ordinality as k (n, place)
          join pg_attribute on attrelid = confrelid and attnum = n order by place)
      end as referenced
    from pg_constraint
    where connamespace = 'public'::regnamespace and contype in ('p', 'u', 'f')`,
  );
  const ofTenants = keys.filter(({ table }) => !table.startsWith('schema_migrations'));
  expect(ofTenants.length).toBeGreaterThan(40);
  const wrong = ofTenants.filter(
    ({ name, columns, referenced }) =>
      !FINDS_ORGANISATION.includes(name) &&
      (columns[0] !== 'org_id' || (referenced !== null && referenced[0] !== 'org_id')),
  );
  expect(wrong).toEqual([]);
});

test('every table of the tenants has a primary key, and org_id as a column that is never empty', async () => {
  const rows = await select<{ table: string; key: number; required: boolean | null }>(
    migrated().db,
    `
    select relname as table, (select count(*) from pg_constraint where conrelid = pg_class.oid and contype = 'p') as key,
      (select attnotnull from pg_attribute where attrelid = pg_class.oid and attname = 'org_id') as required
    from pg_class
    where relnamespace = 'public'::regnamespace and relkind = 'r'`,
  );
  const tables = rows.filter(({ table }) => !NOT_OF_TENANTS.includes(table));
  expect(tables.length).toBeGreaterThan(10);
  for (const { table, key, required } of tables)
    expect({ table, key, required }).toEqual({ table, key: 1, required: true });
});

test('every index but the one that finds a token starts with the organisation', async () => {
  const rows = await select<{ name: string }>(
    migrated().db,
    `
    select indexrelid::regclass::text as name
    from pg_index
    join pg_class on pg_class.oid = indrelid
    join pg_attribute on attrelid = indrelid and attnum = indkey[0]
    where relnamespace = 'public'::regnamespace and relname <> all ($1) and attname <> 'org_id'
    order by 1`,
    NOT_OF_TENANTS,
  );
  expect(rows.map(({ name }) => name)).toEqual(['tokens_token_hash_idx']);
});

test('every table is explained by a comment', async () => {
  const tables = await select<{ table: string }>(
    migrated().db,
    `
    select relname as table from pg_class
    where relnamespace = 'public'::regnamespace and relkind = 'r' and relname not like 'schema\\_migrations%'
      and coalesce(obj_description(oid, 'pg_class'), '') = ''`,
  );
  expect(tables).toEqual([]);
});

test('every constraint has a name of our own, by which errors are told apart', async () => {
  const rows = await select<{ name: string }>(
    migrated().db,
    `
    select conname as name from pg_constraint
    join pg_class on pg_class.oid = conrelid
    where connamespace = 'public'::regnamespace and relname not like 'schema\\_migrations%'
      and contype in ('p', 'u', 'f', 'c')
      and conname !~ ('^' || relname || '_.*(pkey|key|fkey|check)$')`,
  );
  expect(rows).toEqual([]);
});

test('every foreign key has an index that carries it, or an excuse', async () => {
  const rows = await select<{ name: string }>(
    migrated().db,
    `
    select conname as name from pg_constraint
    where connamespace = 'public'::regnamespace and contype = 'f'
      and not exists (
        select from pg_index
        where indrelid = conrelid
          -- It leads with the organisation and another column of the key (copied rules follow, which select nothing), ...
          and (indkey::smallint[])[0:least(cardinality(conkey), 2) - 1] <@ conkey
          -- ... and holds every row in which the key is not empty.
          and (indpred is null or pg_get_expr(indpred, indrelid) ~ '^\\(\\w+ IS NOT NULL\\)$')
      )
    order by 1`,
  );
  expect(rows.map(({ name }) => name)).toEqual(WITHOUT_INDEX.toSorted());
});

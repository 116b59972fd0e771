import { readdir, readFile } from 'node:fs/promises';
import { expect, test } from '@jest/globals';
import { schemaSql } from '../../scripts/schema.js';
import type { Database } from '../../src/database/database.ts';
import { tablesToDistribute } from '../../src/database/distribution.ts';
import { isSchemaCurrent, listAppliedMigrations, migrate } from '../../src/database/migrations.ts';
import { type GivenIssue, givenIssue, givenLink, givenOrganisation, givenQueue } from '../support/builders.ts';
import { createTestDatabase, isOnCitus, type TestDatabase, useDatabase } from '../support/test-database.ts';

const migrated = useDatabase();
const SCHEMA_FILE = new URL('../../db/schema.sql', import.meta.url);

/** Tables without tenant data: the directories, which find the tenants, and those of knex. */
const NON_TENANT_TABLES = ['organisation_directory', 'token_directory', 'schema_migrations', 'schema_migrations_lock'];

/** Foreign keys that need no index: the rows they refer to are neither deleted nor given another key while in use. */
const WITHOUT_INDEX = [
  'comments_created_by_fkey',
  'comments_updated_by_fkey',
  'issues_resolution_id_fkey',
  'issues_resolved_by_fkey',
  // Users with a history are disabled, not deleted.
  'events_user_id_fkey',
  'issues_author_id_fkey',
  'issues_created_by_fkey',
  'issues_updated_by_fkey',
  'links_created_by_fkey',
  'links_updated_by_fkey',
  'remote_links_created_by_fkey',
  'remote_links_updated_by_fkey',
  // The types and priorities of an organisation are permanent.
  'issues_issue_type_id_fkey',
  'issues_priority_id_fkey',
  'queues_default_issue_type_id_fkey',
  'queues_default_priority_id_fkey',
  // The rule of an organisation changes rarely, and a change updates all of its links anyway.
  'links_one_link_per_pair_fkey',
];

async function select<Row>(db: Database, text: string, ...values: unknown[]): Promise<Row[]> {
  return await db.query<Row>({ name: '', text, values });
}

/** All objects that a migration can create, as PostgreSQL describes them, sorted. */
async function schemaOf(db: Database): Promise<string[]> {
  const rows = await select<{ line: string }>(
    db,
    `
    with relations as (
      select oid, relname from pg_class where relnamespace = 'public'::regnamespace and relkind in ('r', 'v', 'm', 'S', 'p')
    )
    select concat_ws(' ', 'column', relname, attname,
      -- The position, not attnum: a column that was dropped and added again has another attnum.
      row_number() over (partition by relname order by attnum), format_type(atttypid, atttypmod), attnotnull, attidentity,
      attgenerated, attcollation::regcollation, pg_get_expr(adbin, adrelid), col_description(relations.oid, attnum)) as line
    from relations
    join pg_attribute on attrelid = relations.oid and attnum > 0 and not attisdropped
    left join pg_attrdef on adrelid = attrelid and adnum = attnum
    union all
    select concat_ws(' ', 'relation', relname, obj_description(oid, 'pg_class')) from relations
    union all
    select concat_ws(' ', 'constraint', conname, conrelid::regclass, pg_get_constraintdef(oid)) from pg_constraint
    where conrelid in (select oid from relations)
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

/** A migrated database of which every step can be undone: on Citus, its tables are not distributed. */
async function createLocalDatabase(): Promise<TestDatabase> {
  if (!isOnCitus) return await createTestDatabase('template_issue_links');
  const database = await createTestDatabase('template0');
  await migrate(database.connection);
  return database;
}

test('migrating down undoes each step, and migrating up again gives the same schema', async () => {
  const { db, connection, drop } = await createTestDatabase('template0');
  const empty = await schemaOf(db);
  const steps = await migrate(connection);
  expect(steps.length).toBeGreaterThan(0);
  const schema = await schemaOf(db);
  expect(schema).toEqual(await schemaOf(migrated().db));

  for (const step of [...steps].reverse()) expect(await migrate(connection, 'down')).toEqual([step]);
  expect(await migrate(connection, 'down')).toEqual([]);
  const left = (await schemaOf(db)).filter((line) => !line.includes('schema_migrations'));
  expect(left).toEqual(empty);

  expect(await migrate(connection)).toEqual(steps);
  expect(await schemaOf(db)).toEqual(schema);
  await drop();
});

test('db/schema.sql is the current schema', async () => {
  expect(await readFile(SCHEMA_FILE, 'utf8')).toBe(await schemaSql(migrated().db));
});

test('db/schema.sql creates the same schema as the migrations', async () => {
  const { db, drop } = await createTestDatabase('template0');
  await select(db, await readFile(SCHEMA_FILE, 'utf8'));
  const schema = await schemaOf(migrated().db);
  expect(await schemaOf(db)).toEqual(schema.filter((line) => !line.includes('schema_migrations')));
  await drop();
});

test('undoing and redoing the last step changes nothing, for every step', async () => {
  const { db, connection, drop } = await createLocalDatabase();
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

(isOnCitus ? test : test.skip)(
  'on a distributed Citus database, undoing and redoing the steps since 0016 changes nothing, and 0016 cannot be undone',
  async () => {
    const { db, connection, drop } = await createTestDatabase('template_issue_links');
    const schema = await schemaOf(db);
    const steps = (await listAppliedMigrations(db)).filter((name) => name > '0017');
    for (const step of steps.toReversed()) expect(await migrate(connection, 'down')).toEqual([step]);
    const without = await schemaOf(db);
    await expect(migrate(connection, 'down')).rejects.toThrow('Migration 0016_distribution: cannot create constraint');
    expect(await schemaOf(db)).toEqual(without);
    expect(await migrate(connection)).toEqual(steps);
    expect(await schemaOf(db)).toEqual(schema);
    expect(await tablesToDistribute(db)).toEqual([]);
    await drop();
  },
);

test('existing links of an acyclic type are put in order, except for one link of each cycle', async () => {
  const { db, connection, drop } = await createLocalDatabase();
  const org = await givenOrganisation(db);
  const { key: queue } = await givenQueue(db, org);
  const issues = await Promise.all(Array.from({ length: 40 }, () => givenIssue(db, org, queue)));
  const at = (place: number) => issues[place] as GivenIssue;
  // A chain through issues in no particular order, an isolated link, and a cycle with a link to it and one from it.
  for (let place = 1; place < 30; place += 1)
    await givenLink(db, org, 'depends', at((place * 7) % 30), at(((place - 1) * 7) % 30));
  await givenLink(db, org, 'epic', at(1), at(0));
  for (const [from, to] of [
    [30, 31],
    [31, 32],
    [32, 33],
    [33, 31],
    [33, 34],
  ] as const) {
    await givenLink(db, org, 'depends', at(from), at(to));
  }
  do await migrate(connection, 'down');
  while ((await select(db, `select from pg_class where relname = 'topological_order'`)).length > 0);
  await migrate(connection);
  const links = await select<{ inward_issue_id: number; is_in_order: boolean | null }>(
    db,
    `
    select links.inward_issue_id, inward.position < outward.position as is_in_order
    from links
    left join topological_order inward
      on (inward.org_id, inward.link_type_id, inward.issue_id) = (links.org_id, links.link_type_id, inward_issue_id)
    left join topological_order outward
      on (outward.org_id, outward.link_type_id, outward.issue_id) = (links.org_id, links.link_type_id, outward_issue_id)`,
  );
  expect(links).toHaveLength(35);
  const [violation, ...others] = links.filter(({ is_in_order }) => is_in_order !== true);
  expect(others).toEqual([]);
  expect([31, 32, 33].map((place) => at(place).id)).toContain(violation?.inward_issue_id);
  expect(violation?.is_in_order).toBe(false);
  await drop();
});

test('migrating a current schema changes nothing', async () => {
  const { db, connection } = migrated();
  const schema = await schemaOf(db);
  expect(await isSchemaCurrent(db)).toBe(true);
  expect(await migrate(connection)).toEqual([]);
  expect(await schemaOf(db)).toEqual(schema);
});

test('of concurrent migrations one does all the work, and the others do nothing', async () => {
  const { db, connection, drop } = await createTestDatabase('template0');
  const all = await Promise.all(Array.from({ length: 4 }, () => migrate(connection)));
  const [steps, ...others] = all.sort((left, right) => right.length - left.length);
  expect(steps?.length).toBeGreaterThan(0);
  expect(others).toEqual([[], [], []]);
  expect(await schemaOf(db)).toEqual(await schemaOf(migrated().db));
  await drop();
});

test('a failed step is rolled back, and can be repeated', async () => {
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

test('a migration that was killed does not block the next one', async () => {
  const { db, connection, drop } = await createLocalDatabase();
  await migrate(connection, 'down');
  await select(db, 'update schema_migrations_lock set is_locked = 1');
  expect(await migrate(connection)).toHaveLength(1);
  await drop();
});

test('all keys of tenant tables start with the organisation', async () => {
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
    -- On Citus, the tables of pg_class do not include the copies of directories.
    where conrelid in (select oid from pg_class where relnamespace = 'public'::regnamespace) and contype in ('p', 'u', 'f')`,
  );
  const tenantKeys = keys.filter(({ table }) => !NON_TENANT_TABLES.includes(table));
  expect(tenantKeys.length).toBeGreaterThan(40);
  const wrong = tenantKeys.filter(
    ({ columns, referenced }) => columns[0] !== 'org_id' || (referenced !== null && referenced[0] !== 'org_id'),
  );
  expect(wrong).toEqual([]);
});

test('no foreign key changes a column of a distributed table, which Citus refuses for keys with org_id', async () => {
  const keys = await select<{ name: string }>(
    migrated().db,
    `
    select conname as name from pg_constraint
    where connamespace = 'public'::regnamespace and contype = 'f'
      and (confupdtype <> 'a' or confdeltype not in ('a', 'c'))`,
  );
  expect(keys).toEqual([]);
});

test('a step after 0016 adds each foreign key in a statement of its own, as Citus requires', async () => {
  const folder = new URL('../../db/migrations/', import.meta.url);
  const files = (await readdir(folder)).filter((file) => file > '0017');
  const texts = await Promise.all(files.map((file) => readFile(new URL(file, folder), 'utf8')));
  const statements = texts.flatMap((text) => text.split(';')).filter((text) => text.includes('foreign key'));
  expect(statements.length).toBeGreaterThan(2);
  const wrong = statements.filter((text) => text.includes('create table') || text.split('add constraint').length !== 2);
  expect(wrong).toEqual([]);
});

test('every tenant table has a primary key and a required org_id', async () => {
  const rows = await select<{ table: string; key: number; required: boolean | null }>(
    migrated().db,
    `
    select relname as table, (select count(*) from pg_constraint where conrelid = pg_class.oid and contype = 'p') as key,
      (select attnotnull from pg_attribute where attrelid = pg_class.oid and attname = 'org_id') as required
    from pg_class
    where relnamespace = 'public'::regnamespace and relkind = 'r'`,
  );
  const tables = rows.filter(({ table }) => !NON_TENANT_TABLES.includes(table));
  expect(tables.length).toBeGreaterThan(10);
  for (const { table, key, required } of tables)
    expect({ table, key, required }).toEqual({ table, key: 1, required: true });
});

test('every index of a tenant table starts with the organisation', async () => {
  const rows = await select<{ name: string }>(
    migrated().db,
    `
    select indexrelid::regclass::text as name
    from pg_index
    join pg_class on pg_class.oid = indrelid
    join pg_attribute on attrelid = indrelid and attnum = indkey[0]
    where relnamespace = 'public'::regnamespace and relname <> all ($1) and attname <> 'org_id'
    order by 1`,
    NON_TENANT_TABLES,
  );
  expect(rows.map(({ name }) => name)).toEqual([]);
});

test('every table has a comment', async () => {
  const tables = await select<{ table: string }>(
    migrated().db,
    `
    select relname as table from pg_class
    where relnamespace = 'public'::regnamespace and relkind = 'r' and relname not like 'schema\\_migrations%'
      and coalesce(obj_description(oid, 'pg_class'), '') = ''`,
  );
  expect(tables).toEqual([]);
});

test('every constraint has a name by convention, so that errors can be told apart', async () => {
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

test('every foreign key has an index or is a listed exception', async () => {
  const rows = await select<{ name: string }>(
    migrated().db,
    `
    select conname as name from pg_constraint
    where connamespace = 'public'::regnamespace and contype = 'f'
      and not exists (
        select from pg_index
        where indrelid = conrelid
          -- It starts with the organisation and another column of the key (the copied rules after them are not selective), ...
          and (indkey::smallint[])[0:least(cardinality(conkey), 2) - 1] <@ conkey
          -- ... and covers every row in which the key is not null.
          and (indpred is null or pg_get_expr(indpred, indrelid) ~ '^\\(\\w+ IS NOT NULL\\)$')
      )
    order by 1`,
  );
  expect(rows.map(({ name }) => name)).toEqual(WITHOUT_INDEX.toSorted());
});

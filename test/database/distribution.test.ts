import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { statementsSql } from '../../scripts/statements.js';
import type { DatabasePool } from '../../src/database/database.ts';
import { openDatabase } from '../../src/database/open-database.ts';
import { declaredStatements } from '../../src/database/statement.ts';
import { isOnCitus, useDatabase } from '../support/test-database.ts';

// Every statement touches the rows of one organisation only, so that a distributed database sends it to one node.

const SCHEMA = 'parted';
const PARTITIONS = 4;
/** A value of each type that parameters have. */
const SAMPLES: Readonly<Record<string, string>> = {
  'bigint[]': 'array[1]',
  bigint: '1',
  'boolean[]': 'array[true]',
  boolean: 'true',
  'bytea[]': `array['\\x00'::bytea]`,
  bytea: `'\\x00'`,
  integer: '1',
  'jsonb[]': `array['{}']`,
  jsonb: `'[{"id": 1}]'`,
  smallint: '200',
  'text[]': `array['a']`,
  text: `'1'`,
  'timestamp with time zone': 'now()',
};
/** Statements that change no table, and those of a single task for each part that Citus may run one after the other. */
const IN_STEPS = new Set([
  // The links of the demo and their events.
  'insert_demo_links',
  // Written at once without Citus; with it, by locked-link-writes.store.ts.
  'delete_link',
  'insert_links',
  'update_link',
]);

const database = useDatabase();
const silent = { info: () => undefined, warn: () => undefined };
const explained = new Map<string, string>();
let db: DatabasePool;

beforeAll(async () => {
  await statementsSql(new URL('../../src/', import.meta.url));
  if (!isOnCitus) await partitionTables();
  db = openDatabase({ ...database().connection, options: `-c search_path=${SCHEMA},public` }, silent);
  for (const [name, text] of await withValues()) {
    const rows = await db.query<{ 'QUERY PLAN': string }>({
      name: '',
      text: `explain (costs off) ${text}`,
      values: [],
    });
    explained.set(name, rows.map((row) => row['QUERY PLAN']).join('\n'));
  }
});

afterAll(() => db.close());

(isOnCitus ? test.skip : test)('on tables partitioned by organisation, every statement reads one partition', () => {
  const wrong = [...explained].filter(([, plan]) => {
    const partitions = new Set([...plan.matchAll(/ on \w+_p(\d) /g)].map(([, partition]) => partition));
    return partitions.size > 1;
  });
  expect(wrong).toEqual([]);
  const pruned = [...explained.values()].filter((plan) => / on \w+_p\d /.test(plan));
  expect(pruned.length).toBeGreaterThan(140);
});

(isOnCitus ? test : test.skip)('on Citus, every statement is one task, or one for each of its steps', () => {
  const wrong = [...explained].filter(([name, plan]) => {
    const tasks = [...plan.matchAll(/Task Count: (\d+)/g)].map(([, count]) => Number(count));
    return tasks.some((count) => count !== 1) || (!IN_STEPS.has(name) && /_link/.test(name) && tasks.length > 1);
  });
  expect(wrong).toEqual([]);
  const routed = [...explained.values()].filter((plan) => plan.includes('Task Count: 1'));
  expect(routed.length).toBeGreaterThan(140);
});

test('no statement returns what only the coordinator of Citus could compute', () => {
  const texts = [...declaredStatements()].map(([name, { text }]) => [name, text] as const);
  expect(texts.filter(([, text]) => /\breturning[^)]*(\|\||\bnow\(|\bselect\b)/.test(text))).toEqual([]);
});

/** Creates every table of tenants again, with partitions, in a schema that comes first for `db`. */
async function partitionTables(): Promise<void> {
  await sql(`create schema ${SCHEMA}`);
  const tables = await sql<{ name: string; parts: string[] }>(`
    select relname as name, array(
      select format('alter table ${SCHEMA}.%I add constraint %I %s', relname, conname, pg_get_constraintdef(oid))
      from pg_constraint where conrelid = pg_class.oid and contype in ('p', 'u')
      union all
      select replace(pg_get_indexdef(indexrelid), ' ON public.', ' ON ${SCHEMA}.') from pg_index
      where indrelid = pg_class.oid and not exists (select from pg_constraint where conindid = indexrelid)
    ) as parts
    from pg_class
    join pg_attribute on attrelid = pg_class.oid and attname = 'org_id'
    where relnamespace = 'public'::regnamespace and relkind = 'r' and relname not like '%_directory'`);
  for (const { name, parts } of tables) {
    await sql(`
      create table ${SCHEMA}.${name} (like public.${name} including defaults including identity)
      partition by hash (org_id)`);
    for (const part of parts) await sql(part);
    for (let place = 0; place < PARTITIONS; place += 1) {
      await sql(`
        create table ${SCHEMA}.${name}_p${place} partition of ${SCHEMA}.${name}
        for values with (modulus ${PARTITIONS}, remainder ${place})`);
    }
  }
}

/** The texts of all statements, with values instead of their placeholders. */
async function withValues(): Promise<[string, string][]> {
  return await db.transaction(async (transaction) => {
    const texts: [string, string][] = [];
    for (const [name, { text }] of declaredStatements()) {
      await transaction.query({ name: '', text: `prepare ${name} as ${text}`, values: [] });
      const [row] = await transaction.query<{ types: string[] }>({
        name: '',
        text: 'select parameter_types::text[] as types from pg_prepared_statements where name = $1',
        values: [name],
      });
      const values = (row?.types ?? []).map((type) => `(${SAMPLES[type] ?? 'null'})::${type}`);
      texts.push([name, text.replace(/\$(\d+)/g, (_, number) => values[Number(number) - 1] ?? 'null')]);
    }
    return texts;
  });
}

async function sql<Row>(text: string): Promise<Row[]> {
  return await database().db.query<Row>({ name: '', text, values: [] });
}

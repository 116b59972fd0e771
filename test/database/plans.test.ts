import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import pg from 'pg';
import { statementsSql } from '../../scripts/statements.js';
import { readIssueLinks } from '../../src/core/issue-links/link-reads.store.ts';
import { declaredStatements } from '../../src/database/statement.ts';
import { type GivenOrganisation, givenOrganisation, givenQueue } from '../support/builders.ts';
import { isOnCitus, useDatabase } from '../support/test-database.ts';

// Statements look each issue and link up by index instead of reading all those of an organisation or a queue, with the
// defaults of PostgreSQL and before it has analysed the tables.

/** Citus plans for the values only: these say which node has the organisation. */
const MODES = isOnCitus ? ['auto', 'force_custom_plan'] : ['auto', 'force_generic_plan', 'force_custom_plan'];
const ISSUES = 34_000;
const SHARED: Readonly<Record<string, string>> = {
  select_links_for_viewers: `array['Q-1', 'Q-2']::text[]`,
  select_task_links_for_viewers: 'array[1, 2]::bigint[]',
};
const LARGE_TABLES = new Set(['issues', 'links']);
/** The organisation, and a value that few rows have in common. */
const LOOK_UP =
  /org_id = .*(issue_id|key|hex_id|link_id|unique_token|assignee_id|previous_status_id|reference\)?|queue_id) = (?!queues?\.)/;
/** These read all links of a type or of the organisation, or all issues of a queue or of the organisation. */
const READS_MANY = [
  /^(check|raise)_/,
  /^select_activity$/,
  /_links?_of_(types?|label)$/,
  /^select_second_/,
  /^(clear_category|lock_issues_of_queue|lock_positions|replace_tag|update_positions)$/,
  /^select_(overdue_tasks|tasks|tasks_of_board)$/,
  /^(delete_orphaned_links|select_opposite_links|select_wrong_copies)$/,
  /^update_(demo_queue_counters|link_type_rules|organisation_row|shares_label)$/,
];

interface Plan {
  readonly 'Node Type': string;
  readonly 'Relation Name'?: string;
  readonly 'Index Cond'?: string;
  /** With `analyze`: for each loop. */
  readonly 'Actual Rows'?: number;
  readonly 'Actual Loops'?: number;
  readonly 'Rows Removed by Filter'?: number;
  readonly Plans?: readonly Plan[];
  /** On Citus: the plans of the nodes. */
  readonly 'Distributed Query'?: {
    readonly Job: {
      readonly Tasks: readonly { readonly 'Remote Plan': readonly [readonly [{ readonly Plan: Plan }]] }[];
    };
  };
}

let org: GivenOrganisation;
/** A session with the planner's defaults. */
let client: pg.Client;

// Before the database is dropped.
afterAll(() => client.end());
const database = useDatabase();

beforeAll(async () => {
  const db = database().db;
  await statementsSql(new URL('../../src/', import.meta.url));
  org = await givenOrganisation(db);
  const { key } = await givenQueue(db, org);
  client = new pg.Client(database().connection);
  await client.connect();
  for (const table of LARGE_TABLES) await client.query(`alter table ${table} set (autovacuum_enabled = off)`);
  // Planned for empty tables, in a connection that the pool keeps in use.
  await readIssueLinks(db, { orgId: org.orgId, userId: org.admin.id, role: 'admin', isApplication: false }, 'Q-1');
  const use = setInterval(() => void db.query({ name: '', text: 'select', values: [] }), 100);
  await client.query(
    `insert into issues (org_id, key, queue_id, summary, issue_type_id, priority_id, status_id, created_by, updated_by)
    select org_id, key || '-' || number, queue_id, 'An issue', default_issue_type_id, default_priority_id, 1, $3, $3
    from queues cross join generate_series(1, $4::integer) as numbers (number)
    where org_id = $1 and key = $2`,
    [org.orgId, key, org.admin.id, ISSUES],
  );
  // Without the checks of nine foreign keys for each link.
  await client.query('set session_replication_role = replica');
  await client.query(
    `insert into links (org_id, link_type_id, inward_issue_id, outward_issue_id, first_end, is_symmetric,
      is_antisymmetric, is_acyclic, single_end, shares_label, one_link_per_pair, created_by, updated_by)
    select org_id, link_type_id, issue_id, issue_id + step, 'inward', is_symmetric, is_antisymmetric, is_acyclic,
      single_end, shares_label, one_link_per_pair, $2, $2
    from issues
    join link_types using (org_id)
    join organisations using (org_id)
    cross join generate_series(1, 3) as steps (step)
    where org_id = $1 and link_type_id = 'relates' and exists (
      select from issues others where others.org_id = $1 and others.issue_id = issues.issue_id + step)`,
    [org.orgId, org.admin.id],
  );
  clearInterval(use);
});

(isOnCitus ? test.skip : test)('plans of open connections follow the growth of the tables within seconds', async () => {
  const name = 'select_links_for_viewers';
  for (let scans = ['planned for empty tables']; scans.length > 0; ) {
    scans = scansWithoutLookUp(await planOf(`(format json) execute ${name}(${valuesOf(name)})`));
  }
});

describe.each(['never analysed', 'analysed'])('on tables that were %s', (statistics) => {
  beforeAll(async () => {
    if (statistics === 'analysed') await client.query('analyze');
  });

  test.each(Object.keys(SHARED).flatMap((name) => MODES.map((mode) => [name, mode] as const)))(
    '%s, planned with %s, looks each issue and link up',
    async (name, mode) => {
      await client.query(`set plan_cache_mode = ${mode}`);
      await client.query(`prepare shared as ${declaredStatements().get(name)?.text}`);
      const { rows } = await client.query<PlanRow>(`explain (format json) execute shared(${valuesOf(name)})`);
      await client.query('deallocate shared');
      const plan = rows[0]?.['QUERY PLAN'][0].Plan;
      expect(scansOf(plan).length).toBeGreaterThanOrEqual(4);
      expect(scansWithoutLookUp(plan)).toEqual([]);
    },
  );

  (isOnCitus ? test.skip : test)('each statement looks issues and links up', async () => {
    const wrong: string[] = [];
    for (const [name, { text }] of declaredStatements()) {
      const scans = scansWithoutLookUp(await planOf(`(generic_plan, format json) ${text}`));
      if (scans.length > 0 && !READS_MANY.some((pattern) => pattern.test(name))) wrong.push(`${name}: ${scans.join()}`);
    }
    expect(wrong).toEqual([]);
  });
});

(isOnCitus ? test.skip : test)('the latest activity is found without reading an event of each issue', async () => {
  await client.query(
    `insert into events (org_id, issue_id, user_id, type, changes)
    select org_id, issue_id, created_by, 'IssueCreated', '{}' from issues where org_id = $1`,
    [org.orgId],
  );
  await client.query(`prepare activity as ${declaredStatements().get('select_activity')?.text}`);
  for (const statistics of ['never analysed', 'analysed']) {
    if (statistics === 'analysed') await client.query('analyze events');
    for (const mode of MODES) {
      await client.query(`set plan_cache_mode = ${mode}`);
      const { rows } = await client.query<PlanRow>(
        `explain (analyze, format json) execute activity(${valuesOf('select_activity')})`,
      );
      const plan = rows[0]?.['QUERY PLAN'][0].Plan;
      expect(plan?.['Actual Rows']).toBe(100);
      expect([statistics, mode, rowsReadOf(plan, 'events') < 2100]).toEqual([statistics, mode, true]);
    }
  }
});

/** The values of the statement's placeholders, in their order. */
function valuesOf(name: string): string {
  const values: Readonly<Record<string, string>> = {
    orgId: `'${org.orgId}'`,
    issueNames: SHARED[name] ?? '',
    taskIds: SHARED[name] ?? '',
    userIds: `array[${org.admin.id}, ${org.admin.id}]::bigint[]`,
    applications: 'array[false, true]',
    userId: `${org.admin.id}`,
    role: `'admin'`,
    isApplication: 'false',
    projectIds: 'null',
    limit: '100',
  };
  return (declaredStatements().get(name)?.keys ?? []).map((key) => values[key]).join(', ');
}

interface PlanRow {
  readonly 'QUERY PLAN': readonly [{ readonly Plan: Plan }];
}

/** The plan that the service would use. */
async function planOf(explained: string): Promise<Plan | undefined> {
  const [row] = await database().db.query<PlanRow>({ name: '', text: `explain ${explained}`, values: [] });
  return row?.['QUERY PLAN'][0].Plan;
}

/** The conditions by which the plan finds rows of large tables in an index, or how it scans them without one. */
function scansOf(plan: Plan | undefined): string[] {
  if (plan === undefined) return [];
  const isScan =
    LARGE_TABLES.has(plan['Relation Name']?.replace(/_\d+$/, '') ?? '') && plan['Node Type'] !== 'ModifyTable';
  if (isScan) return indexConditionsOf(plan);
  const remote = plan['Distributed Query']?.Job.Tasks.map((task) => task['Remote Plan'][0][0].Plan) ?? [];
  return [...(plan.Plans ?? []), ...remote].flatMap(scansOf);
}

/** How many rows of the table the execution read. */
function rowsReadOf(plan: Plan | undefined, table: string): number {
  if (plan === undefined) return 0;
  const { 'Actual Rows': rows = 0, 'Rows Removed by Filter': removed = 0, 'Actual Loops': loops = 0 } = plan;
  const own = plan['Relation Name'] === table ? (rows + removed) * loops : 0;
  return (plan.Plans ?? []).reduce((sum, child) => sum + rowsReadOf(child, table), own);
}

function indexConditionsOf(plan: Plan): string[] {
  const condition = plan['Index Cond'];
  if (condition !== undefined) return [condition];
  return plan.Plans?.flatMap(indexConditionsOf) ?? [plan['Node Type']];
}

function scansWithoutLookUp(plan: Plan | undefined): string[] {
  return scansOf(plan).filter((condition) => !LOOK_UP.test(condition));
}

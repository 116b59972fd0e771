import { beforeAll, expect, test } from '@jest/globals';
import pg from 'pg';
import '../../src/core/issue-links/link-reads.store.ts';
import { declaredStatements } from '../../src/database/statement.ts';
import '../../src/kanboard/task-links/task-link-list.store.ts';
import { type GivenOrganisation, givenOrganisation, givenQueue } from '../support/builders.ts';
import { isOnCitus, useDatabase } from '../support/test-database.ts';

// The plans of the shared statements look issues and links up by index, whether PostgreSQL plans for the values or in
// general, with its defaults and before it knows the sizes of the tables.

/** Citus plans for the values only: these say which node has the organisation. */
const MODES = isOnCitus ? ['auto', 'force_custom_plan'] : ['auto', 'force_generic_plan', 'force_custom_plan'];

const KEYS: Readonly<Record<string, string>> = {
  select_links_for_viewers: `array['Q-1', 'Q-2']::text[]`,
  select_task_links_for_viewers: 'array[1, 2]::bigint[]',
};
const LARGE_TABLES = new Set(['issues', 'links']);

interface Plan {
  readonly 'Node Type': string;
  readonly 'Relation Name'?: string;
  readonly Plans?: readonly Plan[];
  /** On Citus: the plans of the nodes. */
  readonly 'Distributed Query'?: {
    readonly Job: {
      readonly Tasks: readonly { readonly 'Remote Plan': readonly [readonly [{ readonly Plan: Plan }]] }[];
    };
  };
}

const database = useDatabase();
let org: GivenOrganisation;

beforeAll(async () => {
  const db = database().db;
  org = await givenOrganisation(db);
  const { key } = await givenQueue(db, org);
  await sql(
    `insert into issues (org_id, key, queue_id, summary, issue_type_id, priority_id, status_id, created_by, updated_by)
    select org_id, key || '-' || number, queue_id, 'An issue', default_issue_type_id, default_priority_id, 1, $3, $3
    from queues cross join generate_series(1, 5000) as numbers (number)
    where org_id = $1 and key = $2`,
    [org.orgId, key, org.admin.id],
  );
  await sql(
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
});

test.each(
  Object.keys(KEYS).flatMap((name) =>
    ['never analysed', 'analysed'].flatMap((statistics) => MODES.map((mode) => [name, statistics, mode] as const)),
  ),
)('%s on tables that were %s, planned with %s, finds issues and links by index', async (name, statistics, mode) => {
  if (statistics === 'analysed') await sql('analyze', []);
  const client = new pg.Client(database().connection);
  await client.connect();
  try {
    await client.query(`set plan_cache_mode = ${mode}`);
    await client.query(`prepare shared as ${declaredStatements().get(name)?.text}`);
    const { rows } = await client.query<{ 'QUERY PLAN': [{ Plan: Plan }] }>(
      `explain (format json) execute shared(${valuesOf(name)})`,
    );
    const nodes = nodesOf((rows[0] as (typeof rows)[number])['QUERY PLAN'][0].Plan);
    const scans = nodes.filter((node) => LARGE_TABLES.has(node['Relation Name']?.replace(/_\d+$/, '') ?? ''));
    expect(scans.length).toBeGreaterThanOrEqual(4);
    expect(scans.filter((node) => !/^(Index|Bitmap)/.test(node['Node Type']))).toEqual([]);
  } finally {
    await client.end();
  }
});

/** The values of the statement's placeholders, in their order. */
function valuesOf(name: string): string {
  const values: Readonly<Record<string, string>> = {
    orgId: `'${org.orgId}'`,
    issueNames: KEYS[name] ?? '',
    taskIds: KEYS[name] ?? '',
    userIds: `array[${org.admin.id}, ${org.admin.id}]::bigint[]`,
    applications: 'array[false, true]',
  };
  return (declaredStatements().get(name)?.keys ?? []).map((key) => values[key]).join(', ');
}

function nodesOf(plan: Plan): Plan[] {
  const remote = plan['Distributed Query']?.Job.Tasks.map((task) => task['Remote Plan'][0][0].Plan) ?? [];
  return [plan, ...[...(plan.Plans ?? []), ...remote].flatMap(nodesOf)];
}

async function sql(text: string, values: unknown[]): Promise<void> {
  await database().db.query({ name: '', text, values });
}

// `npm run drill -- servers`: reads of the links of many organisations, through one server and with the organisations spread
// over four. It uses the embedded PostgreSQL, or the empty database of DATABASE_URL: on Citus, organisations are on its nodes.
import { mkdir } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { isInstalled, runHttp } from '../bench/load.js';
import { seededRandom } from '../bench/random.js';
import { median } from '../bench/report.js';
import { forEach } from './client.js';
import { insertOrganisation, openEnvironment, sendRest } from './environment.js';
import { runStress } from './run.js';

const PROFILES = {
  full: { organisations: 1000, issues: 1000, connections: 64, requests: 20_000, rounds: 5, seconds: 8 },
  quick: { organisations: 8, issues: 50, connections: 8, requests: 400, rounds: 1, seconds: 1 },
};
const SERVERS = 4;
/** Each issue is linked to the issues that follow it at these distances, in a ring, and so has twice as many links. */
const DISTANCES = [1, 7];
const ORGANISATIONS_AT_ONCE = 4;
const PROBLEMS_MAX = 25;

const INSERT_ISSUES = `
  insert into issues (org_id, key, queue_id, summary, issue_type_id, priority_id, status_id, assignee_id, created_by, updated_by)
  select $1, queues.key || '-' || number, queue_id, 'Issue ' || number, default_issue_type_id, default_priority_id,
    1 + number % 3, $2, $2, $2
  from queues cross join generate_series(1, $3::integer) number
  where queues.org_id = $1`;

const INSERT_LINKS = `
  insert into links (org_id, link_type_id, inward_issue_id, outward_issue_id, first_end, is_symmetric, is_antisymmetric,
    is_acyclic, single_end, shares_label, one_link_per_pair, created_by, updated_by)
  select $1, link_type_id, inward.issue_id, outward.issue_id, 'inward', is_symmetric, is_antisymmetric, is_acyclic,
    single_end, shares_label, one_link_per_pair, $2, $2
  from organisations
  join link_types on link_types.org_id = $1 and link_type_id = 'relates'
  cross join unnest($4::integer[]) distance
  join issues inward on inward.org_id = $1
  join issues outward on outward.org_id = $1
    and outward.key = split_part(inward.key, '-', 1) || '-' || (split_part(inward.key, '-', 2)::integer + distance - 1) % $3::integer + 1
  where organisations.org_id = $1`;

/** Creates the organisations with their issues and links. Returns their ids and tokens. */
async function load({ connection, query }, { organisations: count, issues }, progress) {
  const { openDatabase } = await import('../dist/database/open-database.js');
  const db = openDatabase(connection, { info() {}, warn() {} });
  const organisations = [];
  try {
    await forEach(
      Array.from({ length: count }, (_, place) => `org${place}`),
      ORGANISATIONS_AT_ONCE,
      async (orgId) => {
        const organisation = await insertOrganisation(db, orgId);
        await query(INSERT_ISSUES, [orgId, organisation.adminId, issues]);
        await query(INSERT_LINKS, [orgId, organisation.adminId, issues, DISTANCES]);
        await query('update queues set last_issue_number = $2 where org_id = $1', [orgId, issues]);
        organisations.push(organisation);
        if (organisations.length % 100 === 0) progress(`${organisations.length} of ${count} organisations loaded`);
      },
    );
  } finally {
    await db.close();
  }
  await query('vacuum analyze');
  return organisations;
}

/** Reads an issue of each organisation through every server. Returns what is wrong. */
async function check({ servers }, organisations, { issues }, random) {
  const problems = [];
  await forEach(organisations, ORGANISATIONS_AT_ONCE, async (organisation) => {
    const key = `${organisation.queue}-${1 + random.below(issues)}`;
    for (const server of servers) {
      const { status, body } = await sendRest(organisation, server, 'GET', `/v2/issues/${key}/links`);
      if (status === 200 && body.length === 2 * DISTANCES.length) continue;
      problems.push(`${organisation.orgId}: ${status} with ${body.length} links of ${key}`);
    }
  });
  return problems.slice(0, PROBLEMS_MAX);
}

/** The requests of as many clients as there are servers, each to its own share of the organisations. */
function requestsOf(organisations, { issues, requests }, random) {
  return Array.from({ length: SERVERS }, (_, client) => {
    const own = organisations.filter((_organisation, place) => place % SERVERS === client);
    return Array.from({ length: requests / SERVERS }, () => {
      const { queue, token } = random.pick(own);
      return [`/v2/issues/${queue}-${1 + random.below(issues)}/links`, undefined, `OAuth ${token}`];
    });
  });
}

/** Where Citus has put the organisations: how many each node has. */
async function organisationsByNode(query) {
  const [{ exists: isDistributed }] = await query(`select exists (select from pg_extension where extname = 'citus')`);
  if (!isDistributed) return undefined;
  const rows = await query(`
    with ids as materialized (
      select get_shard_id_for_distribution_column('organisations', org_id) as shardid from organisation_directory
    )
    select nodename || ':' || nodeport as node, count(*)::integer
    from ids join pg_dist_placement using (shardid) join pg_dist_node using (groupid)
    group by node order by node`);
  return Object.fromEntries(rows.map(({ node, count }) => [node, count]));
}

await runStress('servers', PROFILES, async ({ folder, seed, profile, progress }) => {
  const random = seededRandom(seed);
  const hasWrk = await isInstalled('wrk');
  const environment = await openEnvironment({
    folder,
    serverCount: SERVERS,
    databaseUrl: process.env.DATABASE_URL,
  });
  const { query, servers } = environment;
  try {
    const started = performance.now();
    const organisations = await load(environment, profile, progress);
    const loadSeconds = Math.round((performance.now() - started) / 1000);
    const problems = await check(environment, organisations, profile, random);
    const clients = requestsOf(organisations, profile, random);

    /** Reads per second of all clients together, whose organisations are spread over so many servers. */
    const measure = async (serverCount) => {
      const results = await Promise.all(
        clients.map(async (requests, place) => {
          const own = join(folder, `client${place}`);
          await mkdir(own, { recursive: true });
          const connections = profile.connections / SERVERS;
          const { url } = servers[place % serverCount];
          const { seconds } = profile;
          const load = { url, connections, seconds, method: 'GET', headers: {}, requests, once: false };
          return await runHttp(own, hasWrk, load);
        }),
      );
      for (const { errors } of results) {
        if (Object.values(errors).some((count) => count > 0))
          problems.push(`failed requests: ${JSON.stringify(errors)}`);
      }
      return results.reduce((sum, { requests, seconds }) => sum + requests / seconds, 0);
    };

    const rounds = [];
    // The first round warms up.
    for (let round = 0; round <= profile.rounds; round += 1) {
      const rates = { one: await measure(1), four: await measure(SERVERS) };
      if (round > 0) rounds.push(rates);
      progress(
        `round ${round}: ${Math.round(rates.one)}/s through one server, ${Math.round(rates.four)}/s through four`,
      );
    }
    const figures = {
      organisations: profile.organisations,
      issues: profile.organisations * profile.issues,
      loadSeconds,
      processors: availableParallelism(),
      readsPerSecond: {
        oneServer: Math.round(median(rounds.map(({ one }) => one))),
        fourServers: Math.round(median(rounds.map(({ four }) => four))),
      },
      // Within a round, since the machine may be busier in another.
      ratio: Number(median(rounds.map(({ one, four }) => four / one)).toFixed(2)),
      organisationsByNode: await organisationsByNode(query),
    };
    return { figures, problems };
  } finally {
    await environment.close();
  }
});

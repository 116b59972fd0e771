// How our server behaves as the data grows, under many connections, and at its start. Only the full run measures this.
import pg from 'pg';
import { linksReader, WRITERS } from './contestants.js';
import { residentBytes } from './cpu.js';
import { ORG_ID, planDataset } from './dataset.js';
import { createDatabase } from './environment.js';
import { runHttp } from './load.js';
import { startServer } from './processes.js';
import { seededRandom } from './random.js';
import { median } from './report.js';

const GROWTH = [10_000, 1_000_000];
const LINKS_OF_ONE_ISSUE = [1, 10, 100, 1_000, 10_000];
const CHAIN_ISSUES = 10_000;
const SECONDS = 5;
const ROUNDS = 3;
const STARTS = 5;
const MEMORY_CONNECTIONS = 256;
const MEMORY_SECONDS = 120;
const MEMORY_SETTLED_AFTER_MS = 30_000;

/** The parts that can be measured separately. */
export const SCALING = ['start', 'memory', 'hub', 'chain', 'growth'];

/** Measures the given parts. Returns ratios, and figures as titles with entries. */
export async function measureScaling(bench, progress, parts) {
  const figures = {};
  const ratios = {};
  if (parts.includes('start')) figures['start, ms to /readyz'] = { median: await measureStart(bench, progress) };
  if (parts.includes('memory')) {
    figures[`memory at ${MEMORY_CONNECTIONS} connections, MB`] = await measureMemory(bench, progress);
  }
  if (parts.includes('hub')) figures['links of one issue: requests/s'] = await measureLinksOfOneIssue(bench, progress);
  if (parts.includes('chain')) {
    figures[`a chain of ${CHAIN_ISSUES} issues: links/s`] = await measureChain(bench, progress);
  }
  if (parts.includes('growth')) {
    const growth = await measureGrowth(bench, progress);
    const [smallest, largest] = GROWTH;
    figures['issues in the database: requests/s'] = growth;
    ratios.growth = growth[largest] / growth[smallest];
  }
  return { ratios, figures };
}

async function measureStart({ folder, dataDir }, progress) {
  progress('starts');
  const times = [];
  for (let start = 1; start <= STARTS; start += 1) {
    const server = await startServer(folder, { DATA_DIR: dataDir });
    times.push(Math.round(server.readyMs));
    await server.stop();
  }
  return median(times);
}

async function measureMemory(bench, progress) {
  progress(`memory: ${MEMORY_SECONDS} s`);
  const server = await startServer(bench.folder, { DATA_DIR: bench.dataDir });
  const megabytes = () => Math.round(residentBytes(server.pid) / 1e6);
  let settled;
  const timer = setTimeout(() => {
    settled = megabytes();
  }, MEMORY_SETTLED_AFTER_MS);
  try {
    await linksReader(bench, 'memory', '', server).run(MEMORY_SECONDS, MEMORY_CONNECTIONS);
    return { [`after ${MEMORY_SETTLED_AFTER_MS / 1000} s`]: settled, [`after ${MEMORY_SECONDS} s`]: megabytes() };
  } finally {
    clearTimeout(timer);
    await server.stop();
  }
}

/** Adds an issue with so many links, and reads it with 8 connections. */
async function measureLinksOfOneIssue({ folder, hasWrk, connection, server, plan, token }, progress) {
  const client = new pg.Client(connection);
  await client.connect();
  const figures = {};
  try {
    for (const count of LINKS_OF_ONE_ISSUE) {
      progress(`an issue with ${count} links`);
      const key = await insertHub(client, plan, count);
      const path = `/v2/issues/${key}/links`;
      const headers = { Authorization: `OAuth ${token}` };
      const links = await (await fetch(`${server.url}${path}`, { headers })).json();
      if (links.length !== count) throw new Error(`${key} has ${links.length} links instead of ${count}.`);
      const load = { url: server.url, connections: 8, seconds: SECONDS, method: 'GET', headers, once: false };
      const { requests, seconds } = await runHttp(folder, hasWrk, { ...load, requests: [[path]] });
      figures[count] = Math.round(requests / seconds);
    }
  } finally {
    await client.end();
  }
  return figures;
}

/** Inserts a copy of the first issue, with `relates` links to the first issues of open queues. */
async function insertHub(client, { issueCount }, count) {
  const key = `Q1-${issueCount + count}`;
  await insertIssues(client, [key]);
  await client.query(
    `insert into links (org_id, link_type_id, inward_issue_id, outward_issue_id, first_end, is_symmetric,
       is_antisymmetric, is_acyclic, single_end, one_link_per_pair, created_by, updated_by)
     select $1, 'relates', hub.issue_id, object.issue_id, 'inward', true, false, false, 'none', true, hub.created_by,
       hub.created_by
     from issues hub
     cross join (
       select issue_id from issues join queues using (org_id, queue_id)
       where org_id = $1 and access = 'organisation' and issue_id < 100000 order by issue_id limit $3
     ) object
     where hub.org_id = $1 and hub.key = $2`,
    [ORG_ID, key, count],
  );
  return key;
}

/** Creates the links of a chain of new issues, each of which depends on the one before, with as many clients as other writes. */
async function measureChain({ connection, server, token, plan }, progress) {
  const client = new pg.Client(connection);
  await client.connect();
  const figures = {};
  try {
    for (const [title, isShuffled] of [
      ['from one end', false],
      ['in random order', true],
    ]) {
      progress(`a chain ${title}`);
      const first = (isShuffled ? 3 : 2) * plan.issueCount;
      const keys = Array.from({ length: CHAIN_ISSUES }, (_, index) => `Q1-${first + index}`);
      await insertIssues(client, keys);
      const links = keys.slice(1).map((key, index) => [key, keys[index]]);
      const order = isShuffled ? seededRandom(10).permutation(links.length) : links.keys();
      const remaining = [...order].map((place) => links[place]).values();
      const started = performance.now();
      await Promise.all(Array.from({ length: WRITERS }, () => createLinks(server, token, remaining)));
      figures[title] = Math.round((links.length * 1000) / (performance.now() - started));
    }
  } finally {
    await client.end();
  }
  return figures;
}

/** Inserts copies of the first issue under new keys. */
async function insertIssues(client, keys) {
  await client.query(
    `insert into issues (org_id, key, queue_id, summary, issue_type_id, priority_id, status_id, created_by, updated_by)
     select org_id, new.key, queue_id, summary, issue_type_id, priority_id, status_id, created_by, updated_by
     from issues cross join unnest($2::text[]) new (key) where org_id = $1 and issue_id = 1`,
    [ORG_ID, keys],
  );
}

/** Takes links from `remaining`, which several clients share, until there is none. */
async function createLinks(server, token, remaining) {
  const headers = { Authorization: `OAuth ${token}`, 'Content-Type': 'application/json' };
  for (const [key, issue] of remaining) {
    const body = JSON.stringify({ relationship: 'depends on', issue });
    const response = await fetch(`${server.url}/v2/issues/${key}/links`, { method: 'POST', headers, body });
    if (response.status !== 201) throw new Error(`${key}: ${response.status} ${await response.text()}`);
    await response.arrayBuffer();
  }
}

async function measureGrowth(bench, progress) {
  const client = new pg.Client(bench.connection);
  await client.connect();
  const contestants = [];
  try {
    for (const issueCount of GROWTH) {
      const database = `growth_${issueCount}`;
      await client.query(`create database ${database}`);
      const plan = planDataset({ issueCount, linkCount: issueCount * 4 });
      const connection = { ...bench.connection, database };
      const { token } = await createDatabase(connection, plan, progress, { isReadOnly: true });
      const server = await startServer(bench.folder, { DATABASE_URL: urlOf(connection) });
      contestants.push({ issueCount, server, reader: linksReader({ ...bench, plan, token }, database, '', server) });
    }
    const rates = Object.fromEntries(GROWTH.map((issueCount) => [issueCount, []]));
    // The first round warms up.
    for (let round = 0; round <= ROUNDS; round += 1) {
      for (const { issueCount, reader } of contestants) {
        const { requests, seconds } = await reader.run(SECONDS);
        if (round > 0) rates[issueCount].push(requests / seconds);
        progress(`${issueCount} issues: ${Math.round(requests / seconds)}/s`);
      }
    }
    return Object.fromEntries(
      Object.entries(rates).map(([issueCount, values]) => [issueCount, Math.round(median(values))]),
    );
  } finally {
    for (const { server } of contestants) await server.stop();
    await client.end();
  }
}

function urlOf({ host, port, user, password, database }) {
  return `postgres://${user}:${password}@/${database}?host=${encodeURIComponent(host)}&port=${port}`;
}

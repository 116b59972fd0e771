import { keyOf, pairsInBlocks, pairsInGraph, randomIssues } from './dataset.js';
import { WORKERS } from './environment.js';
import { runHttp, runPgbench } from './load.js';
import { insertLinkScript, readLinksScript } from './sql.js';

const READERS = 64;
export const WRITERS = 16;
const PGBENCH_READERS = 8;
/** More than any server here can serve; a load of unique requests ends early when they are used up. */
const WRITES_PER_SECOND_MAX = 8_000;
const KEYS = 20_000;

/**
 * All that can take part in this environment. A contestant has `run(seconds)`, which returns the result of its load, the
 * server whose CPU is measured if it has one, and for reads `sample()`, which throws if the response for a random issue is
 * wrong.
 */
export function contestantsOf(bench) {
  const { server, workers, peers, kanboardUrl, hasPgbench, plan } = bench;
  const isSmall = plan.issueCount < 10_000;
  return [
    linksReader(bench, 'links', 'ours: GET links', server),
    ...(workers ? [linksReader(bench, 'linksWorkers', `ours: GET links, ${WORKERS} workers`, workers)] : []),
    taskLinksReader(bench),
    ...(hasPgbench ? [pgbenchReader(bench)] : []),
    linksReader(bench, 'fastify', 'Fastify + pg, one statement', peers.fastify),
    linksReader(bench, 'expressKnex', 'Express + knex', peers.expressKnex),
    { ...linksReader(bench, 'bareNode', 'bare Node, constant body', peers.bareNode), sample: undefined },
    ...(kanboardUrl ? [kanboardReader(bench)] : []),
    writer(bench, 'relates', 'ours: POST relates', 'relates', pairsInBlocks(bench.plan, 'relates')),
    writer(
      bench,
      'depends',
      'ours: POST depends on, graphs of 500',
      'depends on',
      pairsInBlocks(bench.plan, 'depends'),
    ),
    writer(bench, 'dependsConnected', 'ours: POST depends on, one graph', 'depends on', pairsInGraph(bench.plan)),
    ...(hasPgbench && !isSmall ? [pgbenchWriter(bench)] : []),
  ];
}

/** A server that implements GET links, ours or a peer. */
export function linksReader({ folder, hasWrk, plan, token }, name, title, server) {
  const headers = { Authorization: `OAuth ${token}` };
  const pathOf = (issue) => `/v2/issues/${keyOf(issue)}/links`;
  const requests = randomIssues(plan, KEYS, 1).map((issue) => [pathOf(issue)]);
  return {
    name,
    title,
    kind: 'read',
    server,
    run: (seconds, connections = READERS) =>
      runHttp(folder, hasWrk, { url: server.url, connections, seconds, method: 'GET', headers, requests, once: false }),
    async sample(issue) {
      const links = await fetchJson(`${server.url}${pathOf(issue)}`, { headers });
      requireLinks(name, keyOf(issue), links, plan.seen[issue], ({ object, status }) => object.key && status.display);
    },
  };
}

function taskLinksReader({ folder, hasWrk, plan, applicationToken, server }) {
  const headers = {
    Authorization: `Basic ${Buffer.from(`jsonrpc:${applicationToken}`).toString('base64')}`,
    'Content-Type': 'application/json',
  };
  const call = (issue) => JSON.stringify({ jsonrpc: '2.0', method: 'getAllTaskLinks', params: [issue], id: 1 });
  const requests = randomIssues(plan, KEYS, 1).map((issue) => ['/jsonrpc.php', call(issue)]);
  return {
    name: 'taskLinks',
    title: 'ours: getAllTaskLinks',
    kind: 'read',
    server,
    run: (seconds, connections = READERS) =>
      runHttp(folder, hasWrk, {
        url: server.url,
        connections,
        seconds,
        method: 'POST',
        headers,
        requests,
        once: false,
      }),
    async sample(issue) {
      const url = `${server.url}/jsonrpc.php`;
      const { result } = await fetchJson(url, { method: 'POST', headers, body: call(issue) });
      requireLinks('taskLinks', issue, result, plan.all[issue], ({ task_id, label }) => task_id && label);
    },
  };
}

/** Kanboard itself, with whatever tasks it has: KANBOARD_URL is its jsonrpc.php with `user:password@`. */
function kanboardReader({ folder, hasWrk, kanboardUrl }) {
  const { origin, pathname, username, password } = new URL(kanboardUrl);
  const headers = { Authorization: `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}` };
  const body = JSON.stringify({ jsonrpc: '2.0', method: 'getAllTaskLinks', params: [1], id: 1 });
  const requests = [[pathname, body]];
  return {
    name: 'kanboard',
    title: 'Kanboard: getAllTaskLinks',
    kind: 'read',
    run: (seconds, connections = READERS) =>
      runHttp(folder, hasWrk, { url: origin, connections, seconds, method: 'POST', headers, requests, once: false }),
  };
}

function writer({ folder, hasWrk, token, server }, name, title, relationship, pairs) {
  const headers = { Authorization: `OAuth ${token}`, 'Content-Type': 'application/json' };
  return {
    name,
    title,
    kind: 'write',
    server,
    run(seconds) {
      const requests = [];
      while (requests.length < seconds * WRITES_PER_SECOND_MAX) {
        const { value: pair, done } = pairs.next();
        if (done) break;
        const [inward, outward] = pair.map(keyOf);
        requests.push([`/v2/issues/${outward}/links`, JSON.stringify({ relationship, issue: inward })]);
      }
      if (requests.length === 0) throw new Error(`${name} has used up its pairs of issues.`);
      const load = { url: server.url, connections: WRITERS, seconds, method: 'POST', headers, once: true };
      return runHttp(folder, hasWrk, { ...load, requests });
    },
  };
}

function pgbenchReader({ folder, plan, viewerId, connection }) {
  const script = readLinksScript(plan, viewerId);
  return {
    name: 'pgbench',
    title: 'pgbench, the leanest statement',
    kind: 'read',
    run: (seconds, clients = PGBENCH_READERS) =>
      runPgbench(folder, connection, { script, clients, seconds, variables: {} }),
  };
}

function pgbenchWriter({ folder, plan, viewerId, connection }) {
  const script = insertLinkScript(plan, viewerId, WRITERS);
  let turn = 0;
  return {
    name: 'insert',
    title: 'pgbench, insert of the same row',
    kind: 'write',
    async run(seconds) {
      const load = { script, clients: WRITERS, seconds, variables: { turn } };
      const result = await runPgbench(folder, connection, load);
      // Each client counts on its own, and some are faster than others.
      turn += Math.ceil((result.requests / WRITERS) * 2) + 100;
      return result;
    },
  };
}

async function fetchJson(url, options) {
  const response = await fetch(url, options);
  if (!response.ok) throw new Error(`${url} returned ${response.status}: ${await response.text()}`);
  return await response.json();
}

function requireLinks(name, issue, links, expected, isComplete) {
  if (links?.length === expected && links.every(isComplete)) return;
  throw new Error(
    `${name} returned ${links?.length} links of ${issue} instead of ${expected}, or links without members.`,
  );
}

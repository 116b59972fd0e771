// Everything that a run needs: the build, PostgreSQL with the data, our server and the peers.
import { writeFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { build } from '../scripts/build.js';
import { isBuilt } from '../scripts/is-built.js';
import { keyOf, planDataset, randomIssues } from './dataset.js';
import { isInstalled } from './load.js';
import { startPeer, startServer } from './processes.js';

const log = { info() {}, warn() {}, error() {} };
export const WORKERS = 2;
/** Enough for all servers and clients at once. */
const CONNECTIONS_MAX = 200;

/** Builds the server unless it is built. */
export function buildIfNeeded(progress) {
  progress('build');
  if (!isBuilt() && !build()) throw new Error('The build failed.');
}

/** Starts PostgreSQL, of the build, in a new folder with the settings of production, but for more connections. */
export async function startPostgres(dataDir) {
  const { startEmbeddedPostgres } = await import('../dist/embedded-postgres/embedded-postgres.js');
  return await startEmbeddedPostgres({ dataDir, create: true, connectionsMax: CONNECTIONS_MAX, log });
}

/** Builds if needed, starts PostgreSQL in `folder`, loads the data and starts all servers. */
export async function openBench({ folder, issueCount, linkCount, withWorkers, progress }) {
  buildIfNeeded(progress);
  const dataDir = join(folder, 'data');
  const postgres = await startPostgres(dataDir);
  const started = [];
  const close = async () => {
    for (const { stop } of started) await stop();
    await postgres.stop();
  };
  try {
    const { connection } = postgres;
    const plan = planDataset({ issueCount, linkCount });
    const identity = await createDatabase(connection, plan, progress);
    const start = async (starting) => {
      const handle = await starting;
      started.push(handle);
      return handle;
    };
    progress('servers');
    const server = await start(startServer(folder, { DATA_DIR: dataDir }));
    const workers =
      withWorkers && availableParallelism() >= WORKERS
        ? await start(startServer(folder, { DATA_DIR: dataDir, WORKERS: String(WORKERS) }))
        : undefined;
    const fastify = await start(startPeer('fastify-pg', { connection }));
    const expressKnex = await start(startPeer('express-knex', { connection }));
    await requireSameBodies({ plan, token: identity.token, server, others: [fastify, expressKnex] });
    const bodyFile = join(folder, 'body.json');
    await writeFile(bodyFile, await averageBody({ plan, token: identity.token, server }));
    const bareNode = await start(startPeer('bare-node', { bodyFile }));
    return {
      ...identity,
      folder,
      dataDir,
      plan,
      connection,
      server,
      workers,
      peers: { fastify, expressKnex, bareNode },
      postgresPid: await postmasterPid(connection),
      hasWrk: await isInstalled('wrk'),
      hasPgbench: await isInstalled('pgbench'),
      kanboardUrl: process.env.KANBOARD_URL,
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

/** Creates the schema and the data in the database of the connection; returns the identity that requests use. */
export async function createDatabase(connection, plan, progress, { isReadOnly = false } = {}) {
  const { migrate } = await import('../dist/database/migrations.js');
  const { openDatabase } = await import('../dist/database/open-database.js');
  const { computeOrders, createBenchOrganisation, loadDataset } = await import('./load-dataset.js');
  await migrate(connection);
  const db = openDatabase(connection, log);
  const client = new pg.Client(connection);
  await client.connect();
  try {
    const identity = await createBenchOrganisation(db);
    await loadDataset(client, identity, plan, progress);
    if (!isReadOnly) await computeOrders(db);
    return identity;
  } finally {
    await client.end();
    await db.close();
  }
}

async function postmasterPid(connection) {
  const client = new pg.Client(connection);
  await client.connect();
  const { rows } = await client.query(`select split_part(pg_read_file('postmaster.pid'), E'\\n', 1)::integer as pid`);
  await client.end();
  return rows[0].pid;
}

/** Peers must do the same work: their bodies equal ours, apart from the address in them. */
async function requireSameBodies({ plan, token, server, others }) {
  for (const issue of randomIssues(plan, 20, 2)) {
    const ours = await bodyOf(server, token, issue);
    for (const other of others) {
      const theirs = (await bodyOf(other, token, issue)).replaceAll(other.url, server.url);
      if (JSON.stringify(sorted(JSON.parse(theirs))) !== JSON.stringify(sorted(JSON.parse(ours)))) {
        throw new Error(`A peer returns other links of ${keyOf(issue)} than we do:\n${theirs}\n${ours}`);
      }
    }
  }
  for (const other of others) {
    const { status } = await fetch(`${other.url}/v2/issues/${keyOf(1)}/links`, {
      headers: { Authorization: 'OAuth x' },
    });
    if (status !== 401) throw new Error('A peer does not check the token.');
  }
}

/** Clients do not depend on the order of an object's members. */
function sorted(value) {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.keys(value)
      .sort()
      .map((key) => [key, sorted(value[key])]),
  );
}

/** The median of some bodies by length. */
async function averageBody({ plan, token, server }) {
  const bodies = [];
  for (const issue of randomIssues(plan, 101, 3)) bodies.push(await bodyOf(server, token, issue));
  return bodies.sort((one, other) => one.length - other.length)[50];
}

async function bodyOf({ url }, token, issue) {
  const response = await fetch(`${url}/v2/issues/${keyOf(issue)}/links`, {
    headers: { Authorization: `OAuth ${token}` },
  });
  if (response.status !== 200) throw new Error(`${url} returned ${response.status}: ${await response.text()}`);
  return await response.text();
}

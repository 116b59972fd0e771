// What a stress run needs: the build, PostgreSQL, servers, and an organisation with an administrator.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import pg from 'pg';
import { startServer } from '../bench/processes.js';
import { build } from '../scripts/build.js';
import { isBuilt } from '../scripts/is-built.js';

const ROOT = fileURLToPath(new URL('../', import.meta.url));
const log = { info() {}, warn() {}, error() {} };
const ISSUES_AT_ONCE = 16;

/**
 * Starts PostgreSQL with the settings of production in `folder`, and servers on it; or servers on the empty database of
 * `databaseUrl`, which is distributed if it has Citus.
 */
export async function openEnvironment({ folder, serverCount = 2, environment = {}, databaseUrl }) {
  if (!isBuilt() && !build()) throw new Error('The build failed.');
  const { startEmbeddedPostgres } = await import('../dist/embedded-postgres/embedded-postgres.js');
  const { migrate } = await import('../dist/database/migrations.js');
  const dataDir = join(folder, 'data');
  const postgres = databaseUrl
    ? externalPostgres(databaseUrl)
    : await startEmbeddedPostgres({ dataDir, create: true, log });
  const pool = new pg.Pool({ ...postgres.connection, max: 4 });
  pool.on('error', () => undefined);
  const servers = [];
  const at = databaseUrl ? { DATABASE_URL: databaseUrl } : { DATA_DIR: dataDir };
  const start = () => startServer(folder, { ...at, LOG_LEVEL: 'warn', ...environment });
  const close = async () => {
    await pool.end();
    for (const server of servers) await server.stop();
    await postgres.stop();
  };
  try {
    await migrate(postgres.connection);
    await distributeWithCitus(postgres.connection);
    const organisation = await createOrganisation(postgres.connection, 'stress');
    for (let number = 0; number < serverCount; number += 1) servers.push(await start());
    // From now on, PostgreSQL is in the care of the servers alone.
    await postgres.stop();
    return {
      ...organisation,
      dataDir,
      databaseUrl,
      connection: postgres.connection,
      servers,
      /** Replaces a server that was killed. */
      async restart(number) {
        servers[number] = await start();
      },
      query: async (text, values) => (await pool.query(text, values)).rows,
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

function externalPostgres(connectionString) {
  const { host, port, user, password, database } = new pg.Client({ connectionString });
  return { connection: { host, port, user, password, database }, stop: async () => undefined };
}

async function distributeWithCitus(connection) {
  const { openDatabase } = await import('../dist/database/open-database.js');
  const { distribute, hasCitus } = await import('../dist/database/distribution.js');
  const db = openDatabase(connection, log, { hasTimeouts: false });
  try {
    if (await hasCitus(db)) await distribute(db, () => undefined);
  } finally {
    await db.close();
  }
}

const QUEUE = 'Q';

export async function createOrganisation(connection, orgId) {
  const { openDatabase } = await import('../dist/database/open-database.js');
  const db = openDatabase(connection, log);
  try {
    return await insertOrganisation(db, orgId);
  } finally {
    await db.close();
  }
}

/** An organisation with an administrator, the token of its application, and an open queue. */
export async function insertOrganisation(db, orgId) {
  const organisations = await import('../dist/core/organisations/organisations.service.js');
  const { createUser, getUserId } = await import('../dist/core/users/users.service.js');
  const { createToken, replaceAccountToken } = await import('../dist/core/tokens/tokens.service.js');
  const { createQueue } = await import('../dist/core/queues/queues.service.js');
  await organisations.createOrganisation(db, {
    orgId,
    cloudId: undefined,
    name: 'Stress',
    language: 'en',
    profile: 'tracker',
  });
  const adminId = await createUser(db, orgId, { login: 'admin', display: 'Admin', role: 'admin' });
  const { token } = await createToken(db, orgId, adminId, { scopes: ['read', 'write', 'admin'] });
  const applicationId = await getUserId(db, orgId, organisations.APPLICATION_LOGIN);
  const applicationToken = await replaceAccountToken(db, orgId, applicationId, 'application');
  await createQueue(db, orgId, { key: QUEUE, name: 'Queue', leadId: adminId });
  return { orgId, queue: QUEUE, adminId, token, applicationToken };
}

/** Runs `issue-links check` on the organisation. Returns what it finds, a line each. */
export async function checkOrganisation({ dataDir, databaseUrl, orgId }) {
  const { PATH, HOME } = process.env;
  const child = spawn(process.execPath, [`${ROOT}bin/issue-links.js`, 'check', '--org', orgId, '--json'], {
    env: { PATH, HOME, ...(databaseUrl ? { DATABASE_URL: databaseUrl } : { DATA_DIR: dataDir }) },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [output, [code]] = await Promise.all([text(child.stdout), once(child, 'close')]);
  return code === 0 ? [] : [`issue-links check ended with exit code ${code}`, ...output.trim().split('\n')];
}

/** Sends a request of the REST API. Retries nothing: a lost connection is a rejected promise. */
export async function sendRest({ orgId, token }, server, method, path, body, headers = {}) {
  const response = await fetch(`${server.url}${path}`, {
    method,
    headers: { Authorization: `OAuth ${token}`, 'X-Org-ID': orgId, 'Content-Type': 'application/json', ...headers },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  return { status: response.status, headers: response.headers, body: text === '' ? undefined : JSON.parse(text) };
}

/** Calls a procedure of the JSON-RPC API as the organisation's application. Returns its result. */
export async function callRpc({ orgId, applicationToken }, server, method, params) {
  const response = await fetch(`${server.url}/kanboard/${orgId}/jsonrpc.php`, {
    method: 'POST',
    headers: { Authorization: `Basic ${Buffer.from(`jsonrpc:${applicationToken}`).toString('base64')}` },
    body: JSON.stringify({ jsonrpc: '2.0', id: 1, method, params }),
  });
  const { result, error } = await response.json();
  if (error) throw new Error(`${method}: ${JSON.stringify(error)}`);
  return result;
}

/** Creates issues; each has its `key` and the number `taskId` that the JSON-RPC API uses. */
export async function createIssues(environment, count) {
  const { servers, queue, query, orgId } = environment;
  const keys = [];
  while (keys.length < count) {
    const size = Math.min(ISSUES_AT_ONCE, count - keys.length);
    const created = await Promise.all(
      Array.from({ length: size }, (_, place) =>
        sendRest(environment, servers[place % servers.length], 'POST', '/v2/issues', { queue, summary: 'Stress' }),
      ),
    );
    for (const { status, body } of created) {
      if (status !== 201) throw new Error(`POST /v2/issues returned ${status}: ${JSON.stringify(body)}`);
      keys.push(body.key);
    }
  }
  const rows = await query('select key, issue_id from issues where org_id = $1 and key = any($2)', [orgId, keys]);
  const ids = new Map(rows.map(({ key, issue_id: issueId }) => [key, Number(issueId)]));
  return keys.map((key) => ({ key, taskId: ids.get(key) }));
}

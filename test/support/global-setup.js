// One PostgreSQL for the whole run, with a migrated template that each test file copies. Child processes of tests run
// the build, so it is made first.
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { build } from '../../scripts/build.js';

const TEMPLATE = 'template_issue_links';

export default async function globalSetup() {
  if (!build()) throw new Error('The build failed.');
  const { migrate } = await import('../../dist/database/migrations.js');

  const folder = await mkdtemp(join(tmpdir(), 'issue-links-test-'));
  const postgres = process.env.TEST_DATABASE_URL
    ? externalPostgres(process.env.TEST_DATABASE_URL)
    : await embeddedPostgres(join(folder, 'data'));
  globalThis.testPostgres = { postgres, folder };

  const nodes = await query(postgres.connection, `select to_regclass('pg_dist_node') is not null as is_citus`).then(
    ([{ is_citus: isCitus }]) =>
      isCitus ? query(postgres.connection, 'select nodename as host, nodeport as port, groupid from pg_dist_node') : [],
  );
  // A copy of a database on Citus would share the original's tables on other nodes.
  if (nodes.length === 0) {
    await query(postgres.connection, `drop database if exists ${TEMPLATE}`);
    await query(postgres.connection, `create database ${TEMPLATE}`);
    await migrate({ ...postgres.connection, database: TEMPLATE });
  }
  process.env.TEST_CONNECTION = JSON.stringify(postgres.connection);
  process.env.TEST_CITUS_NODES = JSON.stringify(nodes);
  process.env.TEST_FOLDER = folder;
}

async function embeddedPostgres(dataDir) {
  const { startEmbeddedPostgres } = await import('../../dist/embedded-postgres/embedded-postgres.js');
  const log = { info() {}, warn() {}, error() {} };
  return await startEmbeddedPostgres({ dataDir, create: true, durability: 'disposable', log });
}

function externalPostgres(url) {
  const { host, port, user, password, database } = new pg.Client({ connectionString: url });
  return { connection: { host, port, user, password, database }, stop: async () => undefined };
}

async function query(connection, text) {
  const client = new pg.Client(connection);
  await client.connect();
  try {
    const { rows } = await client.query(text);
    return rows;
  } finally {
    await client.end();
  }
}

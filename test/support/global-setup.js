// One PostgreSQL for the whole run, with a migrated template that each test file copies. Child processes of tests run
// the build, so it is made first.
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { build } from '../../scripts/build.js';

export default async function globalSetup() {
  if (!build()) throw new Error('The build failed.');
  const { startEmbeddedPostgres } = await import('../../dist/embedded-postgres/embedded-postgres.js');
  const { openDatabase } = await import('../../dist/database/database.js');
  const { migrate } = await import('../../dist/database/migrations.js');

  const folder = await mkdtemp(join(tmpdir(), 'issue-links-test-'));
  const log = { info() {}, warn() {}, error() {} };
  const postgres = await startEmbeddedPostgres({
    dataDir: join(folder, 'data'),
    create: true,
    durability: 'disposable',
    log,
  });
  globalThis.testPostgres = { postgres, folder };

  const db = openDatabase(postgres.connection, log);
  await db.query({ name: '', text: 'create database template_issue_links', values: [] });
  await db.close();
  await migrate({ ...postgres.connection, database: 'template_issue_links' });
  process.env.TEST_CONNECTION = JSON.stringify(postgres.connection);
  process.env.TEST_FOLDER = folder;
}

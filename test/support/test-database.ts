import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll } from '@jest/globals';
import { ProcessCache } from '../../src/database/cache.ts';
import type { Connection } from '../../src/database/connection.ts';
import type { DatabasePool } from '../../src/database/database.ts';
import { distribute } from '../../src/database/distribution.ts';
import { migrate } from '../../src/database/migrations.ts';
import { openDatabase } from '../../src/database/open-database.ts';

/** A database of one test or test file. */
export interface TestDatabase {
  readonly db: DatabasePool;
  readonly connection: Connection;
  /** For a server in another process. */
  readonly url: string;
  drop(): Promise<void>;
}

const silent = { info: () => undefined, warn: () => undefined };

type Template = 'template_issue_links' | 'template0';

/** A node of the Citus cluster that the tests run on. The coordinator is in group 0. */
interface CitusNode {
  readonly host: string;
  readonly port: number;
  readonly groupid: number;
}

const citusNodes = JSON.parse(process.env['TEST_CITUS_NODES'] ?? '[]') as readonly CitusNode[];
export const isOnCitus = citusNodes.length > 0;

/** Copies the migrated template, or `template0` for a database without a schema. */
export async function createTestDatabase(template: Template): Promise<TestDatabase> {
  const server = JSON.parse(process.env['TEST_CONNECTION'] ?? '{}') as Connection;
  const name = `test_${randomUUID().replaceAll('-', '')}`;
  const connection = { ...server, database: name };
  if (isOnCitus) await createOnCitus(server, name, template);
  else await onServer(server, `create database ${name} template ${template}`);
  const db = openDatabase(connection, silent);
  invalidateAfterRawSql(db);
  return {
    db,
    connection,
    url: urlOf(connection),
    async drop() {
      await db.close();
      for (const node of isOnCitus ? citusNodes : [server]) {
        await onServer({ ...server, ...node }, `drop database if exists ${name} with (force)`);
      }
    },
  };
}

/** Tests change rows in SQL of their own, which sends no notification. */
function invalidateAfterRawSql(db: DatabasePool): void {
  const { query } = db;
  db.query = async (statement) => {
    const rows = await query(statement);
    if (statement.name === '' && db.cache instanceof ProcessCache) db.cache.clear();
    return rows;
  };
}

/** One database for the tests of a file, created before the first test and dropped after the last. */
export function useDatabase(
  template: 'template_issue_links' | 'template0' = 'template_issue_links',
): () => TestDatabase {
  let database: TestDatabase | undefined;
  beforeAll(async () => {
    database = await createTestDatabase(template);
  });
  afterAll(async () => {
    await database?.drop();
  });
  return () => {
    if (database === undefined) throw new Error('The database is created before the first test.');
    return database;
  };
}

/** A database on each node, distributed if it has a schema. */
async function createOnCitus(server: Connection, name: string, template: Template): Promise<void> {
  await Promise.all(
    citusNodes.map(async (node) => {
      await onServer({ ...server, ...node }, `create database ${name} template template0`);
      await onServer({ ...server, ...node, database: name }, 'create extension citus');
    }),
  );
  const connection = { ...server, database: name };
  const coordinator = citusNodes.find(({ groupid }) => groupid === 0) ?? server;
  await onServer(connection, `select citus_set_coordinator_host('${coordinator.host}', ${coordinator.port})`);
  for (const { host, port, groupid } of citusNodes) {
    if (groupid !== 0) await onServer(connection, `select citus_add_node('${host}', ${port})`);
  }
  if (template === 'template0') return;
  await migrate(connection);
  const db = openDatabase(connection, silent, { hasTimeouts: false });
  await distribute(db, () => undefined);
  await db.close();
}

async function onServer(server: Connection, text: string): Promise<void> {
  // The extension alone takes seconds on a busy machine.
  const db = openDatabase(server, silent, { hasTimeouts: false });
  try {
    await db.query({ name: '', text, values: [] });
  } finally {
    await db.close();
  }
}

export function urlOf({ host, port, user, password, database }: Connection): string {
  const credentials = `${encodeURIComponent(user)}:${encodeURIComponent(password)}`;
  return `postgres://${credentials}@/${database}?host=${encodeURIComponent(host)}&port=${port}`;
}

import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll } from '@jest/globals';
import { ProcessCache } from '../../src/database/cache.ts';
import type { Connection } from '../../src/database/connection.ts';
import { type DatabasePool, openDatabase } from '../../src/database/database.ts';

/** A database of one test or test file. */
export interface TestDatabase {
  readonly db: DatabasePool;
  readonly connection: Connection;
  /** For a server in another process. */
  readonly url: string;
  drop(): Promise<void>;
}

const silent = { info: () => undefined, warn: () => undefined };

/** Copies the migrated template, or `template0` for a database without a schema. */
export async function createTestDatabase(template: 'template_issue_links' | 'template0'): Promise<TestDatabase> {
  const server = JSON.parse(process.env['TEST_CONNECTION'] ?? '{}') as Connection;
  const name = `test_${randomUUID().replaceAll('-', '')}`;
  await onServer(server, `create database ${name} template ${template}`);
  const connection = { ...server, database: name };
  const db = openDatabase(connection, silent);
  invalidateAfterRawSql(db);
  return {
    db,
    connection,
    url: urlOf(connection),
    async drop() {
      await db.close();
      await onServer(server, `drop database ${name} with (force)`);
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

async function onServer(server: Connection, text: string): Promise<void> {
  const db = openDatabase(server, silent);
  try {
    await db.query({ name: '', text, values: [] });
  } finally {
    await db.close();
  }
}

function urlOf({ host, port, user, password, database }: Connection): string {
  const credentials = `${encodeURIComponent(user)}:${encodeURIComponent(password)}`;
  return `postgres://${credentials}@/${database}?host=${encodeURIComponent(host)}&port=${port}`;
}

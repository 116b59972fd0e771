import type { Database, DatabasePool } from '../../src/database/database.ts';

/** How many statements the service sends outside transactions while `work` runs. */
export async function countStatements(db: DatabasePool, work: () => PromiseLike<unknown>): Promise<number> {
  const { forClient, query } = db;
  let count = 0;
  db.query = (statement) => {
    count += 1;
    return query(statement);
  };
  db.forClient = (client) => {
    const clientDb = forClient(client);
    return {
      ...clientDb,
      query: (statement) => {
        count += 1;
        return clientDb.query(statement);
      },
      readShared: (statement, orgId, key) => {
        count += 1;
        return clientDb.readShared(statement, orgId, key);
      },
    };
  };
  try {
    await work();
  } finally {
    Object.assign(db, { forClient, query });
  }
  return count;
}

/** Resolves once this many statements are waiting for a lock. */
export async function untilWaiting(db: Database, count: number): Promise<void> {
  for (;;) {
    const rows = await db.query({
      name: '',
      text: `select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`,
      values: [],
    });
    if (rows.length >= count) return;
  }
}

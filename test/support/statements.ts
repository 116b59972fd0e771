import type { Database } from '../../src/database/database.ts';

/** How many statements the service sends outside transactions while `work` runs. */
export async function countStatements(db: Database, work: () => PromiseLike<unknown>): Promise<number> {
  const query = db.query.bind(db);
  let count = 0;
  db.query = (statement) => {
    count += 1;
    return query(statement);
  };
  try {
    await work();
  } finally {
    db.query = query;
  }
  return count;
}

/** Until that many statements wait for a lock. */
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

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

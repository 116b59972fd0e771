import type { Client } from '../../src/database/client.ts';
import type { ClientDatabase, Database, DatabasePool, Transaction } from '../../src/database/database.ts';
import type { SharedStatement } from '../../src/database/shared-statements.ts';
import type { Statement } from '../../src/database/statement.ts';
import { isOnCitus } from './test-database.ts';

/** How many statements the service sends while `work` runs, besides those that begin and end transactions. */
export async function countStatements(db: DatabasePool, work: () => PromiseLike<unknown>): Promise<number> {
  const descriptors = Object.getOwnPropertyDescriptors(db);
  const original = { ...db };
  let count = 0;
  const counting = <Counted extends Database>(counted: Counted): Counted => ({
    ...counted,
    get primary() {
      return this;
    },
    get reader() {
      return this;
    },
    query: (statement: Statement<never>) => {
      count += 1;
      return counted.query(statement);
    },
    readShared: (statement: SharedStatement<never, never>, orgId: string, keys: readonly never[]) => {
      count += 1;
      return counted.readShared(statement, orgId, keys);
    },
    executeShared: (statement: SharedStatement<never, never>, orgId: string, writes: readonly never[]) => {
      count += 1;
      return counted.executeShared(statement, orgId, writes);
    },
    execute: (statement: Statement<never>) => {
      count += 1;
      return counted.execute(statement);
    },
    transaction: (run: (transaction: Transaction) => Promise<unknown>) =>
      counted.transaction((transaction) => run(counting(transaction))),
  });
  const replacement = {
    ...counting(original),
    forClient: (client: Client): ClientDatabase => {
      const clientDb = original.forClient(client);
      return {
        ...counting(clientDb),
        get reader() {
          return this;
        },
        receive: (statement, onRow) => {
          count += 1;
          return clientDb.receive(statement, onRow);
        },
      };
    },
  };
  Object.defineProperties(db, Object.getOwnPropertyDescriptors(replacement));
  try {
    await work();
  } finally {
    Object.defineProperties(db, descriptors);
  }
  return count;
}

const COUNT_WAITING = `
  select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`;

/** Resolves once this many statements are waiting for a lock: on Citus, on any node. */
export async function untilWaiting(db: Database, count: number): Promise<void> {
  const text = isOnCitus
    ? `select sum(result::integer) as count from run_command_on_all_nodes($$ ${COUNT_WAITING} $$)`
    : COUNT_WAITING;
  for (;;) {
    const [row] = await db.query<{ count: number }>({ name: '', text, values: [] });
    if (Number(row?.count) >= count) return;
  }
}

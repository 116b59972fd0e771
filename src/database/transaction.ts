import pg from 'pg';
import { NO_CACHE, type ProcessCache } from './cache.ts';
import type { Client } from './client.ts';
import type { DataRow } from './data-row.ts';
import { ConcurrentChange, type Transaction } from './database.ts';
import { contended } from './database-error.ts';
import { type HeldConnection, receive, run } from './held-connection.ts';
import { CHANNEL } from './invalidation-listener.ts';
import { placeOf, type SharedStatement } from './shared-statements.ts';
import type { NamedStatement, Statement } from './statement.ts';

interface Log {
  warn(details: object, message: string): void;
}

const TRANSACTION_ATTEMPTS = 5;
/** deadlock_detected, serialization_failure */
const REPEATABLE = new Set(['40P01', '40001']);

/** Runs a transaction until PostgreSQL accepts it, but no more than five times. Throws `contended` after the last. */
export async function repeatedly<Result>(log: Log, transact: () => Promise<Result>): Promise<Result> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await transact();
    } catch (error) {
      if (!isRepeatable(error)) throw error;
      if (error instanceof pg.DatabaseError)
        log.warn({ code: error.code, attempt }, 'PostgreSQL refused a transaction');
      if (attempt === TRANSACTION_ATTEMPTS) throw contended(error);
    }
  }
}

function isRepeatable(error: unknown): boolean {
  if (error instanceof ConcurrentChange) return true;
  return error instanceof pg.DatabaseError && error.code !== undefined && REPEATABLE.has(error.code);
}

/** Runs `work` in a transaction on the connection, and commits or rolls back. */
export async function runTransaction<Result>(
  connection: HeldConnection,
  work: (transaction: Transaction) => Promise<Result>,
  client: Client,
  cache: ProcessCache,
): Promise<Result> {
  const invalidated = new Set<string>();
  const sendCommand = (text: string) => run(connection, { name: '', text, values: [] }, client);
  const runAlone = async <Key, Row>(
    { bind, rowOf }: SharedStatement<Key, Row>,
    orgId: string,
    keys: readonly Key[],
  ): Promise<Row[][]> => {
    const rows = keys.map((): Row[] => []);
    await run(connection, bind(orgId, keys), client, (row) => rows[placeOf(row) - 1]?.push(rowOf(row)));
    return rows;
  };
  // The only place that creates a Transaction.
  const transaction: Transaction = {
    prefersOneStatement: false,
    get primary() {
      return transaction;
    },
    get reader() {
      return transaction;
    },
    get untimed() {
      return transaction;
    },
    get cache() {
      return invalidated.size === 0 ? cache : NO_CACHE;
    },
    query: (statement: Statement<unknown>) => run(connection, statement, client),
    readShared: runAlone,
    executeShared: runAlone,
    execute: (statement: Statement<unknown>) => run(connection, statement, client),
    transaction: (joined: typeof work) => joined(transaction),
    receive: (statement: NamedStatement<unknown>, onRow: (row: DataRow) => Promise<void> | undefined) =>
      receive(connection, statement, client.signal, onRow),
    async attempt<Part>(part: () => Promise<Part>): Promise<Part> {
      await sendCommand('savepoint attempt');
      try {
        const done = await part();
        await sendCommand('release savepoint attempt');
        return done;
      } catch (error) {
        if (!connection.isBroken) await sendCommand('rollback to savepoint attempt');
        throw error;
      }
    },
    async invalidate(scope: string) {
      if (invalidated.has(scope)) return;
      invalidated.add(scope);
      await run(connection, { name: '', text: 'select pg_notify($1, $2)', values: [CHANNEL, scope] }, client);
    },
  } as unknown as Transaction;
  try {
    await sendCommand('begin');
    const result = await work(transaction);
    client.signal?.throwIfAborted();
    try {
      await run(connection, { name: '', text: 'commit', values: [] }, {});
    } finally {
      // A commit that failed may still have happened.
      for (const scope of invalidated) cache.invalidate(scope);
    }
    return result;
  } catch (error) {
    if (!connection.isBroken) {
      await run(connection, { name: '', text: 'rollback', values: [] }, {}).catch(() => {
        connection.isBroken = true;
      });
    }
    throw error;
  }
}

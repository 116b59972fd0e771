import pg from 'pg';
import { databaseError } from './database-error.ts';

/**
 * A statement that the server prepares once a connection, under its name: parsing and planning are the larger half
 * of what a short query costs. One name always goes with one text.
 */
export interface Statement {
  readonly name: string;
  readonly text: string;
  readonly values: readonly unknown[];
}

/** The pool or a transaction; a store cannot tell them apart, and need not. */
export interface Queryable {
  query<Row>(statement: Statement): Promise<Row[]>;
}

export interface Database extends Queryable {
  /** Runs `work` in one READ COMMITTED transaction; again after a deadlock or a ConcurrentChange. */
  transaction<Result>(work: (transaction: Queryable) => Promise<Result>): Promise<Result>;
  close(): Promise<void>;
}

/** Thrown inside a transaction that met somebody else's change half way: it is rolled back and runs again. */
export class ConcurrentChange extends Error {
  override readonly name = 'ConcurrentChange';
}

/** Where PostgreSQL is: a URL, or the parts that the embedded one gives. */
export type Connection =
  | { connectionString: string }
  | { host: string; port: number; user: string; password: string; database: string };

interface Log {
  warn(details: object, message: string): void;
}

const POOL_SIZE = 16;
const STATEMENT_TIMEOUT_MS = 15_000;
const CONNECT_TIMEOUT_MS = 5_000;
const TRANSACTION_ATTEMPTS = 5;
/** deadlock_detected, serialization_failure */
const REPEATABLE = new Set(['40P01', '40001']);

const INT8 = 20;
const types: pg.CustomTypesConfig = {
  getTypeParser: (oid, format) =>
    oid === INT8 ? Number : (pg.types.getTypeParser(oid, format) as (value: string) => unknown),
};

export function openDatabase(connection: Connection, log: Log): Database {
  const pool = new pg.Pool({
    ...connection,
    application_name: 'issue-links',
    max: POOL_SIZE,
    statement_timeout: STATEMENT_TIMEOUT_MS,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    types,
  });
  // An idle connection that PostgreSQL closes must not take the process with it; the pool opens a new one when needed.
  pool.on('error', (error) => {
    log.warn({ err: error }, 'PostgreSQL closed an idle connection');
  });

  return {
    query: (statement) => run(pool, statement),
    async transaction(work) {
      for (let attempt = 1; ; attempt += 1) {
        try {
          return await runTransaction(pool, work);
        } catch (error) {
          if (attempt === TRANSACTION_ATTEMPTS || !isRepeatable(error)) throw error;
        }
      }
    },
    close: () => pool.end(),
  };
}

function isRepeatable(error: unknown): boolean {
  if (error instanceof ConcurrentChange) return true;
  return error instanceof pg.DatabaseError && error.code !== undefined && REPEATABLE.has(error.code);
}

async function run<Row>(client: pg.Pool | pg.PoolClient, { name, text, values }: Statement): Promise<Row[]> {
  try {
    const result = await client.query({ name, text, values: [...values] });
    return result.rows as Row[];
  } catch (error) {
    throw databaseError(error);
  }
}

async function runTransaction<Result>(
  pool: pg.Pool,
  work: (transaction: Queryable) => Promise<Result>,
): Promise<Result> {
  const client = await pool.connect().catch((error: unknown) => {
    throw databaseError(error);
  });
  // Without a listener a connection that breaks between two statements would end the process.
  const ignore = () => undefined;
  client.on('error', ignore);
  let broken: Error | undefined;
  try {
    await run(client, { name: '', text: 'begin', values: [] });
    const result = await work({ query: (statement) => run(client, statement) });
    await run(client, { name: '', text: 'commit', values: [] });
    return result;
  } catch (error) {
    await client.query('rollback').catch((cause: unknown) => {
      broken = cause instanceof Error ? cause : new Error(String(cause));
    });
    throw error;
  } finally {
    client.off('error', ignore);
    client.release(broken);
  }
}

import type { Cache, ProcessCache } from './cache.ts';
import type { Client } from './client.ts';
import type { DataRow } from './data-row.ts';
import type { ReplicaState } from './replicas.ts';
import type { SharedStatement, SharedStatements } from './shared-statements.ts';
import type { NamedStatement, Statement } from './statement.ts';

/** The parameter type of functions that only read: the pool or a transaction. */
export interface Queryable {
  query<Row>(statement: Statement<Row>): Promise<Row[]>;
  /**
   * The rows of each key. Outside of a transaction, one statement reads for all clients that ask at the same moment.
   */
  readShared<Key, Row>(statement: SharedStatement<Key, Row>, orgId: string, keys: readonly Key[]): Promise<Row[][]>;
  /** Values of the process; empty in a transaction that has invalidated some of them. */
  readonly cache: Cache;
  /** Reads on the primary, or in the transaction, and never on a replica: for what is cached. */
  readonly primary: Queryable;
}

/** The parameter type of use cases: the pool, or the transaction of a larger use case, which they join. */
export interface Database extends Queryable {
  /**
   * Runs `work` in a READ COMMITTED transaction, and repeats it after a deadlock, a serialization failure or a
   * ConcurrentChange. Throws `contended` after the last attempt. Within a transaction, `work` joins that transaction,
   * which is repeated as a whole.
   */
  transaction<Result>(work: (transaction: Transaction) => Promise<Result>): Promise<Result>;
  /** Runs a statement that writes as a transaction of its own, repeated likewise; in a transaction, as a part of it. */
  execute<Row>(statement: Statement<Row>): Promise<Row[]>;
  /**
   * What the statement returns for each write. Outside of a transaction, one statement writes for all clients that ask at
   * the same moment, as a transaction of its own, which is not repeated.
   */
  executeShared<Key, Row>(
    statement: SharedStatement<Key, Row>,
    orgId: string,
    writes: readonly Key[],
  ): Promise<Row[][]>;
  /**
   * Whether one statement should do what several could: not in a transaction, which would keep its locks even if it writes
   * nothing, and not with Citus, which takes a statement apart that inserts into several tables.
   */
  readonly prefersOneStatement: boolean;
}

/** The parameter type of functions that lock or write: calling them outside a transaction does not compile. */
export interface Transaction extends ClientDatabase {
  readonly prefersOneStatement: false;
  /** Runs `work`, and undoes its writes if it throws. The transaction can go on. */
  attempt<Result>(work: () => Promise<Result>): Promise<Result>;
  /** Invalidates the cached values of a scope, which the transaction changes, in all processes when it commits. */
  invalidate(scope: string): Promise<void>;
}

export function isTransaction(db: Database): db is Transaction {
  return 'attempt' in db;
}

/** The pool on behalf of one client. */
export interface ClientDatabase extends Database {
  /**
   * Passes the rows of a statement on as they arrive. While the promise that `onRow` returned is pending, no more are read
   * from PostgreSQL; those that have been read already still arrive.
   */
  receive(statement: NamedStatement<unknown>, onRow: (row: DataRow) => Promise<void> | undefined): Promise<void>;
  /** For operations that only read: their reads may go to replicas that have all acknowledged writes. */
  readonly reader: ClientDatabase;
  /** Ignores the client's deadline and disconnection, to record what has been done. */
  readonly untimed: ClientDatabase;
}

/** What the handle has done since the start of the process, and what it does now. */
export interface DatabaseStatistics {
  readonly connections: {
    readonly open: number;
    readonly idle: number;
    readonly max: number;
    /** Requests that wait for one. */
    readonly waiting: number;
  };
  readonly cache: ReturnType<ProcessCache['statistics']>;
  readonly sharedReads: ReturnType<SharedStatements['statistics']>;
  readonly sharedWrites: ReturnType<SharedStatements['statistics']>;
}

export interface DatabasePool extends ClientDatabase {
  forClient(client: Client): ClientDatabase;
  /** Starts to apply the invalidations of other processes; until then, values are cached for a second at most. */
  listen(): void;
  /** Whether reads go to the replicas; empty if there are none. */
  replicaStates(): ReplicaState[];
  /** Counts only the connections to the primary. */
  statistics(): DatabaseStatistics;
  close(): Promise<void>;
}

/** Thrown in a transaction that conflicts with a concurrent change, to roll it back and repeat it. */
export class ConcurrentChange extends Error {
  override readonly name = 'ConcurrentChange';
}

import { DomainError } from '../errors.ts';
import type { Signal } from '../signal.ts';
import { texts } from '../texts.ts';
import type { Client } from './client.ts';
import { Columns, type DataRow } from './data-row.ts';
import type { NamedStatement } from './statement.ts';

/** A statement that reads, or writes, the rows of several keys within one organisation. */
export interface SharedStatement<Key, Row> {
  /** The first column of the statement's rows is the position of their key, from 1. */
  readonly bind: (orgId: string, keys: readonly Key[]) => NamedStatement<unknown>;
  readonly rowOf: (row: DataRow) => Row;
}

/** A client that waits for the rows of one key. */
interface Waiter {
  readonly key: unknown;
  readonly client: Client;
  readonly rows: unknown[];
  error: Error | undefined;
  readonly resolve: (rows: never[]) => void;
  readonly reject: (error: unknown) => void;
}

interface Batch {
  readonly statement: SharedStatement<unknown, unknown>;
  readonly orgId: string;
  waiters: Waiter[];
  /** Cancels its statement. */
  readonly cancellation: AbortController;
}

export type RunShared = (
  statement: NamedStatement<unknown>,
  signal: Signal,
  onRow: (row: DataRow) => void,
) => Promise<void>;

/** Larger batches would make this process and PostgreSQL wait for each other in turn instead of working at the same time. */
const KEYS_MAX = 16;
/** On a server. More would divide the same waiters among smaller batches. */
export const STATEMENTS_MAX = 2;
const WAITING_MAX = 2000;
/** How often to look for clients that have left. A listener for each of them would cost more than the look. */
const SWEEP_MS = 250;

/**
 * Shares statements among the clients that need the same one at the same moment: most of the cost of a short statement is the round
 * trip, not the rows. While statements run, further waiters gather for the next one. Each waiter keeps its own viewer,
 * limit and error. A waiter whose client leaves, or whose time is up, before its statement runs is rejected. A statement that
 * runs is cancelled once all of its waiters have left; until then it goes on for all of them, since it may write.
 */
export class SharedStatements {
  readonly #run: RunShared;
  readonly #statementsMax: number;
  /** In the order in which they will run. A full batch is followed by another one. */
  readonly #batches: Batch[] = [];
  readonly #runningBatches = new Set<Batch>();
  #waiting = 0;
  #isScheduled = false;
  #sweep: NodeJS.Timeout | undefined;
  #keys = 0;
  #statements = 0;

  constructor(run: RunShared, statementsMax = STATEMENTS_MAX) {
    this.#run = run;
    this.#statementsMax = statementsMax;
  }

  /** The rows of the key. Throws `overloaded` if too many waiters wait, and what the client's `countBytes` throws. */
  run<Key, Row>(statement: SharedStatement<Key, Row>, orgId: string, key: Key, client: Client): Promise<Row[]> {
    if (this.#waiting >= WAITING_MAX) return Promise.reject(new DomainError('overloaded', texts.overloaded));
    this.#keys += 1;
    return new Promise<Row[]>((resolve, reject) => {
      this.#waiting += 1;
      this.#batchFor(statement as SharedStatement<unknown, unknown>, orgId).waiters.push({
        key,
        client,
        rows: [],
        error: undefined,
        resolve,
        reject,
      });
      this.#sweep ??= setTimeout(() => this.#dismiss(), SWEEP_MS).unref();
      if (this.#isScheduled || this.#runningBatches.size >= this.#statementsMax) return;
      this.#isScheduled = true;
      // The requests that arrived together with this one are parsed first.
      setImmediate(() => {
        this.#isScheduled = false;
        this.#start();
      });
    });
  }

  /** Since the start of the process. */
  statistics(): { readonly keys: number; readonly statements: number } {
    return { keys: this.#keys, statements: this.#statements };
  }

  #batchFor(statement: SharedStatement<unknown, unknown>, orgId: string): Batch {
    const open = this.#batches.find(
      (batch) => batch.orgId === orgId && batch.statement === statement && batch.waiters.length < KEYS_MAX,
    );
    if (open) return open;
    const batch = { statement, orgId, waiters: [], cancellation: new AbortController() };
    this.#batches.push(batch);
    return batch;
  }

  #start(): void {
    while (this.#runningBatches.size < this.#statementsMax) {
      const batch = this.#batches.shift();
      if (batch === undefined) return;
      this.#waiting -= batch.waiters.length;
      this.#runningBatches.add(batch);
      void this.#runBatch(batch).finally(() => {
        this.#runningBatches.delete(batch);
        this.#start();
      });
    }
  }

  #dismiss(): void {
    for (const batch of this.#batches) this.#waiting -= dismissWaiters(batch);
    for (const { waiters, cancellation } of this.#runningBatches) {
      if (waiters.every(hasLeft)) cancellation.abort();
    }
    const isBusy = this.#batches.length > 0 || this.#runningBatches.size > 0;
    this.#sweep = isBusy ? setTimeout(() => this.#dismiss(), SWEEP_MS).unref() : undefined;
  }

  async #runBatch(batch: Batch): Promise<void> {
    dismissWaiters(batch);
    const { statement, orgId, waiters: present, cancellation } = batch;
    try {
      if (present.length === 0) return;
      const keys = present.map(({ key }) => key);
      this.#statements += 1;
      await this.#run(statement.bind(orgId, keys), cancellation.signal, (row) => {
        const waiter = present[placeOf(row) - 1];
        if (waiter) addRow(waiter, statement.rowOf, row);
      });
      for (const { error, rows, resolve, reject } of present) {
        if (error) reject(error);
        else resolve(rows as never[]);
      }
    } catch (error) {
      for (const { client, reject } of present) reject(cancellation.signal.aborted ? client.signal?.reason : error);
    }
  }
}

function hasLeft({ client }: Waiter): boolean {
  return client.signal?.aborted ?? false;
}

/** Rejects the waiters that have left, and returns how many these were. */
function dismissWaiters(batch: Batch): number {
  const { waiters } = batch;
  batch.waiters = waiters.filter((waiter) => {
    if (!hasLeft(waiter)) return true;
    waiter.reject(waiter.client.signal?.reason);
    return false;
  });
  return waiters.length - batch.waiters.length;
}

/** The position of the row's key among the keys of the statement, from 1. */
export function placeOf({ bytes, start }: DataRow): number {
  return new Columns(bytes, start).number() ?? 0;
}

function addRow(waiter: Waiter, rowOf: (row: DataRow) => unknown, row: DataRow): void {
  if (waiter.error) return;
  try {
    waiter.client.countBytes?.(row.length);
    waiter.rows.push(rowOf(row));
  } catch (error) {
    waiter.error = error as Error;
    waiter.rows.length = 0;
  }
}

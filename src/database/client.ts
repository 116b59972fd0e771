import type { Signal } from '../signal.ts';

/** The client on whose behalf statements run. */
export interface Client {
  /**
   * Aborted when the client disconnects: its running statement is cancelled and no other starts, so that its
   * transaction is rolled back. A commit that has been sent is awaited.
   */
  readonly signal?: Signal;
  /** The account whose share of the connections is used; unset until the client is authenticated. */
  readonly account?: string;
  /** Whether it gets a connection before those that wait already: it holds something else that others wait for. */
  readonly isUrgent?: boolean;
  /**
   * Called with the size of each row that arrives. If it throws, the statement is cancelled and rejects with that
   * error.
   */
  readonly countBytes?: (bytes: number) => void;
}

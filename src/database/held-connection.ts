import pg from 'pg';
import type { Shares } from '../shares.ts';
import type { Signal } from '../signal.ts';
import { cancelStatement } from './cancel.ts';
import type { Client } from './client.ts';
import type { DataRow } from './data-row.ts';
import { databaseError, isReadOnlyError, unavailable } from './database-error.ts';
import { destroy, pauseUntil, sendStatement } from './row-query.ts';
import type { PooledSession } from './session.ts';
import type { PendingWork, SilenceWatch } from './silence-watch.ts';
import type { NamedStatement, Statement } from './statement.ts';

/** A connection that is taken from a pool. */
export interface HeldConnection {
  readonly session: PooledSession;
  readonly silence: SilenceWatch;
  /** The connection is in an unknown state, or its server refuses to write: it must not be reused. */
  isBroken: boolean;
}

/** The connections to a server. */
export interface ConnectionSource {
  readonly connect: () => Promise<PooledSession>;
  readonly connections: Shares;
  readonly silence: SilenceWatch;
  /** Called when the server has refused a write. */
  readonly onReadOnly: () => void;
}

/** Called with the name of a statement that is sent. What it returns is called when the statement has ended. */
export type StatementObserver = (name: string) => ((hasFailed: boolean) => void) | undefined;

/** One for the process, as tracing is; unset unless it is on. */
let observe: StatementObserver | undefined;

export function observeStatements(observer: StatementObserver | undefined): void {
  observe = observer;
}

const UNNAMED = 'unnamed statement';
const DISCARD_PLANS: Statement<never> = { name: '', text: 'discard plans', values: [] };

export async function holdConnection<Result>(
  { connect, connections, silence, onReadOnly }: ConnectionSource,
  { account, signal, isUrgent }: Client,
  work: (connection: HeldConnection) => Promise<Result>,
): Promise<Result> {
  signal?.throwIfAborted();
  await connections.take(account, 1, { signal, isUrgent });
  const pending = silence.begin();
  try {
    const session = await connectFor(pending, connect);
    const connection: HeldConnection = { session, silence, isBroken: false };
    pending.server = session;
    pending.fail = () => {
      connection.isBroken = true;
      destroy(session);
    };
    try {
      if (session.claimPlanDiscard()) await run(connection, DISCARD_PLANS, {});
      return await work(connection);
    } catch (error) {
      if (isReadOnlyError(error)) {
        connection.isBroken = true;
        onReadOnly();
      }
      throw error;
    } finally {
      session.release(connection.isBroken);
    }
  } finally {
    silence.end(pending);
    connections.give(account, 1);
  }
}

export class NoResponse extends Error {
  override readonly name = 'NoResponse';
  override readonly message = 'PostgreSQL does not respond.';
}

async function connectFor(pending: PendingWork, connect: ConnectionSource['connect']): Promise<PooledSession> {
  return await new Promise((resolve, reject) => {
    let isFailed = false;
    pending.fail = () => {
      isFailed = true;
      reject(unavailable(new NoResponse()));
    };
    connect().then(
      (session) => {
        if (isFailed) session.release();
        else resolve(session);
      },
      (error: unknown) => {
        reject(unavailable(error));
      },
    );
  });
}

export async function run<Row>(
  connection: HeldConnection,
  statement: Statement<Row>,
  { signal, countBytes = () => undefined }: Client,
  onRow?: (row: DataRow) => void,
): Promise<Row[]> {
  return await send<Row>(connection, statement, signal, (row) => {
    countBytes(row.length);
    onRow?.(row);
    return onRow === undefined;
  });
}

export async function receive(
  connection: HeldConnection,
  statement: NamedStatement<unknown>,
  signal: Signal | undefined,
  onRow: (row: DataRow) => Promise<void> | undefined,
): Promise<void> {
  let ready: Promise<void> | undefined;
  await send(connection, statement, signal, (row, refuse) => {
    const next = signal?.aborted ? undefined : onRow(row);
    if (next !== undefined && next !== ready) {
      ready = next;
      pauseUntil(connection.session, next.catch(refuse));
    }
    return false;
  });
  await ready;
}

/** Runs a statement. If `isWanted` throws, or passes `refuse` an error, the statement is cancelled and rejects with it. */
async function send<Row>(
  connection: HeldConnection,
  statement: Statement<Row>,
  signal: Signal | undefined,
  isWanted: (row: DataRow, refuse: (error: unknown) => void) => boolean,
): Promise<Row[]> {
  signal?.throwIfAborted();
  let refusal: { readonly error: unknown } | undefined;
  const cancel = () => {
    connection.isBroken = true;
    cancelStatement(connection.session);
  };
  const refuse = (error: unknown) => {
    refusal ??= { error };
    cancel();
  };
  signal?.addEventListener('abort', cancel);
  const end = observe?.(statement.name || UNNAMED);
  let hasFailed = true;
  try {
    const rows = await sendStatement<Row>(connection.session, statement, (row) => {
      if (refusal) return false;
      try {
        return isWanted(row, refuse);
      } catch (error) {
        refuse(error);
        return false;
      }
    });
    connection.silence.heard();
    if (refusal) throw refusal.error;
    connection.session.requireConfirmed();
    hasFailed = false;
    return rows;
  } catch (error) {
    signal?.throwIfAborted();
    if (refusal) throw refusal.error;
    // A DatabaseError leaves the connection usable; any other error is a failure of the connection.
    if (error instanceof pg.DatabaseError) connection.silence.heard();
    else connection.isBroken = true;
    throw databaseError(error);
  } finally {
    end?.(hasFailed);
    signal?.removeEventListener('abort', cancel);
  }
}

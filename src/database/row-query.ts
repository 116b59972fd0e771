import type { Socket } from 'node:net';
import pg from 'pg';
import type { DataRow } from './data-row.ts';

interface Statement {
  readonly name: string;
  readonly text: string;
  readonly values: readonly unknown[];
}

type Callback = (error: Error | null, result: { readonly rows: unknown[] }) => void;

/** The part of pg's Query that its types omit. */
interface RowReceiver {
  handleDataRow(message: DataRow): void;
}

const Query = pg.Query as unknown as new (
  config: { name: string; text: string; values: unknown[] },
  values: undefined,
  callback: Callback,
) => pg.Submittable & RowReceiver;

/** Passes each row on as it arrives, since pg would buffer the whole result before it could be limited. */
class RowQuery extends Query {
  readonly #isWanted: (row: DataRow) => boolean;

  constructor({ name, text, values }: Statement, isWanted: (row: DataRow) => boolean, callback: Callback) {
    super({ name, text, values: [...values] }, undefined, callback);
    this.#isWanted = isWanted;
  }

  override handleDataRow(row: DataRow): void {
    if (this.#isWanted(row)) super.handleDataRow(row);
  }
}

/** Reads no more from the server until the promise settles; rows that have been read already still arrive. */
export function pauseUntil(client: pg.ClientBase, ready: Promise<void>): void {
  const socket = socketOf(client);
  socket.pause();
  void ready.finally(() => socket.resume());
}

/** Closes the connection at once; a running statement rejects. */
export function destroy(client: pg.ClientBase): void {
  socketOf(client).destroy();
}

/** Omitted by pg's types. */
function socketOf(client: pg.ClientBase): Socket {
  return (client as unknown as { readonly connection: { readonly stream: Socket } }).connection.stream;
}

/** Runs a statement. Only the rows for which `isWanted` returns true are parsed and returned. */
export async function sendStatement<Row>(
  client: pg.ClientBase,
  statement: Statement,
  isWanted: (row: DataRow) => boolean,
): Promise<Row[]> {
  try {
    return await new Promise<Row[]>((resolve, reject) => {
      const query = new RowQuery(statement, isWanted, (error, result) => {
        if (error) reject(error);
        else resolve(result.rows as Row[]);
      });
      client.query(query);
    });
  } catch (error) {
    // pg's own stack ends at the socket; this one leads to the caller.
    if (error instanceof Error) Error.captureStackTrace(error);
    throw error;
  }
}

import pg from 'pg';

interface Statement {
  readonly name: string;
  readonly text: string;
  readonly values: readonly unknown[];
}

type Callback = (error: Error | null, result: { readonly rows: unknown[] }) => void;

/** The part of pg's Query that its types omit. */
interface RowReceiver {
  handleDataRow(message: { readonly length: number }): void;
}

const Query = pg.Query as unknown as new (
  config: { name: string; text: string; values: unknown[] },
  values: undefined,
  callback: Callback,
) => pg.Submittable & RowReceiver;

/** Reports the size of each row as it arrives, since pg would buffer the whole result before it could be limited. */
class CountedQuery extends Query {
  readonly #isWanted: (bytes: number) => boolean;

  constructor({ name, text, values }: Statement, isWanted: (bytes: number) => boolean, callback: Callback) {
    super({ name, text, values: [...values] }, undefined, callback);
    this.#isWanted = isWanted;
  }

  override handleDataRow(message: { readonly length: number }): void {
    if (this.#isWanted(message.length)) super.handleDataRow(message);
  }
}

/** Runs a statement. Drops the rows for whose size `isWanted` returns false. */
export async function sendCounted<Row>(
  client: pg.ClientBase,
  statement: Statement,
  isWanted: (bytes: number) => boolean,
): Promise<Row[]> {
  try {
    return await new Promise<Row[]>((resolve, reject) => {
      const query = new CountedQuery(statement, isWanted, (error, result) => {
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

import { ImportError } from './import-error.ts';
import type { Source } from './source.ts';

export interface Call {
  readonly method: string;
  readonly params: object;
}

interface CallResponse {
  readonly id: number;
  readonly result?: unknown;
  readonly error?: { readonly code: number };
}

const CALLS_IN_BATCH = 500;
const METHOD_NOT_FOUND = -32_601;

/** Calls the procedures of a Kanboard through its JSON-RPC API. */
export class KanboardClient {
  readonly #source: Source;

  constructor(source: Source) {
    this.#source = source;
  }

  /** Calls a procedure; undefined if the original does not have it. */
  async call(method: string, params: object = {}): Promise<unknown> {
    const [result] = await this.batch([{ method, params }]);
    return result;
  }

  /** The results of the calls, each undefined if the original does not have the procedure. */
  async batch(calls: readonly Call[]): Promise<unknown[]> {
    const results: unknown[] = [];
    for (let start = 0; start < calls.length; start += CALLS_IN_BATCH) {
      const some = calls.slice(start, start + CALLS_IN_BATCH);
      const body = some.map((call, id) => ({ jsonrpc: '2.0', id, ...call }));
      const { body: responses } = await this.#source.send({ method: 'POST', path: '', body });
      if (!Array.isArray(responses)) throw new ImportError(`Kanboard refused a batch: ${JSON.stringify(responses)}`);
      const byId = new Map((responses as CallResponse[]).map((response) => [response.id, response]));
      for (const [id, { method }] of some.entries()) {
        const response = byId.get(id);
        if (response === undefined)
          throw new ImportError(`${method}: the response to the batch does not have its result.`);
        if (response.error && response.error.code !== METHOD_NOT_FOUND)
          throw new ImportError(`${method}: ${JSON.stringify(response.error)}`);
        results.push(response.result);
      }
    }
    return results;
  }
}

import type { Request, Response } from 'express';

/** A request that a client sent, and the response that it got. */
export interface JournalEntry {
  /** The X-Request-Id. */
  readonly id: string;
  readonly receivedAt: string;
  readonly durationMs: number;
  readonly method: string;
  readonly url: string;
  /** Null if the client disconnected before the response. */
  readonly status: number | null;
  /** The first 16 KiB; unset without a body, and if the request was refused before it was read. */
  readonly body?: string;
}

const ENTRIES_MAX = 1000;
const BODY_BYTES_MAX = 16_384;

/** The last requests, for the tests of a client. Headers hold secrets and are omitted. */
export class RequestJournal {
  #entries: JournalEntry[] = [];

  /** In the order in which their responses ended. */
  get entries(): readonly JournalEntry[] {
    return this.#entries;
  }

  clear(): void {
    this.#entries = [];
  }

  /** Adds the request when its response is complete. */
  record(request: Request, response: Response): void {
    const received = Date.now();
    const { id, method, url } = request;
    response.on('close', () => {
      const body: unknown = request.body;
      this.#entries.push({
        id,
        receivedAt: new Date(received).toISOString(),
        durationMs: Date.now() - received,
        method,
        url,
        status: response.writableFinished ? response.statusCode : null,
        ...(Buffer.isBuffer(body) && { body: body.subarray(0, BODY_BYTES_MAX).toString() }),
      });
      if (this.#entries.length > ENTRIES_MAX) this.#entries.shift();
    });
  }
}

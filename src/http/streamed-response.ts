import type { ServerResponse } from 'node:http';
import { endResponse, type ResponseLimits } from './response-memory.ts';

/** Large enough for few system calls. */
const PIECE_BYTES = 65_536;
/** What the client has not read yet. Beyond it, reading waits for the client. */
const UNREAD_BYTES_MAX = 1_048_576;

/** A JSON body that is sent while it is still being read, as fast as the client takes it. */
export class StreamedResponse {
  readonly #response: ServerResponse;
  readonly #limits: ResponseLimits;
  #parts: Buffer[] = [];
  #bytes = 0;
  #drained: Promise<void> | undefined;

  constructor(response: ServerResponse, limits: ResponseLimits) {
    this.#response = response;
    this.#limits = limits;
  }

  /** Returns a promise if the client lags behind: to bound memory, wait for it before you write more. */
  write(json: Buffer): Promise<void> | undefined {
    this.#parts.push(json);
    this.#bytes += json.length;
    if (this.#drained === undefined && this.#bytes >= PIECE_BYTES) this.#send();
    return this.#drained;
  }

  end(): void {
    endResponse(this.#response, this.#take(), this.#limits);
  }

  #send(): void {
    const response = this.#response;
    if (!response.headersSent) response.setTimeout(this.#limits.readerIdleMs);
    response.write(this.#take());
    if (response.writableLength < UNREAD_BYTES_MAX || response.closed) return;
    this.#drained = new Promise((resolve) => {
      const settle = () => {
        response.off('drain', settle);
        response.off('close', settle);
        this.#drained = undefined;
        resolve();
      };
      response.once('drain', settle);
      response.once('close', settle);
    });
  }
  #take(): Buffer {
    const piece = Buffer.concat(this.#parts, this.#bytes);
    this.#parts = [];
    this.#bytes = 0;
    return piece;
  }
}

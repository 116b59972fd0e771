import type { ServerResponse } from 'node:http';
import { endResponse, type ResponseLimits } from './response-memory.ts';

/** Large enough for few system calls. */
const PIECE_CHARACTERS = 65_536;
/** What the client has not read yet. Beyond it, reading waits for the client. */
const UNREAD_BYTES_MAX = 1_048_576;

/** A JSON body that is sent while it is still being read, as fast as the client takes it. */
export class StreamedResponse {
  readonly #response: ServerResponse;
  readonly #limits: ResponseLimits;
  #piece = '';
  #drained: Promise<void> | undefined;

  constructor(response: ServerResponse, limits: ResponseLimits) {
    this.#response = response;
    this.#limits = limits;
  }

  /** Returns a promise if the client lags behind: to bound memory, wait for it before you write more. */
  write(json: string): Promise<void> | undefined {
    this.#piece += json;
    if (this.#drained === undefined && this.#piece.length >= PIECE_CHARACTERS) this.#send();
    return this.#drained;
  }

  end(): void {
    endResponse(this.#response, this.#piece, this.#limits);
  }

  #send(): void {
    const response = this.#response;
    if (!response.headersSent) response.setTimeout(this.#limits.readerIdleMs);
    response.write(this.#piece);
    this.#piece = '';
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
}

import type { ServerResponse } from 'node:http';
import { DomainError } from '../errors.ts';
import { Shares } from '../shares.ts';
import { texts } from '../texts.ts';

export interface ResponseLimits {
  /** Size limit of one response, first as database rows, then as the string that is sent. */
  readonly bytesMax: number;
  /** A client that reads nothing of its response for this long is disconnected. */
  readonly readerIdleMs: number;
  /** Time to read any response, to which its size at the minimum rate is added. A slower client is disconnected. */
  readonly readerGraceMs: number;
  readonly readerBytesPerSecond: number;
}

export const RESPONSE_LIMITS: ResponseLimits = {
  bytesMax: 33_554_432,
  readerIdleMs: 30_000,
  readerGraceMs: 30_000,
  readerBytesPerSecond: 65_536,
};
/** Limit for all responses in flight. JavaScript objects take several times the bytes of their rows. */
const PROCESS_BYTES_MAX = 100_663_296;
const ACCOUNT_BYTES_MAX = PROCESS_BYTES_MAX / 2;
/** Not counted, so that ordinary responses are sent however much memory the others hold. */
const UNCOUNTED_BYTES = 65_536;

const memory = new Shares({ total: PROCESS_BYTES_MAX, share: ACCOUNT_BYTES_MAX });

/** Sends the body, and disconnects a client that reads it too slowly. */
export function endResponse(
  response: ServerResponse,
  body: string | Buffer,
  { readerIdleMs, readerGraceMs, readerBytesPerSecond }: ResponseLimits,
): void {
  response.end(body);
  // Most bodies fit into the buffers of the operating system, so there is no reader to wait for.
  if (response.writableLength === 0) return;
  response.setTimeout(readerIdleMs);
  const readingMs = (Buffer.byteLength(body) / readerBytesPerSecond) * 1000;
  const timer = setTimeout(() => response.destroy(), readerGraceMs + readingMs);
  response.once('close', () => {
    clearTimeout(timer);
  });
}

/** The share of the process's memory that one response holds, from its first row until the client has read its last byte. */
export class ResponseMemory {
  readonly #response: ServerResponse;
  readonly #account: string;
  readonly #bytesMax: number;
  #bytes = 0;
  #taken = 0;

  constructor(response: ServerResponse, account: string, { bytesMax }: ResponseLimits) {
    this.#response = response;
    this.#account = account;
    this.#bytesMax = bytesMax;
  }

  /** Counts a row. Throws `too_large`, and `overloaded` if the account or the process already holds too much. */
  readonly addRow = (bytes: number): void => {
    this.#bytes += bytes;
    if (this.#bytes > this.#bytesMax) throw this.#tooLarge();
    if (!this.#takeUpTo(this.#bytes - UNCOUNTED_BYTES)) throw new DomainError('overloaded', texts.overloaded);
  };

  /** Replaces the rows counted so far with a body of this length. Throws `too_large`. */
  holdBody(length: number): void {
    if (length > this.#bytesMax) throw this.#tooLarge();
    this.#bytes = length;
    // Never refused: the body may be the response to a committed write.
    this.#takeUpTo(length - UNCOUNTED_BYTES);
  }

  #takeUpTo(bytes: number): boolean {
    const more = bytes - this.#taken;
    if (more <= 0 || this.#response.closed) return true;
    if (!memory.tryTake(this.#account, more)) return false;
    if (this.#taken === 0) this.#response.once('close', () => memory.give(this.#account, this.#taken));
    this.#taken = bytes;
    return true;
  }

  #tooLarge(): DomainError {
    return new DomainError('too_large', texts.responseTooLarge(String(this.#bytesMax)));
  }
}

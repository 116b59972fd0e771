import type { ServerResponse } from 'node:http';
import { DomainError } from '../errors.ts';
import type { Signal } from '../signal.ts';
import { texts } from '../texts.ts';

/** No request may work longer. */
const REQUEST_MS = 30_000;

/** The client closed its connection before the response was complete, so its pending work stops. */
export class ClientGone extends Error {
  override readonly name = 'ClientGone';
}

/**
 * A signal that aborts with `ClientGone` if the client disconnects before its response is complete, and with `overloaded`
 * if the response takes longer than `timeoutMs`.
 */
export function clientSignal(response: ServerResponse, timeoutMs = REQUEST_MS): Signal {
  return new ClientSignal(response, timeoutMs);
}

/** Does what an AbortSignal does, but costs nothing until something waits for it. */
class ClientSignal implements Signal {
  readonly #response: ServerResponse;
  readonly #deadline: number;
  /** Each listener with the function that stops it from being called. */
  readonly #listeners = new Map<() => void, () => void>();

  constructor(response: ServerResponse, timeoutMs: number) {
    this.#response = response;
    this.#deadline = performance.now() + timeoutMs;
  }

  get aborted(): boolean {
    return this.#isGone || performance.now() >= this.#deadline;
  }

  get reason(): Error {
    return this.#isGone
      ? new ClientGone('The client has closed the connection.')
      : new DomainError('overloaded', texts.requestTooSlow);
  }

  throwIfAborted(): void {
    if (this.aborted) throw this.reason;
  }

  addEventListener(_type: 'abort', listener: () => void): void {
    const onClose = () => {
      if (this.#isGone) listener();
    };
    this.#response.once('close', onClose);
    const timer = setTimeout(listener, Math.ceil(this.#deadline - performance.now()));
    this.#listeners.set(listener, () => {
      clearTimeout(timer);
      this.#response.off('close', onClose);
    });
  }

  removeEventListener(_type: 'abort', listener: () => void): void {
    this.#listeners.get(listener)?.();
    this.#listeners.delete(listener);
  }

  get #isGone(): boolean {
    return this.#response.closed && !this.#response.writableFinished;
  }
}

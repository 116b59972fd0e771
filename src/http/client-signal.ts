import type { ServerResponse } from 'node:http';
import type { Signal } from '../signal.ts';

/** The client closed its connection before the response was complete, so its pending work stops. */
export class ClientGone extends Error {
  override readonly name = 'ClientGone';
}

/** A signal that aborts with `ClientGone` if the client disconnects before its response is complete. */
export function clientSignal(response: ServerResponse): Signal {
  return new ClientSignal(response);
}

/** Does what an AbortSignal does, but costs nothing until something waits for it. */
class ClientSignal implements Signal {
  readonly #response: ServerResponse;
  readonly #listeners = new Map<() => void, () => void>();

  constructor(response: ServerResponse) {
    this.#response = response;
  }

  get aborted(): boolean {
    return this.#response.closed && !this.#response.writableFinished;
  }

  get reason(): Error {
    return new ClientGone('The client has closed the connection.');
  }

  throwIfAborted(): void {
    if (this.aborted) throw this.reason;
  }

  addEventListener(_type: 'abort', listener: () => void): void {
    const onClose = () => {
      if (this.aborted) listener();
    };
    this.#listeners.set(listener, onClose);
    this.#response.once('close', onClose);
  }

  removeEventListener(_type: 'abort', listener: () => void): void {
    const onClose = this.#listeners.get(listener);
    if (onClose === undefined) return;
    this.#listeners.delete(listener);
    this.#response.off('close', onClose);
  }
}

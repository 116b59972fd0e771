import type { ServerResponse } from 'node:http';

declare module 'http' {
  interface ServerResponse {
    /** The administrative acts that the request attempted; unset for others. */
    acts?: Act[];
  }
}

/**
 * What happened; `unknown` if the client disconnected before the response, `replayed` if the response is that of an earlier
 * request. A command is `started` before it does anything: without a second entry, it was interrupted.
 */
export type Outcome = 'started' | 'done' | 'replayed' | 'refused' | 'failed' | 'unknown';

/** Something that only an administrator or a manager may do. Reads and changes of issues and links are none. */
export interface Act {
  readonly via: 'rest' | 'json-rpc' | 'page' | 'command' | 'start';
  /** An operationId, a procedure, a form, a command, or what a server creates when it starts. */
  readonly action: string;
  /** The parameters as the client sent them, and what the result adds (`noted` of a reply). */
  given: unknown;
  /** Unset until it is known, or if the status of the response tells it. */
  outcome?: Outcome;
}

/** Adds an act to those of the response; it is recorded with the response. */
export function noteAct(response: ServerResponse, act: Act): Act {
  response.acts ??= [];
  response.acts.push(act);
  return act;
}

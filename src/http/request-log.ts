import { randomUUID } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Request } from 'express';
import type { DomainError, Reason } from '../errors.ts';
import { clientAddress } from './client-address.ts';

declare module 'http' {
  interface IncomingMessage {
    /** Set by `logRequest`, and returned to the client as X-Request-Id. */
    id: string;
  }
  interface ServerResponse {
    /**
     * The operationId or the procedure; `batch` for several calls; `page`, `adminPage`, `signIn`, `signOut` and `docs` for what
     * people open and send. Unset for other requests outside the contracts, and if the request was refused before it was known.
     */
    operation?: string;
    /** Whose credentials the request had; unset if it was refused before they were checked. */
    credentials?: { readonly orgId: string; readonly userId: number; readonly tokenId?: number | undefined };
    /** The failure that the request's log line reports. */
    err?: Error;
    /** Why JSON-RPC calls failed, of the first `REFUSALS_MAX` that did. */
    refusals?: Refusal[];
  }
}

interface Refusal extends Pick<DomainError, 'message' | 'details'> {
  readonly method: string;
  readonly code: Reason;
}

interface Log {
  info(details: object, message: string): void;
  warn(details: object, message: string): void;
  error(details: object, message: string): void;
}

/** Receives each response and procedure call, for metrics. */
export interface Observer {
  onResponse(operation: string | undefined, status: number, seconds: number): void;
  /** A call of a JSON-RPC procedure that returned a result, or its failure value. Errors count as responses only. */
  onCall(procedure: string, outcome: 'result' | 'failure'): void;
}

/** Receives each request whose response is complete, or whose client has disconnected. */
export interface CloseListener {
  onClose(request: Request, response: ServerResponse): void;
}

const REQUEST_ID = /^[\w.:/+=-]{1,128}$/;
const REFUSALS_MAX = 20;
/** Paths of probes, whose requests are not recorded. */
export const QUIET_PATHS: ReadonlySet<string> = new Set(['/healthz', '/readyz', '/metrics']);

/**
 * Gives the request its id, and logs one line when its response is complete or its client has disconnected: id, method,
 * URL, the client's address, status, milliseconds, and what the response holds for it (`operation`, `credentials`, `err`,
 * `refusals`). Headers and bodies hold secrets and are omitted.
 */
export function logRequest(
  log: Log,
  request: Request,
  response: ServerResponse,
  { observer, audit }: { readonly observer?: Observer | undefined; readonly audit?: CloseListener | undefined } = {},
): void {
  const id = requestId(request);
  request.id = id;
  response.setHeader('X-Request-Id', id);
  // Without a listener, an error of the response would end the process.
  response.on('error', keepError);
  const { method, url } = request;
  if (QUIET_PATHS.has(url)) return;
  const started = performance.now();
  const address = clientAddress(request);
  response.on('close', () => {
    const { statusCode, err, refusals, operation, credentials } = response;
    const milliseconds = performance.now() - started;
    observer?.onResponse(operation, statusCode, milliseconds / 1000);
    const level = statusCode === 503 ? 'warn' : statusCode >= 500 ? 'error' : 'info';
    const line = {
      req: { id, method, url, address },
      res: { statusCode },
      operation,
      ...credentials,
      ...(err && { err }),
      ...(refusals && { refusals }),
      responseTime: Math.round(milliseconds),
    };
    log[level](line, 'request');
    audit?.onClose(request, response);
  });
}

/** Adds the reason why a call was refused to the log line of its request. */
export function logRefusal(response: ServerResponse, method: string, { reason, message, details }: DomainError): void {
  response.refusals ??= [];
  if (response.refusals.length < REFUSALS_MAX) response.refusals.push({ method, code: reason, message, details });
}

/** Uses the client's X-Request-Id if it sent one, so that both sides' logs can be correlated. */
function requestId({ headers }: IncomingMessage): string {
  const given = headers['x-request-id'];
  return typeof given === 'string' && REQUEST_ID.test(given) ? given : randomUUID();
}

function keepError(this: ServerResponse, error: Error): void {
  this.err ??= error;
}

import type { ErrorCode } from '../../errors.ts';
import { texts } from '../../texts.ts';

/** A JSON-RPC error. If its HTTP status is not 200, it is the whole response, even to a batch. */
export class RpcError extends Error {
  override readonly name = 'RpcError';
  readonly code: number;
  readonly data: string | undefined;
  readonly status: number;

  constructor(code: number, message: string, data?: string, status = 200) {
    super(message);
    this.code = code;
    this.data = data;
    this.status = status;
  }
}

export const parseError = (): RpcError => new RpcError(-32700, 'Parse error');
export const invalidRequest = (): RpcError => new RpcError(-32600, 'Invalid Request');
export const methodNotFound = (): RpcError => new RpcError(-32601, 'Method not found');
export const invalidParams = (data: string): RpcError => new RpcError(-32602, 'Invalid params', data);
export const internalError = (requestId: string): RpcError => new RpcError(-32603, 'Internal error', requestId, 500);
export const forbidden = (): RpcError => httpRefusal(403, 'Forbidden');

/** An error whose code is its HTTP status (Kanboard contract, section 1). */
export function httpRefusal(status: number, message: string): RpcError {
  return new RpcError(status, message, undefined, status);
}

/**
 * How each domain error is returned: as the failure value of the method, or as a JSON-RPC error. `not_found` concerns the
 * requested object itself: its project is unknown, so a user has no role in it. An ErrorCode without a line here does not
 * compile.
 */
export const OUTCOMES: Record<ErrorCode, 'failure value' | 'failure value, or 403 for users' | (() => RpcError)> = {
  invalid: 'failure value',
  refused: 'failure value',
  conflict: 'failure value',
  stale: 'failure value',
  not_found: 'failure value, or 403 for users',
  forbidden,
  unauthenticated: () => httpRefusal(401, 'Unauthorized'),
  too_large: () => httpRefusal(413, 'Payload Too Large'),
  busy: () => httpRefusal(429, 'Too Many Requests'),
  contended: () => new RpcError(503, 'Service Unavailable', texts.contended.en, 503),
  overloaded: () => httpRefusal(503, 'Service Unavailable'),
  unavailable: () => httpRefusal(503, 'Service Unavailable'),
};

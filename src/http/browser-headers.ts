import type { IncomingMessage, ServerResponse } from 'node:http';

/**
 * What browsers must not do with any response: guess its type, load anything for it, frame it, or hand it to a page of
 * another origin. /docs replaces the policy. Helmet's other headers concern pages that this server does not have.
 */
const HEADERS = {
  'X-Content-Type-Options': 'nosniff',
  'Content-Security-Policy': "default-src 'none'; frame-ancestors 'none'",
  'Cross-Origin-Resource-Policy': 'same-origin',
  'Referrer-Policy': 'no-referrer',
} as const;

/** Half a year, for this host only. */
const HTTPS_ONLY = 'max-age=15552000';

const EXPOSED_HEADERS = [
  ...['ETag', 'Idempotent-Replayed', 'Link', 'Location', 'RateLimit', 'RateLimit-Policy', 'Retry-After'],
  ...['X-Request-Id', 'X-Total-Count', 'X-Total-Pages'],
].join(', ');
const METHODS = 'GET, POST, PATCH, DELETE';
const PREFLIGHT_SECONDS = '600';

export interface BrowserOptions {
  readonly publicUrl: string | undefined;
  /** Origins whose pages may use the APIs. */
  readonly corsOrigins: ReadonlySet<string>;
}

/** Returns a function that sets these headers, and returns whether it has sent the response to a preflight. */
export function browserHeaders({ publicUrl, corsOrigins }: BrowserOptions) {
  const headers = Object.entries({
    ...HEADERS,
    ...(publicUrl?.startsWith('https:') && { 'Strict-Transport-Security': HTTPS_ONLY }),
  });
  return (request: IncomingMessage, response: ServerResponse): boolean => {
    for (const [name, value] of headers) response.setHeader(name, value);
    if (corsOrigins.size === 0) return false;
    response.setHeader('Vary', 'Origin');
    const { origin } = request.headers;
    if (origin === undefined || !corsOrigins.has(origin)) return false;
    response.setHeader('Access-Control-Allow-Origin', origin);
    response.setHeader('Access-Control-Expose-Headers', EXPOSED_HEADERS);
    if (request.method !== 'OPTIONS' || request.headers['access-control-request-method'] === undefined) return false;
    response.setHeader('Access-Control-Allow-Methods', METHODS);
    const wanted = request.headers['access-control-request-headers'];
    if (wanted !== undefined) response.setHeader('Access-Control-Allow-Headers', wanted);
    response.setHeader('Access-Control-Max-Age', PREFLIGHT_SECONDS);
    response.statusCode = 204;
    response.end();
    return true;
  };
}

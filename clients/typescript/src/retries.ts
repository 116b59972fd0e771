/** A server that asks for a longer wait is not waited for. */
const WAIT_MS_MAX = 60_000;
/** The first wait, without `Retry-After`; it doubles from attempt to attempt. */
const WAIT_MS = 500;

type Send = (request: Request) => Promise<Response>;

/**
 * Repeats a request after 429 and 503, at most `retriesMax` times, if that is safe: a GET or HEAD, or a POST with an
 * `Idempotency-Key`, which the server carries out once. Any other request may have had an effect.
 */
export function withRetries(send: Send, retriesMax: number): Send {
  return async (request) => {
    for (let retries = 0; ; retries += 1) {
      const response = await send(request.clone());
      if (![429, 503].includes(response.status) || retries >= retriesMax || !isRepeatable(request)) return response;
      const waitMs = retryAfterMs(response) ?? WAIT_MS * 2 ** retries;
      if (waitMs > WAIT_MS_MAX) return response;
      await response.body?.cancel();
      await wait(waitMs, request.signal);
    }
  };
}

function isRepeatable({ method, headers }: Request): boolean {
  return ['GET', 'HEAD'].includes(method) || (method === 'POST' && headers.has('Idempotency-Key'));
}

/** The header in seconds or as a date. */
function retryAfterMs({ headers }: Response): number | undefined {
  const value = headers.get('Retry-After');
  if (value === null) return undefined;
  const ms = /^\d+$/.test(value) ? Number(value) * 1000 : Date.parse(value) - Date.now();
  return Number.isNaN(ms) ? undefined : Math.max(0, ms);
}

function wait(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    signal.throwIfAborted();
    const stop = () => {
      clearTimeout(timer);
      reject(signal.reason as Error);
    };
    const timer = setTimeout(() => {
      signal.removeEventListener('abort', stop);
      resolve();
    }, ms);
    signal.addEventListener('abort', stop, { once: true });
  });
}

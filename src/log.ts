import { randomUUID } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { type Logger, pino } from 'pino';
import { type HttpLogger, pinoHttp } from 'pino-http';

export type Log = Logger;

const REQUEST_ID = /^[\w.:/+=-]{1,128}$/;
const QUIET_PATHS = new Set(['/healthz', '/readyz']);

export function createLog(level: string): Log {
  return pino({ level, base: null, timestamp: pino.stdTimeFunctions.isoTime });
}

/** Logs one line per request: id, method, URL, status, milliseconds. Headers and bodies hold secrets and are omitted. */
export function requestLog(log: Log): HttpLogger {
  return pinoHttp({
    logger: log,
    genReqId: requestId,
    autoLogging: { ignore: (request) => QUIET_PATHS.has(request.url ?? '') },
    customLogLevel: (_request, response) => {
      if (response.statusCode === 503) return 'warn';
      return response.statusCode >= 500 ? 'error' : 'info';
    },
    customSuccessMessage: () => 'request',
    customErrorMessage: () => 'request',
    serializers: {
      req: ({ id, method, url }: { id: unknown; method: string; url: string }) => ({ id, method, url }),
      res: ({ statusCode }: { statusCode: number }) => ({ statusCode }),
    },
  });
}

/** Uses the client's X-Request-Id if it sent one, and returns it, so that both sides' logs can be correlated. */
function requestId(request: IncomingMessage, response: ServerResponse): string {
  const given = request.headers['x-request-id'];
  const id = typeof given === 'string' && REQUEST_ID.test(given) ? given : randomUUID();
  response.setHeader('X-Request-Id', id);
  return id;
}

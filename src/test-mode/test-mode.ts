import { STATUS_CODES } from 'node:http';
import { type Request, type RequestHandler, type Response, Router } from 'express';
import { DomainError, requireValid } from '../errors.ts';
import { noteAct } from '../http/administrative-acts.ts';
import { errorBody, languageOf, sendError, sendJson } from '../http/error-response.ts';
import type { Listener } from '../http/http-server.ts';
import { refuseMethod } from '../http/refuse-method.ts';
import { readBody } from '../http/request-body.ts';
import { QUIET_PATHS } from '../http/request-log.ts';
import { isRpcUrl } from '../kanboard/rpc/rpc-listener.ts';
import { texts } from '../texts.ts';
import { parseJson } from '../tracker/rest/json-body.ts';
import { admit, type ServiceOptions } from '../tracker/rest/router.ts';
import { type Forced, type ForcedResponse, ForcedResponses, forcedByHeader, isForced } from './forced-responses.ts';
import { RequestJournal } from './request-journal.ts';
import { reset } from './snapshot.ts';

const PREFIX = /^\/v[23]\/_test(\/|$)/;

/** What TEST_MODE=on adds: a reset of the database, forced responses, and a journal of the requests. */
export class TestMode {
  readonly #service: ServiceOptions;
  readonly #journal = new RequestJournal();
  readonly #forced = new ForcedResponses();

  constructor(service: ServiceOptions) {
    this.#service = service;
  }

  /** Records each request, and sends the response that was requested for it instead of the usual one. */
  listener(next: Listener): Listener {
    return (request, response) => {
      const [path = ''] = request.url.split('?');
      if (PREFIX.test(path) || QUIET_PATHS.has(path)) {
        next(request, response);
        return;
      }
      this.#journal.record(request, response);
      try {
        const forced = forcedByHeader(request.get('prefer')) ?? this.#forced.take(request.method, path);
        if (forced === undefined) next(request, response);
        else setTimeout(respond, forced.delayMs ?? 0, forced, request, response, next);
      } catch (error) {
        sendError(error, request, response, () => undefined);
      }
    };
  }

  /** The routes below `/v2/_test` and `/v3/_test`, for tokens with the scope `admin`. */
  router(): Router {
    const router = Router({ caseSensitive: true });
    router.use(async (request, response, next) => {
      if (request.method === 'POST' && request.path === '/reset') {
        noteAct(response, { via: 'rest', action: '_test/reset', given: {} });
      }
      await admit(this.#service, request, response, { scope: 'admin', path: '', url: request.originalUrl });
      next();
    });
    const routes: Record<string, Partial<Record<'get' | 'post' | 'delete', RequestHandler>>> = {
      '/reset': {
        post: async (_request, response) => {
          await reset(this.#service.db);
          this.#journal.clear();
          this.#forced.clear();
          response.status(204).end();
        },
      },
      '/requests': {
        get: (_request, response) => {
          sendJson(response, this.#journal.entries);
        },
        delete: (_request, response) => {
          this.#journal.clear();
          response.status(204).end();
        },
      },
      '/responses': {
        get: (_request, response) => {
          sendJson(response, this.#forced.rules);
        },
        post: async (request, response) => {
          const forced = forcedResponse(parseJson(await readBody(request, response, undefined)));
          this.#forced.add(forced);
          response.status(201);
          sendJson(response, forced);
        },
        delete: (_request, response) => {
          this.#forced.clear();
          response.status(204).end();
        },
      },
    };
    for (const [path, handlers] of Object.entries(routes)) {
      const route = router.route(path);
      for (const [method, handler] of Object.entries(handlers)) route[method as keyof typeof handlers](handler);
      route.all(refuseMethod(Object.keys(handlers).map((method) => ({ method }))));
    }
    router.use(sendError);
    return router;
  }
}

function respond(forced: Forced, request: Request, response: Response, next: Listener): void {
  const { status, retryAfter } = forced;
  if (response.destroyed) return;
  if (status === undefined) {
    next(request, response);
    return;
  }
  response.statusCode = status;
  if (retryAfter !== undefined) response.setHeader('Retry-After', String(retryAfter));
  sendJson(response, bodyOf(status, request, response));
}

/** In the form of the API that the request was for. */
function bodyOf(status: number, request: Request, response: Response): object {
  if (!isRpcUrl(request.url)) return errorBody(languageOf(request, response), status, { text: texts.responseForced });
  const message = STATUS_CODES[status] ?? 'Error';
  return { jsonrpc: '2.0', error: { code: status, message, data: texts.responseForced.en }, id: null };
}

const FITS: { readonly [Member in keyof ForcedResponse]-?: (value: unknown) => boolean } = {
  method: (value) => typeof value === 'string' && /^[A-Z]+$/.test(value),
  path: (value) => typeof value === 'string' && /^[/*]/.test(value),
  times: (value) => isWhole(value) && value >= 1,
  status: (value) => isWhole(value) && isForced({ status: value }),
  delayMs: (value) => isWhole(value) && isForced({ delayMs: value }),
  retryAfter: (value) => isWhole(value) && value >= 0,
};

/** Throws `invalid` with the members that are unknown or invalid, and if there is neither a status nor a delay. */
function forcedResponse(body: unknown): ForcedResponse {
  const given = (body ?? {}) as Record<string, unknown>;
  const unknown = Object.keys(given).filter((member) => !Object.hasOwn(FITS, member));
  if (unknown.length > 0) {
    throw new DomainError('invalid', undefined, Object.fromEntries(unknown.map((name) => [name, texts.fieldUnknown])));
  }
  const members = Object.entries(given) as [keyof ForcedResponse, unknown][];
  requireValid(Object.fromEntries(members.map(([member, value]) => [member, FITS[member](value)])));
  const forced = given as ForcedResponse;
  if (forced.status === undefined && forced.delayMs === undefined) {
    throw new DomainError('invalid', undefined, { status: texts.fieldRequired });
  }
  return forced;
}

function isWhole(value: unknown): value is number {
  return Number.isSafeInteger(value);
}

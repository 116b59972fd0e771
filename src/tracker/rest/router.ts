import { type Request, type RequestHandler, type Response, Router } from 'express';
import type { Contract, Operation, Scope } from '../../contract/contract.ts';
import type { OperationId, OtherContent, ReplyDetails, StreamedBody } from '../../contract/types.ts';
import { accountOf } from '../../core/access/viewer.ts';
import type { StoredResponse } from '../../core/idempotency-keys/idempotency-key.ts';
import { respondOnce } from '../../core/idempotency-keys/idempotency-keys.service.ts';
import { explainConflict } from '../../core/issue-links/link-conflict.ts';
import type { DatabasePool } from '../../database/database.ts';
import { DomainError } from '../../errors.ts';
import { noteAct } from '../../http/administrative-acts.ts';
import { clientSignal } from '../../http/client-signal.ts';
import { entityTag, isNotModified } from '../../http/entity-tag.ts';
import { errorResponse, sendError } from '../../http/error-response.ts';
import type { RateLimit } from '../../http/rate-limit.ts';
import { refuseMethod } from '../../http/refuse-method.ts';
import { readBody } from '../../http/request-body.ts';
import { endResponse, type ResponseLimits, ResponseMemory } from '../../http/response-memory.ts';
import { StreamedResponse } from '../../http/streamed-response.ts';
import { texts } from '../../texts.ts';
import { type Caller, type Context, callerOf, type Handlers } from './caller.ts';
import { hashOfRequest, mayStillSee } from './idempotent-request.ts';
import { parseJson } from './json-body.ts';

/** What serving a request needs. */
export interface ServiceOptions {
  readonly db: DatabasePool;
  readonly rateLimit: RateLimit;
  readonly publicUrl: string | undefined;
  readonly responseLimits: ResponseLimits;
  /** How long a request may work. */
  readonly requestMs?: number | undefined;
}

interface RestRouterOptions extends ServiceOptions {
  readonly contract: Contract;
  readonly handlers: Handlers<OperationId>;
}

/** A handler as the router calls it. The contract's validators guarantee that the call matches the handler. */
type AnyHandler = (
  call: Context & Readonly<Record<'path' | 'query' | 'headers' | 'body', unknown>>,
) => Promise<AnyReply>;

type AnyReply = ReplyDetails & ({ readonly body: unknown } | { readonly json: string } | OtherContent);

/** Writing operations for managers and administrators, besides those that need the scope `admin`. */
const ADMINISTRATIVE: ReadonlySet<OperationId> = new Set<OperationId>(['createQueue']);

/** Routes every operation of the contract: authentication, scope, validation, handler, response. */
export function restRouter(options: RestRouterOptions): Router {
  const { contract, handlers, responseLimits } = options;
  const router = Router({ caseSensitive: true });

  // No name of an issue starts so: it is an operation of Tracker's that is not served, such as `/issues/_export`.
  router.param('issueId', (_request, _response, next, name: string) => {
    next(name.startsWith('_') ? 'route' : undefined);
  });
  for (const [path, operations] of operationsByPath(contract)) {
    const route = router.route(path.replaceAll(/\{(\w+)\}/g, ':$1'));
    for (const operation of operations) {
      const handle = handlers[operation.id] as AnyHandler;
      const isAct = operation.method !== 'get' && (operation.scope === 'admin' || ADMINISTRATIVE.has(operation.id));
      const serve: RequestHandler = async (request, response) => {
        response.namesReason = operation.namesReason;
        response.operation = operation.id;
        const act = isAct ? noteAct(response, { via: 'rest', action: operation.id, given: request.params }) : undefined;
        const { baseUrl, url } = request;
        const target = { path: baseUrl, url: `${baseUrl}${url}`, publicUrl: options.publicUrl };
        const { scope, hasBody } = operation;
        const admitted = await admit(options, request, response, { scope, ...target });
        const { account, memory, clientDb } = admitted;
        const isReceived = request.complete;
        const bytes = hasBody ? await readBody(request, response, account) : undefined;
        const given = hasBody ? bodyOf(bytes, operation) : undefined;
        // The token may have been revoked while a slow client sent the body.
        const caller =
          hasBody && !isReceived
            ? withScope(await callerOf(clientDb, request, response, target), scope)
            : admitted.caller;
        const call = {
          path: operation.parse.path(request.params),
          query: operation.parse.query(request.query),
          headers: operation.parse.headers(request.headers),
          body: operation.parse.body(given),
          caller,
          hold: memory.addRow,
          preferred: <MediaType extends string>(mediaTypes: readonly MediaType[]) =>
            preferredOf(request, response, mediaTypes),
        };
        if (act) act.given = { ...request.params, ...(call.body as object) };
        const key = (call.headers as { 'Idempotency-Key'?: string })['Idempotency-Key'];
        if (key !== undefined) {
          const { viewer, language } = caller;
          const named = { operation: operation.id, issueId: request.params['issueId'] as string | undefined };
          const { response: reply, isReplayed } = await respondOnce(clientDb, {
            key: { orgId: viewer.orgId, userId: viewer.userId, operation: operation.id, key },
            hash: hashOfRequest(`${request.baseUrl}${request.url}`, bytes),
            respond: async (transaction) => responseOf(operation, await handle({ ...call, db: transaction })),
            refuse: async (transaction, error) => {
              await explainConflict(transaction, viewer, error);
              return errorResponse(error, language, operation.namesReason);
            },
            maySee: (transaction, body) => mayStillSee(transaction, viewer, named, body),
          });
          if (isReplayed) {
            response.setHeader('Idempotent-Replayed', 'true');
            if (act) act.outcome = 'replayed';
          }
          memory.holdBody(reply.body.length);
          setHead(response, reply);
          endResponse(response, reply.body, responseLimits);
          return;
        }
        const operationDb = operation.scope === 'read' ? clientDb.reader : clientDb;
        const reply = await handle({ ...call, db: operationDb }).catch(async (error: unknown) => {
          if (error instanceof DomainError) await explainConflict(clientDb, caller.viewer, error);
          throw error;
        });
        // It is done, whatever becomes of the response.
        if (act && reply.noted)
          Object.assign(act, { outcome: 'done', given: { ...(act.given as object), ...reply.noted } });
        if ('body' in reply && typeof reply.body === 'function') {
          await stream(response, operation, reply.body as StreamedBody, responseLimits);
          return;
        }
        const body = contentOf(reply);
        memory.holdBody(body.length);
        endResponse(response, writeHead(operation, reply, body, request, response), responseLimits);
      };
      route[operation.method](serve);
    }
    route.all(refuseMethod(operations));
  }
  router.use(refuseUnserved);
  router.use(sendError);
  return router;
}

/** Tracker has many more paths. A client must be able to tell one of them from an issue that does not exist. */
const refuseUnserved: RequestHandler = ({ method, baseUrl, path }, _response, next) => {
  if (path === '/') {
    next();
    return;
  }
  throw new DomainError('not_found', texts.notServed(`${method} ${baseUrl}${path}`), {}, { reason: 'not_served' });
};

/**
 * Counts the request, authenticates its client and checks the token's scope. Returns the client, and a database handle and
 * the memory of the response on its behalf. Throws `unauthenticated`, `forbidden`, and `busy` beyond the
 * rate limit.
 */
export async function admit(
  { db, rateLimit, publicUrl, responseLimits, requestMs }: ServiceOptions,
  request: Request,
  response: Response,
  { scope, path, url }: { readonly scope: Scope; readonly path: string; readonly url: string },
) {
  const counted = rateLimit.take(request, response);
  const signal = clientSignal(response, requestMs);
  const caller = await callerOf(db.forClient({ signal }), request, response, { publicUrl, path, url });
  await counted?.share(caller.viewer.orgId);
  withScope(caller, scope);
  const account = accountOf(caller.viewer);
  const memory = new ResponseMemory(response, account, responseLimits);
  return { caller, account, memory, clientDb: db.forClient({ signal, account, countBytes: memory.addRow }) };
}

/** The caller. Throws `forbidden` if its token does not have the scope. */
function withScope(caller: Caller, scope: Scope): Caller {
  if (!caller.scopes.includes(scope)) throw new DomainError('forbidden', texts.scopeMissing(scope));
  return caller;
}

/** As `Context.preferred`. */
function preferredOf<MediaType extends string>(
  request: Request,
  response: Response,
  mediaTypes: readonly MediaType[],
): MediaType {
  response.appendHeader('Vary', 'Accept');
  return (request.accepts([...mediaTypes]) || mediaTypes[0]) as MediaType;
}

/** Empty for a response without a body. */
function contentOf(reply: AnyReply): string {
  if ('json' in reply) return reply.json;
  if ('content' in reply) return reply.content;
  return reply.body === undefined ? '' : JSON.stringify(reply.body);
}

/** An error rejects the promise; if nothing has been sent by then, it still gets a response of its own. */
async function stream(
  response: Response,
  { successStatus }: Operation,
  body: StreamedBody,
  limits: ResponseLimits,
): Promise<void> {
  const streamed = new StreamedResponse(response, limits);
  response.status(successStatus).setHeader('Content-Type', 'application/json');
  await body((json) => streamed.write(json));
  streamed.end();
}

/** Sets status and headers. Returns the body to send, which is empty for 304: the client has stored this response. */
function writeHead(operation: Operation, reply: AnyReply, body: string, request: Request, response: Response): string {
  const { version, headers = {} } = reply;
  if (operation.method === 'get') {
    // The headers of a page belong to the content: its totals and its links to other pages.
    const tag = entityTag(body + Object.values(headers).join(), version);
    if (isNotModified(request, response, tag)) return '';
  }
  setHead(response, headOf(operation, reply, body));
  return body;
}

/** Express's `set` would add a charset to the media type: JSON defines none. */
function setHead(response: Response, { status, headers }: Omit<StoredResponse, 'body'>): void {
  response.status(status);
  for (const [name, value] of Object.entries(headers)) response.setHeader(name, value);
}

function headOf({ method, successStatus }: Operation, reply: AnyReply, body: string) {
  const { version, headers } = reply;
  return {
    status: successStatus,
    headers: {
      ...(method !== 'get' && version !== undefined && { ETag: entityTag(body, version) }),
      ...headers,
      ...(body !== '' && { 'Content-Type': 'content' in reply ? reply.mediaType : 'application/json' }),
    },
  };
}

/** The response to an operation that writes. */
function responseOf(operation: Operation, reply: AnyReply): StoredResponse {
  const body = contentOf(reply);
  return { ...headOf(operation, reply, body), body };
}

/** Drops members that are `null`, except in PATCH, where they clear a field (Tracker contract, section 0). */
function bodyOf(bytes: Buffer | undefined, { method }: Operation): unknown {
  const body = parseJson(bytes);
  if (method === 'patch' || typeof body !== 'object' || body === null || Array.isArray(body)) return body;
  return Object.fromEntries(Object.entries(body).filter(([, value]) => value !== null));
}

/** Operations by path, literal path segments before parameters, so that `/issues/_search` wins over `/issues/{issueId}`. */
function operationsByPath(contract: Contract): [string, Operation[]][] {
  const byPath = new Map<string, Operation[]>();
  for (const operation of contract.operations) {
    byPath.set(operation.path, [...(byPath.get(operation.path) ?? []), operation]);
  }
  return [...byPath].sort(([left], [right]) => parameterBits(left) - parameterBits(right));
}

/** A bit for each segment of the path, which is 1 for a parameter. Paths with different numbers of segments never compete. */
function parameterBits(path: string): number {
  const bits = path.split('/').map((step) => (step.startsWith('{') ? '1' : '0'));
  return Number.parseInt(bits.join(''), 2);
}

import type { Request, Response } from 'express';
import type { Access, Method, MethodName, RpcContract } from '../../contract/openrpc.ts';
import { accountOf, type Viewer } from '../../core/access/viewer.ts';
import type { DatabasePool } from '../../database/database.ts';
import { DomainError } from '../../errors.ts';
import { type Act, noteAct } from '../../http/administrative-acts.ts';
import { clientSignal } from '../../http/client-signal.ts';
import { HttpError, isUnanswerable, setRetryAfter } from '../../http/error-response.ts';
import type { Listener } from '../../http/http-server.ts';
import { JsonBytes } from '../../http/json-bytes.ts';
import { isOwnOrigin, originOf } from '../../http/own-origin.ts';
import type { Counted, RateLimit } from '../../http/rate-limit.ts';
import { readBody } from '../../http/request-body.ts';
import { logRefusal, type Observer } from '../../http/request-log.ts';
import { endResponse, type ResponseLimits, ResponseMemory } from '../../http/response-memory.ts';
import type { Account, Methods } from './account.ts';
import { authenticate, credentialsOf } from './authentication.ts';
import { parseLossless, stringifyLossless } from './json.ts';
import { argumentsOf, batchOf, namedParameters, type RpcRequest, toRequest } from './request.ts';
import { forbidden, httpRefusal, internalError, methodNotFound, OUTCOMES, parseError, RpcError } from './rpc-error.ts';
import { WrittenResult } from './written-result.ts';

export interface RpcOptions {
  readonly methods: RpcContract['methods'];
  readonly handlers: Methods<MethodName>;
  readonly db: DatabasePool;
  readonly rateLimit: RateLimit;
  /** How long a batch may run before its remaining calls are refused. */
  readonly batchMs?: number | undefined;
  readonly responseLimits: ResponseLimits;
  readonly publicUrl: string | undefined;
  /** Origins whose pages may call, besides this server's own. */
  readonly corsOrigins: ReadonlySet<string>;
  /** See `AuthenticationOptions`. */
  readonly authHeader: string | undefined;
  /** The organisation served at /jsonrpc.php, if the configuration names one. */
  readonly orgId: string | undefined;
  /** Receives each call. */
  readonly observer?: Observer | undefined;
}

/** A handler as the dispatcher calls it, without the types that tie its parameters to its method. */
type AnyHandler = (params: Record<string, unknown>, account: Account) => Promise<unknown>;

/** The endpoint, `/jsonrpc.php` or `/kanboard/{organisation}/jsonrpc.php`, with an optional query. */
const ENDPOINT = /^\/(?:kanboard\/([^/?#]+)\/)?jsonrpc\.php\/?(?:[?#]|$)/;
/** All URLs whose responses have the form of JSON-RPC. */
const RPC_URLS = /^\/(?:jsonrpc\.php|kanboard)(?:[/?#]|$)/;

/** The methods that only read. */
const READING = /^(get|search)[A-Z]/;
/** Procedures that change projects and who may see them, besides those for administrators and managers only. */
const ADMINISTRATIVE: ReadonlySet<MethodName> = new Set<MethodName>([
  ...(['createMyPrivateProject', 'updateProject', 'removeProject', 'enableProject', 'disableProject'] as const),
  ...(['addProjectUser', 'removeProjectUser', 'changeProjectUserRole'] as const),
]);
const BATCH_MAX = 1000;
/** A larger body is read after its credentials have been checked, or 1 000 anonymous clients would hold a gigabyte. */
const ANONYMOUS_BYTES_MAX = 16_384;
/** Each statement has its own timeout, so a call that is already running ends soon after this. */
const BATCH_MS = 30_000;
/** Beyond that, a call that is still running is stopped. */
const LAST_CALL_MS = 15_000;

/** Shared by the responses to single calls, each of which is assembled at once. */
const singleJson = new JsonBytes();

/**
 * The Kanboard API: JSON-RPC 2.0, checked in the order of the Kanboard contract, section 1. The HTTP method, the query
 * string and the content type are ignored. Requests for other URLs are left to the app. A call needs no routing, for which
 * Express would take a thirteenth of its processor time.
 */
export function rpcListener(options: RpcOptions, app: Listener): Listener {
  return (request, response) => {
    if (!isRpcUrl(request.url)) {
      app(request, response);
      return;
    }
    serve(options, request, response).catch((error: unknown) => {
      sendError(error, request, response);
    });
  };
}

/** Whether the response must have the form of JSON-RPC. */
export function isRpcUrl(url: string): boolean {
  return RPC_URLS.test(url);
}

async function serve(options: RpcOptions, request: Request, response: Response): Promise<void> {
  const [endpoint, organisation] = ENDPOINT.exec(request.url) ?? [];
  if (endpoint === undefined) throw httpRefusal(404, 'Not Found');
  const orgId = organisation === undefined ? options.orgId : decodeURIComponent(organisation);
  refuseCrossSite(request, options);
  const counted = options.rateLimit.take(request, response, credentialsOf(request, options.authHeader));
  const body = await responseBody(options, request, response, { orgId, counted });
  response.setHeader('Content-Type', 'application/json');
  endResponse(response, body, options.responseLimits);
}

/**
 * Prevents pages of other sites from using the browser's saved credentials, since neither the method nor the content type
 * makes browsers ask first. Throws a 403 RpcError.
 */
function refuseCrossSite(request: Request, { publicUrl, corsOrigins }: RpcOptions): void {
  if (corsOrigins.has(request.get('origin') ?? '')) return;
  const isForeign = isOwnOrigin(request, publicUrl) === false;
  if (isForeign || request.get('sec-fetch-site') === 'cross-site') throw forbidden();
}

/** A caller whose credentials have been checked. */
interface Session {
  readonly account: Account;
  readonly memory: ResponseMemory;
}

/** The response body; empty if all calls are notifications. Throws an error that refuses the request as a whole. */
async function responseBody(
  options: RpcOptions,
  request: Request,
  response: Response,
  { orgId, counted }: { readonly orgId: string | undefined; readonly counted: Counted | undefined },
): Promise<Buffer | ''> {
  const batchMs = options.batchMs ?? BATCH_MS;
  const signal = clientSignal(response, batchMs + LAST_CALL_MS);
  // Credentials are checked once, when the first well-formed call needs them.
  let session: Promise<Session> | undefined;
  const openSession = async () => {
    const { db, authHeader, publicUrl } = options;
    const { viewer, tokenId } = await authenticate(db.forClient({ signal }), request, { header: authHeader, orgId });
    response.credentials = { orgId: viewer.orgId, userId: viewer.userId, tokenId };
    await counted?.share(viewer.orgId);
    const account = accountOf(viewer);
    const memory = new ResponseMemory(response, account, options.responseLimits);
    const accountDb = db.forClient({ signal, account, countBytes: memory.addRow });
    return { account: { db: accountDb, viewer, origin: originOf(request, publicUrl) }, memory };
  };
  const sessionOf = () => {
    session ??= openSession();
    return session;
  };
  const known = isLarge(request) ? await sessionOf() : undefined;
  const bytes = await readBody(request, response, known && accountOf(known.account.viewer));
  const value = bytes && parseLossless(bytes);
  const batch = batchOf(value);
  if (batch && batch.length > BATCH_MAX) throw httpRefusal(413, `A batch holds ${BATCH_MAX} calls at most`);

  if (batch) response.operation = 'batch';
  // The results of a batch would keep memory that they share with other responses for as long as it runs.
  const json = batch ? new JsonBytes() : singleJson;
  let isSessionUsed = false;
  const sessionForCall = () => {
    isSessionUsed = true;
    return sessionOf();
  };
  const respond = (item: unknown) => respondTo(options, response, item, json, sessionForCall);
  if (batch === undefined) {
    const body = (await respond(value)) ?? '';
    (await session)?.memory.holdBody(body.length);
    return body;
  }

  const responses: Buffer[] = [];
  const deadline = performance.now() + batchMs;
  let bytesSoFar = 0;
  /** Once set, the remaining calls are not executed and get this error. */
  let end: RpcError | undefined;
  for (const item of batch) {
    if (performance.now() > deadline) end ??= httpRefusal(503, 'Service Unavailable');
    // Before anything was executed, an error may refuse the whole batch.
    let hasExecuted = isSessionUsed;
    let body: Buffer | undefined;
    try {
      signal.throwIfAborted();
      if (end === undefined) {
        body = await respond(item);
        hasExecuted = true;
        (await session)?.memory.holdBody(bytesSoFar + (body?.length ?? 0));
      }
    } catch (error) {
      if (!hasExecuted || !endsBatch(error)) throw error;
      end = requestError(error, request);
    }
    if (end) body = shorter(body, respondWithError(item, end));
    if (body !== undefined) responses.push(body);
    bytesSoFar += body?.length ?? 0;
  }
  return responses.length === 0 ? '' : batchBody(responses);
}

function batchBody(responses: readonly Buffer[]): Buffer {
  const separator = Buffer.from(',');
  const parts = responses.flatMap((one, index) => (index === 0 ? [one] : [separator, one]));
  return Buffer.concat([Buffer.from('['), ...parts, Buffer.from(']')]);
}

/** Whether the body is large, or its size is unknown: a compressed one may be. */
function isLarge({ headers }: Request): boolean {
  const isUnknown = headers['transfer-encoding'] !== undefined || headers['content-encoding'] !== undefined;
  return isUnknown || Number(headers['content-length'] ?? 0) > ANONYMOUS_BYTES_MAX;
}

/** The response to one call; undefined for a notification. */
async function respondTo(
  options: RpcOptions,
  response: Response,
  value: unknown,
  json: JsonBytes,
  sessionOf: () => Promise<Session>,
): Promise<Buffer | undefined> {
  const request = requestOrError(value);
  if (Buffer.isBuffer(request)) return request;
  const act = actOf(options, response, request);
  try {
    const result = await call(options, response, request, await sessionOf());
    if (act) act.outcome = result === options.methods.get(request.method)?.['x-failure'] ? 'refused' : 'done';
    return request.id === undefined ? undefined : resultBody(json, result, request.id);
  } catch (error) {
    const isRefusal = error instanceof RpcError || (error instanceof DomainError && !endsBatch(error));
    if (act) act.outcome = isRefusal ? 'refused' : 'failed';
    const rpcError = callError(error);
    return request.id === undefined ? undefined : errorBody(rpcError, request.id);
  }
}

/** The administrative act that the call attempts; undefined for other calls. */
function actOf({ methods }: RpcOptions, response: Response, request: RpcRequest): Act | undefined {
  const method = methods.get(request.method);
  if (method === undefined || READING.test(method.name)) return undefined;
  const { name, 'x-access': access } = method;
  if (access !== 'admin' && access !== 'manager' && !ADMINISTRATIVE.has(name)) return undefined;
  return noteAct(response, { via: 'json-rpc', action: name, given: namedParameters(method, request) });
}

/** The response to a call of a batch that this error ended. */
function respondWithError(value: unknown, error: RpcError): Buffer | undefined {
  const request = requestOrError(value);
  if (Buffer.isBuffer(request)) return request;
  return request.id === undefined ? undefined : errorBody(error, request.id);
}

/** Prefers the result if it is shorter. A write's result always is, so an executed write is never reported as refused. */
function shorter(result: Buffer | undefined, error: Buffer | undefined): Buffer | undefined {
  return result !== undefined && error !== undefined && result.length <= error.length ? result : error;
}

/** The request, or the error response to a value that is not one. */
function requestOrError(value: unknown): RpcRequest | Buffer {
  try {
    return toRequest(value);
  } catch (error) {
    return errorBody(callError(error), null);
  }
}

async function call(
  { methods, handlers, observer }: RpcOptions,
  response: Response,
  request: RpcRequest,
  { account }: Session,
): Promise<unknown> {
  const method = methods.get(request.method);
  if (method === undefined) throw methodNotFound();
  response.operation ??= method.name;
  if (!ACCESS[method['x-access']](account.viewer)) throw forbidden();
  const params = argumentsOf(method, request);
  const db = READING.test(method.name) ? account.db.reader : account.db;
  try {
    const result = await (handlers[method.name] as AnyHandler)(params, { ...account, db });
    observer?.onCall(method.name, 'result');
    return result;
  } catch (error) {
    if (error instanceof DomainError) logRefusal(response, method.name, error);
    const failure = failureValue(error, method, account.viewer);
    observer?.onCall(method.name, 'failure');
    return failure;
  }
}

/** Who may call a method; checked before its parameters (Kanboard contract, section 3). */
const ACCESS: Readonly<Record<Access, (viewer: Viewer) => boolean>> = {
  anyone: () => true,
  project: () => true,
  user: ({ isApplication }) => !isApplication,
  manager: ({ role }) => role === 'admin' || role === 'manager',
  admin: ({ role }) => role === 'admin',
};

/** The value that the method returns for a domain error. Rethrows an error that has none. */
function failureValue(
  error: unknown,
  { 'x-access': access, 'x-failure': failure }: Method,
  { isApplication }: Viewer,
): unknown {
  if (!(error instanceof DomainError)) throw error;
  const outcome = OUTCOMES[error.code];
  if (typeof outcome === 'function') throw error;
  if (outcome === 'failure value, or 403 for users' && access === 'project' && !isApplication) throw forbidden();
  return failure;
}

/** The error of a single call. Rethrows an error that concerns the whole request. */
function callError(error: unknown): RpcError {
  if (error instanceof RpcError && error.status === 200) return error;
  throw error;
}

function resultBody(json: JsonBytes, result: unknown, id: unknown): Buffer {
  const start = '{"jsonrpc":"2.0","result":';
  const end = `,"id":${stringifyLossless(id)}}`;
  if (!(result instanceof WrittenResult)) return Buffer.from(`${start}${JSON.stringify(result)}${end}`);
  // An error may have interrupted the last result.
  json.truncate(0);
  json.ascii(start);
  result.writeTo(json);
  json.bytes(Buffer.from(end));
  return json.take();
}

function errorBody({ code, message, data }: RpcError, id: unknown): Buffer {
  const error = JSON.stringify({ code, message, data });
  return Buffer.from(`{"jsonrpc":"2.0","error":${error},"id":${stringifyLossless(id)}}`);
}

/** Sends the one error object of a request that is refused as a whole. */
function sendError(error: unknown, request: Request, response: Response): void {
  if (isUnanswerable(response, error)) return;
  const rpcError = requestError(error, request);
  if (rpcError.status === 401) response.set('WWW-Authenticate', 'Basic realm="JsonRPC"');
  if (rpcError.status === 503 || rpcError.status === 429) setRetryAfter(response, error);
  if (rpcError.status >= 500) response.err = error instanceof Error ? error : new Error(String(error));
  response.status(rpcError.status).setHeader('Content-Type', 'application/json');
  response.end(errorBody(rpcError, null));
}

/** Whether the error ends a batch, which keeps the results so far. Any other replaces them. */
function endsBatch(error: unknown): boolean {
  return error instanceof DomainError && ['unavailable', 'contended', 'overloaded', 'too_large'].includes(error.code);
}

function requestError(error: unknown, request: Request): RpcError {
  if (error instanceof RpcError) return error;
  if (error instanceof DomainError) {
    const outcome = OUTCOMES[error.code];
    if (error.code === 'too_large') return httpRefusal(413, error.message);
    if (typeof outcome === 'function') return outcome();
  }
  if (error instanceof URIError || error instanceof HttpError) return httpRefusal(400, 'Bad Request');
  // Errors of Express and its body parser carry an HTTP status.
  if (error instanceof Error && 'status' in error && typeof error.status === 'number' && error.status < 500) {
    return error.status === 413 ? httpRefusal(413, 'Payload Too Large') : parseError();
  }
  return internalError(request.id);
}

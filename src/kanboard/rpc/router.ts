import { type ErrorRequestHandler, type Request, type RequestHandler, type Response, Router } from 'express';
import type { Access, Method, MethodName, RpcContract } from '../../contract/openrpc.ts';
import { accountOf, type Viewer } from '../../core/access/viewer.ts';
import type { Database, DatabasePool } from '../../database/database.ts';
import { DomainError } from '../../errors.ts';
import { AnswerMemory, endResponse } from '../../http/answer-memory.ts';
import { clientSignal } from '../../http/client-signal.ts';
import { isUnanswerable, RETRY_AFTER_SECONDS } from '../../http/error-response.ts';
import { readBody } from '../../http/request-body.ts';
import type { Account, Methods } from './account.ts';
import { authenticate } from './authentication.ts';
import { parseLossless, stringifyLossless } from './json.ts';
import { argumentsOf, batchOf, type RpcRequest, toRequest } from './request.ts';
import { forbidden, httpRefusal, internalError, methodNotFound, OUTCOMES, parseError, RpcError } from './rpc-error.ts';

export interface RpcRouterOptions {
  readonly methods: RpcContract['methods'];
  /** The handlers over the database as one client may use it. */
  readonly handlers: (db: Database) => Methods<MethodName>;
  readonly db: DatabasePool;
  /** How long a batch may take before its other calls are refused. */
  readonly batchMs?: number | undefined;
  /** The most that one answer may hold; for tests. */
  readonly answerBytesMax?: number | undefined;
  readonly publicUrl: string | undefined;
  /** See `AuthenticationOptions`. */
  readonly authHeader: string | undefined;
  /** The organisation behind /jsonrpc.php, when the configuration names one. */
  readonly orgId: string | undefined;
}

/** Handlers as the dispatcher calls them: which arguments go with which handler, the method table says. */
type AnyHandler = (params: Record<string, unknown>, account: Account) => Promise<unknown>;

const BATCH_MAX = 1000;
/** Statements have a timeout of their own, so a call that is under way ends soon after. */
const BATCH_MS = 30_000;

/**
 * The Kanboard API: JSON-RPC 2.0, with the order of checks in the Kanboard contract, section 1. The HTTP method, the query
 * string and the content type are ignored.
 */
export function rpcRouter(options: RpcRouterOptions): Router {
  const router = Router({ caseSensitive: true });
  const serve: RequestHandler = async (request, response) => {
    refuseOtherSites(request, options.publicUrl);
    const orgId = request.params['orgId'] as string | undefined;
    const text = await answerBody(options, request, response, orgId ?? options.orgId);
    response.setHeader('Content-Type', 'application/json');
    endResponse(response, text);
  };
  router.all(['/jsonrpc.php', '/kanboard/:orgId/jsonrpc.php'], readBody, serve, sendError);
  return router;
}

/** A page elsewhere must not make a browser call with credentials that it remembers. Throws 403. */
function refuseOtherSites(request: Request, publicUrl: string | undefined): void {
  const origin = request.get('origin');
  const site = origin === undefined ? undefined : hostOf(origin);
  const own = [request.get('host'), request.host, publicUrl === undefined ? undefined : hostOf(publicUrl)];
  const isForeign = origin !== undefined && (!site || !own.includes(site));
  if (isForeign || request.get('sec-fetch-site') === 'cross-site') throw forbidden();
}

function hostOf(url: string): string | undefined {
  return URL.canParse(url) ? new URL(url).host : undefined;
}

function originOf(request: Request, publicUrl: string | undefined): string {
  return publicUrl ?? `${request.protocol}://${request.host}`;
}

/** A caller whose credentials have been checked. */
interface Session {
  readonly account: Account;
  readonly handlers: Methods<MethodName>;
  readonly memory: AnswerMemory;
}

/** The response body; empty for nothing but notifications. Throws whatever refuses the request as a whole. */
async function answerBody(
  options: RpcRouterOptions,
  request: Request,
  response: Response,
  orgId: string | undefined,
): Promise<string> {
  const signal = clientSignal(response);
  const value = Buffer.isBuffer(request.body) ? parseLossless(request.body) : undefined;
  const batch = batchOf(value);
  if (batch && batch.length > BATCH_MAX) throw httpRefusal(413, `A batch holds ${BATCH_MAX} calls at most`);

  // Credentials are checked once, and only for a request that is well formed.
  let session: Promise<Session> | undefined;
  const openSession = async () => {
    const { db, authHeader, publicUrl } = options;
    const viewer = await authenticate(db.forClient({ signal }), request, { header: authHeader, orgId });
    const account = accountOf(viewer);
    const memory = new AnswerMemory(response, account, options.answerBytesMax);
    const handlers = options.handlers(db.forClient({ signal, account, countBytes: memory.addRow }));
    return { account: { viewer, origin: originOf(request, publicUrl) }, handlers, memory };
  };
  const answer = (item: unknown) => answerOne(options.methods, item, () => (session ??= openSession()));
  if (batch === undefined) {
    const text = (await answer(value)) ?? '';
    (await session)?.memory.holdText(text.length);
    return text;
  }

  const answers: string[] = [];
  const deadline = performance.now() + (options.batchMs ?? BATCH_MS);
  let characters = 0;
  let hasStopped = false;
  for (const item of batch) {
    signal.throwIfAborted();
    hasStopped ||= performance.now() > deadline;
    const hasCarriedOut = session !== undefined;
    const text = hasStopped
      ? notCarriedOut(item)
      : await answer(item).catch((error: unknown) => {
          if (!hasCarriedOut || !isUnavailable(error)) throw error;
          hasStopped = true;
          return notCarriedOut(item);
        });
    if (text !== undefined) answers.push(text);
    characters += text?.length ?? 0;
    (await session)?.memory.holdText(characters);
  }
  return answers.length === 0 ? '' : `[${answers.join(',')}]`;
}

/** The answer to one call; undefined for a notification. */
async function answerOne(
  methods: RpcRouterOptions['methods'],
  value: unknown,
  sessionOf: () => Promise<Session>,
): Promise<string | undefined> {
  const request = requestOrAnswer(value);
  if (typeof request === 'string') return request;
  try {
    const result = await call(methods, request, await sessionOf());
    if (request.id === undefined) return undefined;
    return `{"jsonrpc":"2.0","result":${JSON.stringify(result)},"id":${stringifyLossless(request.id)}}`;
  } catch (error) {
    const refusal = refusalIn(error);
    return request.id === undefined ? undefined : errorBody(refusal, request.id);
  }
}

/** The answer to a call of a batch that stopped before it. */
function notCarriedOut(value: unknown): string | undefined {
  const request = requestOrAnswer(value);
  if (typeof request === 'string') return request;
  return request.id === undefined ? undefined : errorBody(httpRefusal(503, 'Service Unavailable'), request.id);
}

/** The request, or the answer to a value that is not one. */
function requestOrAnswer(value: unknown): RpcRequest | string {
  try {
    return toRequest(value);
  } catch (error) {
    return errorBody(refusalIn(error), null);
  }
}

async function call(
  methods: RpcRouterOptions['methods'],
  request: RpcRequest,
  { account, handlers }: Session,
): Promise<unknown> {
  const method = methods.get(request.method);
  if (method === undefined) throw methodNotFound();
  if (!ACCESS[method['x-access']](account.viewer)) throw forbidden();
  const params = argumentsOf(method, request);
  try {
    return await (handlers[method.name] as AnyHandler)(params, account);
  } catch (error) {
    return failureValue(error, method, account.viewer);
  }
}

/** Who may call a method at all; checked before its parameters (Kanboard contract, section 3). */
const ACCESS: Readonly<Record<Access, (viewer: Viewer) => boolean>> = {
  anyone: () => true,
  project: () => true,
  user: ({ isApplication }) => !isApplication,
  manager: ({ role }) => role === 'admin' || role === 'manager',
  admin: ({ role }) => role === 'admin',
};

/** What the method answers for a failure of the domain; throws what is no failure value. */
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

/** An error that answers one call; throws those that answer the whole request. */
function refusalIn(error: unknown): RpcError {
  if (error instanceof RpcError && error.status === 200) return error;
  throw error;
}

function errorBody({ code, message, data }: RpcError, id: unknown): string {
  return `{"jsonrpc":"2.0","error":${JSON.stringify({ code, message, data })},"id":${stringifyLossless(id)}}`;
}

/** Everything that refuses a request as a whole ends here, in one error object. */
const sendError: ErrorRequestHandler = (error: unknown, request, response, _next) => {
  if (isUnanswerable(response, error)) return;
  const refusal = wholeRefusal(error, request);
  if (refusal.status === 401) response.set('WWW-Authenticate', 'Basic realm="JsonRPC"');
  if (refusal.status === 503 || refusal.status === 429) response.set('Retry-After', RETRY_AFTER_SECONDS);
  if (refusal.status >= 500) response.err = error instanceof Error ? error : new Error(String(error));
  response.status(refusal.status).setHeader('Content-Type', 'application/json');
  response.end(errorBody(refusal, null));
};

function isUnavailable(error: unknown): boolean {
  return error instanceof DomainError && (error.code === 'unavailable' || error.code === 'overloaded');
}

function wholeRefusal(error: unknown, request: Request): RpcError {
  if (error instanceof RpcError) return error;
  if (error instanceof DomainError) {
    const outcome = OUTCOMES[error.code];
    if (error.code === 'too_large') return httpRefusal(413, error.message);
    if (typeof outcome === 'function') return outcome();
  }
  // Express and its body reader throw errors that carry a status of their own.
  if (error instanceof Error && 'status' in error && typeof error.status === 'number' && error.status < 500) {
    return error.status === 413 ? httpRefusal(413, 'Payload Too Large') : parseError();
  }
  return internalError(request.id as string);
}

import type { ServerResponse } from 'node:http';
import type { ErrorRequestHandler, Request, Response } from 'express';
import type { Schemas } from '../contract/types.ts';
import { DomainError, type ErrorCode, type Reason } from '../errors.ts';
import { LANGUAGES, type Language, type Text, texts } from '../texts.ts';
import { ClientGone } from './client-signal.ts';

declare module 'http' {
  interface ServerResponse {
    /** The language of the client's organisation, once the client is authenticated. */
    language?: Language;
    /** Whether an error response names its reason in `errorsData`: those of operations with `x-error-codes`. */
    namesReason?: boolean;
  }
}

/** The status codes of the Tracker contract. The type requires an entry for every ErrorCode. */
const STATUS: Record<ErrorCode, number> = {
  invalid: 400,
  unauthenticated: 401,
  forbidden: 403,
  not_found: 404,
  conflict: 409,
  stale: 412,
  refused: 422,
  too_large: 413,
  busy: 429,
  contended: 503,
  overloaded: 503,
  unavailable: 503,
};

const RETRY_AFTER_SECONDS = 5;

/** Tells the client of a 429 or 503 when to try again. */
export function setRetryAfter(response: Response, error: unknown): void {
  const { retryAfterSeconds = RETRY_AFTER_SECONDS } = error instanceof DomainError ? error : {};
  response.set('Retry-After', String(retryAfterSeconds));
}

/** An error at the level of HTTP, before domain rules apply: an unknown path, a wrong method, an unreadable body. */
export class HttpError extends Error {
  override readonly name = 'HttpError';
  readonly status: number;
  readonly text: Text;
  readonly headers: Readonly<Record<string, string>>;

  constructor(status: number, text: Text, headers: Record<string, string> = {}) {
    super(text.en);
    this.status = status;
    this.text = text;
    this.headers = headers;
  }
}

/** Express error handler of the REST API: sends every error with the contract's error body. */
export const sendError: ErrorRequestHandler = (error: unknown, request, response, _next) => {
  if (isUnanswerable(response, error)) return;
  sendJson(response, prepareError(error, request, response));
};

/** Sets the status and the headers of the response to an error. Returns the contract's error body. */
export function prepareError(error: unknown, request: Request, response: Response): Schemas['ErrorBody'] {
  const language = languageOf(request, response);
  if (error instanceof DomainError) {
    const status = STATUS[error.code];
    if (error.code === 'unauthenticated') response.set('WWW-Authenticate', 'OAuth, Bearer');
    if (status === 503 || status === 429) setRetryAfter(response, error);
    if (error.code === 'unavailable' || error.code === 'contended') response.err = error;
    response.status(status);
    return errorBody(language, status, error, response.namesReason);
  }
  const refusal = httpError(error);
  if (refusal) {
    response.status(refusal.status).set(refusal.headers);
    return errorBody(language, refusal.status, refusal);
  }
  response.err = error instanceof Error ? error : new Error(String(error));
  response.status(500);
  return errorBody(language, 500, { text: texts.internalError(request.id) });
}

/** Whether it is too late for an error response: the client has gone, or has part of a response, which is then cut off. */
export function isUnanswerable(response: Response, error: unknown): boolean {
  if (!response.headersSent && !response.closed) return false;
  if (!(error instanceof ClientGone)) response.err = error instanceof Error ? error : new Error(String(error));
  response.destroy();
  return true;
}

/** The response to an error that is stored, to be sent again later. */
export function errorResponse(error: DomainError, language: Language, namesReason: boolean) {
  const body = domainErrorBody(error, language, namesReason);
  return { status: body.statusCode, headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(body) };
}

/** The body of the response to an error. */
export function domainErrorBody(error: DomainError, language: Language, namesReason: boolean): Schemas['ErrorBody'] {
  return errorBody(language, STATUS[error.code], error, namesReason);
}

/** An error without a text has fields, so that one of the body's two lists is never empty. */
type ShownError = Pick<DomainError, 'text'> & Partial<Pick<DomainError, 'fields' | 'reason' | 'details'>>;

/** The contract's error body. */
export function errorBody(
  language: Language,
  statusCode: number,
  { text, fields = {}, reason, details }: ShownError,
  namesReason = false,
): Schemas['ErrorBody'] {
  return {
    errors: Object.fromEntries(Object.entries(fields).map(([field, { [language]: message }]) => [field, message])),
    errorsData:
      isDecision(reason) && (namesReason || reason === 'not_supported' || reason === 'not_served')
        ? { code: reason, ...(details as object) }
        : {},
    errorMessages: text ? [text[language]] : [],
    statusCode,
  };
}

/** Errors that say nothing about what was to be written. Their status suffices. */
type Circumstance = 'unauthenticated' | 'too_large' | 'busy' | 'contended' | 'overloaded' | 'unavailable';

const CIRCUMSTANCES: Readonly<Record<Circumstance, true>> = {
  unauthenticated: true,
  too_large: true,
  busy: true,
  contended: true,
  overloaded: true,
  unavailable: true,
};

function isDecision(reason: Reason | undefined): reason is Exclude<Reason, Circumstance> {
  return reason !== undefined && !Object.hasOwn(CIRCUMSTANCES, reason);
}

/**
 * The language the request prefers, by default the organisation's or Russian (Tracker contract, section 0). English for
 * a client that accepts neither.
 */
export function languageOf(request: Request, response: Response): Language {
  const own = response.language ?? 'ru';
  if (request.headers['accept-language'] === undefined) return own;
  // Without a preference (fetch sends `*` by default) the first one wins.
  return (request.acceptsLanguages(own, ...LANGUAGES) || 'en') as Language;
}

/** Unlike Express's `json`, adds no charset to the media type: JSON defines none. */
export function sendJson(response: ServerResponse, body: unknown): void {
  response.setHeader('Content-Type', 'application/json');
  response.end(JSON.stringify(body));
}

/** Translates errors of Express and its body parser, which have their own status. */
function httpError(error: unknown): HttpError | undefined {
  if (error instanceof HttpError) return error;
  if (error instanceof URIError) return new HttpError(400, texts.urlMalformed);
  if (!(error instanceof Error) || !('status' in error) || typeof error.status !== 'number') return undefined;
  if (error.status < 400 || error.status > 499) return undefined;
  return new HttpError(error.status, error.status === 413 ? texts.bodyTooLarge : texts.requestMalformed);
}

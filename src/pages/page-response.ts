import type { ErrorRequestHandler, Request, RequestHandler, Response } from 'express';
import type { Scope } from '../contract/contract.ts';
import type { Call, OperationId, Reply } from '../contract/types.ts';
import { DomainError } from '../errors.ts';
import { isUnanswerable, languageOf, prepareError } from '../http/error-response.ts';
import { endResponse } from '../http/response-memory.ts';
import { markup } from '../markup.ts';
import { type Context, preferFirst } from '../tracker/rest/caller.ts';
import { admit, type ServiceOptions } from '../tracker/rest/router.ts';
import { userHandlers } from '../tracker/users/users.rest.ts';
import { type Page, preparePage, rootOf } from './page.ts';
import { pageTexts } from './page-texts.ts';
import { forgetCredentials, type SignedInBy, takeCredentials } from './session.ts';
import { returnPath, signInForm } from './sign-in-page.ts';

export interface PagesOptions extends ServiceOptions {
  readonly demo: { readonly token: string; readonly adminToken: string; readonly applicationToken: string } | undefined;
}

/** The default of Java's HttpURLConnection, whose programs expect JSON. */
const JAVA = /^text\/html, image\/gif, image\/jpeg,/;

/** Leaves other requests to the routers that follow. Of the responses to those, only that of `/` varies by `Accept`. */
export const onlyForPeople: RequestHandler = (request, response, next) => {
  const { accept = '' } = request.headers;
  const isForPeople =
    accept.includes('text/html') &&
    !JAVA.test(accept) &&
    request.accepts(['application/json', 'text/html']) === 'text/html';
  if (isForPeople || request.path === '/') response.appendHeader('Vary', 'Accept');
  if (isForPeople) response.operation = 'page';
  next(isForPeople ? undefined : 'router');
};

export function named(operation: string): RequestHandler {
  return (_request, response, next) => {
    response.operation = operation;
    next();
  };
}

/** A request for a page by a reader who is signed in. */
export interface Visit {
  readonly context: Context;
  readonly signedInBy: NonNullable<SignedInBy>;
  readonly origin: string;
  readonly root: string;
  send(page: Pick<Page, 'title' | 'content'>): Promise<void>;
}

/** Admits a reader whose token has the scope. Throws `unauthenticated`, `forbidden` and `busy`. */
export async function visit(
  options: PagesOptions,
  request: Request,
  response: Response,
  {
    path = '/v3',
    scope = 'read',
    signedInBy = takeCredentials(request, scope === 'admin' ? options.demo?.adminToken : options.demo?.token),
  }: { readonly path?: string; readonly scope?: Scope; readonly signedInBy?: SignedInBy } = {},
): Promise<Visit> {
  if (signedInBy === undefined) throw new DomainError('unauthenticated', pageTexts.signInFirst);
  const url = request.originalUrl;
  const { caller, memory, clientDb } = await admit(options, request, response, { scope, path, url });
  // Administrators see at once what they have changed, which a replica may not have yet.
  const db = scope === 'read' ? clientDb.reader : clientDb;
  const context: Context = { db, caller, hold: memory.addRow, preferred: preferFirst };
  const root = rootOf(request.path);
  return {
    context,
    signedInBy,
    origin: caller.base.slice(0, -path.length),
    root,
    async send(page) {
      const { display } = bodyOf<'getMyself'>(await userHandlers.getMyself(callOf<'getMyself'>(context, {})));
      const reader = { name: display, hasCookie: signedInBy === 'cookie', isDemo: signedInBy === 'demo' };
      const html = preparePage(response, { ...page, language: caller.language, root, reader });
      memory.holdBody(html.length);
      endResponse(response, html, options.responseLimits);
    },
  };
}

/** A call of a handler, without the parts of a request that are not given. */
export function callOf<Id extends OperationId>(context: Context, parts: Partial<Call<Id, object>>): Call<Id, Context> {
  return { ...context, path: {}, query: {}, headers: {}, body: undefined, ...parts } as unknown as Call<Id, Context>;
}

/** The body of a reply that is not streamed. */
export function bodyOf<Id extends OperationId>(reply: Reply<Id>) {
  const body: unknown = 'json' in reply ? JSON.parse(reply.json) : 'body' in reply ? reply.body : undefined;
  return body as Exclude<Extract<Reply<Id>, { body: unknown }>['body'], (...parameters: never[]) => unknown>;
}

/** Sends an error as a page, with the form to sign in if that helps. */
export function sendErrorPage(options: PagesOptions): ErrorRequestHandler {
  return (error: unknown, request, response, _next) => {
    if (isUnanswerable(response, error)) return;
    const { statusCode, errorMessages } = prepareError(error, request, response);
    const place = { language: languageOf(request, response), root: rootOf(request.path) };
    const { language, root } = place;
    const needsSignIn = statusCode === 401 || request.path === '/sign-in';
    const to = request.method === 'GET' ? request.path : returnPath((request.body as { to?: unknown } | undefined)?.to);
    if (statusCode === 401) forgetCredentials(request, response, options.publicUrl);
    const content = markup`<h1>${needsSignIn ? pageTexts.signIn[language] : pageTexts.errorTitle[language]}</h1>
${errorMessages.map((message) => markup`<p class="problem" role="alert">${message}</p>`)}
${needsSignIn ? signInForm(place, to) : markup`<p><a href="${root}">${pageTexts.toStart[language]}</a></p>`}`;
    send(options, response, { title: pageTexts.errorTitle[language], ...place, reader: undefined, content });
  };
}

export function send({ responseLimits }: PagesOptions, response: Response, page: Page): void {
  endResponse(response, preparePage(response, page), responseLimits);
}

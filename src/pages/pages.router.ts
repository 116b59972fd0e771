import express, { type ErrorRequestHandler, type Request, type RequestHandler, type Response, Router } from 'express';
import type { Call, OperationId, Reply, Schemas } from '../contract/types.ts';
import { getLinkGraph, PAGE_LIMITS } from '../core/issue-links/link-graph.service.ts';
import { DomainError } from '../errors.ts';
import { isUnanswerable, languageOf, prepareError } from '../http/error-response.ts';
import { originOf } from '../http/own-origin.ts';
import { endResponse } from '../http/response-memory.ts';
import { type Markup, markup } from '../markup.ts';
import { toSvg } from '../pictures/svg.ts';
import { changelogHandlers } from '../tracker/changelog/changelog.rest.ts';
import { issueLinkHandlers } from '../tracker/issue-links/issue-links.rest.ts';
import { issueSearchHandlers } from '../tracker/issue-search/issue-search.rest.ts';
import { issueHandlers } from '../tracker/issues/issues.rest.ts';
import { serializeGraph, svgAround } from '../tracker/link-graph/link-graph.rest.ts';
import { type Context, preferFirst } from '../tracker/rest/caller.ts';
import { admit, type ServiceOptions } from '../tracker/rest/router.ts';
import { userHandlers } from '../tracker/users/users.rest.ts';
import { issuePage } from './issue-page.ts';
import { type Page, preparePage } from './page.ts';
import { pageTexts } from './page-texts.ts';
import {
  forgetCredentials,
  refuseForeignForm,
  type SignedInBy,
  storeCredentials,
  takeCredentials,
  useCredentials,
} from './session.ts';
import { returnPath, signInForm } from './sign-in-page.ts';
import { startPage } from './start-page.ts';

export interface PagesOptions extends ServiceOptions {
  readonly demo: { readonly token: string; readonly applicationToken: string } | undefined;
}

const ISSUE_KEY = /^\/([A-Za-z][A-Za-z0-9]{0,49}-[1-9]\d{0,18})\/?$/;
const ISSUE_SELF = /^\/(v[23])\/issues\/([A-Za-z0-9]+-\d+|[0-9A-Fa-f]{24})\/?$/;
/** The default of Java's HttpURLConnection, whose programs expect JSON. */
const JAVA = /^text\/html, image\/gif, image\/jpeg,/;
const RECENT_ISSUES = 20;
const CHANGES_MAX = 100;
const LINKS_MAX = 500;
const FORM_BYTES_MAX = 16_384;

/**
 * Pages for people, at `/`, `/{issueKey}` and the `self` of an issue, for requests whose `Accept` prefers HTML. All others
 * are left to the APIs. A page shows what the API returns to the same user; it changes nothing.
 */
export function pagesRouter(options: PagesOptions): Router {
  const router = Router({ caseSensitive: true });
  // Express would respond to OPTIONS with the methods of the pages only, without those that the APIs have at these paths.
  router.use(({ method }, _response, next) => {
    next(method === 'OPTIONS' ? 'router' : undefined);
  });
  router.get('/', onlyForPeople, (request, response) => sendStartPage(options, request, response));
  router.get(ISSUE_KEY, onlyForPeople, (request, response) =>
    sendIssuePage(options, request, response, '/v3', request.params[0]),
  );
  router.get(ISSUE_SELF, onlyForPeople, (request, response) =>
    sendIssuePage(options, request, response, `/${request.params[0]}`, request.params[1]),
  );
  const form = express.urlencoded({ extended: false, limit: FORM_BYTES_MAX, parameterLimit: 10 });
  const refuseForeign: RequestHandler = (request, _response, next) => {
    refuseForeignForm(request, options.publicUrl);
    next();
  };
  router.post('/sign-in', named('signIn'), refuseForeign, form, async (request, response) => {
    await signIn(options, request, response);
  });
  router.post('/sign-out', named('signOut'), refuseForeign, (request, response) => {
    forgetCredentials(request, response, isHttps(options));
    response.redirect(303, '/');
  });
  router.use(sendErrorPage(options));
  return router;
}

/** Leaves other requests to the routers that follow. Of the responses to those, only that of `/` varies by `Accept`. */
const onlyForPeople: RequestHandler = (request, response, next) => {
  const { accept = '' } = request.headers;
  const isForPeople =
    accept.includes('text/html') &&
    !JAVA.test(accept) &&
    request.accepts(['application/json', 'text/html']) === 'text/html';
  if (isForPeople || request.path === '/') response.appendHeader('Vary', 'Accept');
  if (isForPeople) response.operation = 'page';
  next(isForPeople ? undefined : 'router');
};

function named(operation: string): RequestHandler {
  return (_request, response, next) => {
    response.operation = operation;
    next();
  };
}

async function sendStartPage(options: PagesOptions, request: Request, response: Response): Promise<void> {
  const signedInBy = takeCredentials(request, options.demo?.token);
  if (signedInBy === undefined) {
    const language = languageOf(request, response);
    send(options, response, {
      title: pageTexts.name[language],
      language,
      reader: undefined,
      content: startPage(language, {
        origin: originOf(request, options.publicUrl),
        recent: undefined,
        ...commandValues(undefined, undefined),
      }),
    });
    return;
  }
  await sendPage(options, request, response, { path: '/v3', signedInBy }, async (context, origin) => {
    const { caller } = context;
    const { language } = caller;
    const query = { order: ['-updated'], page: 1, perPage: RECENT_ISSUES };
    const issues = bodyOf<'searchIssues'>(
      await issueSearchHandlers.searchIssues(callOf<'searchIssues'>(context, { query, body: {} })),
    );
    const keys = issues.map(({ key }) => key);
    const title = pageTexts.recentGraph[language];
    const picture =
      keys.length === 0
        ? undefined
        : await pictureOf(context, origin, keys, 1, (graph) => toSvg(graph, language, { title }));
    const recent = { issues, picture };
    const values = commandValues(signedInBy === 'demo' ? options.demo : undefined, keys[0]);
    return { title: pageTexts.name[language], content: startPage(language, { origin, recent, ...values }) };
  });
}

/** What the commands contain: what works as it stands, or names of what to insert. */
function commandValues(demo: PagesOptions['demo'], issueKey: string | undefined) {
  return {
    token: demo?.token ?? 'TOKEN',
    applicationToken: demo?.applicationToken ?? 'TOKEN',
    issueKey: issueKey ?? 'KEY-1',
  };
}

async function sendIssuePage(
  options: PagesOptions,
  request: Request,
  response: Response,
  path: string,
  issueId = '',
): Promise<void> {
  const signedInBy = takeCredentials(request, options.demo?.token);
  if (signedInBy === undefined) throw new DomainError('unauthenticated', pageTexts.signInFirst);
  await sendPage(options, request, response, { path, signedInBy }, async (context, origin) => {
    const path = { issueId };
    const issue = bodyOf<'getIssue'>(await issueHandlers.getIssue(callOf<'getIssue'>(context, { path })));
    const { links } = bodyOf<'listIssueLinksPage'>(
      await issueLinkHandlers.listIssueLinksPage(
        callOf<'listIssueLinksPage'>(context, { path, query: { page: 1, perPage: LINKS_MAX + 1 } }),
      ),
    );
    const query = { perPage: CHANGES_MAX + 1 };
    const changes = bodyOf<'listIssueChanges'>(
      await changelogHandlers.listIssueChanges(callOf<'listIssueChanges'>(context, { path, query })),
    );
    const { language } = context.caller;
    const picture = await pictureOf(context, origin, [issue.key], 2, (graph) => svgAround(graph, language));
    return {
      title: `${issue.key} ${issue.summary ?? ''}`,
      content: issuePage(language, {
        issue,
        // Without a selection of fields, they are whole.
        links: links.slice(0, LINKS_MAX) as Schemas['IssueLink'][],
        hasMoreLinks: links.length > LINKS_MAX,
        picture,
        changes: changes.slice(0, CHANGES_MAX),
        hasMore: changes.length > CHANGES_MAX,
      }),
    };
  });
}

/** A picture whose nodes link to the pages of issues. Undefined if the drawing thread is busy or too slow. */
async function pictureOf(
  { db, caller }: Context,
  origin: string,
  issueNames: readonly string[],
  depth: number,
  draw: (graph: ReturnType<typeof serializeGraph>) => Promise<Markup>,
): Promise<Markup | undefined> {
  const query = { issueNames, depth, ends: undefined, direction: undefined };
  const graph = serializeGraph(caller, await getLinkGraph(db, caller.viewer, query, PAGE_LIMITS));
  const nodes = graph.nodes.map((node) => ({ ...node, self: `${origin}/${node.key}` }));
  try {
    return await draw({ ...graph, nodes });
  } catch (error) {
    if (error instanceof DomainError && (error.code === 'busy' || error.code === 'overloaded')) return undefined;
    throw error;
  }
}

/** Sends a page to a reader whose token has the scope `read`. */
async function sendPage(
  options: PagesOptions,
  request: Request,
  response: Response,
  { path, signedInBy }: { readonly path: string; readonly signedInBy: SignedInBy },
  build: (context: Context, origin: string) => Promise<Pick<Page, 'title' | 'content'>>,
): Promise<void> {
  const { caller, memory, clientDb } = await admit(options, request, response, {
    scope: 'read',
    path,
    url: request.originalUrl,
  });
  const context: Context = {
    db: clientDb.reader,
    caller,
    hold: memory.addRow,
    preferred: preferFirst,
  };
  const page = await build(context, caller.base.slice(0, -path.length));
  const { display } = bodyOf<'getMyself'>(await userHandlers.getMyself(callOf<'getMyself'>(context, {})));
  const reader = { name: display, hasCookie: signedInBy === 'cookie', isDemo: signedInBy === 'demo' };
  const html = preparePage(response, { ...page, language: caller.language, reader });
  memory.holdBody(html.length);
  endResponse(response, html, options.responseLimits);
}

/** A call of a handler, without the parts of a request that are not given. */
function callOf<Id extends OperationId>(context: Context, parts: Partial<Call<Id, object>>): Call<Id, Context> {
  return { ...context, path: {}, query: {}, headers: {}, body: undefined, ...parts } as unknown as Call<Id, Context>;
}

/** The body of a reply that is not streamed. */
function bodyOf<Id extends OperationId>(reply: Reply<Id>) {
  const body: unknown = 'json' in reply ? JSON.parse(reply.json) : 'body' in reply ? reply.body : undefined;
  return body as Exclude<Extract<Reply<Id>, { body: unknown }>['body'], (...parameters: never[]) => unknown>;
}

async function signIn(options: PagesOptions, request: Request, response: Response): Promise<void> {
  const { token, organisation, to } = (request.body ?? {}) as Readonly<Record<string, unknown>>;
  const credentials = {
    token: typeof token === 'string' ? token.trim() : '',
    organisation: typeof organisation === 'string' ? organisation.trim() : '',
  };
  if (credentials.token === '') throw new DomainError('unauthenticated', pageTexts.tokenEmpty);
  useCredentials(request, credentials);
  await admit(options, request, response, { scope: 'read', path: '/v3', url: request.originalUrl });
  storeCredentials(request, response, credentials, isHttps(options));
  response.redirect(303, returnPath(to));
}

function isHttps({ publicUrl }: PagesOptions): boolean {
  return publicUrl?.startsWith('https:') ?? false;
}

/** Sends an error as a page, with the form to sign in if that helps. */
function sendErrorPage(options: PagesOptions): ErrorRequestHandler {
  return (error: unknown, request, response, _next) => {
    if (isUnanswerable(response, error)) return;
    const { statusCode, errorMessages } = prepareError(error, request, response);
    const language = languageOf(request, response);
    const needsSignIn = statusCode === 401 || request.path === '/sign-in';
    const to = request.method === 'GET' ? request.path : returnPath((request.body as { to?: unknown } | undefined)?.to);
    if (statusCode === 401) forgetCredentials(request, response, isHttps(options));
    const content = markup`<h1>${needsSignIn ? pageTexts.signIn[language] : pageTexts.errorTitle[language]}</h1>
${errorMessages.map((message) => markup`<p class="problem" role="alert">${message}</p>`)}
${needsSignIn ? signInForm(language, to) : markup`<p><a href="/">${pageTexts.toStart[language]}</a></p>`}`;
    send(options, response, { title: pageTexts.errorTitle[language], language, reader: undefined, content });
  };
}

function send({ responseLimits }: PagesOptions, response: Response, page: Page): void {
  endResponse(response, preparePage(response, page), responseLimits);
}

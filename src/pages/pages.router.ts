import { type Request, type RequestHandler, type Response, Router, urlencoded } from 'express';
import type { Schemas } from '../contract/types.ts';
import { getLinkGraph, PAGE_LIMITS } from '../core/issue-links/link-graph.service.ts';
import { DomainError } from '../errors.ts';
import { languageOf } from '../http/error-response.ts';
import { originOf } from '../http/own-origin.ts';
import type { Markup } from '../markup.ts';
import { toSvg } from '../pictures/svg.ts';
import { changelogHandlers } from '../tracker/changelog/changelog.rest.ts';
import { issueLinkHandlers } from '../tracker/issue-links/issue-links.rest.ts';
import { issueSearchHandlers } from '../tracker/issue-search/issue-search.rest.ts';
import { issueHandlers } from '../tracker/issues/issues.rest.ts';
import { serializeGraph, svgAround } from '../tracker/link-graph/link-graph.rest.ts';
import { admit } from '../tracker/rest/router.ts';
import { addAdminPages } from './admin.router.ts';
import { issuePage } from './issue-page.ts';
import { rootOf } from './page.ts';
import {
  bodyOf,
  callOf,
  named,
  onlyForPeople,
  type PagesOptions,
  send,
  sendErrorPage,
  type Visit,
  visit,
} from './page-response.ts';
import { pageTexts } from './page-texts.ts';
import { forgetCredentials, refuseForeignForm, storeCredentials, takeCredentials, useCredentials } from './session.ts';
import { returnPath } from './sign-in-page.ts';
import { startPage } from './start-page.ts';

const ISSUE_KEY = /^\/([A-Za-z][A-Za-z0-9]{0,49}-[1-9]\d{0,18})\/?$/;
const ISSUE_SELF = /^\/(v[23])\/issues\/([A-Za-z0-9]+-\d+|[0-9A-Fa-f]{24})\/?$/;
const RECENT_ISSUES = 20;
const CHANGES_MAX = 100;
const LINKS_MAX = 500;
const FORM_BYTES_MAX = 16_384;

/**
 * Pages for people, at `/`, `/{issueKey}`, the `self` of an issue and `/admin`, for requests whose `Accept` prefers HTML. All
 * others are left to the APIs. A page shows what the API returns to the same user; only those of administrators change anything.
 */
export function pagesRouter(options: PagesOptions): Router {
  const { publicUrl } = options;
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
  const refuseForeign: RequestHandler = (request, _response, next) => {
    refuseForeignForm(request, publicUrl);
    next();
  };
  const form = [refuseForeign, urlencoded({ extended: false, limit: FORM_BYTES_MAX, parameterLimit: 20 })];
  router.post('/sign-in', named('signIn'), form, async (request: Request, response: Response) => {
    await signIn(options, request, response);
  });
  router.post('/sign-out', named('signOut'), refuseForeign, (request, response) => {
    forgetCredentials(request, response, publicUrl);
    response.redirect(303, rootOf(request.path));
  });
  addAdminPages(router, options, form);
  router.use(sendErrorPage(options));
  return router;
}

async function sendStartPage(options: PagesOptions, request: Request, response: Response): Promise<void> {
  const signedInBy = takeCredentials(request, options.demo?.token);
  if (signedInBy === undefined) {
    const place = { language: languageOf(request, response), root: rootOf(request.path) };
    const origin = originOf(request, options.publicUrl);
    const content = startPage(place, { origin, recent: undefined, ...commandValues(undefined, undefined) });
    send(options, response, { title: pageTexts.name[place.language], ...place, reader: undefined, content });
    return;
  }
  const visited = await visit(options, request, response, { signedInBy });
  const { context, origin, root } = visited;
  const { language } = context.caller;
  const query = { order: ['-updated'], page: 1, perPage: RECENT_ISSUES };
  const issues = bodyOf<'searchIssues'>(
    await issueSearchHandlers.searchIssues(callOf<'searchIssues'>(context, { query, body: {} })),
  );
  const keys = issues.map(({ key }) => key);
  const title = pageTexts.recentGraph[language];
  const picture =
    keys.length === 0 ? undefined : await pictureOf(visited, keys, 1, (graph) => toSvg(graph, language, { title }));
  const recent = { issues, picture };
  const values = commandValues(signedInBy === 'demo' ? options.demo : undefined, keys[0]);
  await visited.send({
    title: pageTexts.name[language],
    content: startPage({ language, root }, { origin, recent, ...values }),
  });
}

/** What the commands contain: what works as it is, or names of what to insert. */
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
  apiPath: string,
  issueId = '',
): Promise<void> {
  const visited = await visit(options, request, response, { path: apiPath });
  const { context, root } = visited;
  const { language } = context.caller;
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
  const picture = await pictureOf(visited, [issue.key], 2, (graph) => svgAround(graph, language));
  const content = issuePage(
    { language, root },
    {
      issue,
      // Without a selection of fields, they are whole.
      links: links.slice(0, LINKS_MAX) as Schemas['IssueLink'][],
      hasMoreLinks: links.length > LINKS_MAX,
      picture,
      changes: changes.slice(0, CHANGES_MAX),
      hasMore: changes.length > CHANGES_MAX,
    },
  );
  await visited.send({ title: `${issue.key} ${issue.summary ?? ''}`, content });
}

/** A picture whose nodes link to the pages of issues. Undefined if the drawing thread is busy or too slow. */
async function pictureOf(
  { context: { db, caller }, root }: Visit,
  issueNames: readonly string[],
  depth: number,
  draw: (graph: ReturnType<typeof serializeGraph>) => Promise<Markup>,
): Promise<Markup | undefined> {
  const query = { issueNames, depth, ends: undefined, direction: undefined };
  const graph = serializeGraph(caller, await getLinkGraph(db, caller.viewer, query, PAGE_LIMITS));
  const nodes = graph.nodes.map((node) => ({ ...node, self: `${root}${node.key}` }));
  try {
    return await draw({ ...graph, nodes });
  } catch (error) {
    if (error instanceof DomainError && (error.code === 'busy' || error.code === 'overloaded')) return undefined;
    throw error;
  }
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
  storeCredentials(request, response, credentials, options.publicUrl);
  response.redirect(303, `${rootOf(request.path)}${returnPath(to).slice(1)}`);
}

import express, { type Express, type RequestHandler } from 'express';
import { Audit } from './audit.ts';
import type { Config } from './config.ts';
import type { Contract } from './contract/contract.ts';
import type { RpcContract } from './contract/openrpc.ts';
import { SharedLimit } from './core/request-counts/shared-limit.ts';
import type { DatabasePool } from './database/database.ts';
import { type DemoCredentials, docsRouter } from './docs.ts';
import { guidesRouter } from './guides.ts';
import { browserHeaders } from './http/browser-headers.ts';
import { HttpError, sendError } from './http/error-response.ts';
import type { Listener } from './http/http-server.ts';
import { EXPECTS_PROXY, expectsProxy } from './http/loopback.ts';
import { RateLimit } from './http/rate-limit.ts';
import { logRequest } from './http/request-log.ts';
import { RESPONSE_LIMITS, type ResponseLimits } from './http/response-memory.ts';
import { activityMethods } from './kanboard/activity/activity.rpc.ts';
import { boardMethods } from './kanboard/board/board.rpc.ts';
import { swimlaneMethods } from './kanboard/board/swimlanes.rpc.ts';
import { categoryMethods } from './kanboard/categories/categories.rpc.ts';
import { columnMethods } from './kanboard/columns/columns.rpc.ts';
import { commentMethods } from './kanboard/comments/comments.rpc.ts';
import { externalLinkMethods } from './kanboard/external-links/external-links.rpc.ts';
import { labelMethods } from './kanboard/labels/labels.rpc.ts';
import { projectMethods } from './kanboard/projects/projects.rpc.ts';
import { rpcListener } from './kanboard/rpc/rpc-listener.ts';
import { serverMethods } from './kanboard/server/server.rpc.ts';
import { tagMethods } from './kanboard/tags/tags.rpc.ts';
import { taskLinkMethods } from './kanboard/task-links/task-links.rpc.ts';
import { taskMoveMethods } from './kanboard/task-moves/task-moves.rpc.ts';
import { taskMethods } from './kanboard/tasks/tasks.rpc.ts';
import { userMethods } from './kanboard/users/users.rpc.ts';
import type { Log } from './log.ts';
import type { Metrics, MetricsSource } from './metrics.ts';
import { operationsRouter } from './operations.ts';
import { pagesRouter } from './pages/pages.router.ts';
import { TestMode } from './test-mode/test-mode.ts';
import { texts } from './texts.ts';
import type { Tracing } from './tracing.ts';
import { bulkChangeHandlers } from './tracker/bulk-changes/bulk-changes.rest.ts';
import { changelogHandlers } from './tracker/changelog/changelog.rest.ts';
import { commentHandlers } from './tracker/comments/comments.rest.ts';
import { dictionaryHandlers } from './tracker/dictionaries/dictionaries.rest.ts';
import { fieldHandlers } from './tracker/fields/fields.rest.ts';
import { issueLinkHandlers } from './tracker/issue-links/issue-links.rest.ts';
import { linkSearchHandlers } from './tracker/issue-links/link-search.rest.ts';
import { issueSearchHandlers } from './tracker/issue-search/issue-search.rest.ts';
import { issueHandlers } from './tracker/issues/issues.rest.ts';
import { transitionHandlers } from './tracker/issues/transitions.rest.ts';
import { linkGraphHandlers } from './tracker/link-graph/link-graph.rest.ts';
import { linkListListener } from './tracker/link-list/link-list-listener.ts';
import { linkTypeHandlers } from './tracker/link-types/link-types.rest.ts';
import { organisationHandlers } from './tracker/organisations/organisations.rest.ts';
import { queueHandlers } from './tracker/queues/queues.rest.ts';
import { remoteLinkHandlers } from './tracker/remote-links/remote-links.rest.ts';
import { restRouter } from './tracker/rest/router.ts';
import { tokenHandlers } from './tracker/tokens/tokens.rest.ts';
import { userHandlers } from './tracker/users/users.rest.ts';

export interface AppOptions {
  readonly contract: Contract;
  readonly rpcContract: RpcContract;
  readonly db: DatabasePool;
  readonly log: Log;
  /** Where administrative acts are recorded (default: in the log). */
  readonly auditLog?: Log | undefined;
  readonly config: Pick<
    Config,
    | 'publicUrl'
    | 'trustProxy'
    | 'corsOrigins'
    | 'kanboardAuthHeader'
    | 'kanboardOrg'
    | 'rateLimit'
    | 'rateLimitStore'
    | 'testMode'
    | 'metricsPort'
  >;
  /** If set, /docs is signed in to the demo. */
  readonly demo?: DemoCredentials | undefined;
  /** Time budgets of a JSON-RPC batch and of a REST request, and the limits of a response; tests lower them. */
  readonly batchMs?: number | undefined;
  readonly requestMs?: number | undefined;
  readonly responseLimits?: Partial<ResponseLimits>;
  readonly metrics?: Metrics | undefined;
  /** What `/metrics` shows (default: `metrics`). */
  readonly allMetrics?: MetricsSource | undefined;
  /** While it returns true, /healthz and /readyz fail. */
  readonly isDatabaseLost?: () => boolean;
  /** While it returns true, /readyz fails. */
  readonly isStopping?: () => boolean;
  readonly tracing?: Tracing | undefined;
}

/** The Kanboard release whose API is implemented. */
const KANBOARD_VERSION = '1.2.53';

export interface App {
  readonly express: Express;
  /** Receives all requests. */
  readonly listener: Listener;
}

/** Assembles the service without starting it. */
export function createApp({
  contract,
  rpcContract,
  db,
  log,
  auditLog = log.child({ audit: true }),
  config,
  demo,
  batchMs,
  requestMs,
  responseLimits: limits = {},
  metrics,
  allMetrics = metrics && (() => metrics.text()),
  isDatabaseLost = () => false,
  isStopping = () => false,
  tracing,
}: AppOptions): App {
  const responseLimits = { ...RESPONSE_LIMITS, ...limits };
  const app = express();
  app.disable('x-powered-by');
  app.disable('etag');
  app.set('trust proxy', config.trustProxy);
  app.set(EXPECTS_PROXY, expectsProxy(config));
  app.set('case sensitive routing', true);
  const perMinute = config.rateLimit;
  const isShared = perMinute !== false && config.rateLimitStore === 'database';
  const rateLimit = new RateLimit(perMinute, isShared ? new SharedLimit(db, perMinute, log) : undefined);

  const handlers = {
    ...issueLinkHandlers,
    ...linkSearchHandlers,
    ...linkGraphHandlers,
    ...issueHandlers,
    ...issueSearchHandlers,
    ...changelogHandlers,
    ...commentHandlers,
    ...transitionHandlers,
    ...linkTypeHandlers,
    ...organisationHandlers,
    ...userHandlers,
    ...tokenHandlers,
    ...dictionaryHandlers,
    ...queueHandlers,
    ...fieldHandlers,
    ...remoteLinkHandlers,
    ...bulkChangeHandlers,
  };
  const { version } = contract.document.info;
  const service = { db, rateLimit, publicUrl: config.publicUrl, responseLimits, requestMs };
  const testMode = config.testMode ? new TestMode(service) : undefined;
  if (testMode)
    app.use(
      contract.servers.map((server) => `${server}/_test`),
      testMode.router(),
    );
  const methods = {
    ...labelMethods,
    ...taskLinkMethods,
    ...taskMethods,
    ...taskMoveMethods,
    ...serverMethods(`${KANBOARD_VERSION}+issue-links.${version}`),
    ...userMethods,
    ...activityMethods,
    ...boardMethods,
    ...categoryMethods,
    ...columnMethods,
    ...commentMethods,
    ...projectMethods,
    ...externalLinkMethods,
    ...swimlaneMethods,
    ...tagMethods,
  };
  app.use(pagesRouter({ ...service, demo: demo && { ...demo, applicationToken: demo.kanboard.secret } }));
  app.use([...contract.servers], restRouter({ ...service, contract, handlers }));
  app.use(
    operationsRouter({
      db,
      log,
      publicUrl: config.publicUrl,
      version,
      isDatabaseLost,
      isStopping,
      metrics: config.metricsPort === undefined ? allMetrics : undefined,
    }),
  );
  app.use(guidesRouter());
  app.use(docsRouter(demo, rpcContract.document));
  app.use(refusePath);
  app.use(sendError);

  const rpc = rpcListener(
    {
      methods: rpcContract.methods,
      handlers: methods,
      db,
      rateLimit,
      batchMs,
      responseLimits,
      publicUrl: config.publicUrl,
      corsOrigins: config.corsOrigins,
      authHeader: config.kanboardAuthHeader,
      orgId: config.kanboardOrg,
      observer: metrics,
    },
    app,
  );
  const links = linkListListener({ db, rateLimit, publicUrl: config.publicUrl, responseLimits }, rpc);
  const listener = testMode ? testMode.listener(links) : links;
  const setBrowserHeaders = browserHeaders(config);
  const observers = { observer: metrics, audit: new Audit(auditLog) };
  const serve: Listener = (request, response) => {
    logRequest(log, request, response, observers);
    request.url = withoutRepeatedSlashes(request.url);
    if (!setBrowserHeaders(request, response)) listener(request, response);
  };
  return {
    express: app,
    listener: tracing
      ? (request, response) => {
          tracing.serve(request, response, () => {
            serve(request, response);
          });
        }
      : serve,
  };
}

/** A client appends its path to a base URL that ends in a slash: `/kanboard/1//jsonrpc.php`. The query stays as it is. */
function withoutRepeatedSlashes(url: string): string {
  if (!url.includes('//')) return url;
  const query = url.indexOf('?');
  const path = query === -1 ? url : url.slice(0, query);
  return `${path.replaceAll(/\/{2,}/g, '/')}${url.slice(path.length)}`;
}

const refusePath: RequestHandler = () => {
  throw new HttpError(404, texts.pathNotFound);
};

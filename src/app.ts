import express, { type Express, type RequestHandler } from 'express';
import type { Config } from './config.ts';
import type { Contract } from './contract/contract.ts';
import { methodsOf } from './contract/methods.ts';
import type { Database } from './database/database.ts';
import { type DemoCredentials, docsRouter } from './docs.ts';
import { changelogHandlers } from './features/changelog/changelog.rest.ts';
import { dictionaryHandlers } from './features/dictionaries/dictionaries.rest.ts';
import { fieldHandlers } from './features/fields/fields.rest.ts';
import { issueLinkHandlers } from './features/issue-links/issue-links.rest.ts';
import { taskLinkMethods } from './features/issue-links/issue-links.rpc.ts';
import { issueSearchHandlers } from './features/issues/issue-search.rest.ts';
import { issueHandlers } from './features/issues/issues.rest.ts';
import { taskMethods } from './features/issues/issues.rpc.ts';
import { labelMethods } from './features/labels/labels.rpc.ts';
import { linkTypeHandlers } from './features/link-types/link-types.rest.ts';
import { organisationHandlers } from './features/organisations/organisations.rest.ts';
import { queueHandlers } from './features/queues/queues.rest.ts';
import { projectMethods } from './features/queues/queues.rpc.ts';
import { remoteLinkHandlers } from './features/remote-links/remote-links.rest.ts';
import { externalLinkMethods } from './features/remote-links/remote-links.rpc.ts';
import { serverMethods } from './features/server/server.rpc.ts';
import { userHandlers } from './features/users/users.rest.ts';
import { userMethods } from './features/users/users.rpc.ts';
import { type Log, requestLog } from './log.ts';
import { operationsRouter } from './operations.ts';
import { HttpError, sendError } from './rest/error-response.ts';
import { restRouter } from './rest/router.ts';
import { rpcRouter } from './rpc/router.ts';
import { texts } from './texts.ts';

export interface AppOptions {
  readonly contract: Contract;
  readonly db: Database;
  readonly log: Log;
  readonly config: Pick<Config, 'publicUrl' | 'trustProxy' | 'kanboardAuthHeader' | 'kanboardOrg'>;
  /** Authorises /docs for the demo, where there is one. */
  readonly demo?: DemoCredentials | undefined;
}

/** Whose clients the Kanboard face was written for. */
const KANBOARD_VERSION = '1.2.53';

/** Express put together, not started. */
export function createApp({ contract, db, log, config, demo }: AppOptions): Express {
  const app = express();
  app.disable('x-powered-by');
  app.disable('etag');
  app.set('trust proxy', config.trustProxy);
  app.set('case sensitive routing', true);

  app.use(requestLog(log));
  app.use(noSniffing);
  const handlers = {
    ...issueLinkHandlers(db),
    ...issueHandlers(db),
    ...issueSearchHandlers(db),
    ...changelogHandlers(db),
    ...linkTypeHandlers(db),
    ...organisationHandlers(db),
    ...userHandlers(db),
    ...dictionaryHandlers(db),
    ...queueHandlers(db),
    ...fieldHandlers(),
    ...remoteLinkHandlers(db),
  };
  app.use([...contract.servers], restRouter({ contract, handlers, db, publicUrl: config.publicUrl }));
  const methods = {
    ...labelMethods(db),
    ...taskLinkMethods(db),
    ...taskMethods(db),
    ...serverMethods(`${KANBOARD_VERSION}+issue-links.${contract.document.info.version}`),
    ...userMethods(db),
    ...projectMethods(db),
    ...externalLinkMethods(db),
  };
  app.use(
    rpcRouter({
      methods: methodsOf(contract),
      handlers: methods,
      db,
      publicUrl: config.publicUrl,
      authHeader: config.kanboardAuthHeader,
      orgId: config.kanboardOrg,
    }),
  );
  app.use(operationsRouter({ contract, db, log }));
  app.use(docsRouter(demo));
  app.use(nothingHere);
  app.use(sendError);
  return app;
}

const noSniffing: RequestHandler = (_request, response, next) => {
  response.setHeader('X-Content-Type-Options', 'nosniff');
  next();
};

const nothingHere: RequestHandler = () => {
  throw new HttpError(404, texts.pathNotFound);
};

import { type RequestHandler, Router } from 'express';
import type { Contract } from './contract/contract.ts';
import type { Database } from './database/database.ts';
import { isSchemaCurrent } from './database/migrations.ts';
import { refuseMethod } from './http/refuse-method.ts';
import { openrpcOf } from './kanboard/rpc/openrpc.ts';
import type { Log } from './log.ts';

/** What operators and tools ask, without credentials: is it alive, is it ready, what does it speak. */
export function operationsRouter({ contract, db, log }: { contract: Contract; db: Database; log: Log }): Router {
  const router = Router();
  const json = JSON.stringify(contract.document);
  const openrpc = JSON.stringify(openrpcOf(contract));
  const answers: Record<string, RequestHandler> = {
    '/healthz': (_request, response) => {
      response.json({ status: 'ok' });
    },
    '/readyz': readiness(db, log),
    '/openapi.yaml': (_request, response) => {
      response.type('application/yaml').send(contract.yaml);
    },
    '/openapi.json': (_request, response) => {
      response.type('application/json').send(json);
    },
    '/openrpc.json': (_request, response) => {
      response.type('application/json').send(openrpc);
    },
  };
  for (const [path, answer] of Object.entries(answers))
    router
      .route(path)
      .get(answer)
      .all(refuseMethod([{ method: 'get' }]));
  return router;
}

function readiness(db: Database, log: Log): RequestHandler {
  return async (_request, response) => {
    const problem = await isSchemaCurrent(db).then(
      (current) => (current ? undefined : 'the schema is not up to date: run "issue-links migrate"'),
      (error: unknown) => {
        log.warn({ err: error }, 'not ready');
        return 'the database is not available';
      },
    );
    if (problem === undefined) response.json({ status: 'ok' });
    else response.status(503).set('Retry-After', '5').json({ status: 'unavailable', problem });
  };
}

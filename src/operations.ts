import { type RequestHandler, type Response, Router } from 'express';
import type { Contract } from './contract/contract.ts';
import type { RpcContract } from './contract/openrpc.ts';
import type { Database } from './database/database.ts';
import { isSchemaCurrent } from './database/migrations.ts';
import { refuseMethod } from './http/refuse-method.ts';
import type { Log } from './log.ts';

interface Operations {
  readonly contract: Contract;
  readonly rpcContract: RpcContract;
  readonly db: Database;
  readonly log: Log;
  readonly isDatabaseLost: () => boolean;
}

/** Health, readiness and the contracts: routes that need no credentials. */
export function operationsRouter({ contract, rpcContract, db, log, isDatabaseLost }: Operations): Router {
  const router = Router();
  const handlers: Record<string, RequestHandler> = {
    '/healthz': (_request, response) => {
      reportHealth(response, isDatabaseLost() ? 'the embedded PostgreSQL is not recovering: see the log' : undefined);
    },
    '/readyz': readiness(db, log),
    '/openapi.yaml': send('application/yaml', contract.yaml),
    '/openapi.json': send('application/json', JSON.stringify(contract.document)),
    '/openrpc.yaml': send('application/yaml', rpcContract.yaml),
    '/openrpc.json': send('application/json', JSON.stringify(rpcContract.document)),
  };
  for (const [path, handler] of Object.entries(handlers))
    router
      .route(path)
      .get(handler)
      .all(refuseMethod([{ method: 'get' }]));
  return router;
}

function send(type: string, body: string): RequestHandler {
  return (_request, response) => {
    response.type(type).send(body);
  };
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
    reportHealth(response, problem);
  };
}

function reportHealth(response: Response, problem: string | undefined): void {
  if (problem === undefined) response.json({ status: 'ok' });
  else response.status(503).set('Retry-After', '5').json({ status: 'unavailable', problem });
}

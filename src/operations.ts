import { type RequestHandler, type Response, Router } from 'express';
import { CONTRACT_FILES, type ContractFile, readContractFile } from './contract/contract-files.ts';
import type { Database, DatabasePool } from './database/database.ts';
import { isSchemaCurrent } from './database/migrations.ts';
import type { ReplicaState } from './database/replicas.ts';
import { sendJson } from './http/error-response.ts';
import { isLoopbackRequest } from './http/loopback.ts';
import { originOf } from './http/own-origin.ts';
import { refuseMethod } from './http/refuse-method.ts';
import type { Log } from './log.ts';
import { type MetricsSource, sendMetrics } from './metrics.ts';

interface Operations {
  readonly db: DatabasePool;
  readonly log: Log;
  readonly publicUrl: string | undefined;
  readonly version: string;
  readonly isDatabaseLost: () => boolean;
  /** Whether the server is about to stop, so that load balancers must send it no more requests. */
  readonly isStopping: () => boolean;
  /** Served to programs of this machine. */
  readonly metrics: MetricsSource | undefined;
}

/** `/` for programs, health, readiness and the contracts: routes that need no credentials. */
export function operationsRouter({
  db,
  log,
  publicUrl,
  version,
  isDatabaseLost,
  isStopping,
  metrics,
}: Operations): Router {
  const router = Router();
  const databaseProblem = () =>
    isDatabaseLost() ? 'the embedded PostgreSQL is not recovering: see the log' : undefined;
  const handlers: Record<string, RequestHandler> = {
    '/': (request, response) => {
      sendJson(response, indexOf(originOf(request, publicUrl), version));
    },
    '/healthz': (_request, response) => {
      reportHealth(response, databaseProblem());
    },
    '/readyz': async (_request, response) => {
      // The pool may reconnect a moment before the loss is over. A server that is ready must not be unhealthy.
      const problem = isStopping() ? 'the server is stopping' : databaseProblem();
      reportHealth(response, problem ?? (await schemaProblem(db, log)), db.replicaStates());
    },
    ...(metrics && { '/metrics': localMetrics(metrics, log) }),
    ...Object.fromEntries(CONTRACT_FILES.map((file) => [`/${file}`, sendContract(file)])),
  };
  for (const [path, handler] of Object.entries(handlers))
    router
      .route(path)
      .get(handler)
      .all(refuseMethod([{ method: 'get' }]));
  return router;
}

/** Where a program finds the rest. */
function indexOf(origin: string, version: string) {
  return {
    name: 'issue-links',
    version,
    docs: `${origin}/docs`,
    openapi: `${origin}/openapi.json`,
    openrpc: `${origin}/openrpc.json`,
  };
}

function sendContract(file: ContractFile): RequestHandler {
  return async (_request, response) => {
    response.type(file.endsWith('.json') ? 'application/json' : 'application/yaml').send(await readContractFile(file));
  };
}

/** For other machines the path does not exist: the figures tell what an organisation does. */
function localMetrics(metrics: MetricsSource, log: Log): RequestHandler {
  return async (request, response, next) => {
    if (isLoopbackRequest(request)) await sendMetrics(metrics, response, log);
    else next('route');
  };
}

async function schemaProblem(db: Database, log: Log): Promise<string | undefined> {
  try {
    return (await isSchemaCurrent(db)) ? undefined : 'the schema is not up to date: run "issue-links migrate"';
  } catch (error) {
    log.warn({ err: error }, 'not ready');
    return 'the database is not available';
  }
}

/**
 * A server is ready without its replicas: it reads from the primary then. They are listed in the order of DATABASE_READ_URL,
 * without their addresses: anyone may ask.
 */
function reportHealth(response: Response, problem: string | undefined, replicas: readonly ReplicaState[] = []): void {
  if (problem === undefined) {
    const states = replicas.map(({ isUsed, reason }) => ({ isUsed, reason }));
    response.json({ status: 'ok', ...(states.length > 0 && { replicas: states }) });
  } else response.status(503).set('Retry-After', '5').json({ status: 'unavailable', problem });
}

import { setTimeout as sleep } from 'node:timers/promises';
import { createApp } from './app.ts';
import type { Config } from './config.ts';
import { type Contract, loadContract } from './contract/contract.ts';
import { loadRpcContract } from './contract/openrpc.ts';
import { APPLICATION_LOGIN } from './core/organisations/organisations.service.ts';
import { recordTokenUses } from './core/tokens/token-uses.ts';
import { DEMO_ADMIN, DEMO_ADMIN_TOKEN, DEMO_APPLICATION_TOKEN, DEMO_TOKEN } from './demo/demo-data.ts';
import { createHttpServer } from './http/http-server.ts';
import { drain, limitConnections, listen, urlOf } from './http/listen.ts';
import { createAuditLog, type Log } from './log.ts';
import { listenForMetrics, Metrics, type MetricsSource } from './metrics.ts';
import { type PreparedDatabase, prepareDatabase, type ServeOptions } from './prepare-database.ts';
import type { Tracing } from './tracing.ts';

export interface RunningServer {
  /** Base URL of the server on this machine. */
  readonly url: string;
  /** Whether the demo's credentials are accepted. */
  readonly hasDemo: boolean;
  /**
   * Fails /readyz, waits for the shutdown delay, stops listening, lets requests in flight finish, closes the pool and detaches
   * from the embedded PostgreSQL. A second call ends the delay.
   */
  stop(): Promise<void>;
}

const DEMO_CREDENTIALS = {
  login: DEMO_ADMIN.login,
  token: DEMO_TOKEN,
  adminToken: DEMO_ADMIN_TOKEN,
  kanboard: { login: APPLICATION_LOGIN, secret: DEMO_APPLICATION_TOKEN },
};

/** Starts everything in order: database, schema, demo, HTTP. If a step fails, the earlier ones are undone. */
export async function serve(config: Config, log: Log, options: ServeOptions): Promise<RunningServer> {
  const contract = loadContract();
  const auditLog = createAuditLog(config.auditLog, log);
  const database = await prepareDatabase(config, { contract, log, auditLog }, options);
  return await openServer(config, { ...database, contract, log, auditLog });
}

export interface ServerParts extends PreparedDatabase {
  readonly contract: Contract;
  readonly log: Log;
  readonly auditLog: Log;
  /** The worker that this process is, if several share the port. */
  readonly worker?: { readonly metrics: Metrics; readonly allMetrics: MetricsSource };
}

/** Serves a prepared database. If that fails, it disconnects from the database. */
export async function openServer(
  config: Config,
  { postgres, isDemoUsable, contract, log, auditLog, worker }: ServerParts,
): Promise<RunningServer> {
  let isStopping = false;
  try {
    const metrics = worker?.metrics ?? new Metrics(postgres.db);
    const tracing = await tracingOf(config, contract.document.info.version, log);
    const app = createApp({
      contract,
      rpcContract: loadRpcContract(),
      db: postgres.db,
      log,
      auditLog,
      config,
      demo: isDemoUsable ? DEMO_CREDENTIALS : undefined,
      metrics,
      allMetrics: worker?.allMetrics,
      isDatabaseLost: () => postgres.embedded?.isLost() ?? false,
      isStopping: () => isStopping,
      tracing,
    });
    const server = createHttpServer(app.express, app.listener);
    limitConnections(server, config, log);
    // Workers leave METRICS_PORT to their supervisor.
    const closeMetrics = worker ? undefined : await listenForMetrics(() => metrics.text(), config, log);
    await listen(server, config).catch((error: unknown) => {
      closeMetrics?.();
      throw error;
    });
    const tokenUses = recordTokenUses(postgres.db, log);
    const delayed = new AbortController();
    let stopped: Promise<void> | undefined;
    const stop = async () => {
      await sleep(config.shutdownDelaySeconds * 1000, undefined, { signal: delayed.signal }).catch(() => undefined);
      await drain(server);
      closeMetrics?.();
      await tokenUses.stop();
      await postgres.close();
      // Last, because the collector may hang.
      await tracing?.stop();
    };
    return {
      url: urlOf(server),
      hasDemo: isDemoUsable,
      stop() {
        if (isStopping) delayed.abort();
        isStopping = true;
        stopped ??= stop();
        return stopped;
      },
    };
  } catch (error) {
    await postgres.close();
    throw error;
  }
}

/** Loaded if it is on only: its packages take a fifth of a second. */
async function tracingOf({ otlpEndpoint }: Config, version: string, log: Log): Promise<Tracing | undefined> {
  if (otlpEndpoint === undefined) return undefined;
  const { startTracing } = await import('./tracing.ts');
  return startTracing(otlpEndpoint, version, log);
}

import { createServer as createMetricsServer, type Server as HttpServer } from 'node:http';
import { type AddressInfo, createServer, type Server } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { createApp } from './app.ts';
import { Audit, thisProcess } from './audit.ts';
import type { Config } from './config.ts';
import { loadContract } from './contract/contract.ts';
import { loadRpcContract } from './contract/openrpc.ts';
import { APPLICATION_LOGIN } from './core/organisations/organisations.service.ts';
import { recordTokenUses } from './core/tokens/token-uses.ts';
import { connectPostgres, updateSchema } from './database/postgres.ts';
import { prepareDemo } from './demo/demo.ts';
import { DEMO_ADMIN, DEMO_ADMIN_TOKEN, DEMO_APPLICATION_TOKEN, DEMO_ORG_ID, DEMO_TOKEN } from './demo/demo-data.ts';
import { StartError } from './errors.ts';
import { addressOf } from './http/client-address.ts';
import { createHttpServer } from './http/http-server.ts';
import { expectsProxy } from './http/loopback.ts';
import { createAuditLog, type Log } from './log.ts';
import { Metrics } from './metrics.ts';
import { applySeed, readSeed } from './seed/seed.ts';
import { prepareSnapshot } from './test-mode/snapshot.ts';
import type { Tracing } from './tracing.ts';

/** How long requests in flight may take once the server is stopping. */
const DRAIN_MS = 10_000;
const DROP_LOG_MS = 60_000;
/** Of MAX_CONNECTIONS, for one address: the rest is left to others. */
const ADDRESS_SHARE = 0.75;

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

export interface ServeOptions {
  /** Replaces the demo with a fresh one. */
  readonly reset?: boolean;
}

const DEMO_CREDENTIALS = {
  login: DEMO_ADMIN.login,
  token: DEMO_TOKEN,
  adminToken: DEMO_ADMIN_TOKEN,
  kanboard: { login: APPLICATION_LOGIN, secret: DEMO_APPLICATION_TOKEN },
};

/** Starts everything in order: database, schema, demo, HTTP. If a step fails, the earlier ones are undone. */
export async function serve(config: Config, log: Log, { reset = false }: ServeOptions): Promise<RunningServer> {
  const seed = await readSeed(config);
  const auditLog = createAuditLog(config.auditLog, log);
  let isStopping = false;
  const postgres = await connectPostgres(config, {
    create: true,
    log,
    onWait: (reason) => {
      log.warn({ reason }, 'waiting for the database');
    },
  });
  try {
    await updateSchema(postgres, log);
    postgres.db.listen();
    // A server that is still running occupies the address: fail before its data is reset, not after.
    if (reset) await requireFreeAddress(config);
    const contract = loadContract();
    const recordCreation = (action: string, given: object) => {
      new Audit(auditLog).record({ via: 'start', action, given }, 'done', thisProcess());
    };
    if (seed && (await applySeed(postgres.db, contract, seed, log))) recordCreation('seed', { file: seed.name });
    const demo = await prepareDemo(postgres.db, config, { isEmbedded: postgres.embedded !== undefined, reset });
    if (demo === 'created') recordCreation(reset ? 'demo reset' : 'demo', { org: DEMO_ORG_ID });
    const hasDemo = demo !== undefined;
    const isDemoUsable = hasDemo && !expectsProxy(config);
    if (hasDemo) log.warn({}, demoWarning(isDemoUsable));
    if (config.testMode) {
      await prepareSnapshot(postgres.db);
      log.warn({}, 'TEST_MODE=on: any token with the scope admin can reset the whole database');
    }
    const metrics = new Metrics(postgres.db);
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
      isDatabaseLost: () => postgres.embedded?.isLost() ?? false,
      isStopping: () => isStopping,
      tracing,
    });
    const server = createHttpServer(app.express, app.listener);
    limitConnections(server, config, log);
    const metricsServer =
      config.metricsPort === undefined ? undefined : await listenForMetrics(metrics, config.metricsPort, config.host);
    await listen(server, config).catch((error: unknown) => {
      metricsServer?.close();
      throw error;
    });
    const tokenUses = recordTokenUses(postgres.db, log);
    const delayed = new AbortController();
    let stopped: Promise<void> | undefined;
    const stop = async () => {
      await sleep(config.shutdownDelaySeconds * 1000, undefined, { signal: delayed.signal }).catch(() => undefined);
      await drain(server);
      metricsServer?.close();
      metricsServer?.closeAllConnections();
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

function demoWarning(isUsable: boolean): string {
  return isUsable
    ? 'anyone on this machine can sign in with the well-known credentials of the demo: use DEMO=off and an empty database behind a proxy'
    : 'the database holds the demo, whose well-known credentials are refused because of TRUST_PROXY or PUBLIC_URL';
}

/** The address, and the commands to try next. */
export function greeting({ url, hasDemo }: RunningServer): string {
  const next = hasDemo
    ? `Try it:

  curl -H 'Authorization: OAuth ${DEMO_TOKEN}' -H 'X-Org-ID: ${DEMO_ORG_ID}' ${url}/v2/issues/JUNE-2/links
  curl -u ${APPLICATION_LOGIN}:${DEMO_APPLICATION_TOKEN} ${url}/jsonrpc.php -d '{"jsonrpc":"2.0","method":"getAllLinks","id":1}'
  curl ${url}/openapi.yaml

In a browser: ${url}/docs`
    : `Next, in another terminal:

  npx issue-links org create 123
  npx issue-links user create --org 123 --login me --role admin
  npx issue-links token create --org 123 --user me
  curl ${url}/readyz`;
  return `issue-links is listening on ${url}\n\n${next}\n`;
}

async function requireFreeAddress(config: Config): Promise<void> {
  const probe = createServer();
  await listen(probe, config);
  await new Promise((resolve) => {
    probe.close(resolve);
  });
}

/**
 * Closes connections beyond the limit at once, and logs that once a minute. Without TRUST_PROXY, an address may hold a share
 * of them; with it, they all come from proxies.
 */
function limitConnections(server: Server, { connectionsMax, trustProxy }: Config, log: Log): void {
  server.maxConnections = connectionsMax;
  const addressMax = trustProxy === false ? Math.ceil(connectionsMax * ADDRESS_SHARE) : connectionsMax;
  const counts = new Map<string, number>();
  let loggedAt = -Infinity;
  const logDrop = (details: object, message: string) => {
    if (performance.now() - loggedAt < DROP_LOG_MS) return;
    loggedAt = performance.now();
    log.warn(details, message);
  };
  server.on('drop', () => {
    logDrop({ connectionsMax }, 'MAX_CONNECTIONS is reached: new connections are closed');
  });
  server.on('connection', (socket) => {
    const address = addressOf(socket.remoteAddress);
    const count = (counts.get(address) ?? 0) + 1;
    if (count > addressMax) {
      socket.destroy();
      logDrop(
        { address, addressMax },
        'an address has reached its share of MAX_CONNECTIONS: its new connections are closed',
      );
      return;
    }
    counts.set(address, count);
    socket.once('close', () => {
      const left = (counts.get(address) ?? 1) - 1;
      if (left === 0) counts.delete(address);
      else counts.set(address, left);
    });
  });
}

/** A server of its own, so that a port can be left closed to clients. */
async function listenForMetrics(metrics: Metrics, port: number, host: string): Promise<HttpServer> {
  const server = createMetricsServer((request, response) => {
    if (request.url !== '/metrics' || !['GET', 'HEAD'].includes(request.method ?? '')) {
      response.writeHead(404).end();
      return;
    }
    void metrics.text().then((text) => response.setHeader('Content-Type', metrics.contentType).end(text));
  });
  await listen(server, { port, host }, 'METRICS_PORT');
  return server;
}

async function listen(
  server: Server,
  { port, host }: Pick<Config, 'port' | 'host'>,
  variable: 'PORT' | 'METRICS_PORT' = 'PORT',
): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      reject(new StartError(listenProblem(error, { port, host, variable }), { cause: error }));
    });
    server.listen(port, host, resolve);
  });
}

function listenProblem(
  { code, message }: NodeJS.ErrnoException,
  { port, host, variable }: { readonly port: number; readonly host: string; readonly variable: string },
): string {
  switch (code) {
    case 'EADDRINUSE':
      return `Port ${port} on ${host} is in use: set ${variable} to a free one, or stop the program that uses it.`;
    case 'EACCES':
      return `This user may not listen on port ${port}: set ${variable} to a number above 1023.`;
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
      return `HOST=${host} is not an address of this machine: set HOST to one that is, such as 127.0.0.1 or 0.0.0.0.`;
    default:
      return `Cannot listen on ${host}:${port}: ${message}`;
  }
}

function urlOf(server: Server): string {
  const { address, port, family } = server.address() as AddressInfo;
  if (address === '0.0.0.0' || address === '::') return `http://127.0.0.1:${port}`;
  return `http://${family === 'IPv6' ? `[${address}]` : address}:${port}`;
}

async function drain(server: HttpServer): Promise<void> {
  await new Promise<void>((resolve) => {
    const deadline = setTimeout(() => {
      server.closeAllConnections();
    }, DRAIN_MS);
    server.close(() => {
      clearTimeout(deadline);
      resolve();
    });
  });
}

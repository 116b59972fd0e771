import cluster from 'node:cluster';
import type { Config } from './config.ts';
import { loadContract } from './contract/contract.ts';
import { divideFailures } from './core/access/failed-requests.ts';
import { StartError } from './errors.ts';
import { createAuditLog, createLog } from './log.ts';
import { Metrics, type WorkerMetrics } from './metrics.ts';
import { connectToServe } from './prepare-database.ts';
import { openServer, type RunningServer } from './serve.ts';

/** What a worker sends to its supervisor. */
export type WorkerMessage =
  | { readonly url: string }
  /** Why it cannot start, for the operator. */
  | { readonly problem: string }
  | { readonly wantsAllMetrics: true }
  | { readonly ownMetrics: WorkerMetrics };

/** What the supervisor sends to a worker that is listening. A second `stop` ends the shutdown delay. */
export type SupervisorMessage =
  | { readonly stop: true }
  | { readonly wantsOwnMetrics: true }
  | { readonly allMetrics: string }
  | { readonly metricsProblem: string };

interface WorkerOptions {
  readonly number: number;
  readonly isDemoUsable: boolean;
}

let isEnding = false;

/** Serves the port that it shares with other workers, until its supervisor stops it or ends. */
export function startWorker(config: Config, options: WorkerOptions): void {
  // A terminal and systemd signal all processes of a group, but the supervisor decides.
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => undefined);
  const starting = openWorker(config, options);
  process.on('message', (message: SupervisorMessage) => {
    if ('stop' in message)
      void starting.then(
        (server) => server.stop().finally(end),
        () => undefined,
      );
  });
  starting.then(
    ({ url }) => {
      send({ url });
    },
    (error: unknown) => {
      if (!(error instanceof StartError)) throw error;
      send({ problem: error.message }, end);
    },
  );
}

async function openWorker(config: Config, { number, isDemoUsable }: WorkerOptions): Promise<RunningServer> {
  const log = createLog(config.logLevel, number);
  cluster.worker?.once('disconnect', () => {
    if (!isEnding) log.error({}, 'the supervisor is gone: this worker ends');
  });
  divideFailures(config.workers);
  const auditLog = createAuditLog(config.auditLog, log);
  const postgres = await connectToServe(config, { create: false, log });
  postgres.db.listen();
  const connectionsMax = Math.ceil(config.connectionsMax / config.workers);
  const metrics = new Metrics(postgres.db, number);
  process.on('message', (message: SupervisorMessage) => {
    if ('wantsOwnMetrics' in message)
      void metrics.values().then((ownMetrics) => {
        send({ ownMetrics });
      });
  });
  const worker = { metrics, allMetrics };
  const parts = { postgres, isDemoUsable, contract: loadContract(), log, auditLog, worker };
  return await openServer({ ...config, connectionsMax }, parts);
}

let requested: Promise<string> | undefined;

/** The metrics of all workers that are listening, which the supervisor collects. Requests share them while they are on their way. */
function allMetrics(): Promise<string> {
  requested ??= new Promise<string>((resolve, reject) => {
    const receive = (message: SupervisorMessage) => {
      if ('allMetrics' in message) resolve(message.allMetrics);
      else if ('metricsProblem' in message) reject(new Error(message.metricsProblem));
      else return;
      process.off('message', receive);
      requested = undefined;
    };
    process.on('message', receive);
    send({ wantsAllMetrics: true });
  });
  return requested;
}

/** Calls `then` when the message has been sent. */
function send(message: WorkerMessage, then?: () => void): void {
  process.send?.(message, undefined, undefined, then);
}

/** Ends the process: a worker exits once it has disconnected from its supervisor. */
function end(): void {
  isEnding = true;
  if (process.connected) process.disconnect();
}

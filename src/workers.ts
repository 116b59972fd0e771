import cluster, { type Worker } from 'node:cluster';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { Config } from './config.ts';
import { loadContract } from './contract/contract.ts';
import { StartError } from './errors.ts';
import { DRAIN_MS } from './http/listen.ts';
import { createAuditLog, type Log } from './log.ts';
import { listenForMetrics, metricsOfWorkers } from './metrics.ts';
import { prepareDatabase, type ServeOptions } from './prepare-database.ts';
import type { RunningServer } from './serve.ts';
import type { SupervisorMessage, WorkerMessage } from './worker.ts';

/** The relative path is the same from src and from dist. */
const PROGRAM = fileURLToPath(new URL('../bin/issue-links.js', import.meta.url));
const PAUSE_FIRST_MS = 100;
const PAUSE_MAX_MS = 30_000;
/** A worker that ends after that long had started well. */
const STABLE_MS = 60_000;
const LAST_MESSAGE_MS = 50;
/** For what a worker does after it has drained. */
const CLOSE_MS = 10_000;

interface RunningWorker {
  readonly worker: Worker;
  /** Its URL. Rejects with a StartError if it ends before it listens. */
  readonly listening: Promise<string>;
  /** Why it has ended. */
  readonly ended: Promise<string>;
}

/**
 * Prepares the database, starts the workers that share the port, and replaces those that end. It resolves once all listen.
 * This process serves nothing itself, but METRICS_PORT. If it is killed, its workers end as well.
 */
export async function serve(config: Config, log: Log, options: ServeOptions): Promise<RunningServer> {
  if (!cluster.isPrimary)
    throw new StartError('This process is a worker of another program, such as PM2: unset WORKERS.');
  const auditLog = createAuditLog(config.auditLog, log);
  const contract = loadContract();
  const { postgres, isDemoUsable } = await prepareDatabase(config, { contract, log, auditLog }, options);
  // What remains is the attachment to the embedded PostgreSQL, so that this process is the last one that uses it.
  await postgres.db.close();
  const metrics = metricsOfWorkers();
  const numbers = Array.from({ length: config.workers }, (_, index) => index + 1);
  const running = new Map<number, RunningWorker>();
  const stopping = new AbortController();

  const start = (number: number) => {
    cluster.setupPrimary({ exec: PROGRAM, args: ['worker', String(number), ...(isDemoUsable ? ['--demo'] : [])] });
    const started = watch(cluster.fork(), number, metrics);
    running.set(number, started);
    return started;
  };

  /** Replaces the worker with this number whenever it ends. */
  const keep = async (number: number, first: RunningWorker): Promise<void> => {
    let current = first;
    for (let failures = 0; ; failures += 1) {
      const startedAt = performance.now();
      const reason = await current.ended;
      if (performance.now() - startedAt > STABLE_MS) failures = 0;
      const restartInMs = Math.min(PAUSE_FIRST_MS * 2 ** failures, PAUSE_MAX_MS);
      if (!stopping.signal.aborted) {
        const { pid } = current.worker.process;
        log.error({ worker: number, pid, reason, restartInMs }, 'a worker has ended and is replaced');
        await sleep(restartInMs, undefined, { signal: stopping.signal }).catch(() => undefined);
      }
      if (stopping.signal.aborted) return;
      current = start(number);
      logStart(number, current);
    }
  };
  const logStart = (number: number, { worker, listening }: RunningWorker) => {
    listening.then(
      () => {
        log.info({ worker: number, pid: worker.process.pid }, 'a worker is listening');
      },
      (err: unknown) => {
        log.error({ worker: number, err }, 'a worker could not start');
      },
    );
  };

  /** A further message ends the shutdown delay of the workers. */
  const sendStop = () => {
    for (const { worker } of running.values()) send(worker, { stop: true });
  };
  /** A worker that does not end in time, because its thread is blocked, is killed. */
  const stopWorkers = async () => {
    sendStop();
    const deadline = setTimeout(
      () => {
        for (const { worker } of running.values()) worker.process.kill('SIGKILL');
      },
      config.shutdownDelaySeconds * 1000 + DRAIN_MS + CLOSE_MS,
    );
    await Promise.all([...running.values()].map(({ ended }) => ended));
    clearTimeout(deadline);
  };

  let closeMetrics: (() => void) | undefined;
  const close = async () => {
    stopping.abort();
    await stopWorkers();
    closeMetrics?.();
    await postgres.embedded?.stop();
  };
  try {
    closeMetrics = await listenForMetrics(metrics, config);
    const [url = ''] = await Promise.all(numbers.map((number) => start(number).listening));
    for (const [number, started] of running) {
      logStart(number, started);
      void keep(number, started);
    }
    let stopped: Promise<void> | undefined;
    const stop = () => {
      if (stopped) sendStop();
      stopped ??= close();
      return stopped;
    };
    return { url, hasDemo: isDemoUsable, stop };
  } catch (error) {
    sendStop();
    await close();
    throw error;
  }
}

function watch(worker: Worker, number: number, readMetrics: () => Promise<string>): RunningWorker {
  const ended = new Promise<string>((resolve) => {
    // Its last message may still arrive. There is no `disconnect` if it was killed with a connection on its way to it.
    worker.once('exit', (code, signal: string | null) =>
      setTimeout(resolve, LAST_MESSAGE_MS, signal ?? `exit code ${code}`),
    );
    // Either it could not be created, or a message found it gone, as `exit` tells.
    worker.on('error', (error) => {
      if (worker.process.pid === undefined) resolve(error.message);
    });
  });
  const listening = new Promise<string>((resolve, reject) => {
    worker.on('message', (message: WorkerMessage) => {
      if ('url' in message) resolve(message.url);
      if ('problem' in message) reject(new StartError(message.problem));
      if ('wantsMetrics' in message) {
        readMetrics().then(
          (metrics) => {
            send(worker, { metrics });
          },
          (error: unknown) => {
            send(worker, { metricsProblem: String(error) });
          },
        );
      }
    });
    void ended.then((reason) => {
      reject(new StartError(`Worker ${number} ended with ${reason} before it was listening.`));
    });
  });
  return { worker, listening, ended };
}

function send(worker: Worker, message: SupervisorMessage): void {
  worker.send(message);
}

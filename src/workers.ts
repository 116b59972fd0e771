import cluster, { type Worker } from 'node:cluster';
import { on } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { Config } from './config.ts';
import { loadContract } from './contract/contract.ts';
import { warnOfFewConnections } from './database/postgres.ts';
import { StartError } from './errors.ts';
import { DRAIN_MS } from './http/listen.ts';
import { createAuditLog, type Log } from './log.ts';
import { listenForMetrics, type MetricsSource, mergeMetrics, type WorkerMetrics } from './metrics.ts';
import { PACKAGE_ROOT } from './package/package-root.ts';
import { prepareDatabase, type ServeOptions } from './prepare-database.ts';
import type { RunningServer } from './serve.ts';
import type { SupervisorMessage, WorkerMessage } from './worker.ts';

const PROGRAM = fileURLToPath(new URL('bin/issue-links.js', PACKAGE_ROOT));
const PAUSE_FIRST_MS = 100;
const PAUSE_MAX_MS = 30_000;
/** A worker that ends after that long had started well. */
const STABLE_MS = 60_000;
const LAST_MESSAGE_MS = 50;
/** For what a worker does after it has drained. */
const CLOSE_MS = 10_000;
const METRICS_MS = 5_000;

interface RunningWorker {
  readonly worker: Worker;
  /** Before that, it serves no client, and `node:cluster` drops what is sent to it. */
  readonly isListening: () => boolean;
  /** Rejects with a StartError if it ends before it listens. */
  readonly url: Promise<string>;
  /** Why it has ended. */
  readonly ended: Promise<string>;
}

/**
 * Prepares the database, starts the workers that share the port, and replaces those that end. It resolves once all listen.
 * This process serves no API itself, only METRICS_PORT. If it is killed, its workers end as well. They read `environment`.
 */
export async function serve(
  config: Config,
  log: Log,
  options: ServeOptions & { readonly environment: NodeJS.ProcessEnv },
): Promise<RunningServer> {
  if (!cluster.isPrimary)
    throw new StartError('This process is a worker of another program, such as PM2: unset WORKERS.');
  const auditLog = createAuditLog(config.auditLog, log);
  const contract = loadContract();
  const { postgres, isDemoUsable } = await prepareDatabase(config, { contract, log, auditLog }, options);
  await warnOfFewConnections(postgres, config.workers, log);
  // What remains is the attachment to the embedded PostgreSQL, so that this process is the last one that uses it.
  await postgres.db.close();
  const numbers = Array.from({ length: config.workers }, (_, index) => index + 1);
  const running = new Map<number, RunningWorker>();
  const stopping = new AbortController();

  const listening = () => [...running.values()].filter(({ isListening }) => isListening());
  const metrics = async () => mergeMetrics(await Promise.all(listening().map(({ worker }) => metricsOf(worker))));

  const start = (number: number) => {
    cluster.setupPrimary({ exec: PROGRAM, args: ['worker', String(number), ...(isDemoUsable ? ['--demo'] : [])] });
    const started = watch(cluster.fork(options.environment), number, metrics);
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
      untilListening(number, current).catch((err: unknown) => {
        log.error({ worker: number, err }, 'a worker could not start');
      });
    }
  };
  const untilListening = async (number: number, { worker, url }: RunningWorker) => {
    await url;
    log.info({ worker: number, pid: worker.process.pid }, 'a worker is listening');
  };
  const startFirst = async (number: number) => {
    const started = start(number);
    await untilListening(number, started);
    void keep(number, started);
    return await started.url;
  };

  /** A further message ends the shutdown delay of the workers. */
  const sendStop = () => {
    for (const { worker } of listening()) send(worker, { stop: true });
  };
  /** Kills a worker that is not listening yet, and one that does not end in time, because its thread is blocked. */
  const stopWorkers = async () => {
    for (const { worker, isListening } of running.values()) if (!isListening()) worker.process.kill('SIGKILL');
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
    closeMetrics = await listenForMetrics(metrics, config, log);
    const [url = ''] = await Promise.all(numbers.map(startFirst));
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

function watch(worker: Worker, number: number, readMetrics: MetricsSource): RunningWorker {
  let isListening = false;
  const ended = new Promise<string>((resolve) => {
    // `disconnect` may never come for a worker that was killed while a connection was being handed to it.
    worker.once('exit', (code, signal: string | null) => {
      isListening = false;
      // Its last message may still arrive.
      setTimeout(resolve, LAST_MESSAGE_MS, signal ?? `exit code ${code}`);
    });
    // Either it could not be created, or a message found it gone, as `exit` tells.
    worker.on('error', (error) => {
      if (worker.process.pid === undefined) resolve(error.message);
    });
  });
  const url = new Promise<string>((resolve, reject) => {
    worker.on('message', (message: WorkerMessage) => {
      if ('url' in message) {
        isListening = true;
        resolve(message.url);
      }
      if ('problem' in message) reject(new StartError(message.problem));
      if ('wantsAllMetrics' in message) {
        readMetrics().then(
          (allMetrics) => {
            send(worker, { allMetrics });
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
  return { worker, isListening: () => isListening, url, ended };
}

/** The metrics of a worker, or none if it ends meanwhile. */
async function metricsOf(worker: Worker): Promise<WorkerMetrics> {
  const signal = AbortSignal.timeout(METRICS_MS);
  try {
    const messages = on(worker, 'message', { signal, close: ['exit'] });
    send(worker, { wantsOwnMetrics: true });
    for await (const [message] of messages as AsyncIterable<[WorkerMessage]>)
      if ('ownMetrics' in message) return message.ownMetrics;
  } catch (error) {
    // Otherwise the message could not be sent.
    if (signal.aborted) throw new Error(`Worker process ${worker.process.pid} does not respond.`, { cause: error });
  }
  return [];
}

function send(worker: Worker, message: SupervisorMessage): void {
  worker.send(message);
}

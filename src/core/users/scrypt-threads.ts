import type { ScryptOptions } from 'node:crypto';
import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';
import { DomainError } from '../../errors.ts';
import { texts } from '../../texts.ts';

interface Job {
  readonly password: string;
  readonly salt: Uint8Array;
  readonly length: number;
  readonly options: ScryptOptions;
}

interface QueuedJob {
  readonly job: Job;
  readonly resolve: (key: Buffer) => void;
  readonly reject: (error: unknown) => void;
}

/** The program of a thread. A string, since Node 20 does not run TypeScript, and tests run the sources. */
const PROGRAM = `
const { scryptSync } = require('node:crypto');
const { parentPort } = require('node:worker_threads');
parentPort.on('message', ({ password, salt, length, options }) => {
  parentPort.postMessage(scryptSync(password, salt, length, options));
});`;

/** Leaves a core to the thread that serves requests. */
const THREADS_MAX = Math.max(1, Math.min(4, availableParallelism() - 1));
const QUEUE_MAX = 64;
const IDLE_MS = 10_000;

const queue: QueuedJob[] = [];
/** Idle threads, and what ends them. */
const idle = new Map<Worker, NodeJS.Timeout>();
let threads = 0;

/**
 * Derives a key in a thread that is started when it is needed and ends when it was idle for a while. The asynchronous
 * scrypt would occupy the threads of libuv, which also look up host names for new database connections. Throws `busy` if
 * too many wait.
 */
export function deriveKey(job: Job): Promise<Buffer> {
  if (queue.length >= QUEUE_MAX) return Promise.reject(new DomainError('busy', texts.busy));
  return new Promise((resolve, reject) => {
    queue.push({ job, resolve, reject });
    const [waiting] = idle.keys();
    if (waiting) runNext(waiting);
    else if (threads < THREADS_MAX) startThread();
  });
}

function startThread(): void {
  threads += 1;
  const worker = new Worker(PROGRAM, { eval: true, execArgv: [], name: 'scrypt' });
  worker.on('exit', () => {
    threads -= 1;
    if (queue.length > 0) startThread();
  });
  runNext(worker);
}

/** Runs the next job, or waits for one without keeping the process alive. */
function runNext(worker: Worker): void {
  clearTimeout(idle.get(worker));
  idle.delete(worker);
  const next = queue.shift();
  if (next === undefined) {
    worker.unref();
    const end = () => {
      idle.delete(worker);
      void worker.terminate();
    };
    idle.set(worker, setTimeout(end, IDLE_MS).unref());
    return;
  }
  worker.ref();
  const succeed = (key: Uint8Array) => {
    worker.off('error', fail);
    next.resolve(Buffer.from(key));
    runNext(worker);
  };
  // The thread then ends.
  const fail = (error: unknown) => {
    worker.off('message', succeed);
    next.reject(error);
  };
  worker.once('message', succeed).once('error', fail);
  worker.postMessage(next.job);
}

import { Worker } from 'node:worker_threads';
import { DomainError } from './errors.ts';
import { texts } from './texts.ts';

interface QueuedJob<Job, Result> {
  readonly job: Job;
  readonly resolve: (result: Result) => void;
  readonly reject: (error: unknown) => void;
  /** Ends its wait. */
  readonly timer: NodeJS.Timeout;
}

export interface ThreadsOptions {
  readonly name: string;
  /**
   * The program of a thread, which posts a message with the result for each message with a job. A string, since Node 20
   * does not run TypeScript, and tests run the sources.
   */
  readonly program: string;
  readonly workerData?: string;
  readonly threadsMax: number;
  /** The jobs that may wait. */
  readonly queueMax: number;
  /** How long a job may wait for a thread. */
  readonly waitMs: number;
  /** How long it may then run. */
  readonly jobMs: number;
}

const IDLE_MS = 10_000;

/** Threads for work that would keep other requests waiting. They start when needed, and end when idle for a while. */
export class Threads<Job, Result> {
  readonly #options: ThreadsOptions;
  readonly #queue: QueuedJob<Job, Result>[] = [];
  /** Idle threads, and what ends them. */
  readonly #idle = new Map<Worker, NodeJS.Timeout>();
  #threads = 0;

  constructor(options: ThreadsOptions) {
    this.#options = options;
  }

  /** Throws `busy` if too many jobs wait, and `overloaded` if this one waits or takes too long. */
  run(job: Job): Promise<Result> {
    if (this.#queue.length >= this.#options.queueMax) return Promise.reject(new DomainError('busy', texts.busy));
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#queue.splice(this.#queue.indexOf(queued), 1);
        reject(new DomainError('overloaded', texts.overloaded));
      }, this.#options.waitMs);
      const queued = { job, resolve, reject, timer };
      this.#queue.push(queued);
      const [waiting] = this.#idle.keys();
      if (waiting) this.#runNext(waiting);
      else if (this.#threads < this.#options.threadsMax) this.#startThread();
    });
  }

  #startThread(): void {
    const { program, name, workerData } = this.#options;
    this.#threads += 1;
    const worker = new Worker(program, { eval: true, execArgv: [], name, workerData });
    worker.on('exit', () => {
      this.#threads -= 1;
      if (this.#queue.length > 0) this.#startThread();
    });
    this.#runNext(worker);
  }

  /** Runs the next job, or waits for one without keeping the process alive. */
  #runNext(worker: Worker): void {
    clearTimeout(this.#idle.get(worker));
    this.#idle.delete(worker);
    const next = this.#queue.shift();
    if (next === undefined) {
      worker.unref();
      const end = () => {
        this.#idle.delete(worker);
        void worker.terminate();
      };
      this.#idle.set(worker, setTimeout(end, IDLE_MS).unref());
      return;
    }
    clearTimeout(next.timer);
    worker.ref();
    const stopListening = () => {
      clearTimeout(timer);
      worker.off('message', succeed).off('error', fail);
    };
    const succeed = (result: Result) => {
      stopListening();
      next.resolve(result);
      this.#runNext(worker);
    };
    // The thread then ends.
    const fail = (error: unknown) => {
      stopListening();
      next.reject(error);
    };
    const timer = setTimeout(() => {
      fail(new DomainError('overloaded', texts.requestTooSlow));
      void worker.terminate();
    }, this.#options.jobMs);
    worker.once('message', succeed).once('error', fail);
    worker.postMessage(next.job);
  }
}

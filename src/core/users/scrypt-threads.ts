import type { ScryptOptions } from 'node:crypto';
import { availableParallelism } from 'node:os';
import { Threads } from '../../threads.ts';

interface Job {
  readonly password: string;
  readonly salt: Uint8Array;
  readonly length: number;
  readonly options: ScryptOptions;
}

const PROGRAM = `
const { scryptSync } = require('node:crypto');
const { parentPort } = require('node:worker_threads');
parentPort.on('message', ({ password, salt, length, options }) => {
  parentPort.postMessage(scryptSync(password, salt, length, options));
});`;

const threads = new Threads<Job, Uint8Array>({
  name: 'scrypt',
  program: PROGRAM,
  // Leaves a core to the thread that serves requests.
  threadsMax: Math.max(1, Math.min(4, availableParallelism() - 1)),
  queueMax: 64,
  waitMs: 30_000,
  jobMs: 30_000,
});

/**
 * Derives a key in a thread of its own: the asynchronous scrypt would occupy the threads of libuv, which also look up host
 * names for new database connections. Throws `busy` if too many wait, and `overloaded` if it
 * takes longer than 30 s.
 */
export async function deriveKey(job: Job): Promise<Buffer> {
  return Buffer.from(await threads.run(job));
}

import { expect, test } from '@jest/globals';
import { DomainError } from '../../src/errors.ts';
import { Threads } from '../../src/threads.ts';

/** Doubles numbers, throws for 0, and runs forever for a negative number. */
const PROGRAM = `
const { parentPort, workerData } = require('node:worker_threads');
parentPort.on('message', (job) => {
  if (job === 0) throw new Error('zero');
  for (;;) if (job > 0) break;
  parentPort.postMessage(workerData + job * 2);
});`;

function givenThreads({ queueMax = 10, waitMs = 30_000, jobMs = 30_000 } = {}): Threads<number, string> {
  return new Threads({ name: 'test', program: PROGRAM, workerData: '=', threadsMax: 1, queueMax, waitMs, jobMs });
}

test('jobs run one after the other, and each gets its own result', async () => {
  const threads = givenThreads();
  expect(await Promise.all([1, 2, 3].map((job) => threads.run(job)))).toEqual(['=2', '=4', '=6']);
});

test('a job that throws fails alone', async () => {
  const threads = givenThreads();
  const results = await Promise.allSettled([1, 0, 2].map((job) => threads.run(job)));
  expect(results).toEqual([
    { status: 'fulfilled', value: '=2' },
    { status: 'rejected', reason: expect.objectContaining({ message: 'zero' }) },
    { status: 'fulfilled', value: '=4' },
  ]);
});

test('a job that runs too long is stopped, and the next one runs', async () => {
  const threads = givenThreads({ jobMs: 1000 });
  const stopped = threads.run(-1);
  const next = threads.run(2);
  await expect(stopped).rejects.toMatchObject({ code: 'overloaded' });
  expect(await next).toBe('=4');
});

test('a job that waits too long is dropped, and never runs', async () => {
  const threads = givenThreads({ waitMs: 100, jobMs: 1000 });
  const running = threads.run(-1);
  const dropped = threads.run(2);
  await expect(dropped).rejects.toMatchObject({ code: 'overloaded' });
  await expect(running).rejects.toMatchObject({ code: 'overloaded' });
  expect(await threads.run(3)).toBe('=6');
});

test('more jobs than may wait are refused', async () => {
  const threads = givenThreads({ queueMax: 1 });
  const [running, waiting] = [threads.run(1), threads.run(2)];
  await expect(threads.run(3)).rejects.toThrow(DomainError);
  expect(await Promise.all([running, waiting])).toEqual(['=2', '=4']);
});

// What all benchmarks of this folder share: a temporary folder, cleaning up after an interruption too, and progress.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const started = performance.now();

/** Writes a line to standard error, after the seconds since the start. */
export function progress(message) {
  process.stderr.write(`${String(Math.round((performance.now() - started) / 1000)).padStart(4)} s  ${message}\n`);
}

/** Runs `work` with a new folder and a function that registers what to stop, last first, before the folder is deleted. */
export async function runInFolder(work) {
  const folder = await mkdtemp(join(tmpdir(), 'issue-links-bench-'));
  const stops = [];
  const cleanUp = async () => {
    for (const stop of stops.splice(0).reverse()) await stop();
    await rm(folder, { recursive: true, force: true });
  };
  for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => cleanUp().finally(() => process.exit(1)));
  try {
    await work(folder, (stop) => stops.push(stop));
  } finally {
    await cleanUp();
  }
}

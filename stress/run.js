// The frame of every stress run: options, temporary folder, progress, report, exit code.
import { randomInt } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';

const SEEDS = 2 ** 31;

/**
 * Runs `work` and prints its figures and its seed. `work` gets the profile that was chosen, `full` or `quick`, and returns
 * `{figures, problems}`; the exit code is 1 if there are problems.
 */
export async function runStress(name, profiles, work) {
  const { values: options } = parseArgs({
    options: {
      quick: { type: 'boolean', default: false },
      json: { type: 'boolean', default: false },
      seed: { type: 'string' },
    },
  });
  const seed = options.seed === undefined ? randomInt(SEEDS) : Number(options.seed);
  if (!Number.isSafeInteger(seed)) throw new Error('--seed takes an integer.');
  const started = performance.now();
  const seconds = () => Math.round((performance.now() - started) / 1000);
  const progress = (message) => process.stderr.write(`${String(seconds()).padStart(4)} s  ${message}\n`);
  const folder = await mkdtemp(join(tmpdir(), 'issue-links-stress-'));
  progress(`${name}, seed ${seed}`);
  try {
    const { figures, problems } = await work({
      folder,
      seed,
      progress,
      profile: profiles[options.quick ? 'quick' : 'full'],
    });
    const report = { name, seed, figures: { ...figures, seconds: seconds() }, problems };
    process.stdout.write(options.json ? `${JSON.stringify(report)}\n` : textOf(report));
    if (problems.length > 0) process.exitCode = 1;
    await rm(folder, { recursive: true, force: true });
  } catch (error) {
    progress(`failed; the logs are in ${folder}`);
    throw error;
  }
}

function textOf({ name, seed, figures, problems }) {
  const lines = Object.entries(figures).map(([figure, value]) => `  ${figure}: ${JSON.stringify(value)}`);
  const verdict = problems.length === 0 ? 'passed' : `FAILED\n${problems.map((problem) => `  ${problem}`).join('\n')}`;
  return `${name} (seed ${seed})\n${lines.join('\n')}\n${verdict}\n`;
}

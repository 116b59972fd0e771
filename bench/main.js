// `npm run bench` measures this server beside its peers on the same data, in one run, and prints the figures and their
// ratios. docs/performance.md explains the contestants and the options.
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { timeBulkRead } from './bulk.js';
import { contestantsOf } from './contestants.js';
import { cpuOfFamily } from './cpu.js';
import { randomIssues } from './dataset.js';
import { openBench } from './environment.js';
import { reportOf } from './report.js';
import { progress, runInFolder } from './run.js';
import { measureScaling, SCALING } from './scaling.js';
import { tableOf } from './table.js';

const PROFILES = {
  full: { issueCount: 100_000, linkCount: 400_000, rounds: 5, seconds: 5, warmUpSeconds: 3 },
  quick: { issueCount: 100_000, linkCount: 400_000, rounds: 3, seconds: 2, warmUpSeconds: 1 },
  // Shows that the benchmark works; its figures mean nothing. It has too few pairs of issues for the inserts of pgbench.
  smoke: { issueCount: 2_000, linkCount: 8_000, rounds: 1, seconds: 1, warmUpSeconds: 1 },
};
const SAMPLE_PAUSE_MS = 50;

const { values: options } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    smoke: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
    /** The contestants that take part, and the parts of the full run, separated by commas. */
    only: { type: 'string' },
  },
});
const profileName = options.smoke ? 'smoke' : options.quick ? 'quick' : 'full';
const profile = PROFILES[profileName];
const only = options.only?.split(',');
const isWanted = (name) => only?.includes(name) ?? true;

/** Runs a contestant, checks its responses meanwhile, and returns its figures. */
async function measure(bench, contestant, seconds) {
  const { server } = contestant;
  const cpu = () => ({ server: server && cpuOfFamily(server.pid), postgres: cpuOfFamily(bench.postgresPid) });
  const before = cpu();
  const loading = { isOver: false };
  const run = contestant.run(seconds).finally(() => {
    loading.isOver = true;
  });
  const [load] = await Promise.all([run, contestant.sample && sampleDuring(loading, bench, contestant)]);
  const after = cpu();
  if (Object.values(load.errors).some((count) => count > 0)) {
    throw new Error(`${contestant.name}: of ${load.requests} requests failed ${JSON.stringify(load.errors)}.`);
  }
  const microsecondsEach = (side) =>
    before[side] === undefined ? undefined : ((after[side] - before[side]) * 1e6) / load.requests;
  return {
    requestsPerSecond: load.requests / load.seconds,
    p50Ms: load.p50,
    p99Ms: load.p99,
    serverCpuUs: microsecondsEach('server'),
    postgresCpuUs: microsecondsEach('postgres'),
  };
}

async function sampleDuring(loading, { plan }, { sample }) {
  for (const issue of randomIssues(plan, 10_000, Math.floor(Math.random() * 1e9))) {
    if (loading.isOver) return;
    await sample(issue);
    await sleep(SAMPLE_PAUSE_MS);
  }
}

async function runRounds(bench, contestants) {
  const rounds = [];
  for (const contestant of contestants) {
    progress(`warm-up: ${contestant.title}`);
    await measure(bench, contestant, profile.warmUpSeconds);
  }
  if (isWanted('bulk')) {
    progress('warm-up: bulk read');
    await timeBulkRead(bench, profile.rounds + 1);
  }
  for (let round = 1; round <= profile.rounds; round += 1) {
    const results = {};
    for (const contestant of contestants) {
      const result = await measure(bench, contestant, profile.seconds);
      if (result.requestsPerSecond === 0) throw new Error(`${contestant.name}: no request was served.`);
      results[contestant.name] = result;
      progress(`round ${round}: ${contestant.title}: ${Math.round(result.requestsPerSecond)}/s`);
    }
    if (isWanted('bulk')) results.bulk = await timeBulkRead(bench, round);
    rounds.push(results);
  }
  return rounds;
}

await runInFolder(async (folder, stopLater) => {
  const withWorkers = isWanted('linksWorkers') && (only !== undefined || profileName !== 'quick');
  const bench = await openBench({ folder, ...profile, withWorkers, progress });
  stopLater(bench.close);
  const contestants = contestantsOf(bench).filter(({ name }) => isWanted(name));
  const rounds = await runRounds(bench, contestants);
  const parts = only || profileName === 'full' ? SCALING.filter(isWanted) : [];
  const scaling = parts.length > 0 ? await measureScaling(bench, progress, parts) : {};
  const report = reportOf({ profileName, contestants, rounds, scaling, hasWrk: bench.hasWrk });
  process.stdout.write(options.json ? `${JSON.stringify(report)}\n` : tableOf(report));
});

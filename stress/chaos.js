// `npm run chaos`: servers and PostgreSQL are killed under a mixed load. No acknowledged write may be lost, none may be done
// by half or twice, and the service must be back without intervention: a killed server is started again, as its supervisor
// would, but PostgreSQL is not.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { seededRandom } from '../bench/random.js';
import { checkOrganisation, openEnvironment, sendRest } from './environment.js';
import { EVENTS, LinkWriter, summary } from './link-writer.js';
import { runStress } from './run.js';

const PROFILES = { full: { kills: 100, writers: 16 }, quick: { kills: 4, writers: 4 } };
/** A victim besides the two servers. */
const POSTGRES = 2;
const PAUSE_MS_MAX = 800;
const RETRY_PAUSE_MS = 50;
/** Longer, and the service counts as lost. */
const RECOVERY_MS_MAX = 60_000;

class Chaos {
  environment;
  random;
  problems = [];
  isOver = false;
  #recoveries = { server: [], postgres: [] };

  constructor(environment, random) {
    this.environment = environment;
    this.random = random;
  }

  async run({ kills, writers: count }, progress) {
    const writers = [];
    while (writers.length < count) writers.push(await LinkWriter.create(this));
    const working = writers.map((writer) => writer.work());
    for (let kill = 1; kill <= kills; kill += 1) {
      await sleep(this.random.below(PAUSE_MS_MAX));
      // PostgreSQL first, so that every run has both.
      await this.#kill(kill === 1 ? POSTGRES : this.random.below(3));
      if (kill % 10 === 0) progress(`${kill} of ${kills} kills`);
    }
    this.isOver = true;
    await Promise.all(working);
    for (const writer of writers) await writer.verify();
    const sum = (count) => writers.reduce((total, writer) => total + count(writer), 0);
    const figures = {
      kills: { server: this.#recoveries.server.length, postgres: this.#recoveries.postgres.length },
      acknowledged: Object.fromEntries(Object.keys(EVENTS).map((kind) => [kind, sum((writer) => writer.done[kind])])),
      attemptsWithoutResponse: sum((writer) => writer.failures),
      firstResponseMs: {
        server: summary(this.#recoveries.server),
        postgres: summary(this.#recoveries.postgres),
      },
    };
    return { figures, problems: [...this.problems, ...(await checkOrganisation(this.environment))] };
  }

  async #kill(victim) {
    const { servers, dataDir, restart } = this.environment;
    const started = performance.now();
    if (victim === POSTGRES) {
      const [pid] = (await readFile(join(dataDir, 'postgres', 'postmaster.pid'), 'utf8')).split('\n');
      process.kill(Number(pid), 'SIGKILL');
      await sleep(RETRY_PAUSE_MS);
      for (const number of servers.keys()) await this.#firstResponse(number, started);
      this.#recoveries.postgres.push(Math.round(performance.now() - started));
    } else {
      process.kill(servers[victim].pid, 'SIGKILL');
      await restart(victim);
      await this.#firstResponse(victim, started);
      this.#recoveries.server.push(Math.round(performance.now() - started));
    }
  }

  async #firstResponse(number, started) {
    for (;;) {
      const server = this.environment.servers[number];
      const response = await sendRest(this.environment, server, 'GET', '/v3/linktypes').catch(() => undefined);
      if (response?.status === 200) return;
      if (performance.now() - started > RECOVERY_MS_MAX) throw new Error('The service does not come back.');
      await sleep(RETRY_PAUSE_MS);
    }
  }
}

await runStress('chaos', PROFILES, async ({ folder, seed, profile, progress }) => {
  const environment = await openEnvironment({ folder });
  try {
    return await new Chaos(environment, seededRandom(seed)).run(profile, progress);
  } finally {
    await environment.close();
  }
});

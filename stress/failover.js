// `npm run drill -- failover`: the primary is killed under load, its synchronous standby is promoted, and a new standby is
// cloned, again and again. No acknowledged write may be lost, and the servers must write again within seconds, by themselves.
import { setTimeout as sleep } from 'node:timers/promises';
import { seededRandom } from '../bench/random.js';
import { checkOrganisation, sendRest } from './environment.js';
import { EVENTS, LinkWriter, summary } from './link-writer.js';
import { openReplicatedEnvironment } from './replicated-environment.js';
import { runStress } from './run.js';

const PROFILES = { full: { kills: 10, writers: 16 }, quick: { kills: 1, writers: 4 } };
const LOAD_MS = 1000;
const RECOVERY_MS_MAX = 10_000;
const RETRY_PAUSE_MS = 20;

class Failover {
  environment;
  random;
  problems = [];
  isOver = false;
  #folder;
  #times = { promotion: [], firstWriteAfterKill: [], firstWriteAfterPromotion: [] };

  constructor(environment, random, folder) {
    this.environment = { ...environment, query: (text, values) => this.#primary.query(text, values) };
    this.random = random;
    this.#folder = folder;
  }

  get #primary() {
    return this.environment.members[0];
  }

  async run({ kills, writers: count }, progress) {
    const writers = [];
    while (writers.length < count) writers.push(await LinkWriter.create(this));
    await this.#waitForStandby();
    const working = writers.map((writer) => writer.work());
    for (let kill = 1; kill <= kills; kill += 1) {
      await sleep(LOAD_MS + this.random.below(LOAD_MS));
      await this.#failOver();
      progress(`${kill} of ${kills} kills`);
    }
    this.isOver = true;
    await Promise.all(working);
    for (const writer of writers) await writer.verify();
    const sum = (count) => writers.reduce((total, writer) => total + count(writer), 0);
    const figures = {
      kills,
      acknowledged: Object.fromEntries(Object.keys(EVENTS).map((kind) => [kind, sum((writer) => writer.done[kind])])),
      attemptsWithoutResponse: sum((writer) => writer.failures),
      ...Object.fromEntries(Object.entries(this.#times).map(([name, times]) => [`${name}Ms`, summary(times)])),
    };
    return { figures, problems: [...this.problems, ...(await checkOrganisation(this.environment))] };
  }

  async #failOver() {
    const { members } = this.environment;
    const [former, standby] = members;
    const killed = performance.now();
    await former.stop('SIGKILL');
    await standby.promote();
    // Until there is a standby again.
    await standby.set({ synchronous_standby_names: '' });
    const promoted = performance.now();
    this.#times.promotion.push(Math.round(promoted - killed));
    for (const number of this.environment.servers.keys()) await this.#firstWrite(number, promoted);
    this.#times.firstWriteAfterPromotion.push(Math.round(performance.now() - promoted));
    this.#times.firstWriteAfterKill.push(Math.round(performance.now() - killed));
    const { port } = former.connection;
    await former.close();
    members.splice(0, 2, standby, await standby.clone(this.#folder, former.name, port));
    await this.#waitForStandby();
  }

  /** From then on, a commit waits for the standby. */
  async #waitForStandby() {
    const [primary, standby] = this.environment.members;
    await primary.set({ synchronous_standby_names: standby.name });
    await primary.until(`select coalesce(bool_or(sync_state = 'sync'), false) from pg_stat_replication`);
  }

  async #firstWrite(number, promoted) {
    const { servers, queue } = this.environment;
    for (;;) {
      const body = { queue, summary: 'After a failover' };
      const response = await sendRest(this.environment, servers[number], 'POST', '/v2/issues', body).catch(
        () => undefined,
      );
      if (response?.status === 201) break;
      if (response !== undefined && response.status !== 503) this.problems.push(`POST returned ${response.status}`);
      await sleep(RETRY_PAUSE_MS);
    }
    const ms = performance.now() - promoted;
    if (ms > RECOVERY_MS_MAX)
      this.problems.push(`server ${number} wrote only ${Math.round(ms)} ms after the promotion`);
  }
}

await runStress('failover', PROFILES, async ({ folder, seed, profile, progress }) => {
  const environment = await openReplicatedEnvironment({ folder, standbyNames: ['standby'] });
  try {
    return await new Failover(environment, seededRandom(seed), folder).run(profile, progress);
  } finally {
    await environment.close();
  }
});

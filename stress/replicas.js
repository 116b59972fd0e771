// `npm run drill -- replicas`: clients write through one server and read through a random one at once, while one of two
// replicas is paused now and then. No read may miss what was acknowledged before.
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { seededRandom } from '../bench/random.js';
import { callRpc, checkOrganisation, createIssues, sendRest } from './environment.js';
import { openReplicatedEnvironment } from './replicated-environment.js';
import { runStress } from './run.js';

const PROFILES = { full: { pairs: 100_000, clients: 16 }, quick: { pairs: 200, clients: 8 } };
const PAUSE_MS_MAX = 1000;
const RETRY_PAUSE_MS = 100;
const PROBLEMS_MAX = 25;

class Pairs {
  #environment;
  #random;
  #left;
  #total;
  #progress;
  problems = [];
  stale = 0;
  retries = 0;
  isOver = false;

  constructor(environment, random, total, progress) {
    this.#environment = environment;
    this.#random = random;
    this.#left = total;
    this.#total = total;
    this.#progress = progress;
  }

  /** Creates and deletes a link between two issues of its own, and reads after each. */
  async client() {
    const [from, to] = await createIssues(this.#environment, 2);
    const path = `/v2/issues/${from.key}/links`;
    while (this.#left > 0) {
      const created = await this.#send('POST', path, { relationship: 'relates', issue: to.key });
      await this.#read([created.body.id], from, to);
      await this.#send('DELETE', `${path}/${created.body.id}`);
      await this.#read([], from, to);
    }
  }

  async #send(method, path, body) {
    const headers = method === 'POST' ? { 'Idempotency-Key': randomUUID() } : {};
    for (;;) {
      const server = this.#random.pick(this.#environment.servers);
      const response = await sendRest(this.#environment, server, method, path, body, headers);
      if (response.status < 300) return response;
      if (response.status !== 503)
        throw new Error(`${method} ${path}: ${response.status} ${JSON.stringify(response.body)}`);
      // The machine is too busy.
      this.retries += 1;
      await sleep(RETRY_PAUSE_MS);
    }
  }

  async #read(expected, from, to) {
    this.#left -= 1;
    if (this.#left % 10_000 === 0)
      this.#progress(`${this.#total - this.#left} of ${this.#total} pairs, ${this.stale} stale`);
    const server = this.#random.pick(this.#environment.servers);
    const links = this.#random.below(2)
      ? await this.#readTaskLinks(server, to)
      : (await this.#send('GET', `/v2/issues/${from.key}/links`)).body;
    const found = links.map(({ id }) => id);
    // In the JSON-RPC API, both views of a link have an id of their own.
    if (found.length === expected.length) return;
    this.stale += 1;
    if (this.problems.length < PROBLEMS_MAX) this.problems.push(`read ${found} instead of ${expected} on ${from.key}`);
  }

  async #readTaskLinks(server, { taskId }) {
    for (;;) {
      try {
        return await callRpc(this.#environment, server, 'getAllTaskLinks', [taskId]);
      } catch (error) {
        if (!error.message.includes('"code":503')) throw error;
        this.retries += 1;
        await sleep(RETRY_PAUSE_MS);
      }
    }
  }

  /** Pauses and resumes a replica until the pairs are done. Returns how often. */
  async pauseReplica() {
    const replica = this.#environment.members[1];
    let pauses = 0;
    while (!this.isOver) {
      await replica.query('select pg_wal_replay_pause()');
      pauses += 1;
      await sleep(this.#random.below(PAUSE_MS_MAX));
      await replica.query('select pg_wal_replay_resume()');
      // It is used again after a second.
      await sleep(PAUSE_MS_MAX + this.#random.below(3 * PAUSE_MS_MAX));
    }
    return pauses;
  }
}

/** The number of transactions in the database since the server started, which include reads. */
async function transactionsOf(member) {
  await sleep(PAUSE_MS_MAX);
  const [{ count }] = await member.query(
    'select xact_commit as count from pg_stat_database where datname = current_database()',
  );
  return Number(count);
}

await runStress('replicas', PROFILES, async ({ folder, seed, profile, progress }) => {
  const environment = await openReplicatedEnvironment({ folder, standbyNames: ['one', 'two'], readsReplicas: true });
  const [primary, ...replicas] = environment.members;
  environment.query = (text, values) => primary.query(text, values);
  try {
    const pairs = new Pairs(environment, seededRandom(seed), profile.pairs, progress);
    const pausing = pairs.pauseReplica();
    const started = performance.now();
    let ms;
    try {
      await Promise.all(Array.from({ length: profile.clients }, () => pairs.client()));
      ms = performance.now() - started;
    } finally {
      pairs.isOver = true;
      await pausing;
    }
    const figures = {
      pairs: profile.pairs,
      stale: pairs.stale,
      retries: pairs.retries,
      pairsPerSecond: Math.round((profile.pairs / ms) * 1000),
      pauses: await pausing,
      transactionsOfReplicas: await Promise.all(replicas.map(transactionsOf)),
    };
    return { figures, problems: [...pairs.problems, ...(await checkOrganisation(environment))] };
  } finally {
    await environment.close();
  }
});

// `npm run chaos`: servers and PostgreSQL are killed under a mixed load. No acknowledged write may be lost, none may be done
// by half or twice, and the service must be back without intervention: a killed server is started again, as its supervisor
// would, but PostgreSQL is not.
import { randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { seededRandom } from '../bench/random.js';
import { callRpc, checkOrganisation, createIssues, openEnvironment, sendRest } from './environment.js';
import { runStress } from './run.js';

const PROFILES = { full: { kills: 100, writers: 16 }, quick: { kills: 4, writers: 4 } };
const ISSUES_PER_WRITER = 5;
/** A victim besides the two servers. */
const POSTGRES = 2;
const PAUSE_MS_MAX = 800;
const RETRY_PAUSE_MS = 50;
/** Longer, and the service counts as lost. */
const RECOVERY_MS_MAX = 60_000;
const PHRASES = ['relates', 'duplicates'];
const EVENTS = { created: 'IssueLinked', changed: 'IssueLinkChanged', deleted: 'IssueUnlinked' };

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
    while (writers.length < count) writers.push(await Writer.create(this));
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

/** A client with issues of its own, so that it knows which links they must have. */
class Writer {
  #chaos;
  #issues;
  /** The links that were acknowledged, as `{phrase, from, to}` by id. */
  #links = new Map();
  done = { created: 0, changed: 0, deleted: 0 };
  failures = 0;

  static async create(chaos) {
    return new Writer(chaos, await createIssues(chaos.environment, ISSUES_PER_WRITER));
  }

  constructor(chaos, issues) {
    this.#chaos = chaos;
    this.#issues = issues;
  }

  async work() {
    const { random } = this.#chaos;
    while (!this.#chaos.isOver) {
      const [id] = [...this.#links.keys()].slice(random.below(Math.max(this.#links.size, 1)));
      const choice = random.below(10);
      if (id === undefined || choice < 4) await this.#create();
      else if (choice < 6) await this.#change(id);
      else if (choice < 8) await this.#delete(id);
      else await this.#read(this.#links.get(id).from);
    }
  }

  /** Repeats the request under the same key until there is a response, which must be that of one link. */
  async #create() {
    const { random } = this.#chaos;
    const [from, to] = random.permutation(this.#issues.length).map((place) => this.#issues[place]);
    const phrase = random.pick(PHRASES);
    const isTaken = [...this.#links.values()].some(
      (link) => [link.from, link.to].includes(from) && [link.from, link.to].includes(to),
    );
    if (isTaken) return;
    const headers = { 'Idempotency-Key': randomUUID() };
    const path = `/v2/issues/${from.key}/links`;
    const { status, body } = await this.#sendUntilAnswered(
      'POST',
      path,
      { relationship: phrase, issue: to.key },
      headers,
    );
    if (status !== 201) this.#problem(`POST ${path} returned ${status}: ${JSON.stringify(body)}`);
    else this.#links.set(body.id, { phrase, from, to });
    this.done.created += 1;
  }

  async #change(id) {
    const { phrase, from, to } = this.#links.get(id);
    const changed = PHRASES.find((other) => other !== phrase);
    const path = `/v2/issues/${from.key}/links/${id}`;
    const { status, body } = await this.#sendUntilAnswered('PATCH', path, { relationship: changed });
    if (status !== 200) this.#problem(`PATCH ${path} returned ${status}: ${JSON.stringify(body)}`);
    this.#links.set(id, { phrase: changed, from, to });
    this.done.changed += 1;
  }

  async #delete(id) {
    const { from } = this.#links.get(id);
    const path = `/v2/issues/${from.key}/links/${id}`;
    const before = this.failures;
    const { status, body } = await this.#sendUntilAnswered('DELETE', path);
    // An attempt without a response may have deleted it.
    const isDone = status === 204 || (status === 404 && this.failures > before);
    if (!isDone) this.#problem(`DELETE ${path} returned ${status}: ${JSON.stringify(body)}`);
    this.#links.delete(id);
    this.done.deleted += 1;
  }

  async #read({ taskId }) {
    const { environment, random } = this.#chaos;
    await callRpc(environment, random.pick(environment.servers), 'getAllTaskLinks', [taskId]).catch(() => undefined);
  }

  async #sendUntilAnswered(method, path, body, headers) {
    const { environment, random } = this.#chaos;
    for (;;) {
      const server = random.pick(environment.servers);
      const response = await sendRest(environment, server, method, path, body, headers).catch(() => undefined);
      // 409: the attempt under this key that got no response is still running.
      const isAnswer = response !== undefined && response.status < 500 && response.status !== 409;
      if (isAnswer) return response;
      this.failures += 1;
      await sleep(RETRY_PAUSE_MS);
    }
  }

  /** Compares the links and the numbers of events with what was acknowledged. */
  async verify() {
    const { environment } = this.#chaos;
    const ids = this.#issues.map(({ taskId }) => taskId);
    const stored = await environment.query(
      `select link_id, link_type_id from links
       where org_id = $1 and (inward_issue_id = any($2) or outward_issue_id = any($2)) order by link_id`,
      [environment.orgId, ids],
    );
    const expected = [...this.#links]
      .map(([id, { phrase }]) => ({ link_id: String(id), link_type_id: phrase }))
      .sort((one, other) => Number(one.link_id) - Number(other.link_id));
    if (JSON.stringify(stored) !== JSON.stringify(expected)) {
      this.#problem(`stored ${JSON.stringify(stored)} instead of ${JSON.stringify(expected)}`);
    }
    const events = await environment.query(
      `select type, count(*)::integer as count from events where org_id = $1 and issue_id = any($2) group by type`,
      [environment.orgId, ids],
    );
    const counts = new Map(events.map(({ type, count }) => [type, count]));
    for (const [kind, type] of Object.entries(EVENTS)) {
      const count = counts.get(type) ?? 0;
      // Both issues record each change.
      if (count !== 2 * this.done[kind]) this.#problem(`${count} events ${type} of ${this.done[kind]} links ${kind}`);
    }
  }

  #problem(text) {
    this.#chaos.problems.push(text);
  }
}

function summary(times) {
  const sorted = times.toSorted((one, other) => one - other);
  return { median: sorted[Math.floor(sorted.length / 2)], max: sorted.at(-1) };
}

await runStress('chaos', PROFILES, async ({ folder, seed, profile, progress }) => {
  const environment = await openEnvironment({ folder });
  try {
    return await new Chaos(environment, seededRandom(seed)).run(profile, progress);
  } finally {
    await environment.close();
  }
});

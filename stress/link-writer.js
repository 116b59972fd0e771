// Clients that write links while something breaks, and know what they must find afterwards.
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { callRpc, createIssues, sendRest } from './environment.js';

const ISSUES_PER_WRITER = 5;
const RETRY_PAUSE_MS = 50;
const PHRASES = ['relates', 'duplicates'];
export const EVENTS = { created: 'IssueLinked', changed: 'IssueLinkChanged', deleted: 'IssueUnlinked' };

/**
 * A client with issues of its own, so that it knows which links they must have. `run` has an `environment`, `random` and
 * `problems`, and `isOver` ends the work.
 */
export class LinkWriter {
  #run;
  #issues;
  /** The links that were acknowledged, as `{phrase, from, to}` by id. */
  #links = new Map();
  done = { created: 0, changed: 0, deleted: 0 };
  failures = 0;

  static async create(run) {
    return new LinkWriter(run, await createIssues(run.environment, ISSUES_PER_WRITER));
  }

  constructor(run, issues) {
    this.#run = run;
    this.#issues = issues;
  }

  async work() {
    const { random } = this.#run;
    while (!this.#run.isOver) {
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
    const { random } = this.#run;
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
    const { environment, random } = this.#run;
    await callRpc(environment, random.pick(environment.servers), 'getAllTaskLinks', [taskId]).catch(() => undefined);
  }

  async #sendUntilAnswered(method, path, body, headers) {
    const { environment, random } = this.#run;
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
    const { environment } = this.#run;
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
    this.#run.problems.push(text);
  }
}

export function summary(times) {
  const sorted = times.toSorted((one, other) => one - other);
  return { median: sorted[Math.floor(sorted.length / 2)], max: sorted.at(-1) };
}

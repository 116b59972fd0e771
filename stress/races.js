// `npm run races`: writers that conflict, on two servers at once. Afterwards every rule must hold, and as many links must be
// stored as the rules allow.
import { seededRandom } from '../bench/random.js';
import { callRpc, checkOrganisation, createIssues, openEnvironment, sendRest } from './environment.js';
import { runStress } from './run.js';

const PROFILES = {
  full: { rounds: 1000, clients: 64, sets: 2000 },
  quick: { rounds: 5, clients: 32, sets: 24 },
};
const RING_MAX = 20;
const SETS_AT_ONCE = 4;
/** Acyclic types with the phrases of both ends, and the field of an issue that writes such a link. */
const ACYCLIC = [
  { typeId: 'depends', phrase: 'depends on', inverse: 'is dependent by' },
  { typeId: 'subtask', phrase: 'is subtask for', inverse: 'is parent task for', field: 'parent' },
  { typeId: 'epic', phrase: 'has epic', inverse: 'is epic of', field: 'epic' },
];
const SYMMETRIC = { typeId: 'relates', phrase: 'relates', inverse: 'relates' };
const SINGLE = ACYCLIC.filter(({ field }) => field !== undefined);
const EXPECTED = new Set([200, 201, 204, 422]);

class Race {
  #environment;
  #random;
  #labels = new Map();
  #problems = [];
  #figures = { identicalRounds: 0, conflicts: {}, routes: {}, statuses: {} };

  constructor(environment, random) {
    this.#environment = environment;
    this.#random = random;
  }

  async report() {
    return { figures: this.#figures, problems: [...this.#problems, ...(await checkOrganisation(this.#environment))] };
  }

  /** Learns which label of the JSON-RPC API is the phrase of a type. */
  async learnLabels() {
    for (const type of [...ACYCLIC, SYMMETRIC]) {
      const [one, other] = await createIssues(this.#environment, 2);
      const { body } = await this.#send('POST', `/v2/issues/${one.key}/links`, {
        relationship: type.phrase,
        issue: other.key,
      });
      const [label] = await this.#environment.query(
        `select ${body.direction}_label_id as id from link_types where org_id = $1 and link_type_id = $2`,
        [this.#environment.orgId, type.typeId],
      );
      this.#labels.set(type.typeId, Number(label.id));
    }
  }

  /** Many clients create the same link at once: one gets 201, and one link is stored. */
  async createSameLinks({ rounds, clients }, progress) {
    for (let round = 0; round < rounds; round += 1) {
      const [one, other] = await createIssues(this.#environment, 2);
      const link = { relationship: 'relates', issue: other.key };
      const responses = await Promise.all(
        Array.from({ length: clients }, () => this.#send('POST', `/v2/issues/${one.key}/links`, link)),
      );
      const created = responses.filter(({ status }) => status === 201).length;
      const refused = responses.filter(({ status }) => status === 422).length;
      const stored = (await this.#linksOf([one, other])).length;
      if (created !== 1 || refused !== clients - 1 || stored !== 1) {
        this.#problems.push(`${clients} identical POSTs: ${created} times 201, ${refused} times 422, ${stored} links`);
      }
      this.#figures.identicalRounds += 1;
      if (round % 100 === 0) progress(`${round} of ${rounds} rounds of identical POSTs`);
    }
  }

  async runSet() {
    const kind = this.#random.pick(['ring', 'ring', 'parents', 'duplicates', 'removal', 'switch']);
    this.#figures.conflicts[kind] = (this.#figures.conflicts[kind] ?? 0) + 1;
    if (kind === 'ring') await this.#closeRing(this.#random.pick(ACYCLIC), 2 + this.#random.below(RING_MAX - 1));
    else if (kind === 'parents') await this.#addParents(this.#random.pick(SINGLE), 2 + this.#random.below(6));
    else if (kind === 'duplicates') await this.#duplicate(this.#random.pick([...ACYCLIC, SYMMETRIC]));
    else if (kind === 'removal') await this.#removeWhileClosing(2 + this.#random.below(6));
    else await this.#switchRule(3 + this.#random.below(6));
  }

  /** Links that form a ring together: all but one are stored. */
  async #closeRing(type, size) {
    const issues = await createIssues(this.#environment, size);
    const edges = issues.map((from, place) => ({ type, from, to: issues[(place + 1) % size] }));
    await this.#write(edges, (edge) => this.#routesOf(edge));
    await this.#expect(`a ring of ${size} "${type.phrase}"`, issues, type, [size - 1]);
  }

  /** Parents of one issue, or epics: one is stored. */
  async #addParents(type, count) {
    const [child, ...parents] = await createIssues(this.#environment, count + 1);
    const edges = parents.map((to) => ({ type, from: child, to }));
    await this.#write(edges, (edge) => this.#routesOf(edge));
    await this.#expect(`${count} times "${type.phrase}" of one issue`, [child, ...parents], type, [1]);
  }

  /** The same link by every route: one is stored. */
  async #duplicate(type) {
    const [from, to] = await createIssues(this.#environment, 2);
    const edge = { type, from, to };
    const routes = this.#routesOf(edge).filter((route) => route !== 'patch');
    let next = 0;
    await this.#write(
      Array.from({ length: 2 * routes.length }, () => edge),
      () => [routes[next++ % routes.length]],
    );
    await this.#expect(`the same "${type.phrase}" by every route`, [from, to], type, [1]);
  }

  /** A link that closes a ring, while a link of the ring is removed. */
  async #removeWhileClosing(size) {
    const [type] = ACYCLIC;
    const issues = await createIssues(this.#environment, size + 1);
    const links = [];
    for (let place = 0; place < size; place += 1) {
      const path = `/v2/issues/${issues[place].key}/links`;
      const { body } = await this.#send('POST', path, { relationship: type.phrase, issue: issues[place + 1].key });
      links.push(`${path}/${body.id}`);
    }
    await Promise.all([
      this.#send('DELETE', this.#random.pick(links)),
      this.#send('POST', `/v2/issues/${issues[size].key}/links`, { relationship: type.phrase, issue: issues[0].key }),
    ]);
    await this.#expect(`a ring of ${size + 1} that is closed and opened`, issues, type, [size - 1, size]);
  }

  /** A ring of a type without rules that becomes acyclic meanwhile: either the switch is refused, or one link at least. */
  async #switchRule(size) {
    const typeId = `type${this.#random.below(1e9)}`;
    const name = (end) => ({ en: `${typeId} ${end}`, ru: `${typeId} ${end}` });
    const names = { inward: name('in'), outward: name('out') };
    const created = await this.#send('POST', '/v3/linktypes', { id: typeId, ...names });
    if (created.status !== 201)
      throw new Error(`POST /v3/linktypes returned ${created.status}: ${JSON.stringify(created.body)}`);
    const issues = await createIssues(this.#environment, size);
    const [rule] = await Promise.all([
      this.#send('PATCH', `/v3/linktypes/${typeId}`, { acyclic: true }),
      ...issues.map((issue, place) =>
        this.#send('POST', `/v2/issues/${issue.key}/links`, {
          relationship: `${typeId} out`,
          issue: issues[(place + 1) % size].key,
        }),
      ),
    ]);
    const sizes = rule.status === 200 ? [size - 1] : [size];
    await this.#expect(
      `a ring of ${size} while the rule is switched on`,
      issues,
      { typeId },
      sizes,
      rule.status === 200,
    );
  }

  /** The routes by which a link can be written. */
  #routesOf({ type }) {
    return ['post', 'inverse', 'import', 'patch', 'rpc', ...(type.field ? ['field'] : [])];
  }

  /** Writes all links at once, each by a random route. */
  async #write(edges, routesOf) {
    const writes = [];
    for (const edge of edges) writes.push(await this.#prepare(edge, this.#random.pick(routesOf(edge))));
    await Promise.all(writes.map((write) => write()));
  }

  async #prepare({ type, from, to }, route) {
    this.#figures.routes[route] = (this.#figures.routes[route] ?? 0) + 1;
    const path = `/v2/issues/${from.key}/links`;
    switch (route) {
      case 'post':
        return () => this.#send('POST', path, { relationship: type.phrase, issue: to.key });
      case 'inverse':
        return () => this.#send('POST', `/v2/issues/${to.key}/links`, { relationship: type.inverse, issue: from.key });
      case 'import': {
        const origin = { createdAt: '2017-06-11T05:16:01.421+0000', createdBy: 'admin' };
        return () => this.#send('POST', `${path}/_import`, { relationship: type.phrase, issue: to.key, ...origin });
      }
      case 'patch': {
        const { status, body } = await this.#send('POST', path, { relationship: 'duplicates', issue: to.key });
        // Of two issues, one at most can be the duplicate of the other.
        if (status !== 201) return await this.#prepare({ type, from, to }, 'post');
        return () => this.#send('PATCH', `${path}/${body.id}`, { relationship: type.phrase });
      }
      case 'rpc': {
        const params = [from.taskId, to.taskId, this.#labels.get(type.typeId)];
        const { servers } = this.#environment;
        return () => callRpc(this.#environment, this.#random.pick(servers), 'createTaskLink', params);
      }
      default:
        return () => this.#send('PATCH', `/v2/issues/${from.key}`, { [type.field]: to.key });
    }
  }

  async #send(method, path, body) {
    const response = await sendRest(
      this.#environment,
      this.#random.pick(this.#environment.servers),
      method,
      path,
      body,
    );
    const { statuses } = this.#figures;
    statuses[response.status] = (statuses[response.status] ?? 0) + 1;
    if (!EXPECTED.has(response.status)) {
      this.#problems.push(`${method} ${path} returned ${response.status}: ${JSON.stringify(response.body)}`);
    }
    return response;
  }

  async #linksOf(issues) {
    return await this.#environment.query(
      `select link_type_id as type, inward_issue_id as inward, outward_issue_id as outward
       from links where org_id = $1 and (inward_issue_id = any($2) or outward_issue_id = any($2))`,
      [this.#environment.orgId, issues.map(({ taskId }) => taskId)],
    );
  }

  async #expect(conflict, issues, { typeId }, sizes, isAcyclic = typeId !== SYMMETRIC.typeId) {
    const links = (await this.#linksOf(issues)).filter(({ type }) => type === typeId);
    if (!sizes.includes(links.length)) {
      this.#problems.push(`${conflict}: ${links.length} links instead of ${sizes.join(' or ')}`);
    }
    if (isAcyclic && hasCycle(links)) this.#problems.push(`${conflict}: the links form a cycle`);
  }
}

/** Removes issues that nothing leads to until none is left, which fails for a cycle (Kahn's algorithm). */
function hasCycle(links) {
  let rest = links;
  for (;;) {
    const reached = new Set(rest.map(({ outward }) => outward));
    const next = rest.filter(({ inward }) => reached.has(inward));
    if (next.length === 0) return false;
    if (next.length === rest.length) return true;
    rest = next;
  }
}

await runStress('races', PROFILES, async ({ folder, seed, profile, progress }) => {
  const environment = await openEnvironment({ folder });
  try {
    const race = new Race(environment, seededRandom(seed));
    await race.learnLabels();
    await race.createSameLinks(profile, progress);
    for (let done = 0; done < profile.sets; done += SETS_AT_ONCE) {
      await Promise.all(Array.from({ length: SETS_AT_ONCE }, () => race.runSet()));
      if (done % 100 === 0) progress(`${done} of ${profile.sets} conflicts`);
    }
    return await race.report();
  } finally {
    await environment.close();
  }
});

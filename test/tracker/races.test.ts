import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { type Edge, sortTopologically } from '../../src/core/topological-order/topological-sort.ts';
import {
  type GivenIssue,
  type GivenOrganisation,
  givenIssue,
  givenOrganisation,
  givenQueue,
} from '../support/builders.ts';
import { PROGRAM, type ServerProcess, startServer } from '../support/server-process.ts';
import { useDatabase } from '../support/test-database.ts';

// Two servers on one database: no state in a process can enforce the rules.

const ROUNDS = 50;
const CLIENTS = 32;

const database = useDatabase();
const db = () => database().db;
let servers: ServerProcess[] = [];
let org: GivenOrganisation;
let queue: string;

beforeAll(async () => {
  const start = () => startServer([...PROGRAM, 'serve'], { DATABASE_URL: database().url, LOG_LEVEL: 'warn' });
  servers = await Promise.all([start(), start()]);
  org = await givenOrganisation(db());
  queue = (await givenQueue(db(), org)).key;
});
afterAll(async () => {
  await Promise.all(servers.map((server) => server.stop()));
});

test('of many identical concurrent POSTs one creates the link, and the others return 422', async () => {
  for (let round = 0; round < ROUNDS; round += 1) {
    const [a, b] = await givenIssues(2);
    const statuses = await race(Array.from({ length: CLIENTS }, () => [a, 'relates', b] as const));
    expect(statuses).toEqual(outcome(1, CLIENTS));
    expect(await countLinks(a, b)).toBe(1);
  }
});

test('of two concurrent opposite parents one succeeds', async () => {
  for (let round = 0; round < ROUNDS; round += 1) {
    const [a, b] = await givenIssues(2);
    const statuses = await race([
      [a, 'is subtask for', b],
      [b, 'is subtask for', a],
    ]);
    expect(statuses).toEqual(outcome(1, 2));
    expect(await countLinks(a, b)).toBe(1);
  }
});

test.each(['depends on', 'is subtask for', 'has epic'])(
  'of three concurrent "%s" links that form a cycle two succeed',
  async (relationship) => {
    for (let round = 0; round < ROUNDS; round += 1) {
      const [a, b, c] = await givenIssues(3);
      const statuses = await race([
        [a, relationship, b],
        [b, relationship, c],
        [c, relationship, a],
      ]);
      expect(statuses).toEqual(outcome(2, 3));
      expect(await countLinks(a, b, c)).toBe(2);
    }
  },
);

test('of two concurrent parents of one child one succeeds, from either end', async () => {
  for (let round = 0; round < ROUNDS; round += 1) {
    const [child, one, two] = await givenIssues(3);
    const statuses = await race([
      [child, 'is subtask for', one],
      [two, 'is parent task for', child],
    ]);
    expect(statuses).toEqual(outcome(1, 2));
    expect(await countLinks(child, one, two)).toBe(1);
  }
});

test('of many concurrent DELETEs of a link one succeeds, and each change is recorded once', async () => {
  for (let round = 0; round < ROUNDS; round += 1) {
    const [a, b] = await givenIssues(2);
    await race([[a, 'relates', b]]);
    const [link] = await db().query<{ link_id: number }>({
      name: '',
      text: 'select link_id from links where org_id = $1 and inward_issue_id = $2',
      values: [org.orgId, a.id],
    });
    const path = (issue: GivenIssue) => `/v2/issues/${issue.key}/links/${link?.link_id}`;
    const statuses = await Promise.all(
      Array.from({ length: 8 }, (_unused, client) => send(client, 'DELETE', path(client < 4 ? a : b))),
    );
    expect(statuses.sort()).toEqual([204, ...Array<number>(7).fill(404)]);
    const events = await db().query<{ type: string }>({
      name: '',
      text: 'select type from events where org_id = $1 and issue_id = any($2::bigint[]) order by event_id',
      values: [org.orgId, [a.id, b.id]],
    });
    expect(events.map(({ type }) => type)).toEqual(['IssueLinked', 'IssueLinked', 'IssueUnlinked', 'IssueUnlinked']);
  }
});

test('concurrent links of an acyclic type leave no cycle, stay in order, and are refused only for a cycle', async () => {
  for (let round = 0; round < 12; round += 1) {
    const issues = await Promise.all(Array.from({ length: 8 }, () => givenIssue(db(), org, queue)));
    const pairs = issues.flatMap((from) => issues.filter((to) => to.id > from.id).map((to) => [from, to] as const));
    const links = shuffled(pairs).map((pair) => shuffled(pair) as [GivenIssue, GivenIssue]);
    const statuses = await Promise.all(
      links.map(([from, to], client) =>
        send(client, 'POST', `/v2/issues/${from.key}/links`, { relationship: 'is dependent by', issue: to.key }),
      ),
    );
    const stored = await db().query<Edge & { inward_position: number; outward_position: number }>({
      name: '',
      text: `
        select inward_issue_id, outward_issue_id, inward.position as inward_position,
          outward.position as outward_position
        from links
        left join topological_order inward
          on (inward.org_id, inward.link_type_id, inward.issue_id) = (links.org_id, links.link_type_id, inward_issue_id)
        left join topological_order outward
          on (outward.org_id, outward.link_type_id, outward.issue_id) = (links.org_id, links.link_type_id, outward_issue_id)
        where links.org_id = $1 and links.link_type_id = 'depends' and inward_issue_id = any($2::bigint[])`,
      values: [org.orgId, issues.map(({ id }) => id)],
    });
    expect(sortTopologically(stored).cycle).toEqual([]);
    for (const { inward_position, outward_position } of stored) expect(inward_position).toBeLessThan(outward_position);
    expect(stored).toHaveLength(statuses.filter((status) => status === 201).length);
    for (const [place, [from, to]] of links.entries()) {
      if (statuses[place] === 201) continue;
      expect(statuses[place]).toBe(422);
      const closing = { inward_issue_id: from.id, outward_issue_id: to.id };
      expect(sortTopologically([...stored, closing]).cycle).toContain(closing);
    }
  }
});

test('a rule that is switched on while links are created holds from then on', async () => {
  for (let round = 0; round < 10; round += 1) {
    const admin = await givenOrganisation(db(), { profile: 'kanboard' });
    const { key } = await givenQueue(db(), admin);
    const issues = await Promise.all(Array.from({ length: 12 }, () => givenIssue(db(), admin, key)));
    const ring = issues.map((issue, place) => [issue, 'depends on', issues[(place + 1) % issues.length]] as const);
    const [rule, ...statuses] = await Promise.all([
      send(0, 'PATCH', '/v2/linktypes/depends', { acyclic: true }, admin),
      ...ring.map(([from, relationship, to], client) =>
        send(client, 'POST', `/v2/issues/${from.key}/links`, { relationship, issue: to?.key }, admin),
      ),
    ]);
    const created = statuses.filter((status) => status === 201).length;
    expect([200, 422]).toContain(rule);
    expect(created).toBe(rule === 200 ? issues.length - 1 : issues.length);
    expect(statuses.filter((status) => status === 422)).toHaveLength(issues.length - created);
  }
});

function shuffled<Item>(items: readonly Item[]): Item[] {
  return items
    .map((item) => [Math.random(), item] as const)
    .sort(([left], [right]) => left - right)
    .map(([, item]) => item);
}

async function givenIssues(count: 2): Promise<[GivenIssue, GivenIssue]>;
async function givenIssues(count: 3): Promise<[GivenIssue, GivenIssue, GivenIssue]>;
async function givenIssues(count: number): Promise<GivenIssue[]> {
  return Promise.all(Array.from({ length: count }, () => givenIssue(db(), org, queue)));
}

/** Sends all requests concurrently to both servers; returns the sorted statuses. */
async function race(links: (readonly [GivenIssue, string, GivenIssue])[]): Promise<number[]> {
  const statuses = await Promise.all(
    links.map(([issue, relationship, other], client) =>
      send(client, 'POST', `/v2/issues/${issue.key}/links`, { relationship, issue: other.key }),
    ),
  );
  return statuses.sort();
}

async function send(client: number, method: string, path: string, body?: object, { admin } = org): Promise<number> {
  const response = await fetch(`${servers[client % servers.length]?.url}${path}`, {
    method,
    headers: admin.headers,
    ...(body && { body: JSON.stringify(body) }),
  });
  await response.arrayBuffer();
  return response.status;
}

function outcome(created: number, sent: number): number[] {
  return [...Array<number>(created).fill(201), ...Array<number>(sent - created).fill(422)];
}

/** The number of links between these issues. */
async function countLinks(...issues: GivenIssue[]): Promise<number> {
  const [row] = await db().query<{ count: number }>({
    name: '',
    text: `
      select count(*) from links
      where org_id = $1 and inward_issue_id = any($2::bigint[]) and outward_issue_id = any($2::bigint[])`,
    values: [org.orgId, issues.map(({ id }) => id)],
  });
  return row?.count ?? 0;
}

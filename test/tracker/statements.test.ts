import { beforeAll, expect, test } from '@jest/globals';
import { loadContract } from '../../src/contract/contract.ts';
import { useApi } from '../support/api.ts';
import {
  type GivenIssue,
  type GivenOrganisation,
  type GivenUser,
  givenApplication,
  givenIssue,
  givenLink,
  givenOrganisation,
  givenQueue,
} from '../support/builders.ts';
import { getIssueId } from '../support/issues.ts';
import { restAs } from '../support/rest.ts';
import { type Rpc, rpcAs } from '../support/rpc.ts';
import { countStatements } from '../support/statements.ts';
import { isOnCitus } from '../support/test-database.ts';

// A write of a link takes at most three statements, and thirteen on Citus (decision 20). The number of statements of a read
// does not depend on the number of links, and stays small.

const STATEMENTS_MAX = 5;
const api = useApi();
const db = () => api().database.db;
const as = (user: GivenUser) => restAs(api(), user);
const READS = loadContract()
  .operations.filter(({ scope }) => scope === 'read')
  .map((operation) => [operation.id, operation] as const);

/** The reads share what they read. */
let few: GivenLinks;
let many: GivenLinks;
beforeAll(async () => {
  few = await givenLinks(1);
  many = await givenLinks(40);
});

test.each(READS)('%s runs as many statements for forty links as for one', async (_id, operation) => {
  const count = (given: GivenLinks) =>
    countStatements(db(), async () => {
      const path = operation.path.replaceAll(/\{(\w+)\}/g, (_match, name: string) => valueNamed(given.values, name));
      const request = api().request[operation.method](`/v2${path}${QUERIES[operation.id]?.(given.values) ?? ''}`);
      const response = await request
        .set(given.admin.headers)
        .send(BODIES[operation.id]?.(given.values) ?? (operation.hasBody ? {} : undefined));
      expect([path, response.status]).toEqual([path, 200]);
    });

  // The first request fills the cache of its organisation; one that finds it distrusted, on a machine that stalls, fills it again.
  const leastOf = async (given: GivenLinks) => Math.min(await count(given), await count(given), await count(given));
  const statements = await leastOf(few);
  expect(await leastOf(many)).toBe(statements);
  expect(statements).toBeLessThanOrEqual(STATEMENTS_MAX);
});

const WRITE_STATEMENTS_MAX = isOnCitus ? 13 : 3;

interface Writes {
  readonly org: GivenOrganisation;
  readonly rpc: Rpc;
  readonly a: GivenIssue;
  readonly b: GivenIssue;
  readonly c: GivenIssue;
}

const WRITES: Readonly<Record<string, (given: Writes, phrase: string, labelId: number) => Promise<void>>> = {
  'POST, PATCH and DELETE': async ({ org, a, b, c }, phrase) => {
    const rest = restAs(api(), org.admin);
    const links = `/v3/issues/${a.key}/links`;
    let id = 0;
    await withinLimit(async () => {
      id = (await rest.post(links, { relationship: phrase, issue: b.key }).expect(201)).body.id;
    });
    await withinLimit(() => rest.patch(`${links}/${id}`, { issue: c.key }).expect(200));
    await withinLimit(() => rest.patch(`${links}/${id}`, { relationship: 'duplicates' }).expect(200));
    await withinLimit(() => rest.patch(`${links}/${id}`, { relationship: phrase, issue: b.key }).expect(200));
    await withinLimit(() => rest.patch(`${links}/${id}`, { relationship: phrase }).expect(200));
    await withinLimit(() => rest.delete(`${links}/${id}`).expect(204));
  },
  'createTaskLink, updateTaskLink and removeTaskLink': async ({ rpc, a, b, c }, _phrase, labelId) => {
    let view = 0;
    await withinLimit(async () => {
      view = await rpc.call('createTaskLink', a.id, b.id, labelId);
    });
    await withinLimit(() => rpc.call('updateTaskLink', view, a.id, c.id, labelId));
    await withinLimit(() => rpc.call('updateTaskLink', view, a.id, c.id, 4));
    await withinLimit(() => rpc.call('removeTaskLink', view));
  },
};

test.each(
  Object.keys(WRITES).flatMap(
    (methods) =>
      [
        [methods, 'relates', 1],
        [methods, 'depends on', 3],
        [methods, 'is subtask for', 6],
      ] as const,
  ),
)(`%s run at most ${WRITE_STATEMENTS_MAX} statements (%s)`, async (methods, phrase, labelId) => {
  const org = await givenOrganisation(db());
  const { key: queue } = await givenQueue(db(), org);
  const [a, b, c] = [
    await givenIssue(db(), org, queue),
    await givenIssue(db(), org, queue),
    await givenIssue(db(), org, queue, { assignee: org.admin }),
  ];
  const rpc = rpcAs(api(), await givenApplication(db(), org));
  // Fill the caches.
  await as(org.admin).post(`/v3/issues/${a.key}/links`, { relationship: 'duplicates', issue: b.key }).expect(201);
  const [{ id }] = (await as(org.admin).get(`/v3/issues/${a.key}/links`)).body;
  await as(org.admin).delete(`/v3/issues/${a.key}/links/${id}`).expect(204);
  await rpc.call('getAllTaskLinks', a.id);
  await WRITES[methods]?.({ org, rpc, a, b, c }, phrase, labelId);
});

async function withinLimit(work: () => PromiseLike<unknown>): Promise<void> {
  const count = await countStatements(db(), work);
  expect(count).toBeGreaterThan(0);
  expect(count).toBeLessThanOrEqual(WRITE_STATEMENTS_MAX);
}

const BODIES: Readonly<Record<string, (values: GivenLinks['values']) => object>> = {
  searchIssueLinks: ({ issueId }) => ({ issues: [issueId] }),
};

const QUERIES: Readonly<Record<string, (values: GivenLinks['values']) => string>> = {
  findIssueByUnique: ({ unique }) => `?unique=${unique}`,
  suggestIssues: ({ issueId }) => `?input=${issueId}`,
};

function valueNamed(values: Readonly<Record<string, string>>, name: string): string {
  const value = values[name];
  if (value === undefined) throw new Error(`Add a value for {${name}} to givenLinks.`);
  return value;
}

interface GivenLinks {
  readonly admin: GivenUser;
  /** A value for every path parameter. */
  readonly values: Readonly<Record<string, string>>;
}

/** An issue with that many links of each kind. */
async function givenLinks(count: number): Promise<GivenLinks> {
  const org = await givenOrganisation(db());
  const { admin } = org;
  const { key: queue } = await givenQueue(db(), org);
  const unique = `unique-${org.orgId}`;
  const created = await as(admin).post('/v2/issues', { queue, summary: 'Much linked', unique }).expect(201);
  const issueId = await getIssueId(db(), org, created.body.key);
  const issue = { id: issueId, hexId: created.body.id, key: created.body.key };
  let linkId = 0;
  let remote = { id: 0, object: { id: '' } };
  let comment = { id: 0 };
  for (let place = 0; place < count; place += 1) {
    linkId = await givenLink(db(), org, 'depends', await givenIssue(db(), org, queue), issue);
    const posted = await as(admin)
      .post(`/v2/issues/${issue.key}/remotelinks`, {
        relationship: 'RELATES',
        key: `object ${place}`,
        origin: 'com.github',
      })
      .expect(201);
    remote = posted.body;
    const said = await as(admin)
      .post(`/v2/issues/${issue.key}/comments`, { text: `Comment ${place}`, summonees: [admin.login] })
      .expect(201);
    comment = said.body;
  }
  const changes = await as(admin).get(`/v2/issues/${issue.key}/changelog`);
  const bulk = await as(admin)
    .post('/v2/bulkchange/_update', { issues: [issue.key], values: { priority: 'blocker' } })
    .expect(201);
  return {
    admin,
    values: {
      issueId: issue.key,
      linkId: String(linkId),
      linkTypeId: 'depends',
      userId: admin.login,
      statusId: 'open',
      transitionId: 'closed',
      resolutionId: 'fixed',
      priorityId: 'normal',
      issueTypeId: 'task',
      queueId: queue,
      fieldId: 'summary',
      categoryId: '000000000000000000000001',
      applicationId: 'com.github',
      objectId: remote.object.id,
      remoteLinkId: String(remote.id),
      commentId: String(comment.id),
      bulkChangeId: bulk.body.id,
      entryId: String(changes.body[0]?.id),
      unique,
    },
  };
}

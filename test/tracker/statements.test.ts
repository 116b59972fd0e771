import { expect, test } from '@jest/globals';
import { loadContract } from '../../src/contract/contract.ts';
import { useApi } from '../support/api.ts';
import { type GivenUser, givenIssue, givenLink, givenOrganisation, givenQueue } from '../support/builders.ts';
import { countStatements } from '../support/statements.ts';

/** A read costs as many statements with many links as with one, and never more than a handful. */

const STATEMENTS_MAX = 5;
const api = useApi();
const db = () => api().database.db;
const READS = loadContract()
  .operations.filter(({ scope }) => scope === 'read')
  .map((operation) => [operation.id, operation] as const);

test.each(READS)('%s runs as many statements for forty links as for one', async (_id, operation) => {
  const [few, many] = [await givenLinks(1), await givenLinks(40)];
  const count = (given: typeof few) =>
    countStatements(db(), async () => {
      const path = operation.path.replaceAll(/\{(\w+)\}/g, (_match, name: string) => valueNamed(given.values, name));
      const request = api().request[operation.method](`/v2${path}${QUERIES[operation.id]?.(given.values) ?? ''}`);
      const response = await request.set(given.admin.headers).send(operation.hasBody ? {} : undefined);
      expect([path, response.status]).toEqual([path, 200]);
    });

  // The first request on a database asks what later ones know.
  await count(few);
  const statements = await count(few);
  expect(await count(many)).toBe(statements);
  expect(statements).toBeLessThanOrEqual(STATEMENTS_MAX);
});

const QUERIES: Readonly<Record<string, (values: Record<string, string>) => string>> = {
  findIssueByUnique: ({ unique }) => `?unique=${unique}`,
};

function valueNamed(values: Readonly<Record<string, string>>, name: string): string {
  const value = values[name];
  if (value === undefined) throw new Error(`This test must say what to read as {${name}}.`);
  return value;
}

/** An issue with that many links of each kind, and what else there is to read. */
async function givenLinks(count: number): Promise<{ admin: GivenUser; values: Record<string, string> }> {
  const org = await givenOrganisation(db());
  const { admin } = org;
  const queue = await givenQueue(db(), org);
  const unique = `unique-${org.orgId}`;
  const made = await api()
    .request.post('/v2/issues')
    .set(admin.headers)
    .send({ queue, summary: 'Much linked', unique })
    .expect(201);
  const [row] = await db().query<{ issue_id: number }>({
    name: 'issue_of_key',
    text: 'select issue_id from issues where org_id = $1 and key = $2',
    values: [org.orgId, made.body.key],
  });
  const issue = { id: row?.issue_id ?? 0, hexId: made.body.id, key: made.body.key };
  let linkId = 0;
  let remote = { id: 0, object: { id: '' } };
  for (let place = 0; place < count; place += 1) {
    linkId = await givenLink(db(), org, 'depends', await givenIssue(db(), org, queue), issue);
    const posted = await api()
      .request.post(`/v2/issues/${issue.key}/remotelinks`)
      .set(admin.headers)
      .send({ relationship: 'RELATES', key: `object ${place}`, origin: 'com.github' })
      .expect(201);
    remote = posted.body;
  }
  const changes = await api().request.get(`/v2/issues/${issue.key}/changelog`).set(admin.headers);
  return {
    admin,
    values: {
      issueId: issue.key,
      linkId: String(linkId),
      linkTypeId: 'depends',
      userId: admin.login,
      statusId: 'open',
      priorityId: 'normal',
      issueTypeId: 'task',
      queueId: queue,
      fieldId: 'summary',
      categoryId: '000000000000000000000001',
      applicationId: 'com.github',
      objectId: remote.object.id,
      remoteLinkId: String(remote.id),
      entryId: String(changes.body[0]?.id),
      unique,
    },
  };
}

import { expect, test } from '@jest/globals';
import { texts } from '../../src/texts.ts';
import { useApi } from '../support/api.ts';
import { type GivenUser, givenIssue, givenOrganisation, givenQueue, givenUser } from '../support/builders.ts';
import { restAs } from '../support/rest.ts';
import { unchanged } from '../support/snapshot.ts';

const api = useApi();
const db = () => api().database.db;
const as = (user: GivenUser) => restAs(api(), user);

async function givenOriginal() {
  const org = await givenOrganisation(db(), { language: 'en' });
  const queue = (await givenQueue(db(), org)).key;
  const fields = {
    summary: 'The original',
    description: 'To be copied',
    type: 'bug',
    priority: 'blocker',
    assignee: org.admin.login,
    tags: ['a', 'b'],
  };
  const { body } = await as(org.admin)
    .post('/v3/issues', { queue, ...fields })
    .expect(201);
  await as(org.admin).patch(`/v3/issues/${body.key}`, { status: 'closed', resolution: 'fixed' }).expect(200);
  return { org, queue, key: body.key as string };
}

const typesOf = async (user: GivenUser, key: string) =>
  (await as(user).get(`/v3/issues/${key}/changelog`).expect(200)).body.map(({ type }: { type: string }) => type);

test('_clone copies an issue into its queue, with the initial status and without a link', async () => {
  const { org, queue, key } = await givenOriginal();
  const member = await givenUser(db(), org.orgId);

  const { uid } = (await as(member).get('/v3/myself').expect(200)).body;

  const { body, headers } = await as(member).post(`/v3/issues/${key}/_clone`).expect(201);

  const original = (await as(member).get(`/v3/issues/${key}`).expect(200)).body;
  expect(body).toMatchObject({
    key: `${queue}-2`,
    version: 1,
    status: { key: 'open' },
    createdBy: { id: String(uid) },
  });
  for (const field of ['summary', 'description', 'type', 'priority', 'assignee', 'tags', 'queue']) {
    expect([field, body[field]]).toEqual([field, original[field]]);
  }
  expect(body).not.toHaveProperty('resolution');
  expect(headers['location']).toBe(body.self);
  expect(original).toMatchObject({ version: 2, status: { key: 'closed' } });
  expect((await as(member).get(`/v3/issues/${body.key}/links`).expect(200)).body).toEqual([]);
  expect(await typesOf(member, body.key)).toEqual(['IssueCreated', 'IssueCloned']);
  expect((await typesOf(member, key)).at(-1)).toBe('IssueCloned');
});

test('_clone?linkWithOriginal=true links the copy, in another queue, as a clone', async () => {
  const { org, key } = await givenOriginal();
  const other = (await givenQueue(db(), org)).key;

  // The official client sends Python's booleans.
  const url = `/v3/issues/${key}/_clone?queues=${other}&cloneAllFields=False&linkWithOriginal=True`;
  const { body } = await as(org.admin).post(url).expect(201);

  expect(body.key).toBe(`${other}-1`);
  const linksOf = async (issue: string) => (await as(org.admin).get(`/v3/issues/${issue}/links`).expect(200)).body;
  expect(await linksOf(body.key)).toMatchObject([{ type: { id: 'cloners' }, direction: 'outward', object: { key } }]);
  expect(await linksOf(key)).toMatchObject([{ direction: 'inward', object: { key: body.key } }]);
  expect(await typesOf(org.admin, key)).toEqual(expect.arrayContaining(['IssueCloned', 'IssueLinked']));
  expect(await typesOf(org.admin, body.key)).toEqual(['IssueCreated', 'IssueCloned', 'IssueLinked']);
});

test('_clone refuses unknown and hidden issues and queues, and several queues, and writes nothing', async () => {
  const { org, queue, key } = await givenOriginal();
  const insider = await givenUser(db(), org.orgId);
  const hidden = await givenQueue(db(), org, [insider]);
  const secret = await givenIssue(db(), org, hidden.key);
  const member = await givenUser(db(), org.orgId);
  const reader = await givenUser(db(), org.orgId, { role: 'reader' });

  await unchanged(db(), async () => {
    const clone = (user: GivenUser, path: string) => as(user).post(`/v3/issues/${path}`);
    for (const issue of ['NONE-1', secret.key]) {
      expect((await clone(member, `${issue}/_clone`).expect(404)).body.errorMessages).toEqual([texts.issueNotFound.en]);
    }
    for (const name of ['NONE', hidden.key]) {
      const { body } = await clone(member, `${key}/_clone?queues=${name}`).expect(404);
      expect(body.errorMessages).toEqual([texts.queueNotFound.en]);
    }
    await clone(reader, `${key}/_clone`).expect(403);
    const { body } = await clone(member, `${key}/_clone?queues=${queue},${queue}`).expect(400);
    expect(body.errors).toEqual({ queues: texts.cloneQueueSingle.en });
    await clone(member, `${key}/_clone?linkWithOriginal=maybe`).expect(400);
  });
});

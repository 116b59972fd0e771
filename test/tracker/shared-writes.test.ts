import { expect, test } from '@jest/globals';
import { lockOrder } from '../../src/core/topological-order/topological-order.store.ts';
import { useApi } from '../support/api.ts';
import {
  type GivenIssue,
  type GivenUser,
  givenIssue,
  givenLink,
  givenOrganisation,
  givenQueue,
  givenUser,
} from '../support/builders.ts';
import { type Rest, restAs } from '../support/rest.ts';
import { unchanged } from '../support/snapshot.ts';
import { untilWaiting } from '../support/statements.ts';
import { isOnCitus } from '../support/test-database.ts';

// Links that clients create at the same moment are written by one transaction, but each for itself (decision 33). Citus
// writes each in a transaction of its own.

const api = useApi();
const db = () => api().database.db;

async function given(count: number) {
  const org = await givenOrganisation(db());
  const queue = (await givenQueue(db(), org)).key;
  const issues: GivenIssue[] = [];
  for (let index = 0; index < count; index += 1) issues.push(await givenIssue(db(), org, queue));
  const rest = restAs(api(), org.admin);
  // Fills the caches, so that requests that are sent together reach the database together.
  await post(rest, issues[0] as GivenIssue, 'relates', issues[0] as GivenIssue).expect(422);
  return { org, issues: issues as GivenIssue[] & [GivenIssue, GivenIssue, GivenIssue, GivenIssue], rest };
}

const post = (rest: Rest, from: GivenIssue, relationship: string, to: GivenIssue) =>
  rest.post(`/v2/issues/${from.key}/links`, { relationship, issue: to.key });

const statusOf = async (request: PromiseLike<{ status: number }>) => (await request).status;

const sharedStatements = () => db().statistics().sharedWrites.statements;

test('links that are created at the same moment share transactions; each has its own id, author and events', async () => {
  const { org, issues, rest } = await given(25);
  const other = await givenUser(db(), org.orgId);
  const [hub, ...others] = issues;
  const authors = others.map((_issue, place) => (place % 2 === 0 ? org.admin : other));
  const before = sharedStatements();
  const created = await Promise.all(
    others.map((issue, place) => post(restAs(api(), authors[place] as GivenUser), issue, 'relates', hub).expect(201)),
  );
  if (!isOnCitus) expect(sharedStatements() - before).toBeLessThan(created.length);
  const ids = created.map(({ body }) => body.id);
  expect(new Set(ids).size).toBe(created.length);
  for (const [place, issue] of others.entries()) {
    const author = authors[place]?.id;
    const linkId = ids[place];
    expect((await rest.get(`/v2/issues/${issue.key}/links`)).body).toEqual([created[place]?.body]);
    const events = await db().query({
      name: '',
      text: `select issue_id as "issueId", user_id as "userId", changes #> '{links,0,to}' as link from events
        where org_id = $1 and (changes #>> '{links,0,to,link_id}')::bigint = $2
        order by event_id`,
      values: [org.orgId, linkId],
    });
    const link = { link_id: linkId, link_type_id: 'relates' };
    expect(events).toEqual([
      { issueId: hub.id, userId: author, link: { ...link, direction: 'outward', object_id: issue.id } },
      { issueId: issue.id, userId: author, link: { ...link, direction: 'inward', object_id: hub.id } },
    ]);
  }
});

test('a link that breaks a rule is refused for its own reason, and the others are written', async () => {
  const { org, issues, rest } = await given(8);
  const [a, b, c, d, ...rests] = issues;
  const [e, f, g, h] = rests as [GivenIssue, GivenIssue, GivenIssue, GivenIssue];
  await givenLink(db(), org, 'relates', b, a);
  await givenLink(db(), org, 'subtask', c, d);
  await givenLink(db(), org, 'depends', f, e);
  const refused = () => [
    [post(rest, a, 'relates', b), 'already_linked'] as const,
    [post(rest, a, 'relates', a), 'self_link'] as const,
    [post(rest, c, 'is subtask for', e), 'second_parent'] as const,
    [post(rest, f, 'depends on', e), 'already_linked'] as const,
  ];
  const expectRefused = async (requests: ReturnType<typeof refused>) => {
    const responses = await Promise.all(requests.map(([request]) => request));
    expect(responses.map(({ status, body }) => [status, body.errorsData?.code])).toEqual(
      requests.map(([, code]) => [422, code]),
    );
  };
  // The second attempt is alone with refused ones, and so writes nothing.
  const written = [post(rest, g, 'relates', h), post(rest, h, 'depends on', a), post(rest, g, 'is subtask for', b)];
  await Promise.all([expectRefused(refused()), ...written.map((request) => request.expect(201))]);
  await unchanged(db(), () => expectRefused(refused()));
});

test('of several equal links of the moment one is written, and no cycle', async () => {
  const { issues, rest } = await given(4);
  const [a, b, c] = issues;
  const equal = await Promise.all(Array.from({ length: 8 }, () => statusOf(post(rest, a, 'relates', b))));
  expect(equal.toSorted()).toEqual([201, 422, 422, 422, 422, 422, 422, 422]);
  const cycle = [
    [a, 'depends on', c],
    [c, 'depends on', issues[3]],
    [issues[3], 'depends on', a],
  ] as const;
  const statuses = await Promise.all(cycle.map(([from, phrase, to]) => statusOf(post(rest, from, phrase, to))));
  expect(statuses.toSorted()).toEqual([201, 201, 422]);
});

// Citus writes each link in a transaction of its own, which locks first.
(isOnCitus ? test.skip : test).each([
  { oneLinkPerPair: true, phrase: 'depends on' },
  { oneLinkPerPair: false, phrase: 'depends on' },
  { oneLinkPerPair: false, phrase: 'is dependent by' },
])('a link that is there already is refused without waiting for the order: %o', async ({ oneLinkPerPair, phrase }) => {
  const { org, issues, rest } = await given(2);
  const [a, b] = issues;
  await rest.patch('/v3/organization', { oneLinkPerPair }).expect(200);
  await givenLink(db(), org, 'depends', a, b);
  await db().transaction(async (holder) => {
    await lockOrder(holder, org.orgId, 'depends');
    await unchanged(db(), async () => {
      const { body } = await post(rest, b, phrase, a).expect(422);
      expect(body.errorsData).toMatchObject({ code: 'already_linked', link: { object: { key: a.key } } });
    });
  });
});

test('the reverse of a link is a cycle, not a link that is there already, if its type is not antisymmetric', async () => {
  const org = await givenOrganisation(db(), { profile: 'kanboard' });
  const queue = (await givenQueue(db(), org)).key;
  const [a, b] = [await givenIssue(db(), org, queue), await givenIssue(db(), org, queue)];
  const rest = restAs(api(), org.admin);
  await rest.patch('/v3/linktypes/depends', { acyclic: true }).expect(200);
  await givenLink(db(), org, 'depends', a, b);
  await unchanged(db(), async () => {
    const { body } = await post(rest, a, 'depends on', b).expect(422);
    expect(body.errorsData).toMatchObject({ code: 'cycle' });
  });
});

test('a link whose issue is locked waits alone', async () => {
  const { org, issues, rest } = await given(4);
  const [a, b, c, d] = issues;
  let waiting: Promise<number> | undefined;
  await db().transaction(async (holder) => {
    const values = [org.orgId, a.id];
    await holder.query({ name: '', text: 'select from issues where org_id = $1 and issue_id = $2 for update', values });
    waiting = statusOf(post(rest, a, 'relates', b));
    await post(rest, c, 'relates', d).expect(201);
    await untilWaiting(db(), 1);
  });
  expect(await waiting).toBe(201);
});

test('a link that another transaction is about to create delays the others only for a moment', async () => {
  const { org, issues, rest } = await given(4);
  const [a, b, c, d] = issues;
  let waiting: Promise<number> | undefined;
  await db().transaction(async (holder) => {
    await givenLink(holder, org, 'relates', a, b);
    waiting = statusOf(post(rest, b, 'relates', a));
    await post(rest, c, 'relates', d).expect(201);
    await untilWaiting(db(), 1);
  });
  expect(await waiting).toBe(422);
});

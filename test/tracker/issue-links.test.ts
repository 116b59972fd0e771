import { expect, test } from '@jest/globals';
import { texts } from '../../src/texts.ts';
import { useApi } from '../support/api.ts';
import {
  type GivenIssue,
  type GivenOrganisation,
  type GivenUser,
  givenIssue,
  givenLink,
  givenOrganisation,
  givenQueue,
  givenUser,
} from '../support/builders.ts';
import { restAs } from '../support/rest.ts';
import { snapshot } from '../support/snapshot.ts';
import { untilWaiting } from '../support/statements.ts';

const api = useApi();
const db = () => api().database.db;
const as = (user: GivenUser) => restAs(api(), user);

test('POST links returns 201 with the link, its Location and its ETag', async () => {
  const { org, issues } = await givenIssues(2);
  const [a, b] = issues as [GivenIssue, GivenIssue];

  const response = await createLink(org.admin, a, 'is subtask for', b.key).expect(201);

  expect(response.headers['location']).toBe(response.body.self);
  expect(response.headers['etag']).toMatch(/^"1-/);
  const { body, headers } = await as(org.admin).get(new URL(response.body.self).pathname).expect(200);
  expect(body).toEqual(response.body);
  expect(headers['etag']).toBe(response.headers['etag']);
});

test('POST links accepts the other issue as a key, an id or an object with either', async () => {
  const { org, issues } = await givenIssues(6);
  const [a, ...others] = issues as [GivenIssue, ...GivenIssue[]];
  const names = [
    (issue: GivenIssue) => issue.key,
    (issue: GivenIssue) => issue.key.toLowerCase(),
    (issue: GivenIssue) => issue.hexId,
    (issue: GivenIssue) => ({ key: issue.key }),
    (issue: GivenIssue) => ({ id: issue.hexId }),
  ];
  for (const [place, name] of names.entries()) {
    const other = others[place] as GivenIssue;
    const { body } = await createLink(org.admin, a, 'relates', name(other)).expect(201);
    expect(body.object.key).toBe(other.key);
  }
});

test.each([undefined, 'text/plain', 'application/x-www-form-urlencoded', 'application/json; charset=koi8-r'])(
  'POST links reads the body as JSON for any Content-Type (%s)',
  async (type) => {
    const { org, issues } = await givenIssues(2);
    const [a, b] = issues as [GivenIssue, GivenIssue];
    const response = await fetch(`${api().url}/v2/issues/${a.key}/links/`, {
      method: 'POST',
      headers: { ...org.admin.headers, ...(type !== undefined && { 'Content-Type': type }) },
      body: Buffer.from(JSON.stringify({ relationship: 'relates', issue: b.key })),
    });
    expect(response.status).toBe(201);
  },
);

test('DELETE link returns 204 from either end and 404 when repeated', async () => {
  const { org, issues } = await givenIssues(3);
  const [a, b, c] = issues as [GivenIssue, GivenIssue, GivenIssue];
  const { body: first } = await createLink(org.admin, a, 'relates', b.key);
  const { body: second } = await createLink(org.admin, a, 'relates', c.key);
  const remove = (issue: GivenIssue, id: number) => as(org.admin).delete(`/v2/issues/${issue.key}/links/${id}`);

  const removed = await remove(a, first.id).expect(204);
  expect(removed.text).toBe('');
  await remove(c, second.id).expect(204);
  await remove(a, first.id).expect(404);
  await remove(c, second.id).expect(404);
  expect(await listLinks(org.admin, a)).toEqual([]);
});

test('GET, PATCH and DELETE link return 404 for a link of other issues and for an invalid id', async () => {
  const { org, issues } = await givenIssues(3);
  const [a, b, c] = issues as [GivenIssue, GivenIssue, GivenIssue];
  const { body } = await createLink(org.admin, a, 'relates', b.key);
  const before = await snapshot(db());
  for (const id of [body.id, 999_999_999, 'x', '1e3', '-1', '99999999999999999999']) {
    await as(org.admin).get(`/v2/issues/${c.key}/links/${id}`).expect(404);
    await as(org.admin).delete(`/v2/issues/${c.key}/links/${id}`).expect(404);
    await as(org.admin).patch(`/v2/issues/${c.key}/links/${id}`, { relationship: 'duplicates' }).expect(404);
  }
  expect(await snapshot(db())).toEqual(before);
});

test.each(['ru', 'en'] as const)(
  'POST links returns 422 for a pair that is already linked by any type from either end (%s)',
  async (language) => {
    const message = (key: string, otherKey: string) => texts.alreadyLinked(key, otherKey)[language];
    const { org, issues } = await givenIssues(2, language);
    const [a, b] = issues as [GivenIssue, GivenIssue];
    await createLink(org.admin, a, 'relates', b.key).expect(201);

    await expectRejected(createLink(org.admin, a, 'relates', b.key), message(a.key, b.key));
    await expectRejected(createLink(org.admin, b, 'relates', a.key), message(b.key, a.key));
    await expectRejected(createLink(org.admin, b, 'depends on', a.key), message(b.key, a.key));
    await expectRejected(createLink(org.admin, a, 'is epic of', b.key), message(a.key, b.key));
  },
);

test('without oneLinkPerPair a pair can have one link of each type', async () => {
  const { org, issues } = await givenIssues(2);
  const [a, b] = issues as [GivenIssue, GivenIssue];
  await updateOrganisation(org.admin, { oneLinkPerPair: false }).expect(200);
  await createLink(org.admin, a, 'relates', b.key).expect(201);
  await createLink(org.admin, a, 'depends on', b.key).expect(201);

  await expectRejected(createLink(org.admin, b, 'relates', a.key), texts.alreadyLinked(b.key, a.key).ru);
  await expectRejected(createLink(org.admin, b, 'depends on', a.key), texts.alreadyLinked(b.key, a.key).ru);
  expect(await listLinks(org.admin, a)).toHaveLength(2);
});

test('POST links returns 422 for a link of an issue to itself', async () => {
  const { org, issues } = await givenIssues(1);
  const [a] = issues as [GivenIssue];
  await expectRejected(createLink(org.admin, a, 'relates', a.hexId), texts.selfLink(a.key).ru);
  await expectRejected(createLink(org.admin, a, 'depends on', a.key), texts.selfLink(a.key).ru);
});

test('POST links returns 422 for a second parent or epic', async () => {
  const { org, issues } = await givenIssues(3);
  const [a, b, c] = issues as [GivenIssue, GivenIssue, GivenIssue];
  await createLink(org.admin, a, 'is subtask for', b.key).expect(201);
  await expectRejected(createLink(org.admin, a, 'is subtask for', c.key), texts.secondSingle('subtask', a.key).ru);
  await expectRejected(createLink(org.admin, c, 'is parent task for', a.key), texts.secondSingle('subtask', a.key).ru);
  await createLink(org.admin, b, 'has epic', c.key).expect(201);
  await expectRejected(createLink(org.admin, a, 'is epic of', b.key), texts.alreadyLinked(a.key, b.key).ru);
});

test.each([
  ['is subtask for', 'subtask'],
  ['depends on', 'depends'],
  ['has epic', 'epic'],
])('POST links returns 422 for a cycle of "%s" and lists its keys', async (relationship, type) => {
  const { org, issues } = await givenIssues(4);
  const [a, b, c, d] = issues as [GivenIssue, GivenIssue, GivenIssue, GivenIssue];
  await createLink(org.admin, a, relationship, b.key).expect(201);
  await createLink(org.admin, b, relationship, c.key).expect(201);
  await createLink(org.admin, c, relationship, d.key).expect(201);

  const { body } = await expectRejected(createLink(org.admin, d, relationship, a.key));

  expect(body.errorMessages[0]).toContain(type);
  for (const { key } of issues) expect(body.errorMessages[0]).toContain(key);
  // Two paths with the same ends are not a cycle.
  if (type === 'depends') await createLink(org.admin, a, relationship, d.key).expect(201);
});

test('the keys of a cycle omit issues that the caller cannot see', async () => {
  const org = await givenOrganisation(db());
  const insider = await givenUser(db(), org.orgId);
  const [open, closed] = [(await givenQueue(db(), org)).key, (await givenQueue(db(), org, [insider])).key];
  const [a, b] = [await givenIssue(db(), org, open), await givenIssue(db(), org, open)];
  const secret = await givenIssue(db(), org, closed);
  await createLink(insider, a, 'depends on', secret.key).expect(201);
  await createLink(insider, secret, 'depends on', b.key).expect(201);

  const { body, text } = await expectRejected(createLink(org.admin, b, 'depends on', a.key));

  expect(text).not.toContain(secret.key);
  expect(body.errorMessages[0]).toContain('…');
});

test('existing cycles do not affect new links', async () => {
  const { org, issues } = await givenIssues(4);
  const [a, b, c, d] = issues as [GivenIssue, GivenIssue, GivenIssue, GivenIssue];
  await givenLink(db(), org, 'depends', a, b);
  await givenLink(db(), org, 'depends', b, c);
  await givenLink(db(), org, 'depends', c, a);
  await createLink(org.admin, d, 'depends on', a.key).expect(201);
});

test.each([
  [{}, { relationship: texts.fieldRequired.ru, issue: texts.fieldRequired.ru }],
  [{ relationship: 'relates' }, { issue: texts.fieldRequired.ru }],
  [{ relationship: 'relates', issue: null }, { issue: texts.fieldRequired.ru }],
])('POST links returns 422 for a missing field and names it: %j', async (body, errors) => {
  const { org, issues } = await givenIssues(1);
  const [a] = issues as [GivenIssue];
  const response = await expectRejected(as(org.admin).post(`/v2/issues/${a.key}/links`, body));
  expect(response.body.errors).toEqual(errors);
});

test.each([
  '{"relationship":"relates",',
  '"text"',
  '[]',
  '{"relationship":7,"issue":"A-1"}',
  '{"relationship":"relates","issue":["A-1"]}',
  '{"relationship":"relates","issue":"A\\u0000-1"}',
  '\xff\xfe',
])('POST links returns 400 for an invalid body (%s)', async (text) => {
  const { org, issues } = await givenIssues(1);
  const [a] = issues as [GivenIssue];
  const before = await snapshot(db());
  const response = await as(org.admin).post(`/v2/issues/${a.key}/links`).send(text);
  expect(response.status).toBe(400);
  expect(await snapshot(db())).toEqual(before);
});

test('a body over 1 MiB returns 413', async () => {
  const { org, issues } = await givenIssues(1);
  const [a] = issues as [GivenIssue];
  const huge = JSON.stringify({ relationship: 'x'.repeat(1_100_000), issue: a.key });
  for (const path of [
    `/v2/issues/${a.key}/links`,
    `/v2/issues/${a.key}/links/_list`,
    `/v2/issues/${a.key}/links/_import`,
  ]) {
    await as(org.admin).post(path).send(huge).expect(413);
  }
  await as(org.admin).patch(`/v2/issues/${a.key}/links/1`).send(huge).expect(413);
});

test('POST links returns 404 for a missing or hidden issue at either end', async () => {
  const org = await givenOrganisation(db());
  const [insider, outsider] = [await givenUser(db(), org.orgId), await givenUser(db(), org.orgId)];
  const open = await givenIssue(db(), org, (await givenQueue(db(), org)).key);
  const closed = await givenIssue(db(), org, (await givenQueue(db(), org, [insider])).key);
  const before = await snapshot(db());
  for (const other of ['NONE-1', 'not a key', closed.key, closed.hexId]) {
    await createLink(outsider, open, 'relates', other).expect(404);
    await as(outsider).post(`/v2/issues/${other}/links`, { relationship: 'relates', issue: open.key }).expect(404);
  }
  expect(await snapshot(db())).toEqual(before);
  await createLink(insider, open, 'relates', closed.key).expect(201);
});

test('readers of the organisation and viewers of a queue cannot write links', async () => {
  const org = await givenOrganisation(db());
  const reader = await givenUser(db(), org.orgId, { role: 'reader' });
  const viewer = await givenUser(db(), org.orgId);
  const { key: open } = await givenQueue(db(), org);
  const { key: closed } = await givenQueue(db(), org, [viewer]);
  await db().query({
    name: '',
    text: `update queue_members set role = 'viewer' where user_id = $1`,
    values: [viewer.id],
  });
  const [a, b] = [await givenIssue(db(), org, open), await givenIssue(db(), org, open)];
  const secret = await givenIssue(db(), org, closed);
  const id = await givenLink(db(), org, 'relates', a, b);
  const before = await snapshot(db());

  await createLink(reader, a, 'relates', b.key).expect(403);
  await as(reader).delete(`/v2/issues/${a.key}/links/${id}`).expect(403);
  await updateLink(reader, a, id, { relationship: 'duplicates' }).expect(403);
  await createLink(viewer, secret, 'relates', a.key).expect(403);
  expect(await snapshot(db())).toEqual(before);
  await createLink(viewer, a, 'depends on', secret.key).expect(201);
});

test('a token without the scope write can only read links', async () => {
  const org = await givenOrganisation(db());
  const user = await givenUser(db(), org.orgId, { scopes: ['read'] });
  const { key: queue } = await givenQueue(db(), org);
  const [a, b] = [await givenIssue(db(), org, queue), await givenIssue(db(), org, queue)];
  const before = await snapshot(db());
  await as(user).get(`/v2/issues/${a.key}/links`).expect(200);
  await as(user).post(`/v2/issues/${a.key}/links/_list`).expect(200);
  await createLink(user, a, 'relates', b.key).expect(403);
  expect(await snapshot(db())).toEqual(before);
});

test('PATCH link changes the relationship and keeps the id', async () => {
  const { org, issues } = await givenIssues(2);
  const [a, b] = issues as [GivenIssue, GivenIssue];
  const { body: created } = await createLink(org.admin, a, 'is subtask for', b.key);

  const response = await updateLink(org.admin, a, created.id, { relationship: 'depends on' }).expect(200);

  expect(response.body).toMatchObject({ id: created.id, type: { id: 'depends' }, direction: 'outward' });
  const { headers } = await as(org.admin).get(new URL(response.body.self).pathname).expect(200);
  expect(headers['etag']).toMatch(/^"2-/);
  expect(response.headers['etag']).toBe(headers['etag']);
  expect(await listLinks(org.admin, b)).toMatchObject([
    { id: created.id, type: { id: 'depends' }, direction: 'inward' },
  ]);
});

test('PATCH link replaces the other issue from either end', async () => {
  const { org, issues } = await givenIssues(4);
  const [a, b, c, d] = issues as [GivenIssue, GivenIssue, GivenIssue, GivenIssue];
  const { body: created } = await createLink(org.admin, a, 'is parent task for', b.key);

  await updateLink(org.admin, a, created.id, { issue: { key: c.key } }).expect(200);
  expect(await listLinks(org.admin, b)).toEqual([]);
  expect(await listLinks(org.admin, c)).toMatchObject([
    { id: created.id, direction: 'inward', object: { key: a.key } },
  ]);

  await updateLink(org.admin, c, created.id, { issue: d.key, relationship: 'relates' }).expect(200);
  expect(await listLinks(org.admin, a)).toEqual([]);
  expect(await listLinks(org.admin, d)).toMatchObject([
    { id: created.id, type: { id: 'relates' }, object: { key: c.key } },
  ]);
});

test.each(['ru', 'en'] as const)('POST, PATCH and _import return the link as GET does (%s)', async (language) => {
  const { org, issues } = await givenIssues(2, language);
  const [a, b] = issues as [GivenIssue, GivenIssue];
  const [author, assignee] = [await givenUser(db(), org.orgId), await givenUser(db(), org.orgId, { display: 'Анна' })];
  const { key: queue } = await givenQueue(db(), org);
  const assigned = await givenIssue(db(), org, queue, { assignee });
  const expectAsRead = async ({ body }: { body: { id: number } }) => {
    expect(body).toEqual((await as(org.admin).get(`/v2/issues/${a.key}/links/${body.id}`).expect(200)).body);
  };

  const created = await createLink(org.admin, a, 'depends on', b.key).expect(201);
  await expectAsRead(created);
  const { id } = created.body;
  await expectAsRead(await updateLink(author, a, id, { issue: assigned.key }).expect(200));
  await expectAsRead(await updateLink(org.admin, a, id, { issue: assigned.key }).expect(200));
  await expectAsRead(await updateLink(org.admin, a, id, { relationship: 'relates' }).expect(200));
  await expectAsRead(
    await importLink(org.admin, a, {
      relationship: 'clone',
      issue: b.key,
      createdAt: '2019-03-04T05:06:07.008+0300',
      createdBy: author.login,
    }).expect(200),
  );
});

test('PATCH link with unchanged values writes nothing', async () => {
  const { org, issues } = await givenIssues(2);
  const [a, b] = issues as [GivenIssue, GivenIssue];
  const { body: created } = await createLink(org.admin, a, 'relates', b.key);
  const before = await snapshot(db());
  await updateLink(org.admin, b, created.id, { relationship: 'relates', issue: a.key }).expect(200);
  expect(await snapshot(db())).toEqual(before);
});

test('PATCH link with the relationship that a symmetric link has keeps its direction', async () => {
  const { org, issues } = await givenIssues(3);
  const [a, b, c] = issues as [GivenIssue, GivenIssue, GivenIssue];
  const { body: created } = await createLink(org.admin, a, 'relates', b.key);
  const change = { relationship: 'relates', issue: c.key };
  const { body } = await updateLink(org.admin, b, created.id, change).expect(200);
  expect([created.direction, body.direction, body.object.key]).toEqual(['inward', 'outward', c.key]);
});

test('PATCH link accepts a link as it was read, also a clone, and changes nothing but what differs', async () => {
  const { org, issues } = await givenIssues(3);
  const [a, b, c] = issues as [GivenIssue, GivenIssue, GivenIssue];
  const clone = { relationship: 'clone', createdAt: '2019-03-04T05:06:07Z', createdBy: org.admin.login };
  await importLink(org.admin, a, { ...clone, issue: b.key }).expect(200);
  await createLink(org.admin, a, 'is subtask for', c.key).expect(201);
  const links = (await listLinks(org.admin, a)) as { id: number; relationship: string }[];
  const [cloned] = await listLinks(org.admin, b);

  const before = await snapshot(db());
  for (const link of links) {
    expect((await updateLink(org.admin, a, link.id, link).expect(200)).body).toEqual(link);
  }
  // The other end of the clone, which cannot be created either.
  await updateLink(org.admin, a, cloned.id, { relationship: cloned.relationship }).expect(400);
  expect(await snapshot(db())).toEqual(before);
  const subtask = links[1] as { id: number };
  const { body } = await updateLink(org.admin, a, subtask.id, {
    ...subtask,
    relationship: 'is parent task for',
  }).expect(200);
  expect(body).toMatchObject({ id: subtask.id, direction: 'outward', relationship: 'is parent task for' });
});

test.each(['abc', '1e3', '0x1', '0', '-1', '1.0', '99999999999999999'])(
  'a link id that no link can have (%s) is not found, and nothing is written',
  async (linkId) => {
    const { org, issues } = await givenIssues(2);
    const [a, b] = issues as [GivenIssue, GivenIssue];
    await createLink(org.admin, a, 'relates', b.key).expect(201);
    const before = await snapshot(db());
    const path = `/v2/issues/${a.key}/links/${linkId}`;
    await as(org.admin).get(path).expect(404);
    await as(org.admin).patch(path, { relationship: 'duplicates' }).expect(404);
    await as(org.admin).delete(path).expect(404);
    expect(await snapshot(db())).toEqual(before);
  },
);

test('PATCH link enforces the rules', async () => {
  const { org, issues } = await givenIssues(4);
  const [a, b, c, d] = issues as [GivenIssue, GivenIssue, GivenIssue, GivenIssue];
  await createLink(org.admin, a, 'depends on', b.key).expect(201);
  await createLink(org.admin, c, 'is subtask for', d.key).expect(201);
  const { body: bc } = await createLink(org.admin, b, 'depends on', c.key);
  const { body: ac } = await createLink(org.admin, a, 'relates', c.key);

  await expectRejected(updateLink(org.admin, c, ac.id, { relationship: 'depends on' }));
  await expectRejected(updateLink(org.admin, b, bc.id, { issue: a.key }), texts.alreadyLinked(b.key, a.key).ru);
  await expectRejected(updateLink(org.admin, b, bc.id, { issue: b.key }), texts.selfLink(b.key).ru);
  await expectRejected(updateLink(org.admin, c, ac.id, { relationship: 'is subtask for' }));
  expect((await updateLink(org.admin, c, ac.id, { relationship: 'no such' })).status).toBe(400);
  expect((await updateLink(org.admin, c, ac.id, {})).status).toBe(400);
  expect((await updateLink(org.admin, c, ac.id, { issue: 'NONE-1' })).status).toBe(404);
});

test('PATCH and DELETE link wait for a concurrent change and use its result', async () => {
  const { org, issues } = await givenIssues(3);
  const [a, b, c] = issues as [GivenIssue, GivenIssue, GivenIssue];
  const { body: patched } = await createLink(org.admin, a, 'relates', b.key);
  const { body: removed } = await createLink(org.admin, a, 'relates', c.key);
  const statuses = await db().transaction(async (other) => {
    // Both links leave A while A's requests wait for their rows.
    for (const [id, end] of [
      [patched.id, b.id],
      [removed.id, c.id],
    ]) {
      await other.query({
        name: '',
        text: `update links set inward_issue_id = $3, outward_issue_id = $4 where org_id = $1 and link_id = $2`,
        values: [org.orgId, id, end, (await givenOther(org)).id],
      });
    }
    const waiting = [
      updateLink(org.admin, a, patched.id, { relationship: 'duplicates' }).then(({ status }) => status),
      as(org.admin)
        .delete(`/v2/issues/${a.key}/links/${removed.id}`)
        .then(({ status }) => status),
    ];
    await untilWaiting(db(), 2);
    return waiting;
  });
  expect(await Promise.all(statuses)).toEqual([404, 404]);
  const { body: left } = await as(org.admin).get(`/v2/issues/${b.key}/links`);
  expect(left).toMatchObject([{ id: patched.id, type: { id: 'relates' } }]);
});

test('PATCH link with If-Match changes only that version', async () => {
  const { org, issues } = await givenIssues(2);
  const [a, b] = issues as [GivenIssue, GivenIssue];
  const { body: created } = await createLink(org.admin, a, 'relates', b.key);
  const patch = (version: string, relationship: string) =>
    updateLink(org.admin, a, created.id, { relationship }).set('If-Match', version);

  await patch('"1"', 'duplicates').expect(200);
  const before = await snapshot(db());
  await patch('"1"', 'depends on').expect(412);
  await patch('abc', 'depends on').expect(400);
  expect(await snapshot(db())).toEqual(before);
  await patch('"2"', 'depends on').expect(200);
  await patch('*', 'relates').expect(200);
});

test('_import keeps the given authors and times', async () => {
  const { org, issues } = await givenIssues(2);
  const [a, b] = issues as [GivenIssue, GivenIssue];
  const [author, editor] = [await givenUser(db(), org.orgId), await givenUser(db(), org.orgId)];
  const { body: link } = await importLink(org.admin, a, {
    relationship: 'clone',
    issue: b.key,
    createdAt: '2019-03-04T05:06:07.008+0300',
    createdBy: author.login,
    updatedAt: '2019-03-05T05:06:07Z',
    updatedBy: editor.login,
  }).expect(200);

  expect(link).toMatchObject({
    createdAt: '2019-03-04T02:06:07.008+0000',
    updatedAt: '2019-03-05T05:06:07.000+0000',
    createdBy: { display: author.login },
    updatedBy: { display: editor.login },
  });
  const byUid = { relationship: 'clone', createdAt: '2019-03-04T05:06:07+03', createdBy: Number(link.createdBy.id) };
  await expectRejected(importLink(org.admin, a, { ...byUid, issue: b.key }), texts.alreadyLinked(a.key, b.key).ru);
});

test.each([
  [{ createdBy: 'nobody' }, 422, 'createdBy'],
  [{ createdBy: 42 }, 422, 'createdBy'],
  [{ createdAt: undefined }, 422, 'createdAt'],
  [{ createdAt: 'yesterday' }, 400, 'createdAt'],
  [{ createdAt: '2017-02-30T00:00:00.000+0000' }, 400, 'createdAt'],
  [{ createdAt: '0001-01-01T00:00:00.000+0300' }, 400, 'createdAt'],
  [{ createdAt: '2999-01-01T00:00:00.000+0000' }, 422, 'createdAt'],
  [{ updatedAt: '2020-01-01T00:00:00.000+0000' }, 422, 'updatedBy'],
  [{ updatedBy: 'nobody' }, 422, 'updatedAt'],
  [{ updatedAt: '2000-01-01T00:00:00.000+0000', updatedBy: 'x' }, 422, 'updatedAt'],
  [{ updatedAt: '2999-01-01T00:00:00.000+0000', updatedBy: 'x' }, 422, 'updatedAt'],
])('_import rejects an invalid field and names it: %j', async (invalid, status, field) => {
  const { org, issues } = await givenIssues(2);
  const [a, b] = issues as [GivenIssue, GivenIssue];
  const before = await snapshot(db());
  const { body } = await importLink(org.admin, a, {
    relationship: 'relates',
    issue: b.key,
    createdAt: '2019-03-04T05:06:07.008+0000',
    createdBy: org.admin.login,
    ...invalid,
  }).expect(status);
  expect(Object.keys(body.errors)).toEqual([field]);
  expect(await snapshot(db())).toEqual(before);
});

test('_import needs the right to edit the issue, and returns 404 for a missing one', async () => {
  const { org, issues } = await givenIssues(2);
  const [a, b] = issues as [GivenIssue, GivenIssue];
  const [member, reader] = [await givenUser(db(), org.orgId), await givenUser(db(), org.orgId, { role: 'reader' })];
  const link = { relationship: 'relates', issue: b.key, createdAt: '2019-03-04T05:06:07Z', createdBy: member.login };
  const before = await snapshot(db());
  await importLink(reader, a, link).expect(403);
  await importLink(member, a, { ...link, issue: 'NONE-1' }).expect(404);
  expect(await snapshot(db())).toEqual(before);
  await importLink(member, a, link).expect(200);
});

test('_list pages the links and returns the total count', async () => {
  const { org, issues } = await givenIssues(6);
  const [a, ...others] = issues as [GivenIssue, ...GivenIssue[]];
  for (const other of others) await createLink(org.admin, a, 'relates', other.key).expect(201);
  const all = await listLinks(org.admin, a);
  const page = (query: string) => postList(org.admin, a, query);

  const second = await page('?perPage=2&page=2').expect(200);
  expect(second.body).toEqual({ links: all.slice(2, 4) });
  expect(second.headers).toMatchObject({ 'x-total-count': '5', 'x-total-pages': '3' });
  const url = `${api().url}/v2/issues/${a.key}/links/_list?perPage=2&page=`;
  expect(second.headers['link']).toBe(
    `<${url}1>; rel="first", <${url}1>; rel="prev", <${url}3>; rel="next", <${url}3>; rel="last"`,
  );
  const beyond = await page('?perPage=2&page=9').expect(200);
  expect(beyond.body).toEqual({ links: [] });
  expect(beyond.headers['x-total-count']).toBe('5');
  expect((await page('').expect(200)).body.links).toEqual(all);
  for (const invalid of ['?perPage=0', '?page=1e999', '?page=0', '?perPage=x', '?perPage=1001'])
    await page(invalid).expect(400);
  await as(org.admin).post('/v2/issues/NONE-1/links/_list').expect(404);
});

test('_list filters by relationship and returns the requested fields', async () => {
  const { org, issues } = await givenIssues(4);
  const [a, b, c, d] = issues as [GivenIssue, GivenIssue, GivenIssue, GivenIssue];
  await createLink(org.admin, a, 'is parent task for', b.key);
  await createLink(org.admin, c, 'relates', a.key);
  await createLink(org.admin, a, 'is subtask for', d.key);
  const found = async (body: object) => (await postList(org.admin, a, '').send(body).expect(200)).body.links;

  const keys = async (linkTypes: string[]) =>
    (await found({ linkTypes })).map((link: { object: { key: string } }) => link.object.key);
  expect(await keys(['is parent task for'])).toEqual([b.key]);
  expect(await keys(['IS-SUBTASK-FOR', 'relates'])).toEqual([c.key, d.key]);
  expect(await keys([])).toEqual([]);
  const [link] = await found({ fields: 'id, direction' });
  expect(Object.keys(link)).toEqual(['id', 'direction']);
  expect(Object.keys((await found({ fields: ['object'] }))[0])).toEqual(['object']);
  await postList(org.admin, a, '')
    .send({ linkTypes: ['subtask'] })
    .expect(400);
});

test('writing a link changes neither the version nor the times of its issues', async () => {
  const { org, issues } = await givenIssues(2);
  const [a, b] = issues as [GivenIssue, GivenIssue];
  const before = (await snapshot(db()))['issues'];
  const { body } = await createLink(org.admin, a, 'relates', b.key);
  await updateLink(org.admin, a, body.id, { relationship: 'duplicates' }).expect(200);
  await as(org.admin).delete(`/v2/issues/${a.key}/links/${body.id}`).expect(204);
  expect((await snapshot(db()))['issues']).toEqual(before);
});

async function givenIssues(
  count: number,
  language: 'ru' | 'en' = 'ru',
): Promise<{ org: GivenOrganisation; issues: GivenIssue[] }> {
  const org = await givenOrganisation(db(), { language });
  const { key: queue } = await givenQueue(db(), org);
  const issues: GivenIssue[] = [];
  for (let created = 0; created < count; created += 1) issues.push(await givenIssue(db(), org, queue));
  return { org, issues };
}

async function givenOther(org: GivenOrganisation): Promise<GivenIssue> {
  return givenIssue(db(), org, (await givenQueue(db(), org)).key);
}

function createLink(user: GivenUser, issue: GivenIssue, relationship: string, other: string | object) {
  return as(user).post(`/v2/issues/${issue.key}/links`, { relationship, issue: other });
}

function updateLink(user: GivenUser, issue: GivenIssue, id: number, body: object) {
  return as(user).patch(`/v2/issues/${issue.key}/links/${id}`, body);
}

function importLink(user: GivenUser, issue: GivenIssue, body: object) {
  return as(user).post(`/v2/issues/${issue.key}/links/_import`, body);
}

function postList(user: GivenUser, issue: GivenIssue, query: string) {
  return as(user).post(`/v2/issues/${issue.key}/links/_list${query}`);
}

function updateOrganisation(user: GivenUser, body: object) {
  return as(user).patch('/v3/organization', body);
}

async function listLinks(user: GivenUser, issue: GivenIssue) {
  const { body } = await as(user).get(`/v2/issues/${issue.key}/links`).expect(200);
  return body;
}

/** Expects 422, the message if one is given, and that nothing was written. */
async function expectRejected(request: ReturnType<typeof createLink>, message?: string) {
  const before = await snapshot(db());
  const response = await request;
  expect(response.status).toBe(422);
  if (message !== undefined) expect(response.body.errorMessages).toEqual([message]);
  expect(await snapshot(db())).toEqual(before);
  return response;
}

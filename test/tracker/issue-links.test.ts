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
import { snapshot } from '../support/snapshot.ts';
import { untilWaiting } from '../support/statements.ts';

const api = useApi();
const db = () => api().database.db;

test('POST links answers 201 with the link, its URL and its version', async () => {
  const { org, issues } = await givenIssues(2);
  const [a, b] = issues as [GivenIssue, GivenIssue];

  const response = await post(org.admin, a, 'is subtask for', b.key).expect(201);

  expect(response.headers['location']).toBe(response.body.self);
  expect(response.headers['etag']).toBe('"1"');
  const { body } = await api().request.get(new URL(response.body.self).pathname).set(org.admin.headers).expect(200);
  expect(body).toEqual(response.body);
});

test('the other issue can be named by key, by id, and by an object with either', async () => {
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
    const { body } = await post(org.admin, a, 'relates', name(other)).expect(201);
    expect(body.object.key).toBe(other.key);
  }
});

test.each([undefined, 'text/plain', 'application/x-www-form-urlencoded', 'application/json; charset=koi8-r'])(
  'a body is JSON, whatever its Content-Type says (%s)',
  async (type) => {
    const { org, issues } = await givenIssues(2);
    const [a, b] = issues as [GivenIssue, GivenIssue];
    const answer = await fetch(`${api().url}/v2/issues/${a.key}/links/`, {
      method: 'POST',
      headers: { ...org.admin.headers, ...(type !== undefined && { 'Content-Type': type }) },
      body: Buffer.from(JSON.stringify({ relationship: 'relates', issue: b.key })),
    });
    expect(answer.status).toBe(201);
  },
);

test('a link is removed from either end with 204, and is not found a second time', async () => {
  const { org, issues } = await givenIssues(3);
  const [a, b, c] = issues as [GivenIssue, GivenIssue, GivenIssue];
  const { body: first } = await post(org.admin, a, 'relates', b.key);
  const { body: second } = await post(org.admin, a, 'relates', c.key);
  const remove = (issue: GivenIssue, id: number) =>
    api().request.delete(`/v2/issues/${issue.key}/links/${id}`).set(org.admin.headers);

  const removed = await remove(a, first.id).expect(204);
  expect(removed.text).toBe('');
  await remove(c, second.id).expect(204);
  await remove(a, first.id).expect(404);
  await remove(c, second.id).expect(404);
  expect(await links(org.admin, a)).toEqual([]);
});

test('a link of other issues, and what can be no link id, is not found', async () => {
  const { org, issues } = await givenIssues(3);
  const [a, b, c] = issues as [GivenIssue, GivenIssue, GivenIssue];
  const { body } = await post(org.admin, a, 'relates', b.key);
  const before = await snapshot(db());
  for (const id of [body.id, 999_999_999, 'x', '1e3', '-1', '99999999999999999999']) {
    await api().request.get(`/v2/issues/${c.key}/links/${id}`).set(org.admin.headers).expect(404);
    await api().request.delete(`/v2/issues/${c.key}/links/${id}`).set(org.admin.headers).expect(404);
    await api()
      .request.patch(`/v2/issues/${c.key}/links/${id}`)
      .set(org.admin.headers)
      .send({ relationship: 'duplicates' })
      .expect(404);
  }
  expect(await snapshot(db())).toEqual(before);
});

test.each(['ru', 'en'] as const)(
  'a pair that is linked already, whatever the type and the end, is 422 (%s)',
  async (language) => {
    const text = (key: string, otherKey: string) => texts.alreadyLinked(key, otherKey)[language];
    const { org, issues } = await givenIssues(2, language);
    const [a, b] = issues as [GivenIssue, GivenIssue];
    await post(org.admin, a, 'relates', b.key).expect(201);

    await refused(post(org.admin, a, 'relates', b.key), text(a.key, b.key));
    await refused(post(org.admin, b, 'relates', a.key), text(b.key, a.key));
    await refused(post(org.admin, b, 'depends on', a.key), text(b.key, a.key));
    await refused(post(org.admin, a, 'is epic of', b.key), text(a.key, b.key));
  },
);

test('without the rule of one link a pair, a pair holds one link of each type', async () => {
  const { org, issues } = await givenIssues(2);
  const [a, b] = issues as [GivenIssue, GivenIssue];
  await settings(org.admin, { oneLinkPerPair: false }).expect(200);
  await post(org.admin, a, 'relates', b.key).expect(201);
  await post(org.admin, a, 'depends on', b.key).expect(201);

  await refused(post(org.admin, b, 'relates', a.key), texts.alreadyLinked(b.key, a.key).ru);
  await refused(post(org.admin, b, 'depends on', a.key), texts.alreadyLinked(b.key, a.key).ru);
  expect(await links(org.admin, a)).toHaveLength(2);
});

test('an issue is not linked to itself', async () => {
  const { org, issues } = await givenIssues(1);
  const [a] = issues as [GivenIssue];
  await refused(post(org.admin, a, 'relates', a.hexId), texts.selfLink(a.key).ru);
  await refused(post(org.admin, a, 'depends on', a.key), texts.selfLink(a.key).ru);
});

test('an issue has one parent and one epic', async () => {
  const { org, issues } = await givenIssues(3);
  const [a, b, c] = issues as [GivenIssue, GivenIssue, GivenIssue];
  await post(org.admin, a, 'is subtask for', b.key).expect(201);
  await refused(post(org.admin, a, 'is subtask for', c.key), texts.secondSingle('subtask', a.key).ru);
  await refused(post(org.admin, c, 'is parent task for', a.key), texts.secondSingle('subtask', a.key).ru);
  await post(org.admin, b, 'has epic', c.key).expect(201);
  await refused(post(org.admin, a, 'is epic of', b.key), texts.alreadyLinked(a.key, b.key).ru);
});

test.each([
  ['is subtask for', 'subtask'],
  ['depends on', 'depends'],
  ['has epic', 'epic'],
])('a cycle of "%s" is refused with the keys along it', async (relationship, type) => {
  const { org, issues } = await givenIssues(4);
  const [a, b, c, d] = issues as [GivenIssue, GivenIssue, GivenIssue, GivenIssue];
  await post(org.admin, a, relationship, b.key).expect(201);
  await post(org.admin, b, relationship, c.key).expect(201);
  await post(org.admin, c, relationship, d.key).expect(201);

  const { body } = await refused(post(org.admin, d, relationship, a.key));

  expect(body.errorMessages[0]).toContain(type);
  for (const { key } of issues) expect(body.errorMessages[0]).toContain(key);
  // A way that only meets again is no cycle.
  if (type === 'depends') await post(org.admin, a, relationship, d.key).expect(201);
});

test('the keys along a cycle do not name issues that the user may not see', async () => {
  const org = await givenOrganisation(db());
  const insider = await givenUser(db(), org.orgId);
  const [open, closed] = [await givenQueue(db(), org), await givenQueue(db(), org, [insider])];
  const [a, b] = [await givenIssue(db(), org, open), await givenIssue(db(), org, open)];
  const secret = await givenIssue(db(), org, closed);
  await post(insider, a, 'depends on', secret.key).expect(201);
  await post(insider, secret, 'depends on', b.key).expect(201);

  const { body, text } = await refused(post(org.admin, b, 'depends on', a.key));

  expect(text).not.toContain(secret.key);
  expect(body.errorMessages[0]).toContain('…');
});

test('cycles that an import left do no harm to others', async () => {
  const { org, issues } = await givenIssues(4);
  const [a, b, c, d] = issues as [GivenIssue, GivenIssue, GivenIssue, GivenIssue];
  await givenLink(db(), org, 'depends', a, b);
  await givenLink(db(), org, 'depends', b, c);
  await givenLink(db(), org, 'depends', c, a);
  await post(org.admin, d, 'depends on', a.key).expect(201);
});

test.each([
  [{}, { relationship: texts.fieldRequired.ru, issue: texts.fieldRequired.ru }],
  [{ relationship: 'relates' }, { issue: texts.fieldRequired.ru }],
  [{ relationship: 'relates', issue: null }, { issue: texts.fieldRequired.ru }],
])('a missing field is 422 under its name: %j', async (body, errors) => {
  const { org, issues } = await givenIssues(1);
  const [a] = issues as [GivenIssue];
  const response = await refused(api().request.post(`/v2/issues/${a.key}/links`).set(org.admin.headers).send(body));
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
])('a body that cannot be (%s) is 400', async (text) => {
  const { org, issues } = await givenIssues(1);
  const [a] = issues as [GivenIssue];
  const before = await snapshot(db());
  const response = await api().request.post(`/v2/issues/${a.key}/links`).set(org.admin.headers).send(text);
  expect(response.status).toBe(400);
  expect(await snapshot(db())).toEqual(before);
});

test('a body of more than a mebibyte is 413', async () => {
  const { org, issues } = await givenIssues(1);
  const [a] = issues as [GivenIssue];
  const huge = JSON.stringify({ relationship: 'x'.repeat(1_100_000), issue: a.key });
  for (const path of [
    `/v2/issues/${a.key}/links`,
    `/v2/issues/${a.key}/links/_list`,
    `/v2/issues/${a.key}/links/_import`,
  ]) {
    await api().request.post(path).set(org.admin.headers).send(huge).expect(413);
  }
  await api().request.patch(`/v2/issues/${a.key}/links/1`).set(org.admin.headers).send(huge).expect(413);
});

test('an issue that is not there, or is closed to the user, is 404 at either end', async () => {
  const org = await givenOrganisation(db());
  const [insider, outsider] = [await givenUser(db(), org.orgId), await givenUser(db(), org.orgId)];
  const open = await givenIssue(db(), org, await givenQueue(db(), org));
  const closed = await givenIssue(db(), org, await givenQueue(db(), org, [insider]));
  const before = await snapshot(db());
  for (const other of ['NONE-1', 'not a key', closed.key, closed.hexId]) {
    await post(outsider, open, 'relates', other).expect(404);
    await api()
      .request.post(`/v2/issues/${other}/links`)
      .set(outsider.headers)
      .send({ relationship: 'relates', issue: open.key })
      .expect(404);
  }
  expect(await snapshot(db())).toEqual(before);
  await post(insider, open, 'relates', closed.key).expect(201);
});

test('readers of the organisation and viewers of a queue may not write', async () => {
  const org = await givenOrganisation(db());
  const reader = await givenUser(db(), org.orgId, { role: 'reader' });
  const viewer = await givenUser(db(), org.orgId);
  const open = await givenQueue(db(), org);
  const closed = await givenQueue(db(), org, [viewer]);
  await db().query({
    name: '',
    text: `update queue_members set role = 'viewer' where user_id = $1`,
    values: [viewer.id],
  });
  const [a, b] = [await givenIssue(db(), org, open), await givenIssue(db(), org, open)];
  const secret = await givenIssue(db(), org, closed);
  const id = await givenLink(db(), org, 'relates', a, b);
  const before = await snapshot(db());

  await post(reader, a, 'relates', b.key).expect(403);
  await api().request.delete(`/v2/issues/${a.key}/links/${id}`).set(reader.headers).expect(403);
  await change(reader, a, id, { relationship: 'duplicates' }).expect(403);
  await post(viewer, secret, 'relates', a.key).expect(403);
  expect(await snapshot(db())).toEqual(before);
  await post(viewer, a, 'depends on', secret.key).expect(201);
});

test('a token without the scope write may read links only', async () => {
  const org = await givenOrganisation(db());
  const user = await givenUser(db(), org.orgId, { scopes: ['read'] });
  const queue = await givenQueue(db(), org);
  const [a, b] = [await givenIssue(db(), org, queue), await givenIssue(db(), org, queue)];
  const before = await snapshot(db());
  await api().request.get(`/v2/issues/${a.key}/links`).set(user.headers).expect(200);
  await api().request.post(`/v2/issues/${a.key}/links/_list`).set(user.headers).expect(200);
  await post(user, a, 'relates', b.key).expect(403);
  expect(await snapshot(db())).toEqual(before);
});

test('PATCH gives a link another relationship and keeps its id', async () => {
  const { org, issues } = await givenIssues(2);
  const [a, b] = issues as [GivenIssue, GivenIssue];
  const { body: made } = await post(org.admin, a, 'is subtask for', b.key);

  const response = await change(org.admin, a, made.id, { relationship: 'depends on' }).expect(200);

  expect(response.body).toMatchObject({ id: made.id, type: { id: 'depends' }, direction: 'outward' });
  expect(response.headers['etag']).toBe('"2"');
  expect(await links(org.admin, b)).toMatchObject([{ id: made.id, type: { id: 'depends' }, direction: 'inward' }]);
});

test('PATCH gives a link another issue, from either end, and tells all three', async () => {
  const { org, issues } = await givenIssues(4);
  const [a, b, c, d] = issues as [GivenIssue, GivenIssue, GivenIssue, GivenIssue];
  const { body: made } = await post(org.admin, a, 'is parent task for', b.key);

  await change(org.admin, a, made.id, { issue: { key: c.key } }).expect(200);
  expect(await links(org.admin, b)).toEqual([]);
  expect(await links(org.admin, c)).toMatchObject([{ id: made.id, direction: 'inward', object: { key: a.key } }]);

  await change(org.admin, c, made.id, { issue: d.key, relationship: 'relates' }).expect(200);
  expect(await links(org.admin, a)).toEqual([]);
  expect(await links(org.admin, d)).toMatchObject([{ id: made.id, type: { id: 'relates' }, object: { key: c.key } }]);
});

test('PATCH that changes nothing raises no version', async () => {
  const { org, issues } = await givenIssues(2);
  const [a, b] = issues as [GivenIssue, GivenIssue];
  const { body: made } = await post(org.admin, a, 'relates', b.key);
  const before = await snapshot(db());
  await change(org.admin, b, made.id, { relationship: 'relates', issue: a.key }).expect(200);
  expect(await snapshot(db())).toEqual(before);
});

test('PATCH keeps the rules', async () => {
  const { org, issues } = await givenIssues(4);
  const [a, b, c, d] = issues as [GivenIssue, GivenIssue, GivenIssue, GivenIssue];
  await post(org.admin, a, 'depends on', b.key).expect(201);
  await post(org.admin, c, 'is subtask for', d.key).expect(201);
  const { body: bc } = await post(org.admin, b, 'depends on', c.key);
  const { body: ac } = await post(org.admin, a, 'relates', c.key);

  await refused(change(org.admin, c, ac.id, { relationship: 'depends on' }));
  await refused(change(org.admin, b, bc.id, { issue: a.key }), texts.alreadyLinked(b.key, a.key).ru);
  await refused(change(org.admin, b, bc.id, { issue: b.key }), texts.selfLink(b.key).ru);
  await refused(change(org.admin, c, ac.id, { relationship: 'is subtask for' }));
  expect((await change(org.admin, c, ac.id, { relationship: 'no such' })).status).toBe(400);
  expect((await change(org.admin, c, ac.id, {})).status).toBe(400);
  expect((await change(org.admin, c, ac.id, { issue: 'NONE-1' })).status).toBe(404);
});

test('PATCH and DELETE wait for a change under way, and then see what it left', async () => {
  const { org, issues } = await givenIssues(3);
  const [a, b, c] = issues as [GivenIssue, GivenIssue, GivenIssue];
  const { body: patched } = await post(org.admin, a, 'relates', b.key);
  const { body: removed } = await post(org.admin, a, 'relates', c.key);
  const answers = await db().transaction(async (other) => {
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
      change(org.admin, a, patched.id, { relationship: 'duplicates' }).then(({ status }) => status),
      api()
        .request.delete(`/v2/issues/${a.key}/links/${removed.id}`)
        .set(org.admin.headers)
        .then(({ status }) => status),
    ];
    await untilWaiting(db(), 2);
    return waiting;
  });
  expect(await Promise.all(answers)).toEqual([404, 404]);
  const { body: left } = await api().request.get(`/v2/issues/${b.key}/links`).set(org.admin.headers);
  expect(left).toMatchObject([{ id: patched.id, type: { id: 'relates' } }]);
});

test('PATCH with If-Match changes that version only', async () => {
  const { org, issues } = await givenIssues(2);
  const [a, b] = issues as [GivenIssue, GivenIssue];
  const { body: made } = await post(org.admin, a, 'relates', b.key);
  const patch = (version: string, relationship: string) =>
    change(org.admin, a, made.id, { relationship }).set('If-Match', version);

  await patch('"1"', 'duplicates').expect(200);
  const before = await snapshot(db());
  await patch('"1"', 'depends on').expect(412);
  await patch('abc', 'depends on').expect(400);
  expect(await snapshot(db())).toEqual(before);
  await patch('"2"', 'depends on').expect(200);
  await patch('*', 'relates').expect(200);
});

test('an import brings its own makers and times', async () => {
  const { org, issues } = await givenIssues(2);
  const [a, b] = issues as [GivenIssue, GivenIssue];
  const [maker, changer] = [await givenUser(db(), org.orgId), await givenUser(db(), org.orgId)];
  const { body: link } = await imported(org.admin, a, {
    relationship: 'clone',
    issue: b.key,
    createdAt: '2019-03-04T05:06:07.008+0300',
    createdBy: maker.login,
    updatedAt: '2019-03-05T05:06:07Z',
    updatedBy: changer.login,
  }).expect(200);

  expect(link).toMatchObject({
    createdAt: '2019-03-04T02:06:07.008+0000',
    updatedAt: '2019-03-05T05:06:07.000+0000',
    createdBy: { display: maker.login },
    updatedBy: { display: changer.login },
  });
  const byUid = { relationship: 'clone', createdAt: '2019-03-04T05:06:07+03', createdBy: Number(link.createdBy.id) };
  await refused(imported(org.admin, a, { ...byUid, issue: b.key }), texts.alreadyLinked(a.key, b.key).ru);
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
])('an import of what cannot be is refused under the field: %j', async (wrong, status, field) => {
  const { org, issues } = await givenIssues(2);
  const [a, b] = issues as [GivenIssue, GivenIssue];
  const before = await snapshot(db());
  const { body } = await imported(org.admin, a, {
    relationship: 'relates',
    issue: b.key,
    createdAt: '2019-03-04T05:06:07.008+0000',
    createdBy: org.admin.login,
    ...wrong,
  }).expect(status);
  expect(Object.keys(body.errors)).toEqual([field]);
  expect(await snapshot(db())).toEqual(before);
});

test('an import is for administrators, and for issues that exist', async () => {
  const { org, issues } = await givenIssues(2);
  const [a, b] = issues as [GivenIssue, GivenIssue];
  const member = await givenUser(db(), org.orgId);
  const link = { relationship: 'relates', issue: b.key, createdAt: '2019-03-04T05:06:07Z', createdBy: member.login };
  const before = await snapshot(db());
  await imported(member, a, link).expect(403);
  await imported(org.admin, a, { ...link, issue: 'NONE-1' }).expect(404);
  expect(await snapshot(db())).toEqual(before);
});

test('_list answers the links by pages, with their counts', async () => {
  const { org, issues } = await givenIssues(6);
  const [a, ...others] = issues as [GivenIssue, ...GivenIssue[]];
  for (const other of others) await post(org.admin, a, 'relates', other.key).expect(201);
  const all = await links(org.admin, a);
  const page = (query: string) => list(org.admin, a, query);

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
  for (const wrong of ['?perPage=0', '?page=1e999', '?page=0', '?perPage=x', '?perPage=1001'])
    await page(wrong).expect(400);
  await api().request.post('/v2/issues/NONE-1/links/_list').set(org.admin.headers).expect(404);
});

test('_list shows only the relationships and fields that are asked for', async () => {
  const { org, issues } = await givenIssues(4);
  const [a, b, c, d] = issues as [GivenIssue, GivenIssue, GivenIssue, GivenIssue];
  await post(org.admin, a, 'is parent task for', b.key);
  await post(org.admin, c, 'relates', a.key);
  await post(org.admin, a, 'is subtask for', d.key);
  const found = async (body: object) => (await list(org.admin, a, '').send(body).expect(200)).body.links;

  const keys = async (linkTypes: string[]) =>
    (await found({ linkTypes })).map((link: { object: { key: string } }) => link.object.key);
  expect(await keys(['is parent task for'])).toEqual([b.key]);
  expect(await keys(['IS-SUBTASK-FOR', 'relates'])).toEqual([c.key, d.key]);
  expect(await keys([])).toEqual([]);
  const [link] = await found({ fields: 'id, direction' });
  expect(Object.keys(link)).toEqual(['id', 'direction']);
  expect(Object.keys((await found({ fields: ['object'] }))[0])).toEqual(['object']);
  await list(org.admin, a, '')
    .send({ linkTypes: ['subtask'] })
    .expect(400);
});

test('a write of a link leaves versions and times of its issues alone', async () => {
  const { org, issues } = await givenIssues(2);
  const [a, b] = issues as [GivenIssue, GivenIssue];
  const before = (await snapshot(db()))['issues'];
  const { body } = await post(org.admin, a, 'relates', b.key);
  await change(org.admin, a, body.id, { relationship: 'duplicates' }).expect(200);
  await api().request.delete(`/v2/issues/${a.key}/links/${body.id}`).set(org.admin.headers).expect(204);
  expect((await snapshot(db()))['issues']).toEqual(before);
});

async function givenIssues(
  count: number,
  language: 'ru' | 'en' = 'ru',
): Promise<{ org: GivenOrganisation; issues: GivenIssue[] }> {
  const org = await givenOrganisation(db(), { language });
  const queue = await givenQueue(db(), org);
  const issues: GivenIssue[] = [];
  for (let made = 0; made < count; made += 1) issues.push(await givenIssue(db(), org, queue));
  return { org, issues };
}

async function givenOther(org: GivenOrganisation): Promise<GivenIssue> {
  return givenIssue(db(), org, await givenQueue(db(), org));
}

function post(user: GivenUser, issue: GivenIssue, relationship: string, other: string | object) {
  return api().request.post(`/v2/issues/${issue.key}/links`).set(user.headers).send({ relationship, issue: other });
}

function change(user: GivenUser, issue: GivenIssue, id: number, body: object) {
  return api().request.patch(`/v2/issues/${issue.key}/links/${id}`).set(user.headers).send(body);
}

function imported(user: GivenUser, issue: GivenIssue, body: object) {
  return api().request.post(`/v2/issues/${issue.key}/links/_import`).set(user.headers).send(body);
}

function list(user: GivenUser, issue: GivenIssue, query: string) {
  return api().request.post(`/v2/issues/${issue.key}/links/_list${query}`).set(user.headers);
}

function settings(user: GivenUser, body: object) {
  return api().request.patch('/v3/organization').set(user.headers).send(body);
}

async function links(user: GivenUser, issue: GivenIssue) {
  const { body } = await api().request.get(`/v2/issues/${issue.key}/links`).set(user.headers).expect(200);
  return body;
}

/** Sends a request that is refused with 422 and, if given, this text, and shows that nothing was written. */
async function refused(request: ReturnType<typeof post>, message?: string) {
  const before = await snapshot(db());
  const response = await request;
  expect(response.status).toBe(422);
  if (message !== undefined) expect(response.body.errorMessages).toEqual([message]);
  expect(await snapshot(db())).toEqual(before);
  return response;
}

import { expect, test } from '@jest/globals';
import { texts } from '../../src/texts.ts';
import { useApi } from '../support/api.ts';
import {
  type GivenIssue,
  type GivenOrganisation,
  type GivenUser,
  givenIssue,
  givenOrganisation,
  givenQueue,
  givenUser,
} from '../support/builders.ts';
import { restAs } from '../support/rest.ts';
import { unchanged } from '../support/snapshot.ts';

const api = useApi();
const db = () => api().database.db;
const as = (user: GivenUser) => restAs(api(), user);
const idsOf = (body: { id: string }[]) => body.map(({ id }) => id);

async function givenIssueOf(org: GivenOrganisation, members?: GivenUser[]): Promise<GivenIssue> {
  return await givenIssue(db(), org, (await givenQueue(db(), org, members)).key);
}

const readIssue = async (user: GivenUser, { key }: GivenIssue, query = '') =>
  (await as(user).get(`/v2/issues/${key}${query}`).expect(200)).body;
const execute = (user: GivenUser, { key }: GivenIssue, transition: string, body?: object) =>
  as(user).post(`/v2/issues/${key}/transitions/${transition}/_execute`, body);

test('GET resolutions lists the resolutions, and each self returns the same one', async () => {
  const org = await givenOrganisation(db());
  const { body } = await as(org.admin).get('/v3/resolutions/').expect(200);
  expect(body.map(({ key }: { key: string }) => key)).toEqual([
    'fixed',
    'wontFix',
    'cantReproduce',
    'duplicate',
    'later',
  ]);
  for (const resolution of body) {
    expect((await as(org.admin).get(new URL(resolution.self).pathname).expect(200)).body).toEqual(resolution);
    expect((await as(org.admin).get(`/v3/resolutions/${resolution.key}`).expect(200)).body).toEqual(resolution);
  }
  const missing = await as(org.admin).get('/v3/resolutions/none').expect(404);
  expect(missing.body.errorMessages).toEqual([texts.resolutionNotFound.ru]);
});

test.each(['/v2', '/v3'])('GET transitions under %s leads to every other status of the queue', async (version) => {
  const org = await givenOrganisation(db());
  const issue = await givenIssueOf(org);
  const { body } = await as(org.admin).get(`${version}/issues/${issue.key}/transitions/`).expect(200);
  expect(idsOf(body)).toEqual(['inProgress', 'needInfo', 'resolved', 'closed']);
  const self = `${api().url}${version}/issues/${issue.key}/transitions/closed`;
  expect(body.at(-1)).toEqual({
    self,
    id: 'closed',
    display: 'Закрыт',
    to: { self: `${api().url}${version}/statuses/5`, id: '5', key: 'closed', display: 'Закрыт' },
  });
  for (const one of body) expect((await as(org.admin).get(new URL(one.self).pathname).expect(200)).body).toEqual(one);
  for (const id of ['open', 'none']) {
    const missing = await as(org.admin).get(`${version}/issues/${issue.key}/transitions/${id}`).expect(404);
    expect(missing.body.errorMessages).toEqual([texts.transitionNotFound.ru]);
  }
  expect((await readIssue(org.admin, issue, '?expand=transitions')).transitions.length).toBe(body.length);
});

test('_search with expand=transitions has the transitions of each issue', async () => {
  const org = await givenOrganisation(db());
  const { key: queue } = await givenQueue(db(), org);
  const [open, closed] = [await givenIssue(db(), org, queue), await givenIssue(db(), org, queue)];
  await execute(org.admin, closed, 'closed', {}).expect(200);
  const { body } = await as(org.admin)
    .post('/v2/issues/_search?expand=transitions', { keys: [open.key, closed.key] })
    .expect(200);
  expect(body.map(({ transitions }: { transitions: { id: string }[] }) => idsOf(transitions))).toEqual([
    ['inProgress', 'needInfo', 'resolved', 'closed'],
    ['open', 'inProgress', 'needInfo', 'resolved'],
  ]);
});

test('_execute changes status, fields and resolution, adds a comment, and returns the next transitions', async () => {
  const org = await givenOrganisation(db());
  const member = await givenUser(db(), org.orgId);
  const issue = await givenIssueOf(org);
  const { body } = await execute(member, issue, 'closed', {
    ...{ resolution: 'fixed', comment: 'Done', assignee: member.login, tags: { add: 'x' } },
  }).expect(200);
  expect(idsOf(body)).toEqual(['open', 'inProgress', 'needInfo', 'resolved']);

  const after = await readIssue(member, issue);
  expect(after).toMatchObject({
    status: { key: 'closed' },
    previousStatus: { key: 'open' },
    resolution: { self: `${api().url}/v2/resolutions/1`, id: '1', key: 'fixed', display: 'Решён' },
    resolvedAt: after.updatedAt,
    resolvedBy: { display: member.login },
    assignee: { display: member.login },
    tags: ['x'],
  });
  const comments = await as(member).get(`/v2/issues/${issue.key}/comments`).expect(200);
  expect(comments.body).toMatchObject([{ text: 'Done', createdBy: { display: member.login } }]);
  const { body: entries } = await as(member).get(`/v2/issues/${issue.key}/changelog?field=resolution`).expect(200);
  expect(entries).toMatchObject([{ type: 'IssueUpdated' }]);
  expect(entries[0].fields).toContainEqual({
    field: { self: `${api().url}/v2/fields/resolution`, id: 'resolution', display: 'Резолюция' },
    from: null,
    to: after.resolution,
  });
});

test('_execute needs no body', async () => {
  const org = await givenOrganisation(db());
  const issue = await givenIssueOf(org);
  await execute(org.admin, issue, 'inProgress').expect(200);
  expect((await readIssue(org.admin, issue)).status.key).toBe('inProgress');
});

test('a refused _execute writes nothing, not even its comment', async () => {
  const org = await givenOrganisation(db());
  const reader = await givenUser(db(), org.orgId, { role: 'reader' });
  const issue = await givenIssueOf(org);
  await unchanged(db(), async () => {
    for (const [transition, body, status, field] of [
      ['none', { comment: 'x' }, 404, undefined],
      ['open', { comment: 'x' }, 404, undefined],
      ['closed', { comment: 'x', resolution: 'none' }, 422, 'resolution'],
      ['closed', { comment: ' ' }, 422, 'text'],
      ['closed', { comment: 'x', status: 'open' }, 422, 'status'],
      ['closed', { comment: 'x', parent: 'NONE-1' }, 422, 'parent'],
    ] as const) {
      const refused = await execute(org.admin, issue, transition, body).expect(status);
      expect(Object.keys(refused.body.errors)).toEqual(field === undefined ? [] : [field]);
    }
    await execute(reader, issue, 'closed', { comment: 'x' }).expect(403);
  });
});

test('a resolution can be set and cleared, and leaving the closed statuses clears it', async () => {
  const org = await givenOrganisation(db());
  const [first, second] = [await givenUser(db(), org.orgId), await givenUser(db(), org.orgId)];
  const issue = await givenIssueOf(org);
  const path = `/v2/issues/${issue.key}`;
  const resolution = async (user: GivenUser, body: object) => {
    const { body: after } = await as(user).patch(path, body).expect(200);
    return [after.resolution?.key, after.resolvedBy?.display, after.resolvedAt !== undefined];
  };
  expect(await resolution(first, { status: 'resolved', resolution: { set: { key: 'fixed' } } })).toEqual([
    'fixed',
    first.login,
    true,
  ]);
  expect(await resolution(second, { summary: 'Other' })).toEqual(['fixed', first.login, true]);
  expect(await resolution(second, { status: 'closed' })).toEqual(['fixed', first.login, true]);
  expect(await resolution(second, { resolution: 'duplicate' })).toEqual(['duplicate', second.login, true]);
  expect(await resolution(second, { resolution: null })).toEqual([undefined, undefined, false]);
  expect(await resolution(second, { resolution: '5' })).toEqual(['later', second.login, true]);
  expect(await resolution(second, { status: 'open' })).toEqual([undefined, undefined, false]);
  await unchanged(db(), async () => {
    const refused = await as(first).patch(path, { resolution: 'none' }).expect(422);
    expect(refused.body.errors).toEqual({ resolution: texts.resolutionNotFound.ru });
  });
});

test('an issue that was read with its transitions can be sent back, and other transitions are refused', async () => {
  const org = await givenOrganisation(db());
  const issue = await givenIssueOf(org);
  await execute(org.admin, issue, 'closed', { resolution: 'fixed' }).expect(200);
  await unchanged(db(), async () => {
    const { previousStatus: _previous, ...whole } = await readIssue(org.admin, issue, '?expand=transitions');
    await as(org.admin).patch(`/v2/issues/${issue.key}`, whole).expect(200);
    const other = { transitions: [{ id: 'none' }] };
    const refused = await as(org.admin).patch(`/v2/issues/${issue.key}`, other).expect(422);
    expect(refused.body.errors).toEqual({ transitions: texts.fieldReadOnly.ru });
  });
});

test('a new issue can have a resolution', async () => {
  const org = await givenOrganisation(db());
  const { key: queue } = await givenQueue(db(), org);
  const { body } = await as(org.admin).post('/v2/issues', { queue, summary: 'New', resolution: 'fixed' }).expect(201);
  expect(body).toMatchObject({ resolution: { key: 'fixed' }, resolvedBy: { display: org.admin.login } });
});

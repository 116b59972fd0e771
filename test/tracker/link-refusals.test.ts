import { readFileSync } from 'node:fs';
import { expect, test } from '@jest/globals';
import { useApi } from '../support/api.ts';
import {
  type GivenIssue,
  type GivenOrganisation,
  givenApplication,
  givenIssue,
  givenOrganisation,
  givenQueue,
  givenUser,
} from '../support/builders.ts';
import { restAs } from '../support/rest.ts';
import { MISSING_ID, type Rpc, rpcAs } from '../support/rpc.ts';
import { unchanged } from '../support/snapshot.ts';

/** What the errors of link writes tell programs (docs/errors.md). Each refused write is shown to write nothing. */

const api = useApi();
const db = () => api().database.db;

async function given(count = 3) {
  const org = await givenOrganisation(db());
  const queue = (await givenQueue(db(), org)).key;
  const issues: GivenIssue[] = [];
  for (let index = 0; index < count; index += 1) issues.push(await givenIssue(db(), org, queue));
  return { org, queue, rest: restAs(api(), org.admin), issues: issues as [GivenIssue, GivenIssue, GivenIssue] };
}

const identity = ({ hexId, key }: GivenIssue) => ({ id: hexId, key });

type Method = 'post' | 'patch' | 'delete';

async function expectRefused(
  rest: ReturnType<typeof restAs>,
  method: Method,
  path: string,
  body: object | undefined,
  status: number,
  data: object,
) {
  await unchanged(db(), async () => {
    const response = await rest[method](path, body);
    expect([response.status, response.body.errorsData]).toEqual([status, data]);
  });
}

async function link(rest: ReturnType<typeof restAs>, from: GivenIssue, relationship: string, to: GivenIssue) {
  const { body } = await rest.post(`/v2/issues/${from.key}/links`, { relationship, issue: to.key }).expect(201);
  return body as { id: number };
}

test('a pair that is linked already: the link that joins it, seen from the issue in the path', async () => {
  const { rest, issues } = await given();
  const [a, b] = issues;
  const { id } = await link(rest, a, 'depends on', b);
  const joined = (issue: GivenIssue, object: GivenIssue, direction: string) => ({
    code: 'already_linked',
    issue: identity(issue),
    link: { id, type: { id: 'depends' }, direction, object: identity(object) },
  });
  const body = { relationship: 'relates', issue: b.key };
  await expectRefused(rest, 'post', `/v2/issues/${a.key}/links`, body, 422, joined(a, b, 'outward'));
  await expectRefused(
    rest,
    'post',
    `/v2/issues/${b.key}/links`,
    { ...body, issue: a.key },
    422,
    joined(b, a, 'inward'),
  );
  await expectRefused(rest, 'patch', `/v2/issues/${a.key}`, { parent: b.key }, 422, joined(a, b, 'outward'));
  const imported = { ...body, createdAt: '2020-01-01T00:00:00.000+0000', createdBy: 'jsonrpc' };
  await expectRefused(rest, 'post', `/v2/issues/${a.key}/links/_import`, imported, 422, joined(a, b, 'outward'));
});

test('a link of another type with the same label: that link', async () => {
  const org = await givenOrganisation(db(), { profile: 'kanboard' });
  const rest = restAs(api(), org.admin);
  const rpc = rpcAs(api(), await givenApplication(db(), org));
  const queue = (await givenQueue(db(), org)).key;
  const [a, b] = [await givenIssue(db(), org, queue), await givenIssue(db(), org, queue)];
  const first = await rpc.call<number>('createTaskLink', a.id, b.id, 2);
  await rpc.call('updateLink', 2, 1, 'blocks');
  await expectCallRefused(rpc, 'createTaskLink', [a.id, b.id, 2], 'already_linked');
  const { body } = await rest.get(`/v2/issues/${a.key}/links`);
  expect(body).toMatchObject([{ id: (first + 1) / 2 }]);
});

test('a second parent: the parent that the issue has', async () => {
  const { rest, issues } = await given();
  const [parent, other, child] = issues;
  const { id } = await link(rest, parent, 'is parent task for', child);
  const data = {
    code: 'second_parent',
    issue: identity(child),
    link: { id, type: { id: 'subtask' }, direction: 'inward', object: identity(parent) },
  };
  const second = { relationship: 'is parent task for', issue: child.key };
  await expectRefused(rest, 'post', `/v2/issues/${other.key}/links`, second, 422, data);
  const { id: relates } = await link(rest, other, 'relates', child);
  await expectRefused(
    rest,
    'patch',
    `/v2/issues/${child.key}/links/${relates}`,
    { relationship: 'is subtask for' },
    422,
    data,
  );
});

test('a second epic, and a second link of another type that allows only one', async () => {
  const { rest, issues } = await given(4);
  const [first, second, issue] = issues;
  const other = issues.at(3) as GivenIssue;
  const { id } = await link(rest, first, 'is epic of', issue);
  await expectRefused(
    rest,
    'post',
    `/v2/issues/${second.key}/links`,
    { relationship: 'is epic of', issue: issue.key },
    422,
    {
      code: 'second_epic',
      issue: identity(issue),
      link: { id, type: { id: 'epic' }, direction: 'outward', object: identity(first) },
    },
  );
  const labels = (en: string) => ({ en, ru: en });
  const type = { id: 'fits', inward: labels('fits'), outward: labels('is fitted by'), single: 'inward' };
  await rest.post('/v2/linktypes', type).expect(201);
  const { id: fits } = await link(rest, first, 'fits', second);
  await expectRefused(rest, 'post', `/v2/issues/${first.key}/links`, { relationship: 'fits', issue: other.key }, 422, {
    code: 'second_link',
    issue: identity(first),
    link: { id: fits, type: { id: 'fits' }, direction: 'inward', object: identity(second) },
  });
});

test('a second parent of an issue that the caller may see but not change: not which hidden parent it has', async () => {
  const { org, rest, issues } = await given(1);
  const member = await givenUser(db(), org.orgId);
  const hidden = await givenIssue(db(), org, (await givenQueue(db(), org, [org.admin])).key);
  const readOnly = await givenQueue(db(), org, [org.admin, member]);
  await db().query({
    name: '',
    text: `update queue_members set role = 'viewer' where org_id = $1 and queue_id = $2 and user_id = $3`,
    values: [org.orgId, readOnly.id, member.id],
  });
  const child = await givenIssue(db(), org, readOnly.key);
  await link(rest, hidden, 'is parent task for', child);
  const body = { relationship: 'is parent task for', issue: child.key };
  await expectRefused(restAs(api(), member), 'post', `/v2/issues/${issues[0].key}/links`, body, 422, {
    code: 'second_parent',
    issue: identity(child),
  });
});

test('a self-link and a cycle, with the issues of the cycle', async () => {
  const { rest, issues } = await given();
  const [a, b, c] = issues;
  const self = { code: 'self_link', issue: identity(a) };
  await expectRefused(rest, 'post', `/v2/issues/${a.key}/links`, { relationship: 'relates', issue: a.key }, 422, self);
  await expectRefused(rest, 'patch', `/v2/issues/${a.key}`, { parent: a.key }, 422, self);
  await link(rest, a, 'depends on', b);
  await link(rest, b, 'depends on', c);
  const cycle = await rest.post(`/v2/issues/${c.key}/links`, { relationship: 'depends on', issue: a.key });
  expect(cycle.status).toBe(422);
  expect(cycle.body.errorsData.code).toBe('cycle');
  const names = cycle.body.errorsData.cycle as { key: string }[];
  expect(names[0]).toEqual(names.at(-1));
  expect(new Set(names.map(({ key }) => key))).toEqual(new Set([a, b, c].map(({ key }) => key)));
  expect(cycle.body.errorMessages[0]).toContain(names.map(({ key }) => key).join(' → '));
});

test('a missing issue: whether the path, the body or both name it; the same for a hidden one', async () => {
  const { org, rest, issues } = await given(1);
  const [a] = issues;
  const member = restAs(api(), await givenUser(db(), org.orgId));
  const hidden = await givenIssue(db(), org, (await givenQueue(db(), org, [org.admin])).key);
  for (const [caller, name] of [
    [rest, 'NONE-1'],
    [member, hidden.key],
  ] as const) {
    const missing = (...places: string[]) => ({ code: 'issue_not_found', missing: places });
    const to = (issue: string) => ({ relationship: 'relates', issue });
    await expectRefused(caller, 'post', `/v2/issues/${name}/links`, to(a.key), 404, missing('path'));
    await expectRefused(caller, 'post', `/v2/issues/${a.key}/links`, to(name), 404, missing('body'));
    await expectRefused(caller, 'post', `/v2/issues/${name}/links`, to(name), 404, missing('path', 'body'));
    await expectRefused(caller, 'patch', `/v2/issues/${name}`, { parent: a.key }, 404, missing('path'));
    await expectRefused(caller, 'patch', `/v2/issues/${a.key}`, { epic: name }, 422, missing('body'));
    const queue = a.key.replace(/-\d+$/, '');
    await expectRefused(caller, 'post', '/v2/issues', { summary: 'A', queue, parent: name }, 422, missing('body'));
  }
});

test('a missing link, and a changed link whose new issue is missing', async () => {
  const { rest, issues } = await given();
  const [a, b, c] = issues;
  const { id } = await link(rest, a, 'relates', b);
  const notFound = { code: 'link_not_found' };
  await expectRefused(rest, 'delete', `/v2/issues/${c.key}/links/${id}`, undefined, 404, notFound);
  await expectRefused(rest, 'patch', `/v2/issues/${c.key}/links/${id}`, { relationship: 'duplicates' }, 404, notFound);
  await expectRefused(rest, 'patch', `/v2/issues/${a.key}/links/${id}`, { issue: 'NONE-1' }, 404, {
    code: 'issue_not_found',
    missing: ['body'],
  });
});

test('an unknown relationship: the accepted ones', async () => {
  const { rest, issues } = await given();
  const [a, b] = issues;
  await unchanged(db(), async () => {
    const response = await rest.post(`/v2/issues/${a.key}/links`, { relationship: 'subtask', issue: b.key });
    expect(response.status).toBe(400);
    expect(response.body.errorsData.code).toBe('relationship_unknown');
    expect(response.body.errorsData.accepted).toContain('is subtask for');
    expect(response.body.errorMessages[0]).toContain(response.body.errorsData.accepted.join(', '));
  });
});

test('an import with an unknown user or an impossible time', async () => {
  const { rest, issues } = await given();
  const [a, b] = issues;
  const imported = {
    relationship: 'relates',
    issue: b.key,
    createdAt: '2020-01-01T00:00:00.000+0000',
    createdBy: 'jsonrpc',
  };
  for (const [change, code] of [
    [{ createdBy: 'nobody' }, 'user_not_found'],
    [{ createdAt: '2999-01-01T00:00:00.000+0000' }, 'time_invalid'],
    [{ updatedAt: '2020-01-01T00:00:00.000+0000' }, 'time_invalid'],
    [{ updatedAt: '2019-01-01T00:00:00.000+0000', updatedBy: 'jsonrpc' }, 'time_invalid'],
  ] as const) {
    await expectRefused(rest, 'post', `/v2/issues/${a.key}/links/_import`, { ...imported, ...change }, 422, { code });
  }
});

test('every other refusal of a link write has the code of its kind', async () => {
  const { org, rest, issues } = await given();
  const [a, b] = issues;
  const path = `/v2/issues/${a.key}/links`;
  const body = { relationship: 'relates', issue: b.key };
  const { id } = await link(rest, a, 'relates', b);
  await expectRefused(rest, 'post', path, {}, 422, { code: 'refused' });
  await expectRefused(rest, 'post', path, { relationship: 1, issue: b.key }, 400, { code: 'invalid' });
  const reading = restAs(api(), await givenUser(db(), org.orgId, { scopes: ['read'] }));
  await expectRefused(reading, 'post', path, body, 403, { code: 'forbidden' });
  const stale = await rest.patch(`${path}/${id}`, { relationship: 'duplicates' }).set('If-Match', '"9"');
  expect([stale.status, stale.body.errorsData]).toEqual([412, { code: 'stale' }]);
  const conflict = await rest.patch(`/v2/issues/${a.key}?version=9`, { parent: b.key });
  expect([conflict.status, conflict.body.errorsData]).toEqual([409, { code: 'conflict' }]);
});

test('a refusal that an Idempotency-Key repeats has the same details', async () => {
  const { rest, issues } = await given();
  const [a, b] = issues;
  const { id } = await link(rest, a, 'relates', b);
  const send = () =>
    rest.post(`/v2/issues/${a.key}/links`, { relationship: 'relates', issue: b.key }).set('Idempotency-Key', 'again');
  const first = await send();
  const second = await send();
  expect([first.status, second.status]).toEqual([422, 422]);
  expect(first.body.errorsData).toMatchObject({ code: 'already_linked', link: { id } });
  expect(second.body).toEqual(first.body);
  expect(second.headers['idempotent-replayed']).toBe('true');
});

async function expectCallRefused(rpc: Rpc, method: string, params: unknown[], code: string, details: object = {}) {
  api().log.splice(0);
  await unchanged(db(), async () => {
    expect(await rpc.call(method, ...params)).toBe(false);
  });
  const [line] = api().log.map((text) => JSON.parse(text) as { refusals?: unknown[] });
  expect(line?.refusals).toEqual([{ method, code, message: expect.any(String), details }]);
}

test('JSON-RPC logs the code of each refusal, and returns the failure value', async () => {
  const org: GivenOrganisation = await givenOrganisation(db());
  const rpc = rpcAs(api(), await givenApplication(db(), org));
  const queue = (await givenQueue(db(), org)).key;
  const [a, b, c] = [
    await givenIssue(db(), org, queue),
    await givenIssue(db(), org, queue),
    await givenIssue(db(), org, queue),
  ];
  const view = await rpc.call<number>('createTaskLink', a.id, b.id, 7);
  await expectCallRefused(rpc, 'createTaskLink', [a.id, b.id, 1], 'already_linked');
  await expectCallRefused(rpc, 'createTaskLink', [c.id, b.id, 7], 'second_parent');
  await expectCallRefused(rpc, 'createTaskLink', [a.id, a.id, 1], 'self_link');
  await expectCallRefused(rpc, 'createTaskLink', [a.id, c.id, 999], 'label_not_found');
  await expectCallRefused(rpc, 'createTaskLink', [a.id, c.id, 14], 'import_only');
  const missing = (parameter: string) => ({ missing: [parameter] });
  await expectCallRefused(rpc, 'createTaskLink', [MISSING_ID, a.id, 1], 'issue_not_found', missing('task_id'));
  await expectCallRefused(rpc, 'createTaskLink', [a.id, MISSING_ID, 1], 'issue_not_found', missing('opposite_task_id'));
  await expectCallRefused(rpc, 'updateTaskLink', [MISSING_ID, a.id, b.id, 1], 'link_not_found');
  await rpc.call('createTaskLink', b.id, c.id, 2);
  const other = await rpc.call<number>('createTaskLink', a.id, c.id, 1);
  await rpc.call('updateTaskLink', view, a.id, b.id, 2);
  api().log.splice(0);
  await unchanged(db(), async () => {
    expect(await rpc.call('updateTaskLink', other, a.id, c.id, 3)).toBe(false);
  });
  expect(JSON.parse(api().log[0] ?? '')).toMatchObject({
    refusals: [{ code: 'cycle', details: { cycle: [{}, {}, {}, {}] } }],
  });
  await expectCallRefused(rpc, 'removeTaskLink', [MISSING_ID], 'link_not_found');
});

test('docs/errors.md explains every code of openapi.yaml, and no other', () => {
  const page = readFileSync('docs/errors.md', 'utf8');
  const explained = [...page.matchAll(/^\| `(\w+)` \|/gm)].map(([, code]) => code);
  const { LinkErrorCode } = api().contract.document.components.schemas as Record<string, { enum: string[] }>;
  expect(explained).toEqual(LinkErrorCode?.enum);
});

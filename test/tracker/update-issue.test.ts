import { expect, test } from '@jest/globals';
import { texts } from '../../src/texts.ts';
import { useApi } from '../support/api.ts';
import {
  type GivenOrganisation,
  type GivenUser,
  givenIssue,
  givenLink,
  givenOrganisation,
  givenQueue,
  givenUser,
} from '../support/builders.ts';
import { listEvents } from '../support/issues.ts';
import { restAs } from '../support/rest.ts';
import { snapshot } from '../support/snapshot.ts';

const api = useApi();
const db = () => api().database.db;
const as = (user: GivenUser) => restAs(api(), user);

test('PATCH issue increments the version and records one event with old and new values', async () => {
  const org = await givenOrganisation(db());
  const editor = await givenUser(db(), org.orgId, { display: 'Анна Петрова' });
  const issue = await givenIssue(db(), org, (await givenQueue(db(), org)).key, { summary: 'Before' });

  const changes = { summary: 'After', description: 'Words', type: 'bug', priority: { key: 'minor' }, tags: ['api'] };
  const { body, headers } = await as(editor)
    .patch(`/v2/issues/${issue.key}`, { ...changes, assignee: editor.login })
    .expect(200);

  expect(headers['etag']).toMatch(/^"2-/);
  expect(headers['etag']).toBe((await as(editor).get(`/v2/issues/${issue.key}`)).headers['etag']);
  expect(body).toMatchObject({
    version: 2,
    summary: 'After',
    description: 'Words',
    type: { key: 'bug' },
    priority: { key: 'minor' },
    tags: ['api'],
    assignee: { display: 'Анна Петрова' },
    updatedBy: { display: 'Анна Петрова' },
    createdBy: { display: org.admin.login },
  });
  expect((await as(editor).get(`/v2/issues/${issue.key}`)).body).toEqual(body);
  expect(await listEvents(db(), org, issue.id)).toEqual([
    {
      type: 'IssueUpdated',
      changes: {
        fields: [
          { field: 'summary', from: 'Before', to: 'After' },
          { field: 'description', from: null, to: 'Words' },
          { field: 'type', from: 2, to: 1 },
          { field: 'priority', from: 3, to: 2 },
          { field: 'assignee', from: null, to: editor.id },
          { field: 'tags', from: null, to: ['api'] },
        ],
      },
    },
  ]);
});

test('PATCH issue clears a field with null, on its own or inside an operator', async () => {
  const org = await givenOrganisation(db());
  const { key: queue } = await givenQueue(db(), org);
  const fields = { description: 'Words', assignee: org.admin.login, tags: ['api'] };
  const givenIssueKey = async () =>
    (
      await as(org.admin)
        .post('/v2/issues', { summary: 'Full', queue, ...fields })
        .expect(201)
    ).body.key;

  for (const cleared of [null, { set: null }]) {
    const changes = { description: cleared, assignee: cleared, tags: cleared };
    const { body } = await as(org.admin)
      .patch(`/v2/issues/${await givenIssueKey()}`, changes)
      .expect(200);
    expect(body).toMatchObject({ version: 2 });
    for (const field of Object.keys(fields)) expect(body).not.toHaveProperty(field);
  }
});

test('PATCH issue supports the operators set, add, remove and replace', async () => {
  const org = await givenOrganisation(db());
  const { key: queue } = await givenQueue(db(), org);
  const { key } = (
    await as(org.admin)
      .post('/v2/issues', { summary: 'Operators', queue, tags: ['a', 'b', 'c'] })
      .expect(201)
  ).body;
  const tags = async (change: unknown) =>
    (await as(org.admin).patch(`/v2/issues/${key}`, { tags: change }).expect(200)).body.tags;

  expect(await tags({ add: 'd' })).toEqual(['a', 'b', 'c', 'd']);
  expect(await tags({ add: ['d', 'e'], remove: 'a' })).toEqual(['b', 'c', 'd', 'e']);
  expect(await tags({ remove: ['b', 'nothing'] })).toEqual(['c', 'd', 'e']);
  expect(await tags({ replace: [{ target: 'c', replacement: 'x' }] })).toEqual(['x', 'd', 'e']);
  expect(await tags({ set: ['y', 'y', 'z'] })).toEqual(['y', 'z']);
  expect(await tags('one')).toEqual(['one']);
  expect(await tags(['one', 'two'])).toEqual(['one', 'two']);
  const set = {
    summary: { set: 'Set' },
    type: { set: { key: 'bug' } },
    priority: { set: 1 },
    assignee: { set: org.admin.login },
  };
  expect((await as(org.admin).patch(`/v2/issues/${key}`, set).expect(200)).body).toMatchObject({
    summary: 'Set',
    type: { key: 'bug' },
    priority: { key: 'trivial' },
    assignee: { display: org.admin.login },
  });
});

test('PATCH issue with unchanged values writes neither a version nor an event', async () => {
  const org = await givenOrganisation(db());
  const { key } = await givenIssue(db(), org, (await givenQueue(db(), org)).key, { summary: 'Same' });
  const before = await snapshot(db());

  const { body } = await as(org.admin)
    .patch(`/v2/issues/${key}`, { summary: 'Same', status: 'open', tags: [], description: null })
    .expect(200);
  await as(org.admin).patch(`/v2/issues/${key}`, {}).expect(200);
  await as(org.admin).patch(`/v2/issues/${key}`).expect(200);
  // Sending back what GET returned changes nothing either.
  expect((await as(org.admin).patch(`/v2/issues/${key}`, body).expect(200)).body).toEqual(body);

  expect(await snapshot(db())).toEqual(before);
});

test('PATCH issue with a status closes and reopens the issue, and keeps the previous status', async () => {
  const org = await givenOrganisation(db());
  const { key: queue } = await givenQueue(db(), org);
  const issue = await givenIssue(db(), org, queue);
  await givenIssue(db(), org, queue);
  const storedState = async () => {
    const [row] = await db().query<object>({
      name: '',
      text: 'select is_open, closed_at is not null as was_closed, position from issues where org_id = $1 and issue_id = $2',
      values: [org.orgId, issue.id],
    });
    return row;
  };

  const closed = await as(org.admin).patch(`/v2/issues/${issue.key}`, { status: 'closed' }).expect(200);
  expect(closed.body).toMatchObject({
    version: 2,
    status: { key: 'closed' },
    statusType: { key: 'done' },
    previousStatus: { key: 'open' },
  });
  expect(await storedState()).toEqual({ is_open: false, was_closed: true, position: 1 });
  const reopened = await as(org.admin)
    .patch(`/v2/issues/${issue.key}`, { status: { id: '1' }, summary: 'Again' })
    .expect(200);
  expect(reopened.body).toMatchObject({ version: 3, status: { key: 'open' }, previousStatus: { key: 'closed' } });
  expect(await storedState()).toEqual({ is_open: true, was_closed: true, position: 2 });
  expect(await listEvents(db(), org, issue.id)).toEqual([
    { type: 'IssueWorkflow', changes: { fields: [{ field: 'status', from: 1, to: 5 }] } },
    { type: 'IssueUpdated', changes: { fields: [{ field: 'summary', from: 'An issue', to: 'Again' }] } },
    { type: 'IssueWorkflow', changes: { fields: [{ field: 'status', from: 5, to: 1 }] } },
  ]);
});

test('PATCH issue with a new status adds a column to the queue, once', async () => {
  const org = await givenOrganisation(db());
  const { key: queue } = await givenQueue(db(), org);
  const { key: other } = await givenQueue(db(), org);
  await givenStatus(org, 'rejected', 'cancelled');
  await givenStatus(org, 'review', 'inProgress');
  const issues = [await givenIssue(db(), org, queue), await givenIssue(db(), org, queue)];
  const columns = async (key: string) =>
    await db().query({
      name: '',
      text: `
        select title, position from columns
        where org_id = $1 and queue_id = (select queue_id from queues where org_id = $1 and key = $2)
        order by position`,
      values: [org.orgId, key],
    });

  const responses = await Promise.all([
    ...issues.map(({ key }) => as(org.admin).patch(`/v2/issues/${key}`, { status: 'rejected' })),
    ...(await Promise.all([1, 2].map(() => givenIssue(db(), org, queue)))).map(({ key }) =>
      as(org.admin).patch(`/v2/issues/${key}`, { status: 'review' }),
    ),
  ]);

  expect(responses.map(({ status }) => status)).toEqual([200, 200, 200, 200]);
  expect(responses[0]?.body).toMatchObject({ status: { key: 'rejected' }, statusType: { key: 'cancelled' } });
  const listed = (await columns(queue)) as { title: string; position: number }[];
  expect(listed.map(({ position }) => position)).toEqual([1, 2, 3, 4, 5, 6, 7]);
  expect(new Set(listed.slice(5).map(({ title }) => title))).toEqual(new Set(['rejected', 'review']));
  expect(await columns(other)).toHaveLength(5);
  await as(org.admin)
    .post(`/v2/issues/${(issues[0] as { key: string }).key}/_move?queue=${other}`)
    .expect(200);
  expect(await columns(other)).toHaveLength(6);
});

test('of concurrent PATCHes of one version only the first succeeds: 409 for ?version=, 412 for If-Match', async () => {
  const org = await givenOrganisation(db());
  const { key } = await givenIssue(db(), org, (await givenQueue(db(), org)).key);
  const ifMatch = (version: string, summary: string) =>
    as(org.admin).patch(`/v2/issues/${key}`, { summary }).set('If-Match', version);

  const conflicting = await Promise.all(
    Array.from({ length: 8 }, (_, place) =>
      as(org.admin).patch(`/v2/issues/${key}?version=1`, { summary: `Query ${place}` }),
    ),
  );
  const stale = await Promise.all(Array.from({ length: 8 }, (_, place) => ifMatch('"2"', `Header ${place}`)));

  expect(conflicting.map(({ status }) => status).sort()).toEqual([200, ...Array(7).fill(409)]);
  expect(stale.map(({ status }) => status).sort()).toEqual([200, ...Array(7).fill(412)]);
  expect((await as(org.admin).get(`/v2/issues/${key}`)).body).toMatchObject({
    version: 3,
    summary: expect.stringMatching(/^Header/),
  });
  const before = await snapshot(db());
  await ifMatch('"1"', 'Late').expect(412);
  await ifMatch('three', 'Unreadable').expect(400);
  const { body } = await as(org.admin).patch(`/v2/issues/${key}?version=1`, { summary: 'Late' }).expect(409);
  expect(body.errorMessages).toEqual([texts.issueChanged.ru]);
  await as(org.admin).patch(`/v2/issues/${key}?version=three`, { summary: 'Unreadable' }).expect(400);
  expect(await snapshot(db())).toEqual(before);
  await ifMatch('*', 'Any').expect(200);
  await as(org.admin).patch(`/v2/issues/${key}?version=4`, { summary: 'Right' }).set('If-Match', '"4"').expect(200);
});

test('an invalid or forbidden PATCH issue writes nothing', async () => {
  const org = await givenOrganisation(db());
  const reader = await givenUser(db(), org.orgId, { role: 'reader' });
  const readOnly = await givenUser(db(), org.orgId, { scopes: ['read'] });
  const { key: queue } = await givenQueue(db(), org);
  const { key } = await givenIssue(db(), org, queue);
  const child = (await as(org.admin).post('/v2/issues', { summary: 'Child', queue, parent: key }).expect(201)).body;
  const before = await snapshot(db());
  const expectRejected = async (body: object, status: number, errors: object = {}, user = org.admin) => {
    const response = await as(user).patch(`/v2/issues/${key}`, body).expect(status);
    expect(response.body).toMatchObject({ statusCode: status, ...errors });
  };
  const required = texts.fieldRequired.ru;

  for (const cleared of [null, { set: null }]) {
    await expectRejected({ summary: cleared, type: cleared, priority: cleared, status: cleared }, 422, {
      errors: { summary: required, type: required, priority: required, status: required },
    });
  }
  await expectRejected({ summary: ' ' }, 422, { errors: { summary: required } });
  await expectRejected({ sprint: 5, summary: 'Changed' }, 422, { errors: { sprint: texts.fieldUnknown.ru } });
  await expectRejected({ status: 'nothing', summary: 'Changed' }, 422, { errors: { status: texts.statusNotFound.ru } });
  await expectRejected({ assignee: 'nobody' }, 422, { errors: { assignee: texts.userUnknown.ru } });
  await expectRejected({ queue: 'OTHER' }, 422, { errors: { queue: expect.stringContaining('_move') } });
  await expectRejected({ summary: 'Changed', parent: 'NONE-1' }, 422, { errors: { parent: texts.issueNotFound.ru } });
  await expectRejected({ summary: 'Changed', parent: key }, 422, { errorMessages: [expect.stringContaining(key)] });
  await expectRejected({ summary: 'Changed', parent: child.key }, 422, {
    errorMessages: [expect.stringContaining(child.key)],
  });
  await expectRejected(
    { tags: { add: Array.from({ length: 100 }, (_, place) => String(place)), set: ['one more'] } },
    422,
    {
      errors: { tags: texts.tagsTooMany.ru },
    },
  );
  const wrongForm = texts.formInvalid.ru;
  await expectRejected({ tags: { add: 7 } }, 400, { errors: { tags: wrongForm } });
  await expectRejected({ summary: { add: 'x' } }, 400, { errors: { summary: wrongForm } });
  await expectRejected({ assignee: { add: 'x' }, type: true }, 400, {
    errors: { assignee: wrongForm, type: wrongForm },
  });
  await expectRejected({ summary: 'x'.repeat(1025) }, 400, { errors: { summary: expect.stringContaining('1024') } });
  await expectRejected({ tags: { add: ['x', ''] } }, 400, { errors: { 'tags.add.1': expect.any(String) } });
  await expectRejected({ summary: 'Changed' }, 403, {}, reader);
  await expectRejected({ summary: 'Changed' }, 403, {}, readOnly);
  await as(org.admin).patch(`/v2/issues/${key}`).send('[]').expect(400);
  await as(org.admin)
    .patch(`/v2/issues/${key}`, { description: 'x'.repeat(1_100_000) })
    .expect(413);

  expect(await snapshot(db())).toEqual(before);
});

test('PATCH issue sets parent and epic as links, without a new version', async () => {
  const org = await givenOrganisation(db());
  const { key: queue } = await givenQueue(db(), org);
  const [issue, first, second] = [
    await givenIssue(db(), org, queue),
    await givenIssue(db(), org, queue, { summary: 'First' }),
    await givenIssue(db(), org, queue, { summary: 'Second' }),
  ];
  const links = async () =>
    (await as(org.admin).get(`/v2/issues/${issue.key}/links`)).body.map(
      (link: Record<string, { id: string; key: string }>) => [link['type']?.id, link['direction'], link['object']?.key],
    );

  const set = await as(org.admin)
    .patch(`/v2/issues/${issue.key}`, { parent: first.key, epic: { set: second.key } })
    .expect(200);
  expect(set.body).toMatchObject({
    version: 1,
    updatedAt: set.body.createdAt,
    parent: { key: first.key, display: 'First', id: first.hexId },
    epic: { key: second.key, display: 'Second' },
  });
  expect(await links()).toEqual([
    ['subtask', 'inward', first.key],
    ['epic', 'outward', second.key],
  ]);
  const before = await snapshot(db());
  await as(org.admin)
    .patch(`/v2/issues/${issue.key}`, { parent: { id: first.hexId }, epic: second.key })
    .expect(200);
  expect(await snapshot(db())).toEqual(before);

  await as(org.admin).patch(`/v2/issues/${issue.key}`, { epic: null }).expect(200);
  const other = await givenIssue(db(), org, queue);
  const changed = await as(org.admin)
    .patch(`/v2/issues/${issue.key}`, { parent: other.key, summary: 'Both' })
    .expect(200);
  expect(changed.body).toMatchObject({ version: 2, summary: 'Both', parent: { key: other.key } });
  expect(changed.body).not.toHaveProperty('epic');
  expect(await links()).toEqual([['subtask', 'inward', other.key]]);
  expect((await as(org.admin).patch(`/v2/issues/${issue.key}`, { parent: null }).expect(200)).body).not.toHaveProperty(
    'parent',
  );
  expect(await links()).toEqual([]);
  await as(org.admin)
    .patch(`/v2/issues/${issue.key}`, { parent: null, epic: { set: null } })
    .expect(200);

  await givenLink(db(), org, 'subtask', issue, second);
  expect((await as(org.admin).get(`/v2/issues/${issue.key}`)).body).toMatchObject({
    version: 2,
    parent: { key: second.key },
  });
});

test('of two concurrent PATCHes that set opposite parents one succeeds', async () => {
  const org = await givenOrganisation(db());
  const { key: queue } = await givenQueue(db(), org);
  for (let round = 0; round < 5; round += 1) {
    const [left, right] = [await givenIssue(db(), org, queue), await givenIssue(db(), org, queue)];
    const responses = await Promise.all([
      as(org.admin).patch(`/v2/issues/${left.key}`, { parent: right.key, summary: 'Left' }),
      as(org.admin).patch(`/v2/issues/${right.key}`, { parent: left.key, summary: 'Right' }),
    ]);
    expect(responses.map(({ status }) => status).sort()).toEqual([200, 422]);
  }
});

test('PATCH issue returns 422 for an epic in an organisation without that link type', async () => {
  const org = await givenOrganisation(db(), { profile: 'kanboard', language: 'en' });
  const { key: queue } = await givenQueue(db(), org);
  const [issue, other] = [await givenIssue(db(), org, queue), await givenIssue(db(), org, queue)];
  const before = await snapshot(db());

  const { body } = await as(org.admin).patch(`/v2/issues/${issue.key}`, { epic: other.key }).expect(422);
  expect(body.errorMessages).toEqual(['The link type epic does not exist.']);
  expect(await snapshot(db())).toEqual(before);
  await as(org.admin).patch(`/v2/issues/${issue.key}`, { epic: null }).expect(200);
  const { body: child } = await as(org.admin).patch(`/v2/issues/${issue.key}`, { parent: other.key }).expect(200);
  expect(child.parent).toMatchObject({ key: other.key });
});

async function givenStatus({ orgId }: GivenOrganisation, key: string, type: string): Promise<void> {
  await db().query({
    name: '',
    text: `
      insert into statuses (org_id, key, name_ru, name_en, type, position) values ($1, $2, $2, $2, $3, 9)`,
    values: [orgId, key, type],
  });
}

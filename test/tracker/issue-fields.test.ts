import { beforeEach, describe, expect, test } from '@jest/globals';
import { texts } from '../../src/texts.ts';
import { useApi } from '../support/api.ts';
import {
  type GivenOrganisation,
  type GivenUser,
  givenApplication,
  givenIssue,
  givenOrganisation,
  givenQueue,
  givenUser,
} from '../support/builders.ts';
import { getIssueId, listEvents } from '../support/issues.ts';
import { restAs } from '../support/rest.ts';
import { type Rpc, rpcAs } from '../support/rpc.ts';
import { unchanged } from '../support/snapshot.ts';

/** Author, followers, deadline and story points of issues; the last two are Kanboard's due date and score. */

const api = useApi();
const db = () => api().database.db;
const as = (user: GivenUser) => restAs(api(), user);
let org: GivenOrganisation;
let queue: string;
let ivanov: GivenUser;
let petrova: GivenUser;

beforeEach(async () => {
  org = await givenOrganisation(db());
  queue = (await givenQueue(db(), org)).key;
  ivanov = await givenUser(db(), org.orgId, { display: 'Иван Иванов' });
  petrova = await givenUser(db(), org.orgId, { display: 'Анна Петрова' });
});

async function create(fields: object): Promise<{ key: string } & Record<string, unknown>> {
  const { body } = await as(ivanov)
    .post('/v2/issues', { queue, summary: 'Fields', ...fields })
    .expect(201);
  expect((await as(ivanov).get(`/v2/issues/${body.key}`).expect(200)).body).toEqual(body);
  return body;
}

async function patch(key: string, changes: object): Promise<Record<string, unknown>> {
  const { body } = await as(ivanov).patch(`/v2/issues/${key}`, changes).expect(200);
  expect((await as(ivanov).get(`/v2/issues/${key}`).expect(200)).body).toEqual(body);
  return body;
}

async function uidOf(user: GivenUser): Promise<number> {
  return (await as(user).get('/v2/myself').expect(200)).body.uid;
}

const shown = (display: string) => expect.objectContaining({ display, self: expect.stringContaining('/v2/users/') });
const followersOf = (body: Record<string, unknown>) =>
  (body['followers'] as { display: string }[]).map(({ display }) => display);

describe('POST issues', () => {
  test('stores author, followers, deadline and story points, and records them in one event', async () => {
    const issue = await create({
      author: petrova.login,
      followers: [ivanov.login, { id: String(await uidOf(petrova)) }],
      deadline: '2030-01-31',
      storyPoints: 0.5,
    });

    expect(issue).toMatchObject({
      author: shown('Анна Петрова'),
      createdBy: shown('Иван Иванов'),
      followers: [shown('Иван Иванов'), shown('Анна Петрова')],
      deadline: '2030-01-31',
      storyPoints: 0.5,
    });
    const events = await listEvents(db(), org, await getIssueId(db(), org, issue.key));
    const [{ fields }] = events.map(({ changes }) => changes) as [{ fields: unknown[] }];
    expect(fields.slice(-4)).toEqual([
      { field: 'author', from: null, to: petrova.id },
      { field: 'followers', from: null, to: [ivanov.id, petrova.id] },
      { field: 'deadline', from: null, to: '2030-01-31' },
      { field: 'storyPoints', from: null, to: 0.5 },
    ]);
  });

  test('shows no author who is the creator, and neither a deadline nor story points without one', async () => {
    for (const fields of [{}, { author: ivanov.login }, { author: null, deadline: null, storyPoints: null }]) {
      const issue = await create(fields);
      expect(issue['followers']).toEqual([]);
      for (const field of ['author', 'deadline', 'storyPoints']) expect(issue).not.toHaveProperty(field);
    }
  });

  test('takes one follower without an array, and each only once', async () => {
    expect(followersOf(await create({ followers: petrova.login }))).toEqual(['Анна Петрова']);
    const twice = [petrova.login, { login: petrova.login }, await uidOf(petrova)];
    expect(followersOf(await create({ followers: twice }))).toEqual(['Анна Петрова']);
  });

  test('stores story points of 0', async () => {
    expect(await create({ storyPoints: 0 })).toMatchObject({ storyPoints: 0 });
  });
});

const INVALID: [fields: object, status: number, field: string][] = [
  [{ deadline: '31.01.2030' }, 400, 'deadline'],
  [{ deadline: '2030-02-30' }, 400, 'deadline'],
  [{ deadline: '2030-01-31T00:00:00.000+0000' }, 400, 'deadline'],
  [{ deadline: '1970-01-01' }, 400, 'deadline'],
  [{ deadline: 20300131 }, 400, 'deadline'],
  [{ storyPoints: '3' }, 400, 'storyPoints'],
  [{ storyPoints: 3_000_000_000 }, 400, 'storyPoints'],
  [{ author: 'nobody' }, 422, 'author'],
  [{ author: ['ivanov'] }, 400, 'author'],
  [{ followers: ['nobody'] }, 422, 'followers'],
  [{ followers: [true] }, 400, 'followers'],
  [{ markupType: 'html' }, 422, 'markupType'],
];

test.each(INVALID)('POST and PATCH refuse %j with %i under %s and write nothing', async (fields, status, field) => {
  const issue = await givenIssue(db(), org, queue);
  await unchanged(db(), async () => {
    const created = await as(ivanov).post('/v2/issues', { queue, summary: 'Invalid', ...fields });
    const changed = await as(ivanov).patch(`/v2/issues/${issue.key}`, { summary: 'Invalid', ...fields });
    for (const response of [created, changed]) {
      expect([response.status, Object.keys(response.body.errors)]).toEqual([status, [field]]);
    }
  });
});

test('an unknown follower is named in the refusal', async () => {
  await unchanged(db(), async () => {
    const body = { queue, summary: 'Strangers', followers: [ivanov.login, 'nobody', 'none'] };
    const response = await as(ivanov).post('/v2/issues', body).expect(422);
    expect(response.body.errors).toEqual({ followers: texts.usersUnknown('nobody, none').ru });
  });
});

test('an issue has at most 100 followers', async () => {
  const logins: string[] = [];
  for (let count = 0; count < 101; count += 1) logins.push((await givenUser(db(), org.orgId)).login);
  const { key } = await create({ followers: logins.slice(0, 100) });
  await unchanged(db(), async () => {
    const response = await as(ivanov)
      .patch(`/v2/issues/${key}`, { followers: { add: logins[100] } })
      .expect(422);
    expect(response.body.errors).toEqual({ followers: texts.followersTooMany.ru });
  });
});

describe('PATCH issue', () => {
  test('changes, sets and clears each field', async () => {
    const { key } = await create({});
    const fields = { author: petrova.login, deadline: '2030-01-31', storyPoints: 3 };
    expect(await patch(key, fields)).toMatchObject({
      version: 2,
      author: shown('Анна Петрова'),
      deadline: '2030-01-31',
      storyPoints: 3,
    });
    const set = { deadline: { set: '2031-01-01' }, storyPoints: { set: 5 }, followers: { set: [petrova.login] } };
    const after = await patch(key, set);
    expect(after).toMatchObject({ version: 3, deadline: '2031-01-01', storyPoints: 5 });
    expect(followersOf(after)).toEqual(['Анна Петрова']);
    const cleared = await patch(key, { author: null, deadline: { set: null }, storyPoints: null, followers: null });
    expect(cleared).toMatchObject({ version: 4, followers: [] });
    for (const field of ['author', 'deadline', 'storyPoints']) expect(cleared).not.toHaveProperty(field);
  });

  test('supports the operators of lists for followers', async () => {
    const { key } = await create({ followers: [ivanov.login] });
    const names = async (followers: unknown) => followersOf(await patch(key, { followers }));
    expect(await names({ add: petrova.login })).toEqual(['Иван Иванов', 'Анна Петрова']);
    expect(await names({ remove: [{ login: ivanov.login }] })).toEqual(['Анна Петрова']);
    expect(await names({ remove: ivanov.login, add: [ivanov.login, petrova.login] })).toEqual([
      'Анна Петрова',
      'Иван Иванов',
    ]);
    const replace = [{ target: petrova.login, replacement: org.admin.login }];
    expect(await names({ replace })).toEqual([org.admin.login, 'Иван Иванов']);
    expect(await names({ set: null })).toEqual([]);
    expect(await names(petrova.login)).toEqual(['Анна Петрова']);
  });

  test('writes nothing for the same values, for followers in another order, and for what GET returned', async () => {
    const fields = {
      author: petrova.login,
      followers: [ivanov.login, petrova.login],
      deadline: '2030-01-31',
      storyPoints: 1.5,
    };
    const issue = await create(fields);
    await unchanged(db(), async () => {
      for (const changes of [
        fields,
        { followers: [petrova.login, ivanov.login] },
        { followers: { remove: ivanov.login, add: ivanov.login } },
        { followers: { remove: org.admin.login } },
        issue,
      ]) {
        expect(await patch(issue.key, changes)).toEqual(issue);
      }
    });
  });

  test('keeps a removed user as author and follower, and accepts no other removed user', async () => {
    const { key } = await create({ author: petrova.login, followers: [petrova.login] });
    const rpc = rpcAs(api(), await givenApplication(db(), org));
    expect(await rpc.call('removeUser', petrova.id)).toBe(true);
    const { body } = await as(ivanov).get(`/v2/issues/${key}`).expect(200);
    expect(body).toMatchObject({ author: shown('Анна Петрова'), followers: [shown('Анна Петрова')] });
    await unchanged(db(), async () => {
      await patch(key, body);
    });
    const other = await givenIssue(db(), org, queue);
    await unchanged(db(), async () => {
      for (const field of ['author', 'followers']) {
        await as(ivanov)
          .patch(`/v2/issues/${other.key}`, { [field]: body[field] })
          .expect(422);
      }
    });
  });

  test('needs the right to change the issue', async () => {
    const reader = await givenUser(db(), org.orgId, { role: 'reader' });
    const { key } = await create({});
    await unchanged(db(), async () => {
      for (const fields of [
        { followers: { add: reader.login } },
        { author: reader.login },
        { deadline: '2030-01-01' },
      ]) {
        await as(reader).patch(`/v2/issues/${key}`, fields).expect(403);
      }
    });
  });
});

test('the changelog names authors and followers, deadlines and story points before and after', async () => {
  const { key } = await create({ followers: [ivanov.login], storyPoints: 1 });
  await patch(key, {
    author: petrova.login,
    followers: { add: petrova.login },
    deadline: '2030-01-31',
    storyPoints: 2.5,
  });
  const { body } = await as(ivanov).get(`/v2/issues/${key}/changelog?type=IssueUpdated`).expect(200);
  expect(body).toMatchObject([
    {
      fields: [
        { field: { id: 'author' }, from: shown('Иван Иванов'), to: shown('Анна Петрова') },
        {
          field: { id: 'followers' },
          from: [shown('Иван Иванов')],
          to: [shown('Иван Иванов'), shown('Анна Петрова')],
        },
        { field: { id: 'deadline', display: 'Дедлайн' }, from: null, to: '2030-01-31' },
        { field: { id: 'storyPoints', display: 'Story Points' }, from: 1, to: 2.5 },
      ],
    },
  ]);
  const fields = await as(ivanov).get(`/v2/issues/${key}/changelog?field=storyPoints`).expect(200);
  expect(fields.body.map(({ type }: { type: string }) => type)).toEqual(['IssueCreated', 'IssueUpdated']);
});

test('a bulk change and a transition set the fields', async () => {
  const [first, second] = [await create({}), await create({})];
  const values = { followers: { add: [petrova.login] }, deadline: '2030-01-31', storyPoints: 2, author: petrova.login };
  const expected = { deadline: '2030-01-31', storyPoints: 2, author: shown('Анна Петрова') };
  const { body } = await as(ivanov)
    .post('/v2/bulkchange/_update', { issues: [first.key], values })
    .expect(201);
  expect(body).toMatchObject({ status: 'COMPLETE', failures: [] });
  await as(ivanov).post(`/v2/issues/${second.key}/transitions/closed/_execute`, values).expect(200);
  for (const { key } of [first, second]) {
    const changed = (await as(ivanov).get(`/v2/issues/${key}`).expect(200)).body;
    expect(changed).toMatchObject(expected);
    expect(followersOf(changed)).toEqual(['Анна Петрова']);
  }
});

test('a clone keeps followers, deadline and story points, and has its own author', async () => {
  const fields = { author: petrova.login, followers: [petrova.login], deadline: '2030-01-31', storyPoints: 0.5 };
  const { key } = await create(fields);
  const { body } = await as(ivanov).post(`/v2/issues/${key}/_clone`).expect(201);
  expect(body).toMatchObject({ deadline: '2030-01-31', storyPoints: 0.5, createdBy: shown('Иван Иванов') });
  expect(followersOf(body)).toEqual(['Анна Петрова']);
  expect(body).not.toHaveProperty('author');
});

describe('Kanboard', () => {
  let rpc: Rpc;
  const getTask = async (key: string) =>
    await rpc.call<Record<string, unknown>>('getTask', await getIssueId(db(), org, key));

  beforeEach(async () => {
    rpc = rpcAs(api(), await givenApplication(db(), org));
  });

  test('shows the deadline as the due date at midnight UTC, and the rounded story points as the score', async () => {
    const { key } = await create({ deadline: '2030-01-31', storyPoints: 2.5 });
    expect(await getTask(key)).toMatchObject({ date_due: Date.UTC(2030, 0, 31) / 1000, score: 3 });
    await patch(key, { deadline: null, storyPoints: null });
    expect(await getTask(key)).toMatchObject({ date_due: 0, score: 0 });
  });

  test('a due date and a score are the deadline and the story points, with entries in the changelog', async () => {
    const { key } = await create({});
    const id = await getIssueId(db(), org, key);
    expect(await rpc.named('updateTask', { id, date_due: '2030-01-31 23:30', score: 8 })).toBe(true);
    const { body } = await as(ivanov).get(`/v2/issues/${key}`).expect(200);
    expect(body).toMatchObject({ deadline: '2030-01-31', storyPoints: 8, version: 2 });
    const changes = await as(ivanov).get(`/v2/issues/${key}/changelog?type=IssueUpdated`).expect(200);
    expect(changes.body[0].fields.map(({ field }: { field: { id: string } }) => field.id)).toEqual([
      'deadline',
      'storyPoints',
    ]);
    expect(await rpc.named('updateTask', { id, date_due: '', score: 0 })).toBe(true);
    const cleared = (await as(ivanov).get(`/v2/issues/${key}`).expect(200)).body;
    expect(cleared).not.toHaveProperty('deadline');
    expect(cleared).toMatchObject({ storyPoints: 0 });
  });

  test('what either API sends back as it read it changes nothing', async () => {
    const { key } = await create({ storyPoints: 2.5 });
    const id = await getIssueId(db(), org, key);
    await rpc.named('updateTask', { id, date_due: '2030-01-31 23:30' });
    const { body } = await as(ivanov).get(`/v2/issues/${key}`).expect(200);
    await unchanged(db(), async () => {
      await patch(key, body);
      await patch(key, { deadline: '2030-01-31' });
      expect(await rpc.named('updateTask', { id, score: 3 })).toBe(true);
    });
    expect(await getTask(key)).toMatchObject({ date_due: Date.UTC(2030, 0, 31, 23, 30) / 1000, score: 3 });
    await patch(key, { deadline: '2030-02-01' });
    expect(await getTask(key)).toMatchObject({ date_due: Date.UTC(2030, 1, 1) / 1000 });
  });

  test('the earliest due date is 1970-01-02, in both APIs', async () => {
    const { key } = await create({ deadline: '1970-01-02' });
    const id = await getIssueId(db(), org, key);
    expect(await getTask(key)).toMatchObject({ date_due: 86_400 });
    await rpc.named('updateTask', { id, date_due: 86_401 });
    const { body } = await as(ivanov).get(`/v2/issues/${key}`).expect(200);
    expect(body).toMatchObject({ deadline: '1970-01-02' });
    await unchanged(db(), async () => {
      await patch(key, body);
      for (const date_due of [1, 86_399, '1970-01-01 23:59']) {
        expect(await rpc.named('updateTask', { id, date_due })).toBe(false);
      }
    });
  });

  test('a new task with a score of 0 has no story points; searchTasks compares the rounded ones', async () => {
    const { key } = await create({ storyPoints: 2.5 });
    const { project_id: projectId } = (await getTask(key)) as { project_id: number };
    const id = await rpc.named<number>('createTask', { project_id: projectId, title: 'Without', score: 0 });
    const { body } = await as(ivanov).post('/v2/issues/_search', { queue, order: 'key' }).expect(200);
    expect(body[1]).not.toHaveProperty('storyPoints');
    const found = async (query: string) =>
      (await rpc.call<{ id: number }[]>('searchTasks', projectId, query)).map((task) => task.id);
    expect(await found('score:3')).toEqual([await getIssueId(db(), org, key)]);
    expect(await found('score:0')).toEqual([id]);
  });

  test('a change within the same day is no change of the deadline', async () => {
    const { key } = await create({ deadline: '2030-01-31' });
    const id = await getIssueId(db(), org, key);
    await rpc.named('updateTask', { id, date_due: '2030-01-31 12:00' });
    const { body } = await as(ivanov).get(`/v2/issues/${key}/changelog`).expect(200);
    expect(body.map(({ type }: { type: string }) => type)).toEqual(['IssueCreated']);
  });
});

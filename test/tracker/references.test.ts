import { beforeEach, describe, expect, test } from '@jest/globals';
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

/** References by `{"name": ...}`. */

const api = useApi();
const db = () => api().database.db;
const as = (user: GivenUser) => restAs(api(), user);
let org: GivenOrganisation;
let queue: string;
let issue: GivenIssue;
let ivanov: GivenUser;

beforeEach(async () => {
  org = await givenOrganisation(db());
  queue = (await givenQueue(db(), org)).key;
  await rename(queue, 'Первая очередь');
  issue = await givenIssue(db(), org, queue);
  ivanov = await givenUser(db(), org.orgId, { display: 'Иван Иванов' });
});

async function rename(key: string, name: string): Promise<void> {
  const text = 'update queues set name = $3 where org_id = $1 and key = $2';
  await db().query({ name: '', text, values: [org.orgId, key, name] });
}

/** A second entry of a dictionary with a name. */
async function givenEntry(table: 'statuses' | 'issue_types' | 'priorities' | 'resolutions', name: string) {
  const [columns, values] = table === 'statuses' ? [', type', `, 'new'`] : ['', ''];
  await db().query({
    name: '',
    text: `insert into ${table} (org_id, key, name_ru, name_en, position${columns}) values ($1, 'second', $2, $2, 100${values})`,
    values: [org.orgId, name],
  });
}

test('POST issues accepts the names of queue, type, priority, resolution and users', async () => {
  const { body } = await as(ivanov)
    .post('/v2/issues', {
      queue: { name: 'первая Очередь ' },
      summary: 'By name',
      type: { name: 'Ошибка' },
      priority: { name: 'minor' },
      resolution: { name: "won't fix" },
      assignee: { name: 'иван иванов' },
      author: { name: 'Иван Иванов' },
      followers: [{ name: 'Иван Иванов' }, org.admin.login],
    })
    .expect(201);
  expect(body).toMatchObject({
    queue: { key: queue },
    type: { key: 'bug' },
    priority: { key: 'minor' },
    resolution: { key: 'wontFix' },
    assignee: { display: 'Иван Иванов' },
    followers: [{ display: 'Иван Иванов' }, { display: org.admin.login }],
  });
});

test('PATCH, a transition, bulk changes and comments accept names', async () => {
  const changes = {
    status: { set: { name: 'В работе' } },
    type: { name: 'Bug' },
    queue: { name: 'Первая очередь' },
    followers: { add: { name: 'Иван Иванов' } },
  };
  const { body } = await as(ivanov).patch(`/v2/issues/${issue.key}`, changes).expect(200);
  expect(body).toMatchObject({
    status: { key: 'inProgress' },
    type: { key: 'bug' },
    followers: [{ display: 'Иван Иванов' }],
  });
  const closing = { resolution: { name: 'Решён' } };
  await as(ivanov).post(`/v2/issues/${issue.key}/transitions/closed/_execute`, closing).expect(200);
  const { key: other } = await givenQueue(db(), org);
  await rename(other, 'Вторая');
  const bulk = { issues: [issue.key], queue: { name: 'вторая' } };
  expect((await as(ivanov).post('/v2/bulkchange/_move', bulk).expect(201)).body.status).toBe('COMPLETE');
  const after = (await as(ivanov).get(`/v2/issues/${issue.key}`).expect(200)).body;
  expect(after).toMatchObject({ queue: { key: other }, resolution: { key: 'fixed' } });
  const comment = { text: 'Look', summonees: { name: 'Иван Иванов' } };
  expect((await as(ivanov).post(`/v2/issues/${issue.key}/comments`, comment).expect(201)).body).toMatchObject({
    summonees: [{ display: 'Иван Иванов' }],
  });
});

test('POST queues accepts the names of its lead and its defaults', async () => {
  const { body } = await as(org.admin)
    .post('/v2/queues', {
      key: 'NAMED',
      name: 'Named',
      lead: { name: 'Иван Иванов' },
      defaultType: { name: 'Epic' },
      defaultPriority: { name: 'Критичный' },
    })
    .expect(201);
  expect(body).toMatchObject({
    lead: { display: 'Иван Иванов' },
    defaultType: { key: 'epic' },
    defaultPriority: { key: 'critical' },
  });
});

test('a key or an id takes precedence over the name', async () => {
  const { body } = await as(ivanov)
    .patch(`/v2/issues/${issue.key}`, { type: { key: 'bug', name: 'Эпик' } })
    .expect(200);
  expect(body.type.key).toBe('bug');
});

describe('a name of nothing', () => {
  test.each([
    ['type', texts.issueTypeNotFound.ru],
    ['priority', texts.priorityNotFound.ru],
    ['resolution', texts.resolutionNotFound.ru],
    ['assignee', texts.userUnknown.ru],
    ['author', texts.userUnknown.ru],
    ['followers', texts.usersUnknown('Nothing').ru],
  ])('is refused as an unknown %s, and nothing is written', async (field, text) => {
    await unchanged(db(), async () => {
      const named = { summary: 'New', [field]: { name: 'Nothing' } };
      const responses = [
        await as(ivanov).post('/v2/issues', { queue, ...named }),
        await as(ivanov).patch(`/v2/issues/${issue.key}`, named),
      ];
      for (const { status, body } of responses) expect([status, body.errors]).toEqual([422, { [field]: text }]);
    });
  });

  test('is a queue that does not exist', async () => {
    await unchanged(db(), async () => {
      await as(ivanov)
        .post('/v2/issues', { queue: { name: 'Nothing' }, summary: 'New' })
        .expect(404);
    });
  });
});

describe('a name of several', () => {
  test.each([
    ['type', 'issue_types'],
    ['priority', 'priorities'],
    ['status', 'statuses'],
    ['resolution', 'resolutions'],
  ] as const)('is refused under %s, and nothing is written', async (field, table) => {
    const twice = { type: 'Задача', priority: 'Средний', status: 'Открыт', resolution: 'Решён' }[field];
    await givenEntry(table, twice);
    await unchanged(db(), async () => {
      const { body } = await as(ivanov)
        .patch(`/v2/issues/${issue.key}`, { summary: 'New', [field]: { name: twice } })
        .expect(422);
      expect(body.errors).toEqual({ [field]: texts.nameAmbiguous(twice).ru });
    });
  });

  test('of users is refused under each field', async () => {
    await givenUser(db(), org.orgId, { display: 'иван Иванов' });
    await unchanged(db(), async () => {
      const name = { name: 'Иван Иванов' };
      for (const field of ['assignee', 'author', 'followers']) {
        const { body } = await as(ivanov)
          .post('/v2/issues', { queue, summary: 'New', [field]: name })
          .expect(422);
        expect(body.errors).toEqual({ [field]: texts.nameAmbiguous('Иван Иванов').ru });
      }
      const comment = { text: 'Look', summonees: [name] };
      const { body } = await as(ivanov).post(`/v2/issues/${issue.key}/comments`, comment).expect(422);
      expect(body.errors).toEqual({ summonees: texts.nameAmbiguous('Иван Иванов').ru });
      const lead = await as(org.admin).post('/v2/queues', { key: 'LED', name: 'Led', lead: name }).expect(422);
      expect(lead.body.errors).toEqual({ lead: texts.nameAmbiguous('Иван Иванов').ru });
    });
  });

  test('of queues is refused, unless the user sees only one of them', async () => {
    const member = await givenUser(db(), org.orgId);
    const hidden = await givenQueue(db(), org, [member]);
    await rename(hidden.key, 'Первая очередь');
    const body = { queue: { name: 'Первая очередь' }, summary: 'New' };
    expect((await as(ivanov).post('/v2/issues', body).expect(201)).body.queue.key).toBe(queue);
    await unchanged(db(), async () => {
      const response = await as(member).post('/v2/issues', body).expect(422);
      expect(response.body.errors).toEqual({ queue: texts.nameAmbiguous('Первая очередь').ru });
    });
  });
});

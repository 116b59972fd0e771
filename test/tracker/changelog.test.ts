import { expect, test } from '@jest/globals';
import type { Response } from 'supertest';
import { texts } from '../../src/texts.ts';
import { useApi } from '../support/api.ts';
import { type GivenUser, givenIssue, givenOrganisation, givenQueue, givenUser } from '../support/builders.ts';
import { countStatements } from '../support/statements.ts';

const api = useApi();
const db = () => api().database.db;
const get = (path: string, { headers }: GivenUser, version = '/v2') =>
  api().request.get(`${version}/issues/${path}`).set(headers);
const create = async ({ headers }: GivenUser, body: object) =>
  (await api().request.post('/v2/issues').set(headers).send(body).expect(201)).body;
const patch = ({ headers }: GivenUser, key: string, body: object) =>
  api().request.patch(`/v2/issues/${key}`).set(headers).send(body).expect(200);
const link = async ({ headers }: GivenUser, key: string, relationship: string, issue: string) =>
  (await api().request.post(`/v2/issues/${key}/links`).set(headers).send({ relationship, issue }).expect(201)).body;
const unlink = ({ headers }: GivenUser, key: string, id: number) =>
  api().request.delete(`/v2/issues/${key}/links/${id}`).set(headers).expect(204);
const typesOf = (body: { type: string }[]) => body.map(({ type }) => type);

test.each(['/v2', '/v3'])('under %s the changelog says what happened, in references of today', async (version) => {
  const org = await givenOrganisation(db());
  const editor = await givenUser(db(), org.orgId, { display: 'Анна Петрова' });
  const queue = await givenQueue(db(), org);
  const other = await create(org.admin, { queue, summary: 'The other' });
  const { key, id } = await create(editor, { queue, summary: 'First', tags: ['a'], assignee: editor.login });
  await patch(editor, key, { summary: 'Second', priority: 'minor', assignee: null, status: 'inProgress' });
  const made = await link(editor, key, 'depends on', other.key);
  await unlink(editor, other.key, made.id);

  const { body, headers } = await get(`${key}/changelog`, editor, version).expect(200);

  expect(headers).not.toHaveProperty('link');
  expect(typesOf(body)).toEqual(['IssueCreated', 'IssueUpdated', 'IssueWorkflow', 'IssueLinked', 'IssueUnlinked']);
  const base = `${api().url}${version}`;
  const author = { self: expect.stringContaining(`${base}/users/`), id: expect.any(String), display: 'Анна Петрова' };
  const whole = (type: string) => ({
    id: expect.stringMatching(/^\d+$/),
    self: expect.stringMatching(new RegExp(`^${base}/issues/${key}/changelog/\\d+$`)),
    issue: { self: `${base}/issues/${key}`, id, key, display: 'Second' },
    updatedAt: expect.stringMatching(/\+0000$/),
    updatedBy: author,
    type,
  });
  const change = (field: string, display: string, from: unknown, to: unknown) => ({
    field: { self: `${base}/fields/${field}`, id: field, display },
    from,
    to,
  });
  const entry = (path: string, number: string, entryKey: string, display: string) => ({
    self: `${base}/${path}/${path === 'queues' ? entryKey : number}`,
    id: number === '' ? expect.any(String) : number,
    key: entryKey,
    display,
  });
  const open = entry('statuses', '1', 'open', 'Открыт');
  const normal = entry('priorities', '3', 'normal', 'Средний');
  expect(body[0]).toEqual({
    ...whole('IssueCreated'),
    fields: [
      change('key', 'Ключ', null, key),
      change('queue', 'Очередь', null, entry('queues', '', queue, queue)),
      change('summary', expect.any(String) as unknown as string, null, 'First'),
      change('type', 'Тип', null, entry('issuetypes', '2', 'task', 'Задача')),
      change('priority', 'Приоритет', null, normal),
      change('assignee', 'Исполнитель', null, author),
      change('tags', 'Теги', null, ['a']),
      change('status', 'Статус', null, open),
    ],
  });
  expect(body[1]).toEqual({
    ...whole('IssueUpdated'),
    fields: [
      change('summary', expect.any(String) as unknown as string, 'First', 'Second'),
      change('priority', 'Приоритет', normal, entry('priorities', '2', 'minor', 'Низкий')),
      change('assignee', 'Исполнитель', author, null),
    ],
  });
  expect(body[2]).toEqual({
    ...whole('IssueWorkflow'),
    fields: [change('status', 'Статус', open, entry('statuses', '2', 'inProgress', 'В работе'))],
  });
  const state = {
    type: {
      self: `${base}/linktypes/depends`,
      id: 'depends',
      inward: 'Блокирующая задача',
      outward: 'Зависит от',
    },
    direction: 'outward',
    object: { self: `${base}/issues/${other.key}`, id: other.id, key: other.key, display: 'The other' },
  };
  expect(body[3]).toEqual({ ...whole('IssueLinked'), links: [{ from: null, to: state }] });
  expect(body[4]).toEqual({ ...whole('IssueUnlinked'), links: [{ from: state, to: null }] });

  for (const one of body) {
    const single = await api().request.get(new URL(one.self).pathname).set(editor.headers).expect(200);
    expect(single.body).toEqual(one);
  }
  const selves = new Set([...JSON.stringify(body).matchAll(/"self":"([^"]+)"/g)].map(([, self]) => self as string));
  for (const self of selves) {
    const answer = await api().request.get(new URL(self).pathname).set(editor.headers).expect(200);
    expect(answer.body.self).toBe(self);
  }
});

test('names in the changelog are in the language that the request asks for', async () => {
  const org = await givenOrganisation(db());
  const { key } = await create(org.admin, { queue: await givenQueue(db(), org), summary: 'Languages' });
  await patch(org.admin, key, { status: 'closed' });
  const read = async (language: string) =>
    (await get(`${key}/changelog?type=IssueWorkflow`, org.admin).set('Accept-Language', language).expect(200)).body[0]
      .fields[0];

  expect(await read('en')).toMatchObject({
    field: { display: 'Status' },
    from: { display: 'Open' },
    to: { display: 'Closed' },
  });
  expect(await read('ru')).toMatchObject({ field: { display: 'Статус' }, to: { display: 'Закрыт' } });
});

test('a link is in the changelog of both of its issues, each seeing its own end', async () => {
  const org = await givenOrganisation(db());
  const queue = await givenQueue(db(), org);
  const [left, right] = [await givenIssue(db(), org, queue), await givenIssue(db(), org, queue)];
  const { id } = await link(org.admin, left.key, 'is subtask for', right.key);
  const change = { relationship: 'relates' };
  await api().request.patch(`/v2/issues/${left.key}/links/${id}`).set(org.admin.headers).send(change).expect(200);
  const read = async (key: string) =>
    (await get(`${key}/changelog`, org.admin).expect(200)).body.map(
      ({ type, links }: { type: string; links: { from: LinkSeen; to: LinkSeen }[] }) => [
        type,
        ...links.map(({ from, to }) => [seen(from), seen(to)]),
      ],
    );

  expect(await read(left.key)).toEqual([
    ['IssueLinked', [null, `subtask inward ${right.key}`]],
    ['IssueLinkChanged', [`subtask inward ${right.key}`, expect.stringContaining(`relates inward ${right.key}`)]],
  ]);
  expect(await read(right.key)).toEqual([
    ['IssueLinked', [null, `subtask outward ${left.key}`]],
    ['IssueLinkChanged', [`subtask outward ${left.key}`, expect.stringContaining(`relates outward ${left.key}`)]],
  ]);
});

type LinkSeen = { type: { id: string }; direction: string; object: { key: string } } | null;
const seen = (state: LinkSeen) => state && `${state.type.id} ${state.direction} ${state.object.key}`;

test('pages follow each other by the last entry seen', async () => {
  const org = await givenOrganisation(db());
  const { key } = await create(org.admin, { queue: await givenQueue(db(), org), summary: 'Version 0' });
  for (let version = 1; version <= 5; version += 1) await patch(org.admin, key, { summary: `Version ${version}` });
  const whole = (await get(`${key}/changelog`, org.admin).expect(200)).body;
  expect(whole).toHaveLength(6);

  const pages: unknown[][] = [];
  let next: string | undefined = `/v2/issues/${key}/changelog?perPage=4`;
  while (next !== undefined) {
    const page: Response = await api().request.get(next).set(org.admin.headers).expect(200);
    pages.push(page.body);
    next = /^<[^/]+\/\/[^/]+([^>]+)>; rel="next"$/.exec(page.headers['link'] ?? '')?.[1];
  }

  expect(pages.map(({ length }) => length)).toEqual([4, 2]);
  expect(pages.flat()).toEqual(whole);
  const exactly = await get(`${key}/changelog?perPage=6`, org.admin).expect(200);
  expect(exactly.headers).not.toHaveProperty('link');
  expect((await get(`${key}/changelog?id=${whole[5].id}`, org.admin).expect(200)).body).toEqual([]);
});

test('only entries of the kinds asked for are shown', async () => {
  const org = await givenOrganisation(db());
  const queue = await givenQueue(db(), org);
  const parent = await givenIssue(db(), org, queue);
  const { key } = await create(org.admin, { queue, summary: 'Kinds', parent: parent.key });
  await patch(org.admin, key, { status: 'closed' });
  const types = async (query: string) => typesOf((await get(`${key}/changelog?${query}`, org.admin).expect(200)).body);

  expect(await types('type=IssueLinked')).toEqual(['IssueLinked']);
  expect(await types('type=IssueWorkflow&type=IssueCreated')).toEqual(['IssueCreated', 'IssueWorkflow']);
  expect(await types('type=IssueUnlinked')).toEqual([]);
  expect(await types('nothing=else')).toHaveLength(3);
});

test('what the reader may not see is left out of the entries', async () => {
  const org = await givenOrganisation(db());
  const insider = await givenUser(db(), org.orgId);
  const [open, closed] = [await givenQueue(db(), org), await givenQueue(db(), org, [insider])];
  const secret = await givenIssue(db(), org, closed, { summary: 'Top secret' });
  const shown = await givenIssue(db(), org, open);
  const { key } = await create(insider, { queue: closed, summary: 'Moving', parent: secret.key });
  await link(insider, key, 'relates', shown.key);
  await api().request.post(`/v2/issues/${key}/_move?queue=${open}`).set(insider.headers).expect(200);
  const read = async (user: GivenUser) => (await get(`${key}/changelog`, user).expect(200)).body;

  const [inside, outside] = [await read(insider), await read(org.admin)];

  expect(typesOf(outside)).toEqual(typesOf(inside));
  expect(inside[1].links).toMatchObject([{ to: { object: { display: 'Top secret' } } }]);
  expect(outside[1].links).toEqual([]);
  expect(outside[2].links).toMatchObject([{ to: { object: { key: shown.key } } }]);
  expect(inside[3].fields[0]).toMatchObject({ from: { key: closed }, to: { key: open } });
  expect(outside[3].fields[0]).toMatchObject({ from: null, to: { key: open } });
  expect(JSON.stringify(outside)).not.toContain('Top secret');
});

test('a link to an issue that was deleted is left out of its entries', async () => {
  const org = await givenOrganisation(db());
  const queue = await givenQueue(db(), org);
  const [issue, other] = [await givenIssue(db(), org, queue), await givenIssue(db(), org, queue)];
  await link(org.admin, issue.key, 'relates', other.key);
  await api().request.delete(`/v2/issues/${other.key}`).set(org.admin.headers).expect(204);

  const { body } = await get(`${issue.key}/changelog`, org.admin).expect(200);

  expect(body).toMatchObject([
    { type: 'IssueLinked', links: [] },
    { type: 'IssueUnlinked', links: [] },
  ]);
});

test('a changelog that cannot be read is refused', async () => {
  const [org, elsewhere] = [await givenOrganisation(db()), await givenOrganisation(db())];
  const queue = await givenQueue(db(), org);
  const { key } = await create(org.admin, { queue, summary: 'Read' });
  const other = await create(org.admin, { queue, summary: 'Other' });
  const hidden = await givenIssue(db(), org, await givenQueue(db(), org, []));
  const [{ id }] = (await get(`${key}/changelog`, org.admin).expect(200)).body;

  for (const name of ['NONE-1', 'nonsense', hidden.key]) {
    const { body } = await get(`${name}/changelog`, org.admin).expect(404);
    expect(body.errorMessages).toEqual([texts.issueNotFound.ru]);
    await get(`${name}/changelog/${id}`, org.admin).expect(404);
  }
  await get(`${key}/changelog`, elsewhere.admin).expect(404);
  await get(`${key}/changelog/${id}`, elsewhere.admin).expect(404);
  for (const entry of ['999999999', 'nonsense', '-1', '9'.repeat(30), '%00']) {
    const { body } = await get(`${key}/changelog/${entry}`, org.admin).expect(404);
    expect(body.errorMessages).toEqual([texts.changeNotFound.ru]);
  }
  await get(`${other.key}/changelog/${id}`, org.admin).expect(404);
  await get(`${key}/changelog?id=nonsense`, org.admin).expect(400);
  await get(`${key}/changelog?type=IssueRead`, org.admin).expect(400);
  await get(`${key}/changelog?perPage=0`, org.admin).expect(400);
  for (const path of [`${key}/changelog`, `${key}/changelog/${id}`]) {
    await get(path, org.admin).set('Authorization', 'OAuth unknown').expect(401);
    await get(path, org.admin).set('X-Org-ID', 'another').expect(403);
  }
});

test('a changelog is read with the same statements however long it is', async () => {
  const org = await givenOrganisation(db());
  const queue = await givenQueue(db(), org);
  const { key } = await create(org.admin, { queue, summary: 'Counted' });
  const statements = () => countStatements(db(), () => get(`${key}/changelog`, org.admin).expect(200));
  const before = await statements();
  for (let place = 0; place < 3; place += 1) {
    await link(org.admin, key, 'relates', (await givenIssue(db(), org, queue)).key);
    await patch(org.admin, key, { summary: `Counted ${place}`, assignee: org.admin.login });
  }
  expect(await statements()).toBe(before);
});

import { beforeEach, describe, expect, test } from '@jest/globals';
import type { Response } from 'supertest';
import { texts } from '../../src/texts.ts';
import { useApi } from '../support/api.ts';
import {
  type GivenIssue,
  type GivenOrganisation,
  type GivenUser,
  givenApplication,
  givenIssue,
  givenOrganisation,
  givenQueue,
  givenUser,
} from '../support/builders.ts';
import { restAs } from '../support/rest.ts';
import { rpcAs } from '../support/rpc.ts';
import { countStatements } from '../support/statements.ts';

const api = useApi();
const db = () => api().database.db;
const as = (user: GivenUser) => restAs(api(), user);
const createIssue = async (user: GivenUser, body: object) => (await as(user).post('/v2/issues', body).expect(201)).body;
const updateIssue = (user: GivenUser, key: string, body: object) =>
  as(user).patch(`/v2/issues/${key}`, body).expect(200);
const createLink = async (user: GivenUser, key: string, relationship: string, issue: string) =>
  (await as(user).post(`/v2/issues/${key}/links`, { relationship, issue }).expect(201)).body;
const typesOf = (body: { type: string }[]) => body.map(({ type }) => type);

test.each(['/v2', '/v3'])('GET changelog under %s returns all events, with current references', async (version) => {
  const org = await givenOrganisation(db());
  const editor = await givenUser(db(), org.orgId, { display: 'Анна Петрова' });
  const { key: queue } = await givenQueue(db(), org);
  const other = await createIssue(org.admin, { queue, summary: 'The other' });
  const { key, id } = await createIssue(editor, { queue, summary: 'First', tags: ['a'], assignee: editor.login });
  await updateIssue(editor, key, { summary: 'Second', priority: 'minor', assignee: null, status: 'inProgress' });
  const created = await createLink(editor, key, 'depends on', other.key);
  await as(editor).delete(`/v2/issues/${other.key}/links/${created.id}`).expect(204);

  const { body, headers } = await as(editor).get(`${version}/issues/${key}/changelog`).expect(200);

  expect(headers['link']).toBe(`<${api().url}${version}/issues/${key}/changelog?perPage=50>; rel="first"`);
  expect(typesOf(body)).toEqual(['IssueCreated', 'IssueUpdated', 'IssueWorkflow', 'IssueLinked', 'IssueUnlinked']);
  const base = `${api().url}${version}`;
  const author = { self: expect.stringContaining(`${base}/users/`), id: expect.any(String), display: 'Анна Петрова' };
  const whole = (type: string) => ({
    id: expect.stringMatching(/^\d+$/),
    self: expect.stringMatching(new RegExp(`^${base}/issues/${key}/changelog/\\d+$`)),
    issue: { self: `${base}/issues/${key}`, id, key, display: 'Second' },
    updatedAt: expect.stringMatching(/\+0000$/),
    updatedBy: author,
    transport: 'api',
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

  for (const entryBody of body) {
    const single = await as(editor).get(new URL(entryBody.self).pathname).expect(200);
    expect(single.body).toEqual(entryBody);
  }
  const selves = new Set([...JSON.stringify(body).matchAll(/"self":"([^"]+)"/g)].map(([, self]) => self as string));
  for (const self of selves) {
    const response = await as(editor).get(new URL(self).pathname).expect(200);
    expect(response.body.self).toBe(self);
  }
});

test('GET changelog returns display names in the requested language', async () => {
  const org = await givenOrganisation(db());
  const { key } = await createIssue(org.admin, { queue: (await givenQueue(db(), org)).key, summary: 'Languages' });
  await updateIssue(org.admin, key, { status: 'closed' });
  const read = async (language: string) =>
    (
      await as(org.admin)
        .get(`/v2/issues/${key}/changelog?type=IssueWorkflow`)
        .set('Accept-Language', language)
        .expect(200)
    ).body[0].fields[0];

  expect(await read('en')).toMatchObject({
    field: { display: 'Status' },
    from: { display: 'Open' },
    to: { display: 'Closed' },
  });
  expect(await read('ru')).toMatchObject({ field: { display: 'Статус' }, to: { display: 'Закрыт' } });
});

test('a link is in the changelogs of both issues, each with its own direction', async () => {
  const org = await givenOrganisation(db());
  const { key: queue } = await givenQueue(db(), org);
  const [left, right] = [await givenIssue(db(), org, queue), await givenIssue(db(), org, queue)];
  const { id } = await createLink(org.admin, left.key, 'is subtask for', right.key);
  const change = { relationship: 'relates' };
  await as(org.admin).patch(`/v2/issues/${left.key}/links/${id}`, change).expect(200);
  const read = async (key: string) =>
    (await as(org.admin).get(`/v2/issues/${key}/changelog`).expect(200)).body.map(
      ({ type, links }: { type: string; links: { from: LinkState; to: LinkState }[] }) => [
        type,
        ...links.map(({ from, to }) => [describeLink(from), describeLink(to)]),
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

type LinkState = { type: { id: string }; direction: string; object: { key: string } } | null;
const describeLink = (state: LinkState) => state && `${state.type.id} ${state.direction} ${state.object.key}`;

test('GET changelog pages by the id of the last entry', async () => {
  const org = await givenOrganisation(db());
  const { key } = await createIssue(org.admin, { queue: (await givenQueue(db(), org)).key, summary: 'Version 0' });
  for (let version = 1; version <= 5; version += 1)
    await updateIssue(org.admin, key, { summary: `Version ${version}` });
  const whole = (await as(org.admin).get(`/v2/issues/${key}/changelog`).expect(200)).body;
  expect(whole).toHaveLength(6);
  // While an older transaction of another test runs, pages after a cursor end before these entries.
  const after = `/v2/issues/${key}/changelog?id=${whole[0].id}`;
  while ((await as(org.admin).get(after).expect(200)).body.length < 5);

  const pages: unknown[][] = [];
  let next: string | undefined = `/v2/issues/${key}/changelog?perPage=4`;
  while (next !== undefined) {
    const page: Response = await as(org.admin).get(next).expect(200);
    pages.push(page.body);
    next = /<[^/]+\/\/[^/]+([^>]+)>; rel="next"$/.exec(page.headers['link'] ?? '')?.[1];
  }

  expect(pages.map(({ length }) => length)).toEqual([4, 2]);
  expect(pages.flat()).toEqual(whole);
  const fullPage = await as(org.admin).get(`/v2/issues/${key}/changelog?perPage=6`).expect(200);
  const first = `<${api().url}/v2/issues/${key}/changelog?perPage=6>; rel="first"`;
  expect(fullPage.headers['link']).toBe(first);
  const last = await as(org.admin).get(`/v2/issues/${key}/changelog?perPage=6&id=${whole[5].id}`).expect(200);
  expect(last.headers['link']).toBe(first);
  expect((await as(org.admin).get(`/v2/issues/${key}/changelog?id=${whole[5].id}`).expect(200)).body).toEqual([]);
});

test('GET changelog filters by type', async () => {
  const org = await givenOrganisation(db());
  const { key: queue } = await givenQueue(db(), org);
  const parent = await givenIssue(db(), org, queue);
  const { key } = await createIssue(org.admin, { queue, summary: 'Kinds', parent: parent.key });
  await updateIssue(org.admin, key, { status: 'closed' });
  const types = async (query: string) =>
    typesOf((await as(org.admin).get(`/v2/issues/${key}/changelog?${query}`).expect(200)).body);

  expect(await types('type=IssueLinked')).toEqual(['IssueLinked']);
  expect(await types('type=IssueWorkflow&type=IssueCreated')).toEqual(['IssueCreated', 'IssueWorkflow']);
  expect(await types('type=IssueUnlinked')).toEqual([]);
  expect(await types('nothing=else')).toHaveLength(3);
});

test('GET changelog omits issues and queues that the caller cannot see', async () => {
  const org = await givenOrganisation(db());
  const insider = await givenUser(db(), org.orgId);
  const [open, closed] = [(await givenQueue(db(), org)).key, (await givenQueue(db(), org, [insider])).key];
  const secret = await givenIssue(db(), org, closed, { summary: 'Top secret' });
  const shown = await givenIssue(db(), org, open);
  const { key } = await createIssue(insider, { queue: closed, summary: 'Moving', parent: secret.key });
  await createLink(insider, key, 'relates', shown.key);
  await as(insider).post(`/v2/issues/${key}/_move?queue=${open}`).expect(200);
  const read = async (user: GivenUser) => (await as(user).get(`/v2/issues/${key}/changelog`).expect(200)).body;

  const [inside, outside] = [await read(insider), await read(org.admin)];

  expect(inside[1].links).toMatchObject([{ to: { object: { display: 'Top secret' } } }]);
  expect(outside.map(({ id }: { id: string }) => id)).toEqual([inside[0].id, inside[2].id, inside[3].id]);
  expect(outside[1].links).toMatchObject([{ to: { object: { key: shown.key } } }]);
  expect(inside[3].fields[0]).toMatchObject({ from: { key: closed }, to: { key: open } });
  expect(outside[2].fields[0]).toMatchObject({ from: null, to: { key: open } });
  expect(JSON.stringify(outside)).not.toContain('Top secret');
  await as(org.admin).get(`/v2/issues/${key}/changelog/${inside[1].id}`).expect(404);
  const page = await as(org.admin).get(`/v2/issues/${key}/changelog?perPage=2`).expect(200);
  expect(page.body).toEqual(outside.slice(0, 2));
});

describe('a link to an issue that was deleted', () => {
  let org: GivenOrganisation;
  let insider: GivenUser;
  let issue: GivenIssue;

  beforeEach(async () => {
    org = await givenOrganisation(db());
    insider = await givenUser(db(), org.orgId);
    issue = await givenIssue(db(), org, (await givenQueue(db(), org)).key);
  });

  const read = async (user: GivenUser) => (await as(user).get(`/v2/issues/${issue.key}/changelog`).expect(200)).body;

  /** The entries about a link to the issue, with its key and type and without the URL at which it can no longer be found. */
  function entriesAbout({ key, hexId }: GivenIssue, summary: string) {
    const state = {
      type: expect.objectContaining({ id: 'relates' }),
      direction: 'inward',
      object: { id: hexId, key, display: summary },
    };
    return [
      expect.objectContaining({ type: 'IssueLinked', links: [{ from: null, to: state }] }),
      expect.objectContaining({ type: 'IssueUnlinked', links: [{ from: state, to: null }] }),
    ];
  }

  async function givenDeleted(members?: GivenUser[]) {
    const queue = await givenQueue(db(), org, members);
    const deleted = await givenIssue(db(), org, queue.key, { summary: 'Gone' });
    await createLink(insider, issue.key, 'relates', deleted.key);
    return { queue, deleted };
  }

  test('is shown with its key and type, while its queue can be seen', async () => {
    const { deleted } = await givenDeleted();
    await as(org.admin).delete(`/v2/issues/${deleted.key}`).expect(204);
    const entries = await read(insider);
    expect(entries).toEqual(entriesAbout(deleted, 'Gone'));
    expect(
      (await as(insider).get(`/v3/issues/${issue.key}/changelog/${entries[0].id}`).expect(200)).body.links,
    ).toEqual([{ from: null, to: expect.objectContaining({ object: entries[0].links[0].to.object }) }]);
  });

  test('is no entry for users who may not see its queue', async () => {
    const { queue, deleted } = await givenDeleted([org.admin, insider]);
    const outsider = await givenUser(db(), org.orgId);
    expect(await read(outsider)).toEqual([]);
    await as(org.admin).delete(`/v2/issues/${deleted.key}`).expect(204);
    const entries = await read(insider);
    expect(entries).toEqual(entriesAbout(deleted, 'Gone'));
    expect(await read(outsider)).toEqual([]);
    for (const { id } of entries) await as(outsider).get(`/v2/issues/${issue.key}/changelog/${id}`).expect(404);
    const rpc = rpcAs(api(), await givenApplication(db(), org));
    await rpc.call('removeProjectUser', queue.id, insider.id);
    expect(await read(insider)).toEqual([]);
  });

  test('is shown to users who could see its queue, once that is removed too', async () => {
    const { queue, deleted } = await givenDeleted([org.admin, insider]);
    const first = await givenIssue(db(), org, queue.key);
    await createLink(insider, issue.key, 'depends on', first.key);
    await as(org.admin).delete(`/v2/issues/${first.key}`).expect(204);
    const outsider = await givenUser(db(), org.orgId);
    const rpc = rpcAs(api(), await givenApplication(db(), org));
    expect(await rpc.call('removeProject', queue.id)).toBe(true);
    expect(await read(insider)).toHaveLength(4);
    expect(await read(insider)).toEqual(expect.arrayContaining(entriesAbout(deleted, 'Gone')));
    expect(await read(outsider)).toEqual([]);
  });

  test('is shown to everyone, once an open queue is removed', async () => {
    const { queue, deleted } = await givenDeleted();
    const rpc = rpcAs(api(), await givenApplication(db(), org));
    expect(await rpc.call('removeProject', queue.id)).toBe(true);
    expect(await read(await givenUser(db(), org.orgId))).toEqual(entriesAbout(deleted, 'Gone'));
  });

  test('is shown with a type that was deleted, too', async () => {
    const labels = { inward: { ru: 'Кормит', en: 'Feeds' }, outward: { ru: 'Ест', en: 'Eats' } };
    await as(org.admin).post('/v2/linktypes', labels).expect(201);
    const deleted = await givenIssue(db(), org, (await givenQueue(db(), org)).key);
    await createLink(insider, issue.key, 'feeds', deleted.key);
    await as(org.admin).delete(`/v2/issues/${deleted.key}`).expect(204);
    await as(org.admin).delete('/v2/linktypes/feeds').expect(204);
    const state = { type: { id: 'feeds', inward: 'Кормит', outward: 'Ест' }, direction: 'inward' };
    expect(await read(insider)).toMatchObject([{ links: [{ to: state }] }, { links: [{ from: state, to: null }] }]);
    expect((await read(insider))[0].links[0].to.type).not.toHaveProperty('self');

    await as(org.admin).post('/v2/linktypes', labels).expect(201);
    expect((await read(insider))[0].links[0].to.type).toHaveProperty('self');
  });

  test('is shown with the labels that were removed with it', async () => {
    const other = await givenIssue(db(), org, (await givenQueue(db(), org)).key);
    const rpc = rpcAs(api(), await givenApplication(db(), org));
    const label = await rpc.call<number>('createLink', 'orbits', 'is orbited by');
    await rpc.call('createTaskLink', issue.id, other.id, label);
    await rpc.call('removeLink', label);
    const links = (await read(insider)).map((entry: { links: unknown[] }) => entry.links);
    expect(links).toMatchObject([
      [{ from: null, to: { object: { key: other.key } } }],
      [{ from: { object: { key: other.key } }, to: null }],
    ]);
    expect(JSON.stringify(links)).toContain('"orbits"');
  });

  test('is not found at its former name', async () => {
    const { deleted } = await givenDeleted();
    await as(org.admin).delete(`/v2/issues/${deleted.key}`).expect(204);
    for (const name of [deleted.key, deleted.hexId]) {
      await as(insider).get(`/v2/issues/${name}`).expect(404);
      await as(insider).get(`/v2/issues/${name}/changelog`).expect(404);
    }
  });
});

test('a move is an entry of its own type', async () => {
  const org = await givenOrganisation(db());
  const [from, to] = [(await givenQueue(db(), org)).key, (await givenQueue(db(), org)).key];
  const { key } = await createIssue(org.admin, { queue: from, summary: 'Moving' });
  const { body: moved } = await as(org.admin).post(`/v2/issues/${key}/_move?queue=${to}`).expect(200);
  const read = async (query: string) =>
    (await as(org.admin).get(`/v2/issues/${key}/changelog?${query}`).expect(200)).body;
  expect(typesOf(await read(''))).toEqual(['IssueCreated', 'IssueMoved']);
  expect(await read('type=IssueMoved&field=queue')).toMatchObject([
    { type: 'IssueMoved', fields: [{ field: { id: 'queue' } }, { from: key, to: moved.key }] },
  ]);
  expect(await read('type=IssueCloned')).toEqual([]);
});

test('GET changelog returns 404, 400, 401 or 403 for an invalid or forbidden request', async () => {
  const [org, elsewhere] = [await givenOrganisation(db()), await givenOrganisation(db())];
  const { key: queue } = await givenQueue(db(), org);
  const { key } = await createIssue(org.admin, { queue, summary: 'Read' });
  const other = await createIssue(org.admin, { queue, summary: 'Other' });
  const hidden = await givenIssue(db(), org, (await givenQueue(db(), org, [])).key);
  const [{ id }] = (await as(org.admin).get(`/v2/issues/${key}/changelog`).expect(200)).body;

  for (const name of ['NONE-1', 'nonsense', hidden.key]) {
    const { body } = await as(org.admin).get(`/v2/issues/${name}/changelog`).expect(404);
    expect(body.errorMessages).toEqual([texts.issueNotFound.ru]);
    await as(org.admin).get(`/v2/issues/${name}/changelog/${id}`).expect(404);
  }
  await as(elsewhere.admin).get(`/v2/issues/${key}/changelog`).expect(404);
  await as(elsewhere.admin).get(`/v2/issues/${key}/changelog/${id}`).expect(404);
  for (const entry of ['999999999', 'nonsense', '-1', '9'.repeat(30), '%00']) {
    const { body } = await as(org.admin).get(`/v2/issues/${key}/changelog/${entry}`).expect(404);
    expect(body.errorMessages).toEqual([texts.changeNotFound.ru]);
  }
  await as(org.admin).get(`/v2/issues/${other.key}/changelog/${id}`).expect(404);
  await as(org.admin).get(`/v2/issues/${key}/changelog?id=nonsense`).expect(400);
  await as(org.admin).get(`/v2/issues/${key}/changelog?type=IssueRead`).expect(400);
  await as(org.admin).get(`/v2/issues/${key}/changelog?perPage=0`).expect(400);
  for (const path of [`${key}/changelog`, `${key}/changelog/${id}`]) {
    await as(org.admin).get(`/v2/issues/${path}`).set('Authorization', 'OAuth unknown').expect(401);
    await as(org.admin).get(`/v2/issues/${path}`).set('X-Org-ID', 'another').expect(403);
  }
});

test('GET changelog runs the same number of statements for any number of entries', async () => {
  const org = await givenOrganisation(db());
  const { key: queue } = await givenQueue(db(), org);
  const { key } = await createIssue(org.admin, { queue, summary: 'Counted' });
  const read = () => countStatements(db(), () => as(org.admin).get(`/v2/issues/${key}/changelog`).expect(200));
  // While transactions of other tests run, the entries are read again.
  const statements = async () => {
    let fewest = await read();
    for (let attempt = 1; attempt < 20; attempt += 1) fewest = Math.min(fewest, await read());
    return fewest;
  };
  const before = await statements();
  for (let place = 0; place < 3; place += 1) {
    await createLink(org.admin, key, 'relates', (await givenIssue(db(), org, queue)).key);
    await updateIssue(org.admin, key, { summary: `Counted ${place}`, assignee: org.admin.login });
  }
  expect(await statements()).toBe(before);
});

import { once } from 'node:events';
import { request as httpRequest, type IncomingMessage } from 'node:http';
import { beforeAll, describe, expect, test } from '@jest/globals';
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
import { countStatements } from '../support/statements.ts';

const api = useApi({}, undefined, { responseLimits: { bytesMax: 15_000_000 } });
const db = () => api().database.db;
const as = (user: GivenUser) => restAs(api(), user);
const search = (user: GivenUser, body: object) => as(user).post('/v3/links/_search', body);

let org: GivenOrganisation;
/** `near` has links of four types to the others; `far` is in another queue, in progress and assigned. */
let near: GivenIssue;
let far: GivenIssue;
let parent: GivenIssue;
let queues: readonly [string, string];

beforeAll(async () => {
  org = await givenOrganisation(db());
  await as(org.admin).patch('/v3/organization', { oneLinkPerPair: false }).expect(200);
  queues = [(await givenQueue(db(), org)).key, (await givenQueue(db(), org)).key];
  near = await givenIssue(db(), org, queues[0], { summary: 'Near "quoted"' });
  parent = await givenIssue(db(), org, queues[0]);
  far = await givenIssue(db(), org, queues[1], { assignee: await givenUser(db(), org.orgId, { display: 'Анна' }) });
  await givenLink(db(), org, 'subtask', near, parent);
  await givenLink(db(), org, 'depends', far, near);
  await givenLink(db(), org, 'depends', near, parent);
  await givenLink(db(), org, 'relates', near, far);
  await as(org.admin).patch(`/v3/issues/${far.key}`, { status: 'inProgress' }).expect(200);
});

async function linksOf(user: GivenUser, issue: GivenIssue, version = 'v3') {
  return (await as(user).get(`/${version}/issues/${issue.key}/links`).expect(200)).body;
}

function referenceTo(issue: GivenIssue, display: string, version = 'v3') {
  return { self: `${api().url}/${version}/issues/${issue.key}`, id: issue.hexId, key: issue.key, display };
}

describe.each(['v2', 'v3'])('POST /%s/links/_search', (version) => {
  test('returns the links of each issue as GET links does, in the order of the names', async () => {
    const lonely = await givenIssue(db(), org, queues[0]);
    const names = [far.hexId, near.key.toLowerCase(), { key: lonely.key }, near.key, { id: parent.hexId }];

    const { body } = await as(org.admin).post(`/${version}/links/_search`, { issues: names }).expect(200);

    const nearEntry = {
      issue: referenceTo(near, 'Near "quoted"', version),
      links: await linksOf(org.admin, near, version),
    };
    expect(nearEntry.links).toHaveLength(4);
    expect(body).toEqual([
      { issue: referenceTo(far, 'An issue', version), links: await linksOf(org.admin, far, version) },
      nearEntry,
      { issue: referenceTo(lonely, 'An issue', version), links: [] },
      nearEntry,
      { issue: referenceTo(parent, 'An issue', version), links: await linksOf(org.admin, parent, version) },
    ]);
  });
});

test('the language and a former key work as in GET links', async () => {
  const moved = await givenIssue(db(), org, queues[0]);
  await givenLink(db(), org, 'depends', moved, far);
  await as(org.admin).post(`/v3/issues/${moved.key}/_move?queue=${queues[1]}`).expect(200);

  const { body } = await search(org.admin, { issues: [moved.key] })
    .set('Accept-Language', 'en')
    .expect(200);

  expect(body[0].issue.key).toMatch(queues[1]);
  expect(body[0].links).toEqual(
    (await as(org.admin).get(`/v3/issues/${moved.key}/links`).set('Accept-Language', 'en')).body,
  );
  expect(body[0].links[0].type.inward).toBe('Blocker');
  await db().query({ name: '', text: 'delete from links where inward_issue_id = $1', values: [moved.id] });
});

describe('a search selects links', () => {
  test.each<[string, () => object, readonly number[]]>([
    ['of a relationship', () => ({ linkTypes: ['is dependent by'] }), [2]],
    ['of several relationships', () => ({ linkTypes: ['Depends-On', 'relates'] }), [1, 3]],
    ['of a direction', () => ({ direction: 'outward' }), [1]],
    ['of a relationship and a direction', () => ({ linkTypes: ['depends on'], direction: 'inward' }), []],
    ['to issues with a status, by key', () => ({ status: 'inProgress' }), [1, 3]],
    ['to issues with a status, by id', () => ({ status: { id: 1 } }), [0, 2]],
    ['to issues of a queue, by key', () => ({ queue: queues[1].toLowerCase() }), [1, 3]],
    ['to issues of a queue, as an object', () => ({ queue: { key: queues[0] } }), [0, 2]],
    ['that meet all conditions', () => ({ queue: queues[1], status: 'inProgress', linkTypes: ['relates'] }), [3]],
    ['by no condition, if all are null', () => ({ queue: null, status: null, linkTypes: null }), [0, 1, 2, 3]],
    ['by no relationship, if none is named', () => ({ linkTypes: [] }), []],
  ])('%s', async (_condition, condition, places) => {
    const all = await linksOf(org.admin, near);
    const { body } = await search(org.admin, { issues: [near.key], ...condition() }).expect(200);
    expect(body[0].links).toEqual(places.map((place) => all[place]));
  });

  test.each([
    ['an array', ['id', 'direction', 'object', 'nothing']],
    ['a string', 'id, direction,object'],
  ])('and returns the fields in %s', async (_form, fields) => {
    const { body } = await search(org.admin, { issues: [near.key], fields }).expect(200);
    expect(body[0].links).toEqual(
      (await linksOf(org.admin, near)).map(({ id, direction, object }: Record<string, unknown>) => ({
        id,
        direction,
        object,
      })),
    );
  });
});

test('a search by the id of a queue, as a number or a string, is like one by its key', async () => {
  const { body: queue } = await as(org.admin).get(`/v3/queues/${queues[1]}`);
  const byKey = await search(org.admin, { issues: [near.key], queue: queues[1] }).expect(200);
  for (const id of [queue.id, String(queue.id), { id: queue.id }]) {
    expect((await search(org.admin, { issues: [near.key], queue: id }).expect(200)).body).toEqual(byKey.body);
  }
});

test('a missing issue and a hidden one are indistinguishable, and hidden links and queues are not shown', async () => {
  const [insider, outsider] = [await givenUser(db(), org.orgId), await givenUser(db(), org.orgId)];
  const closedQueue = await givenQueue(db(), org, [insider]);
  const closed = await givenIssue(db(), org, closedQueue.key, { summary: 'Secret' });
  const open = await givenIssue(db(), org, queues[0]);
  const id = await givenLink(db(), org, 'relates', open, closed);
  const other = await givenOrganisation(db());
  const foreign = await givenIssue(db(), other, (await givenQueue(db(), other)).key);
  const issues = [closed.key, open.key, closed.hexId, 'NONE-1', 'f'.repeat(24), 'not a name', foreign.key];

  const seen = await search(outsider, { issues }).expect(200);
  expect(seen.body).toEqual([
    { issue: { key: closed.key }, links: null },
    { issue: referenceTo(open, 'An issue'), links: [] },
    { issue: { id: closed.hexId }, links: null },
    { issue: { key: 'NONE-1' }, links: null },
    { issue: { id: 'f'.repeat(24) }, links: null },
    { issue: { key: 'not a name' }, links: null },
    { issue: { key: foreign.key }, links: null },
  ]);
  const { body } = await search(insider, { issues }).expect(200);
  expect(body[0]).toMatchObject({ issue: { display: 'Secret' }, links: [{ id }] });
  expect(body[1].links).toMatchObject([{ id, object: { key: closed.key } }]);

  for (const queue of [closedQueue.key, closedQueue.id]) {
    const hidden = await search(outsider, { issues: [open.key], queue }).expect(422);
    const missing = await search(outsider, { issues: [open.key], queue: 'NONE' }).expect(422);
    expect(hidden.text).toBe(missing.text);
    expect(hidden.body.errors).toEqual({ queue: texts.queueNotFound.ru });
    expect((await search(insider, { issues: [open.key], queue }).expect(200)).body[0].links).toMatchObject([{ id }]);
  }
});

test.each<[string, object, number, object]>([
  ['unknown relationship', { linkTypes: ['is friend of'] }, 400, {}],
  ['unknown status', { status: 'none' }, 422, { status: texts.statusNotFound.ru }],
  ['unknown queue', { queue: 'NONE' }, 422, { queue: texts.queueNotFound.ru }],
  ['unknown queue that is not even a name', { queue: '-' }, 422, { queue: texts.queueNotFound.ru }],
  ['unknown direction', { direction: 'sideways' }, 400, { direction: expect.any(String) }],
  ['unknown property', { linkType: 'relates' }, 422, { linkType: texts.fieldUnknown.ru }],
  ['invalid status', { status: true }, 400, { status: expect.any(String) }],
])('a search is refused for an %s', async (_name, condition, status, errors) => {
  for (const issues of [[near.key], ['NONE-1']]) {
    const response = await search(org.admin, { issues, ...condition }).expect(status);
    expect(response.body.errors).toEqual(errors);
  }
});

test('a search names 1 to 1 000 issues', async () => {
  const { body } = await search(org.admin, { issues: Array.from({ length: 1000 }, () => near.key) }).expect(200);
  const links = await linksOf(org.admin, near);
  expect(body).toEqual(Array(1000).fill({ issue: referenceTo(near, 'Near "quoted"'), links }));
  await search(org.admin, { issues: Array(1001).fill(near.key) }).expect(400);
  await search(org.admin, { issues: [] }).expect(400);
  await search(org.admin, {}).expect(422);
});

test('a search is one statement, however many issues it names', async () => {
  const count = (issues: readonly string[]) =>
    countStatements(db(), () => search(org.admin, { issues, queue: queues[1], status: 1 }).expect(200));
  await count([near.key]);
  expect(await count([near.key])).toBe(1);
  expect(await count([near.key, far.key, parent.key, 'NONE-1'])).toBe(1);
});

test('a link is found although its type was created after the types had been cached', async () => {
  await linksOf(org.admin, near);
  // Without the notification, as if it had not arrived yet.
  await db().query({
    name: '',
    text: `
      insert into link_types (org_id, link_type_id, inward_label_id, outward_label_id, is_symmetric)
      select depends.org_id, 'later', depends.inward_label_id, subtask.outward_label_id, false
      from link_types depends join link_types subtask using (org_id)
      where org_id = $1 and depends.link_type_id = 'depends' and subtask.link_type_id = 'subtask'`,
    values: [org.orgId],
  });
  const [issue, other] = [await givenIssue(db(), org, queues[0]), await givenIssue(db(), org, queues[0])];
  await givenLink(db(), org, 'relates', issue, other);
  await givenLink(db(), org, 'later', issue, other);
  const { body } = await search(org.admin, { issues: [issue.key, near.key] }).expect(200);
  expect(body[0].links).toMatchObject([
    { type: { id: 'relates' } },
    { type: { id: 'later', inward: expect.any(String) } },
  ]);
  expect(body[1].links).toEqual(await linksOf(org.admin, near));
});

describe('a large response', () => {
  const LINKS = 1000;
  let hub: GivenIssue;

  beforeAll(async () => {
    hub = await givenIssue(db(), org, queues[0]);
    await db().query({
      name: '',
      text: `
        with other as (
          insert into issues (org_id, key, queue_id, summary, issue_type_id, priority_id, status_id, created_by, updated_by)
          select org_id, 'HUB-' || number, queue_id, repeat('x', 20000), issue_type_id, priority_id, status_id,
            created_by, updated_by
          from issues, generate_series(1, ${LINKS}) number where issue_id = $1
          returning issue_id
        )
        insert into links (org_id, link_type_id, inward_issue_id, outward_issue_id, first_end, is_symmetric,
          is_antisymmetric, is_acyclic, single_end, shares_label, one_link_per_pair, created_by, updated_by)
        select org_id, link_type_id, $1, other.issue_id, 'inward', is_symmetric, is_antisymmetric, is_acyclic, single_end,
          shares_label, one_link_per_pair, $2, $2
        from other, link_types join organisations using (org_id) where org_id = $3 and link_type_id = 'relates'`,
      values: [hub.id, org.admin.id, org.orgId],
    });
  });

  /** Sends a search for 20 MB and returns the response, of which nothing is read yet. */
  async function open(): Promise<IncomingMessage> {
    const headers = { ...org.admin.headers, 'Content-Type': 'application/json' };
    const outgoing = httpRequest(`${api().url}/v3/links/_search`, { method: 'POST', headers });
    outgoing.on('error', () => undefined);
    outgoing.end(JSON.stringify({ issues: [hub.key] }));
    const [response] = (await once(outgoing, 'response')) as [IncomingMessage];
    return response;
  }

  async function activity(): Promise<readonly { wait_event: string | null }[]> {
    return await db().query({
      name: '',
      text: `
        select wait_event from pg_stat_activity
        where datname = current_database() and state = 'active' and query like '%far_queue%' and pid <> pg_backend_pid()`,
      values: [],
    });
  }

  async function countBlocked(): Promise<number> {
    return (await activity()).filter(({ wait_event }) => wait_event === 'ClientWrite').length;
  }

  async function until(condition: () => Promise<boolean>): Promise<void> {
    while (!(await condition()));
  }

  async function lengthOf(response: IncomingMessage): Promise<number> {
    let bytes = 0;
    for await (const chunk of response) bytes += (chunk as Buffer).length;
    return bytes;
  }

  test('is not limited in size, unlike others', async () => {
    const response = await open();
    const chunks: Buffer[] = [];
    for await (const chunk of response) chunks.push(chunk as Buffer);
    expect(response.statusCode).toBe(200);
    expect(JSON.parse(Buffer.concat(chunks).toString())[0].links).toHaveLength(LINKS);
    await as(org.admin).get(`/v3/issues/${hub.key}/links`).expect(413);
  });

  test('waits in PostgreSQL while its client does not read, and leaves connections to others', async () => {
    const responses = await Promise.all([open(), open(), open(), open()]);
    const fifth = open();
    await until(async () => (await countBlocked()) === 4);

    await as(org.admin).get(`/v3/issues/${near.key}/links`).expect(200);
    expect(await countBlocked()).toBe(4);

    const lengths = await Promise.all([...responses.map(lengthOf), fifth.then(lengthOf)]);
    expect(new Set(lengths).size).toBe(1);
    expect(lengths[0]).toBeGreaterThan(LINKS * 20_000);
  });

  test('ends with its statement when its client disconnects', async () => {
    const response = await open();
    await until(async () => (await countBlocked()) === 1);
    response.destroy();
    await until(async () => (await activity()).length === 0);
  });
});

import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { beforeAll, describe, expect, test } from '@jest/globals';
import { loadContract } from '../../src/contract/contract.ts';
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
import { PROGRAM, type ServerProcess, startServer } from '../support/server-process.ts';
import { snapshot, unchanged } from '../support/snapshot.ts';
import { untilWaiting } from '../support/statements.ts';
import { createLinkTrigger } from '../support/triggers.ts';

/** `Idempotency-Key` (decision 14). `api` and `other` are two servers on one database. */

const api = useApi();
const other = useApi({}, () => Promise.resolve(api().database.connection));
const db = () => api().database.db;
let org: GivenOrganisation;
let queue: string;

beforeAll(async () => {
  org = await givenOrganisation(db(), { language: 'en' });
  queue = (await givenQueue(db(), org)).key;
});

interface Request {
  readonly path: string;
  readonly body?: object;
}

function post({ path, body }: Request, key: string | undefined, { at = api(), by = org.admin, headers = {} } = {}) {
  const keyHeader = key === undefined ? {} : { 'Idempotency-Key': key };
  return at.request
    .post(path)
    .set({ ...by.headers, ...keyHeader, ...headers })
    .send(body);
}

const newIssue = (owner = org, key = queue) => givenIssue(db(), owner, key);

async function newLink(): Promise<Request> {
  const [issue, object] = [await newIssue(), await newIssue()];
  return { path: `/v3/issues/${issue.key}/links`, body: { relationship: 'relates', issue: object.key } };
}

/** A valid request of each operation that writes, and a different one. */
const REQUESTS: Readonly<Record<string, () => Promise<Request>>> = {
  createIssueLink: newLink,
  async importIssueLink() {
    const { path, body } = await newLink();
    const created = { createdBy: org.admin.login, createdAt: '2020-01-01T00:00:00.000+0000' };
    return { path: `${path}/_import`, body: { ...body, ...created } };
  },
  async executeTransition() {
    const path = `/v3/issues/${(await newIssue()).key}/transitions/closed/_execute`;
    return { path, body: { comment: randomUUID() } };
  },
  async createComment() {
    return { path: `/v3/issues/${(await newIssue()).key}/comments`, body: { text: randomUUID() } };
  },
  async importComment() {
    const body = { text: randomUUID(), createdBy: org.admin.login, createdAt: '2020-01-01T00:00:00.000+0000' };
    return { path: `/v3/issues/${(await newIssue()).key}/comments/_import`, body };
  },
  createLinkType() {
    const id = `t${randomUUID()}`;
    return Promise.resolve({ path: '/v3/linktypes', body: { id, inward: { en: `${id} in`, ru: `${id} in` } } });
  },
  createIssue: () => Promise.resolve({ path: '/v3/issues', body: { queue, summary: randomUUID() } }),
  importIssue() {
    const body = {
      queue,
      summary: randomUUID(),
      createdBy: org.admin.login,
      createdAt: '2020-01-01T00:00:00.000+0000',
    };
    return Promise.resolve({ path: '/v3/issues/_import', body });
  },
  async moveIssue() {
    const to = await givenQueue(db(), org);
    return { path: `/v3/issues/${(await newIssue()).key}/_move?queue=${to.key}` };
  },
  async cloneIssue() {
    return { path: `/v3/issues/${(await newIssue()).key}/_clone?linkWithOriginal=true` };
  },
  async updateIssuesInBulk() {
    return { path: '/v3/bulkchange/_update', body: { issues: [(await newIssue()).key], values: { summary: 'New' } } };
  },
  async moveIssuesInBulk() {
    const body = { issues: [(await newIssue()).key], queue: (await givenQueue(db(), org)).key };
    return { path: '/v3/bulkchange/_move', body };
  },
  async transitionIssuesInBulk() {
    return { path: '/v3/bulkchange/_transition', body: { issues: [(await newIssue()).key], transition: 'closed' } };
  },
  createApplication() {
    const id = `com.example.${randomUUID()}`;
    return Promise.resolve({ path: '/v3/applications', body: { id, type: 'helpdesk', name: id } });
  },
  createQueue() {
    const key = `Q${randomUUID().replaceAll('-', '').toUpperCase()}`;
    return Promise.resolve({ path: '/v3/queues', body: { key, name: key } });
  },
  async createRemoteLink() {
    const body = { relationship: 'RELATES', key: randomUUID(), origin: 'com.github' };
    return { path: `/v3/issues/${(await newIssue()).key}/remotelinks`, body };
  },
};

const writing = loadContract().operations.filter(({ method, scope }) => method === 'post' && scope !== 'read');
/** The response holds a secret, which must not be stored: test/tracker/tokens.test.ts. */
const REFUSING = ['createToken', 'rotateToken'];

test('every operation of the contract that writes with POST accepts a key or refuses it by name, and no other does', () => {
  expect(writing.map(({ id }) => id).sort()).toEqual([...Object.keys(REQUESTS), ...REFUSING].sort());
  for (const { id, parse } of loadContract().operations) {
    if (REFUSING.includes(id)) {
      expect(() => parse.headers({ 'idempotency-key': 'x' })).toThrow('Idempotency-Key: ');
      continue;
    }
    const headers = parse.headers({ 'idempotency-key': 'x' });
    expect([id, headers]).toEqual([id, id in REQUESTS ? { 'Idempotency-Key': 'x' } : {}]);
  }
});

/** Whatever identifies a response besides its request id and date. */
function essence({ status, headers, text }: Awaited<ReturnType<typeof post>>) {
  const { location, etag, 'content-type': type } = headers;
  return { status, text, location, etag, type };
}

/** The tables without the keys. */
async function effects() {
  const { idempotency_keys: _keys, ...tables } = await snapshot(db());
  return tables;
}

describe.each(Object.entries(REQUESTS))('%s', (operation, newRequest) => {
  test('takes effect once: the same request gets the first response again, on every server', async () => {
    const [request, key] = [await newRequest(), randomUUID()];
    const first = await post(request, key);
    expect(first.status).toBeLessThan(300);
    expect(first.headers['idempotent-replayed']).toBeUndefined();
    await unchanged(db(), async () => {
      for (const at of [api(), other()]) {
        const again = await post(request, key, { at });
        expect(essence(again)).toEqual(essence(first));
        expect(again.headers['idempotent-replayed']).toBe('true');
      }
    });
  });

  test('with the key of another request is 422, and nothing is written', async () => {
    const key = randomUUID();
    await post(await newRequest(), key);
    const another = await newRequest();
    await unchanged(db(), async () => {
      const { status, body } = await post(another, key);
      expect([status, body.errorMessages]).toEqual([422, ['This Idempotency-Key was used for another request.']]);
    });
  });

  test('while the first request runs is 409, and nothing is written', async () => {
    const [request, key] = [await newRequest(), randomUUID()];
    await unchanged(db(), () =>
      db().transaction(async (transaction) => {
        const id = `idempotency ${org.orgId} ${org.admin.id} ${operation} ${key}`;
        const lock = 'select pg_advisory_xact_lock(hashtextextended($1, 0))';
        await transaction.query({ name: '', text: lock, values: [id] });
        const { status, body } = await post(request, key);
        expect([status, body.errorMessages]).toEqual([
          409,
          ['A request with this Idempotency-Key is still running. Try again later.'],
        ]);
      }),
    );
    expect((await post(request, key)).status).toBeLessThan(300);
  });

  test.each(['', 'x'.repeat(256), 'two words', 'ключ', 'a\tb'])(
    'with the key "%s" is 400, and nothing is written',
    async (key) => {
      const request = await newRequest();
      await unchanged(db(), async () => {
        const { status, body } = await post(request, Buffer.from(key).toString('latin1'));
        expect([status, Object.keys(body.errors)]).toEqual([400, ['Idempotency-Key']]);
      });
    },
  );
});

test('keys of 1 and of 255 visible characters are accepted', async () => {
  for (const key of ['!', `~"'{}${'x'.repeat(250)}`]) {
    const request = await newLink();
    await post(request, key).expect(201);
    expect((await post(request, key)).headers['idempotent-replayed']).toBe('true');
  }
});

test('64 identical requests at once on two servers have one effect and one response', async () => {
  const request = { path: '/v3/issues', body: { queue, summary: `once ${randomUUID()}` } };
  const key = randomUUID();
  const responses = await Promise.all(
    Array.from({ length: 64 }, (_, number) => post(request, key, { at: number % 2 ? api() : other() })),
  );
  const created = responses.filter(({ status }) => status === 201);
  expect(responses.filter(({ status }) => status !== 409)).toEqual(created);
  expect(created.filter(({ headers }) => headers['idempotent-replayed'] === undefined)).toHaveLength(1);
  const final = await post(request, key);
  expect(new Set([...created, final].map(({ text }) => text)).size).toBe(1);
  const found = await db().query({
    name: '',
    text: 'select from issues where org_id = $1 and summary = $2',
    values: [org.orgId, request.body.summary],
  });
  expect(found).toHaveLength(1);
});

test('a key belongs to its user and its operation', async () => {
  const member = await givenUser(db(), org.orgId);
  const key = randomUUID();
  const issue = { path: '/v3/issues', body: { queue, summary: 'mine' } };
  const first = await post(issue, key);
  const second = await post(issue, key, { by: member });
  expect([first.status, second.status]).toEqual([201, 201]);
  expect(second.body.key).not.toBe(first.body.key);
  expect(second.headers['idempotent-replayed']).toBeUndefined();
  await post(await newLink(), key).expect(201);
});

test('the same key in another version of the URL or with another byte of the body is another request', async () => {
  const key = randomUUID();
  const { path, body } = await newLink();
  await post({ path, body: body as object }, key).expect(201);
  await post({ path: path.replace('v3', 'v2'), body: body as object }, key).expect(422);
  await post({ path, body: { ...body, more: null } }, key).expect(422);
});

describe('an error', () => {
  test('of a rule is kept, also when the rule would allow the request now', async () => {
    const [request, key] = [await newLink(), randomUUID()];
    const { body: link } = await post(request, undefined).expect(201);
    const before = await effects();
    const refused = await post(request, key).expect(422);
    expect(await effects()).toEqual(before);
    await api().request.delete(`${request.path}/${link.id}`).set(org.admin.headers).expect(204);
    await unchanged(db(), async () => {
      const again = await post(request, key);
      expect(essence(again)).toEqual(essence(refused));
      expect(again.headers['idempotent-replayed']).toBe('true');
    });
    await post(request, randomUUID()).expect(201);
  });

  test('of 409 is kept', async () => {
    const unique = randomUUID();
    const request = { path: '/v3/issues', body: { queue, summary: 'unique', unique } };
    await post(request, undefined).expect(201);
    const key = randomUUID();
    const refused = await post(request, key).expect(409);
    await unchanged(db(), async () => {
      const again = await post(request, key);
      expect([essence(again), again.headers['idempotent-replayed']]).toEqual([essence(refused), 'true']);
    });
  });

  test.each<[string, (request: Request) => Request, number]>([
    ['an invalid value', ({ path, body }) => ({ path, body: { ...body, relationship: 'nonsense' } }), 400],
    ['a missing field', ({ path }) => ({ path, body: {} }), 422],
    ['an unknown issue', ({ body }) => ({ path: '/v3/issues/NONE-1/links', ...(body && { body }) }), 404],
  ])('of %s is not kept, and nothing is written', async (_name, spoil, status) => {
    const [request, key] = [await newLink(), randomUUID()];
    await unchanged(db(), async () => {
      await post(spoil(request), key).expect(status);
    });
    const { headers } = await post(request, key).expect(201);
    expect(headers['idempotent-replayed']).toBeUndefined();
  });

  test('of missing rights is not kept', async () => {
    const reader = await givenUser(db(), org.orgId, { role: 'reader' });
    const [request, key] = [await newLink(), randomUUID()];
    await unchanged(db(), async () => {
      await post(request, key, { by: reader }).expect(403);
    });
    await setRole(reader, 'member');
    await post(request, key, { by: reader }).expect(201);
  });
});

async function setRole(user: GivenUser, role: string): Promise<void> {
  await db().query({ name: '', text: 'update users set role = $2 where user_id = $1', values: [user.id, role] });
}

describe('when the client may no longer see an issue in the response', () => {
  let insider: GivenUser;
  let near: GivenIssue;
  let far: GivenIssue;
  let closed: string;

  beforeAll(async () => {
    insider = await givenUser(db(), org.orgId);
    closed = (await givenQueue(db(), org, [insider])).key;
    near = await newIssue();
    far = await newIssue(org, closed);
  });

  async function hide(): Promise<void> {
    await db().query({ name: '', text: 'delete from queue_members where user_id = $1', values: [insider.id] });
  }

  async function show(): Promise<void> {
    await db().query({
      name: '',
      text: `insert into queue_members (org_id, queue_id, user_id, role)
        select org_id, queue_id, $2, 'member' from queues where key = $1`,
      values: [closed, insider.id],
    });
  }

  interface Names {
    readonly issue: string;
    readonly queue: string;
  }

  test.each<[string, (names: Names) => Request]>([
    [
      'at the far end',
      ({ issue }) => ({ path: `/v3/issues/${near.key}/links`, body: { relationship: 'relates', issue } }),
    ],
    [
      'in the path of a link',
      ({ issue }) => ({ path: `/v3/issues/${issue}/links`, body: { relationship: 'depends on', issue: near.key } }),
    ],
    [
      'in the path',
      ({ issue }) => ({
        path: `/v3/issues/${issue}/remotelinks`,
        body: { relationship: 'RELATES', key: 'x', origin: 'com.github' },
      }),
    ],
    ['that was created', (names) => ({ path: '/v3/issues', body: { queue: names.queue, summary: 'secret' } })],
  ])('%s, the response is that of an issue that does not exist, and nothing is written', async (place, requestFor) => {
    const key = randomUUID();
    if (place === 'in the path of a link') near = await newIssue();
    const request = () => requestFor({ issue: far.key, queue: closed });
    const first = await post(request(), key, { by: insider }).expect(201);
    await hide();
    await unchanged(db(), async () => {
      const hidden = await post(request(), key, { by: insider });
      const missing = await post(requestFor({ issue: 'NONE-1', queue: 'NONE' }), randomUUID(), { by: insider });
      expect(essence(hidden)).toEqual(essence(missing));
      expect(hidden.status).toBe(404);
    });
    await show();
    expect(essence(await post(request(), key, { by: insider }))).toEqual(essence(first));
  });

  test('that a kept error names, the request is decided again', async () => {
    const request = { path: `/v3/issues/${near.key}/links`, body: { relationship: 'relates', issue: far.key } };
    const key = randomUUID();
    const refused = await post(request, key, { by: insider }).expect(422);
    expect(refused.text).toContain(far.key);
    await hide();
    const again = await post(request, key, { by: insider }).expect(404);
    expect(again.text).not.toContain(far.key);
    await show();
    expect((await post(request, key, { by: insider })).text).toBe(refused.text);
  });
});

test('a key counts for 24 hours, and later keys of the organisation delete the expired ones', async () => {
  const [request, key] = [{ path: '/v3/issues', body: { queue, summary: 'again' } }, randomUUID()];
  const first = await post(request, key).expect(201);
  const age = (hours: number) =>
    db().query({
      name: '',
      text: `update idempotency_keys set created_at = now() - $2 * interval '1 hour' where key = $1`,
      values: [key, hours],
    });
  await age(23.9);
  expect((await post(request, key)).text).toBe(first.text);
  await age(24.1);
  const second = await post(request, key).expect(201);
  expect(second.body.key).not.toBe(first.body.key);
  await age(24.1);
  await post(await newLink(), randomUUID()).expect(201);
  const left = await db().query({ name: '', text: 'select from idempotency_keys where key = $1', values: [key] });
  expect(left).toEqual([]);
});

describe('when a server is killed', () => {
  /** Starts a server, sends it the request, and kills it once `isReady`. */
  async function killDuring(request: Request, key: string, isReady: () => Promise<void>): Promise<void> {
    const server: ServerProcess = await startServer([...PROGRAM, 'serve'], { DATABASE_URL: api().database.url });
    const response = fetch(`${server.url}${request.path}`, {
      method: 'POST',
      headers: { ...org.admin.headers, 'Idempotency-Key': key, 'Content-Type': 'application/json' },
      body: JSON.stringify(request.body),
    });
    const failed = expect(response).rejects.toThrow();
    await isReady();
    await server.stop('SIGKILL');
    await failed;
  }

  /** Repeats the request on another server until it is not running any more. */
  async function retry(request: Request, key: string) {
    for (;;) {
      const response = await post(request, key);
      if (response.status !== 409) return response;
      await sleep(20);
    }
  }

  const query = (text: string) => db().query({ name: '', text, values: [] });
  const countLinks = async () => (await query('select from links')).length;

  test('before its effect, a retry on another server has it', async () => {
    const [request, key] = [await newLink(), randomUUID()];
    const before = await countLinks();
    await db().transaction(async (transaction) => {
      await transaction.query({ name: '', text: 'lock table links in access exclusive mode', values: [] });
      await killDuring(request, key, () => untilWaiting(db(), 1));
    });
    const { status, headers } = await retry(request, key);
    expect([status, headers['idempotent-replayed']]).toEqual([201, undefined]);
    expect(await countLinks()).toBe(before + 1);
  });

  test('during its commit, a retry on another server gets the response that was never sent', async () => {
    const [request, key] = [await newLink(), randomUUID()];
    const before = await countLinks();
    const drop = await createLinkTrigger(db(), {
      name: 'slow',
      moment: 'after insert',
      isDeferred: true,
      body: 'perform pg_sleep(1); return null;',
    });
    await killDuring(request, key, async () => {
      const committing = `
        select from pg_stat_activity
        where datname = current_database() and query = 'commit' and state = 'active'`;
      while ((await query(committing)).length === 0) await sleep(5);
    });
    const { status, headers } = await retry(request, key);
    expect([status, headers['idempotent-replayed']]).toEqual([201, 'true']);
    expect(await countLinks()).toBe(before + 1);
    await drop();
  });
});

test('a write with a key that must reorder an acyclic type has one effect', async () => {
  const [a, b, c] = [await newIssue(), await newIssue(), await newIssue()];
  const depend = (issue: GivenIssue, on: GivenIssue, key: string) =>
    post({ path: `/v3/issues/${issue.key}/links`, body: { relationship: 'depends on', issue: on.key } }, key);
  await depend(a, b, randomUUID()).expect(201);
  await depend(c, a, randomUUID()).expect(201);
  const key = randomUUID();
  const before = await effects();
  const cycle = await depend(b, c, key).expect(422);
  expect(await effects()).toEqual(before);
  expect((await depend(b, c, key)).text).toBe(cycle.text);
});

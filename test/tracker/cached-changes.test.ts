import { afterAll, beforeAll, beforeEach, expect, test } from '@jest/globals';
import supertest, { type Test } from 'supertest';
import { createToken, revokeToken, revokeTokenValue } from '../../src/core/tokens/tokens.service.ts';
import { type AppInstance, startInstance } from '../support/app-instance.ts';
import {
  type GivenAccount,
  type GivenIssue,
  type GivenOrganisation,
  type GivenUser,
  givenAccount,
  givenApplication,
  givenIssue,
  givenLink,
  givenOrganisation,
  givenQueue,
  givenUser,
} from '../support/builders.ts';
import { type DatabaseProxy, openDatabaseProxy } from '../support/database-proxy.ts';
import { useDatabase } from '../support/test-database.ts';

// Two servers with a cache each. A change through one is seen there at once, and by the other when the notification has
// arrived. The connection of the second can be cut.

interface Instance extends AppInstance {
  readonly request: ReturnType<typeof supertest>;
}

const database = useDatabase();
let proxy: DatabaseProxy;
let writer: Instance;
let reader: Instance;
let org: GivenOrganisation;
let issue: GivenIssue;
let queue: string;

beforeAll(async () => {
  proxy = await openDatabaseProxy(database().connection);
  const [first, second] = await Promise.all([startInstance(database().connection), startInstance(proxy.connection)]);
  writer = { ...first, request: supertest(first.url) };
  reader = { ...second, request: supertest(second.url) };
});
afterAll(async () => {
  await Promise.all([writer.stop(), reader.stop()]);
  await proxy.cut();
});
beforeEach(async () => {
  org = await givenOrganisation(writer.db, { language: 'en' });
  queue = (await givenQueue(writer.db, org)).key;
  issue = await givenIssue(writer.db, org, queue);
  await givenLink(writer.db, org, 'relates', issue, await givenIssue(writer.db, org, queue));
});

function links({ request }: Pick<Instance, 'request'>, { headers }: Pick<GivenUser, 'headers'> = org.admin): Test {
  return request.get(`/v3/issues/${issue.key}/links`).set(headers);
}

/** Repeats a request until its result is the expected one; otherwise the test runs out of time. */
async function eventually<Result>(read: () => PromiseLike<Result>, isExpected: (result: Result) => boolean) {
  while (!isExpected(await read())) await new Promise((resolve) => setTimeout(resolve, 20));
}

const CHANGES: readonly [string, () => Promise<unknown>, (body: { type: { inward: string } }[]) => boolean][] = [
  [
    'a renamed link type',
    async () => {
      const { body } = await writer.request.get('/v3/linktypes/relates').set(org.admin.headers);
      await writer.request
        .patch('/v3/linktypes/relates')
        .set(org.admin.headers)
        .set('If-Match', `"${body.version ?? 1}"`)
        .send({ inward: { ru: 'Рядом', en: 'Next to' } })
        .expect(200);
    },
    ([link]) => link?.type.inward === 'Next to',
  ],
  [
    'the language of the organisation',
    () => writer.request.patch('/v3/organization').set(org.admin.headers).send({ language: 'ru' }).expect(200),
    ([link]) => link?.type.inward === 'Связана',
  ],
];

test.each(CHANGES)(
  '%s is shown at once by the server that changed it, and soon by the other',
  async (_what, change, isShown) => {
    for (const server of [writer, reader]) expect(isShown((await links(server).expect(200)).body)).toBe(false);
    await change();
    expect(isShown((await links(writer).expect(200)).body)).toBe(true);
    await eventually(() => links(reader).then(({ body }) => body), isShown);
  },
);

test('a type that was created a moment ago is shown by the other server, notified or not', async () => {
  await links(reader).expect(200);
  await writer.request
    .post('/v3/linktypes')
    .set(org.admin.headers)
    .send({ id: 'mirror', inward: { ru: 'Зеркало', en: 'Mirror' }, outward: { ru: 'Образ', en: 'Image' } })
    .expect(201);
  const far = await givenIssue(writer.db, org, queue);
  await writer.request
    .post(`/v3/issues/${issue.key}/links`)
    .set(org.admin.headers)
    .send({ relationship: 'mirror', issue: far.key })
    .expect(201);
  const { body } = await links(reader).expect(200);
  expect(body.map(({ type }: { type: { id: string } }) => type.id)).toEqual(['relates', 'mirror']);
});

test('a revoked token is refused at once by the server that revoked it, and soon by the other', async () => {
  const user = await givenUser(writer.db, org.orgId);
  for (const server of [writer, reader]) await links(server, user).expect(200);
  await revokeTokenValue(writer.db, org.orgId, user.token);
  await links(writer, user).expect(401);
  await eventually(
    () => links(reader, user),
    ({ status }) => status === 401,
  );
});

test('a removed user and a removed application token are refused by both servers', async () => {
  const user = await givenUser(writer.db, org.orgId);
  const application = await givenApplication(writer.db, org);
  const call = ({ request }: Instance, account: typeof application) =>
    request
      .post(`/kanboard/${org.orgId}/jsonrpc.php`)
      .auth(account.login, account.secret)
      .send({ jsonrpc: '2.0', method: 'removeUser', id: 1, params: [user.id] });
  await links(reader, user).expect(200);
  await call(reader, application).expect(200);
  await links(reader, user).expect(401);
  await links(writer, user).expect(401);

  const replaced = await givenApplication(writer.db, org);
  await call(writer, application).expect(401);
  await eventually(
    () => call(reader, application),
    ({ status }) => status === 401,
  );
  await call(reader, replaced).expect(200);
});

test('a token that another organisation adds becomes ambiguous for both servers', async () => {
  const user = await givenUser(writer.db, org.orgId);
  const unnamed = ({ request }: Instance) =>
    request.get(`/v3/issues/${issue.key}/links`).set('Authorization', `OAuth ${user.token}`);
  for (const server of [writer, reader]) await unnamed(server).expect(200);
  const other = await givenOrganisation(writer.db);
  await createToken(writer.db, other.orgId, other.admin.id, { scopes: ['read'], value: user.token });
  await unnamed(writer).expect(403);
  await eventually(
    () => unnamed(reader),
    ({ status }) => status === 403,
  );
});

test('a token is refused from its time of expiry, without a notification', async () => {
  const expiresAt = new Date(Date.now() + 1500);
  const { token } = await createToken(writer.db, org.orgId, org.admin.id, { scopes: ['read'], expiresAt });
  const user = { headers: { Authorization: `OAuth ${token}`, 'X-Org-ID': org.orgId } };
  let status = 200;
  while (status === 200) {
    const sentAt = Date.now();
    ({ status } = await links(writer, user));
    if (sentAt >= expiresAt.getTime()) expect(status).toBe(401);
  }
  expect(Date.now()).toBeGreaterThanOrEqual(expiresAt.getTime());
});

test('while notifications are lost, a change is seen within the maximum age, and the log says so', async () => {
  const users = [await givenUser(writer.db, org.orgId), await givenUser(writer.db, org.orgId)] as const;
  for (const user of users) await links(reader, user).expect(200);
  await proxy.cut();
  await revokeTokenValue(writer.db, org.orgId, users[0].token);
  await proxy.restore();
  await eventually(
    () => links(reader, users[0]),
    ({ status }) => status === 401,
  );
  await eventually(
    () => Promise.resolve(reader.log),
    (lines) => ['are lost', 'arrive again'].every((text) => lines.some((line) => line.includes(text))),
  );

  // The new connection is listened to.
  await links(reader, users[1]).expect(200);
  await revokeTokenValue(writer.db, org.orgId, users[1].token);
  await eventually(
    () => links(reader, users[1]),
    ({ status }) => status === 401,
  );
});

test('while notifications are lost, revoked tokens of Kanboard accounts are refused within the maximum age', async () => {
  const accounts = [await givenApplication(writer.db, org), await givenAccount(writer.db, org)];
  const status = async (server: Instance, { login, secret }: GivenAccount) => {
    const call = { jsonrpc: '2.0', method: 'getTimezone', id: 1 };
    const path = `/kanboard/${org.orgId}/jsonrpc.php`;
    return (await server.request.post(path).auth(login, secret).send(call)).status;
  };
  for (const account of accounts) expect(await status(reader, account)).toBe(200);
  await proxy.cut();
  for (const { secret } of accounts) await revokeTokenValue(writer.db, org.orgId, secret);
  await proxy.restore();
  for (const account of accounts) {
    expect(await status(writer, account)).toBe(401);
    await eventually(
      () => status(reader, account),
      (result) => result === 401,
    );
  }
});

test('if notifications never arrive, the cache keeps values for the maximum age only', async () => {
  const pooler = await openDatabaseProxy(database().connection, { dropsNotifications: true });
  const { url, log, stop } = await startInstance(pooler.connection);
  const pooled = { request: supertest(url) };
  const user = await givenUser(writer.db, org.orgId);
  await links(pooled, user).expect(200);
  await revokeTokenValue(writer.db, org.orgId, user.token);
  await eventually(
    () => links(pooled, user),
    ({ status }) => status === 401,
  );
  await eventually(
    () => Promise.resolve(log),
    (lines) => lines.filter((line) => line.includes('are lost')).length === 1,
  );
  await stop();
  await pooler.cut();
});

test('a change that is rolled back invalidates nothing and changes nothing', async () => {
  const user = await givenUser(writer.db, org.orgId);
  const { id } = await createToken(writer.db, org.orgId, user.id, { scopes: ['read'] });
  await links(writer, user).expect(200);
  const failing = writer.db.transaction(async (transaction) => {
    await revokeToken(transaction, org.orgId, id);
    await revokeTokenValue(transaction, org.orgId, user.token);
    throw new Error('rolled back');
  });
  await expect(failing).rejects.toThrow('rolled back');
  await links(writer, user).expect(200);
});

import { afterAll, expect, test } from '@jest/globals';
import { openDatabase } from '../../src/database/open-database.ts';
import { texts } from '../../src/texts.ts';
import { useApi } from '../support/api.ts';
import { givenIssue, givenOrganisation, givenQueue } from '../support/builders.ts';
import { type DatabaseProxy, openDatabaseProxy } from '../support/database-proxy.ts';
import { sendRaw } from '../support/raw-request.ts';
import { snapshot, unchanged } from '../support/snapshot.ts';
import { untilWaiting } from '../support/statements.ts';

let proxy: DatabaseProxy;
const api = useApi({}, async (connection) => {
  proxy = await openDatabaseProxy(connection);
  return proxy.connection;
});
afterAll(() => proxy.cut());
const db = () => api().database.db;

const MALFORMED = texts.requestMalformed.ru;
const UNAVAILABLE = texts.databaseUnavailable.ru;

function errorBody(statusCode: number, message: string) {
  return { errors: {}, errorsData: {}, errorMessages: [message], statusCode };
}

async function givenLinksPath() {
  const org = await givenOrganisation(db());
  const issue = await givenIssue(db(), org, (await givenQueue(db(), org)).key);
  return { path: `/v2/issues/${issue.key}/links`, headers: org.admin.headers };
}

test.each(['/v1/issues/A-1/links', '/v2', '/v2/', '/V2/issues/A-1/links', '/healthz/x'])(
  '%s returns 404 with and without a token',
  async (path) => {
    const { headers } = await givenLinksPath();
    for (const credentials of [{}, headers]) {
      const response = await api().request.get(path).set(credentials);
      expect(response.headers['content-type']).toBe('application/json');
      expect(response.body).toEqual(errorBody(404, texts.pathNotFound.ru));
      expect(response.status).toBe(404);
    }
  },
);

test.each([
  ['get', '/v3/issues/JUNE-1/worklog'],
  ['get', '/v2/issues/JUNE-1/attachments/'],
  ['post', '/v2/issues/JUNE-1/checklistItems'],
  ['delete', '/v2/issues/JUNE-1/worklog/1'],
  ['post', '/v2/issues/_export'],
  ['get', '/v2/issues/_nothing'],
  ['get', '/v2/boards/1/sprints'],
  ['get', '/v3/queues/JUNE/components'],
  ['get', '/v3/queues/JUNE/versions'],
  ['get', '/v2/nothing'],
] as const)('%s %s is refused as not served, and not as a missing issue', async (method, path) => {
  const { headers } = await givenLinksPath();
  await unchanged(db(), async () => {
    for (const credentials of [{}, headers]) {
      const response = await api().request[method](`${path}?perPage=1`).set(credentials);
      const message = texts.notServed(`${method.toUpperCase()} ${path}`).ru;
      expect(response.body).toEqual({ ...errorBody(404, message), errorsData: { code: 'not_served' } });
      expect(response.status).toBe(404);
    }
  });
});

test.each(['put', 'patch', 'delete', 'trace'] as const)(
  'an unsupported method (%s) returns 405 with Allow',
  async (method) => {
    const { path, headers } = await givenLinksPath();
    const before = await snapshot(db());
    const Allow = String((await api().request.options(path)).headers['allow']);
    expect(Allow).toMatch(/^GET, HEAD, .*OPTIONS$/);

    const response = await api().request[method](path).set(headers);

    expect(response.body).toEqual(errorBody(405, `Метод не поддерживается. Доступны: ${Allow}.`));
    expect(response.status).toBe(405);
    expect(response.headers['allow']).toBe(Allow);
    expect(await snapshot(db())).toEqual(before);
  },
);

test('OPTIONS returns the supported methods in Allow and no body', async () => {
  const response = await api().request.options('/v3/issues/A-1/links');
  expect(response.status).toBe(204);
  expect(response.headers['allow']).toMatch(/^GET, HEAD, .*OPTIONS$/);
  expect(response.text).toBe('');
});

test.each(['/v2/issues/%zz/links', '/v2/issues/%/links', '/v2/issues/%C3%28/links'])(
  '%s, an incorrectly encoded URL, returns 400',
  async (path) => {
    const response = await api().request.get(path);
    expect(response.body).toEqual(errorBody(400, texts.urlMalformed.ru));
    expect(response.status).toBe(400);
    // It is rejected before routing, so the operations of the contract do not declare it.
    api().takeProblems();
  },
);

test('headers that are too large return 431', async () => {
  const { status, headers, body } = await sendRaw(
    api().url,
    `GET /healthz HTTP/1.1\r\nHost: localhost\r\nX-Long: ${'x'.repeat(20_000)}\r\n\r\n`,
  );
  expect(status).toBe(431);
  expect(headers).toContain('content-type: application/json');
  expect(JSON.parse(body)).toEqual(errorBody(431, texts.headersTooLarge.ru));
});

test.each([
  ['a request that is not HTTP', 'what is this\r\n\r\n'],
  ['a method that does not exist', 'FETCH /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n'],
  ['two lengths', 'POST /healthz HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nx'],
  [
    'a length and chunks',
    'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
  ],
  ['a request without Host', 'GET /healthz HTTP/1.1\r\n\r\n'],
])('%s returns 400', async (_what, bytes) => {
  const { status, headers, body } = await sendRaw(api().url, bytes);
  expect(status).toBe(400);
  expect(headers).toContain('content-type: application/json');
  expect(JSON.parse(body)).toEqual(errorBody(400, MALFORMED));
});

test('an unknown Expect header returns 417', async () => {
  const bytes = 'POST /healthz HTTP/1.1\r\nHost: localhost\r\nExpect: a miracle\r\nContent-Length: 0\r\n\r\n';
  const { status, body } = await sendRaw(api().url, bytes);
  expect(status).toBe(417);
  expect(JSON.parse(body)).toEqual(errorBody(417, MALFORMED));
});

test('an HTTP/1.0 request without Host succeeds', async () => {
  const { path, headers } = await givenLinksPath();
  const bytes = `GET ${path} HTTP/1.0\r\nAuthorization: ${headers.Authorization}\r\n\r\n`;
  expect(await sendRaw(api().url, bytes)).toMatchObject({ status: 200, body: '[]' });
});

test('a body that is invalid JSON, invalid Unicode or contains U+0000 returns 400 and writes nothing', async () => {
  const { path, headers } = await givenLinksPath();
  const before = await snapshot(db());
  for (const bytes of [
    '{',
    '{"a":1}}',
    "{'a':1}",
    '\ufeff{',
    '{"issue":"\\u0000"}',
    Buffer.from([0x22, 0xc3, 0x28, 0x22]),
  ]) {
    const response = await api().request.post(path).set(headers).send(bytes);
    expect(response.body).toMatchObject({ errors: {}, errorsData: {}, statusCode: 400 });
    expect(response.body.errorMessages).toEqual([expect.stringMatching(/не JSON|U\+0000/)]);
    expect(response.status).toBe(400);
  }
  expect(await snapshot(db())).toEqual(before);
});

test('a body over 1 MiB returns 413 and writes nothing', async () => {
  const { path, headers } = await givenLinksPath();
  const before = await snapshot(db());
  const response = await api()
    .request.post(path)
    .set(headers)
    .send(JSON.stringify({ issue: 'x'.repeat(1_048_576) }));
  expect(response.body).toEqual(errorBody(413, texts.bodyTooLarge.ru));
  expect(response.status).toBe(413);
  expect(await snapshot(db())).toEqual(before);
});

test('an invalid gzip body returns 400, an unknown encoding 415, and neither writes anything', async () => {
  const { path, headers } = await givenLinksPath();
  const before = await snapshot(db());
  const broken = await api().request.post(path).set(headers).set('Content-Encoding', 'gzip').send('not gzip');
  expect(broken.body).toEqual(errorBody(400, MALFORMED));
  const unknown = await api().request.post(path).set(headers).set('Content-Encoding', 'rot13').send('{}');
  expect(unknown.body).toEqual(errorBody(415, MALFORMED));
  expect(await snapshot(db())).toEqual(before);
  api().takeProblems();
});

test('requests return 503 with Retry-After while the database is unavailable, and succeed afterwards', async () => {
  const { path, headers } = await givenLinksPath();
  const before = await snapshot(db());
  await api().request.get(path).set(headers).expect(200);

  await proxy.cut();
  for (let call = 1; call <= 3; call += 1) {
    for (const response of [
      await api().request.get(path).set(headers),
      await api().request.post(path).set(headers).send({ relationship: 'relates', issue: 'A-1' }),
    ]) {
      expect(response.body).toEqual(errorBody(503, UNAVAILABLE));
      expect(response.status).toBe(503);
      expect(response.headers['retry-after']).toMatch(/^[1-9]\d*$/);
      expect(response.headers['content-type']).toBe('application/json');
    }
  }

  await proxy.restore();
  await api().request.get(path).set(headers).expect(200, []);
  expect(await snapshot(db())).toEqual(before);
});

test('a request whose database connection breaks returns 503, and the next one succeeds', async () => {
  const { path, headers } = await givenLinksPath();
  const response = await db().transaction(async (holder) => {
    await holder.query({ name: '', text: 'lock table links in access exclusive mode', values: [] });
    const waitingRequest = api()
      .request.get(path)
      .set(headers)
      .then((response) => response);
    await untilWaiting(db(), 1);
    await proxy.cut();
    return await waitingRequest;
  });
  expect(response.body).toEqual(errorBody(503, UNAVAILABLE));
  expect(response.status).toBe(503);

  await proxy.restore();
  await api().request.get(path).set(headers).expect(200, []);
});

test('requests return 503 while the database rejects new connections', async () => {
  const { path, headers } = await givenLinksPath();
  const { connection } = api().database;
  const elsewhere = openDatabase(
    { ...connection, database: 'postgres' },
    { info: () => undefined, warn: () => undefined },
  );
  const allow = (allowed: boolean) =>
    elsewhere.query({
      name: '',
      text: `alter database ${connection.database} with allow_connections ${allowed}`,
      values: [],
    });
  await allow(false);
  await proxy.cut();
  await proxy.restore();

  const response = await api().request.get(path).set(headers);
  expect(response.body).toEqual(errorBody(503, UNAVAILABLE));

  await allow(true);
  await elsewhere.close();
  await api().request.get(path).set(headers).expect(200, []);
});

test('an unexpected failure returns 500 with nothing but the request id', async () => {
  const { path, headers } = await givenLinksPath();
  const rename = (from: string, to: string) =>
    db().query({ name: '', text: `alter table ${from} rename to ${to}`, values: [] });
  await rename('labels', 'renamed_labels');

  const response = await api()
    .request.get(path)
    .set({ ...headers, 'X-Request-Id': 'id-of-mine' });
  await rename('renamed_labels', 'labels');

  expect(response.body).toEqual(errorBody(500, 'Внутренняя ошибка. Номер запроса: id-of-mine.'));
  expect(response.status).toBe(500);
  const [line, ...others] = api()
    .log.splice(0)
    .filter((entry) => entry.includes('id-of-mine'));
  expect(others).toEqual([]);
  expect(JSON.parse(line ?? '')).toMatchObject({
    level: 50,
    req: { id: 'id-of-mine' },
    err: { message: 'relation "labels" does not exist' },
  });
  // The contract deliberately declares no 500.
  expect(api().takeProblems()).toEqual([expect.stringContaining('listIssueLinks 500 is not in the contract')]);
  await api().request.get(path).set(headers).expect(200);
});

test('error messages use the requested language, or else that of the organisation, and English for any other', async () => {
  const english = await givenOrganisation(db(), { language: 'en' });
  const messageOf = async (headers: Record<string, string>, path = '/v2/issues/A-1/links') =>
    (await api().request.get(path).set(headers)).body.errorMessages[0];
  expect(await messageOf(english.admin.headers)).toBe(texts.issueNotFound.en);
  expect(await messageOf({ ...english.admin.headers, 'Accept-Language': '*' })).toBe(texts.issueNotFound.en);
  expect(await messageOf({ ...english.admin.headers, 'Accept-Language': 'ru' })).toBe(texts.issueNotFound.ru);
  expect(await messageOf({ 'Accept-Language': 'en-US,en;q=0.5' }, '/nothing')).toMatch(/^There is nothing/);
  expect(await messageOf({ 'Accept-Language': 'de, fr' }, '/nothing')).toMatch(/^There is nothing/);
  expect(await messageOf({ 'Accept-Language': 'de, en;q=0.1' }, '/nothing')).toMatch(/^There is nothing/);
  expect(await messageOf({ 'Accept-Language': '*' }, '/nothing')).toMatch(/^Такого адреса нет/);
});

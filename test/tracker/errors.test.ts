import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, expect, test } from '@jest/globals';
import { openDatabase } from '../../src/database/database.ts';
import { texts } from '../../src/texts.ts';
import { useApi } from '../support/api.ts';
import { givenIssue, givenOrganisation, givenQueue } from '../support/builders.ts';
import { type DatabaseProxy, openDatabaseProxy } from '../support/database-proxy.ts';
import { sendRaw } from '../support/raw-request.ts';
import { snapshot } from '../support/snapshot.ts';

let proxy: DatabaseProxy;
const api = useApi({}, async (connection) => {
  proxy = await openDatabaseProxy(connection);
  return proxy.connection;
});
afterAll(() => proxy.cut());
const db = () => api().database.db;

const MALFORMED = texts.requestMalformed.ru;
const AWAY = texts.databaseAway.ru;

function refusal(statusCode: number, sentence: string) {
  return { errors: {}, errorsData: {}, errorMessages: [sentence], statusCode };
}

async function givenLinksPath() {
  const org = await givenOrganisation(db());
  const issue = await givenIssue(db(), org, await givenQueue(db(), org));
  return { path: `/v2/issues/${issue.key}/links`, headers: org.admin.headers };
}

test.each(['/', '/v1/issues/A-1/links', '/v2', '/v2/', '/v2/nothing', '/V2/issues/A-1/links', '/healthz/x'])(
  'there is nothing at %s, and it is 404 for everybody',
  async (path) => {
    const { headers } = await givenLinksPath();
    for (const who of [{}, headers]) {
      const response = await api().request.get(path).set(who);
      expect(response.headers['content-type']).toBe('application/json');
      expect(response.body).toEqual(refusal(404, texts.pathNotFound.ru));
      expect(response.status).toBe(404);
    }
  },
);

test.each(['put', 'patch', 'delete', 'trace'] as const)(
  'the method %s, which a path lacks, is 405 with Allow',
  async (method) => {
    const { path, headers } = await givenLinksPath();
    const before = await snapshot(db());
    const Allow = String((await api().request.options(path)).headers['allow']);
    expect(Allow).toMatch(/^GET, HEAD, .*OPTIONS$/);

    const response = await api().request[method](path).set(headers);

    expect(response.body).toEqual(refusal(405, `Метод не поддерживается. Доступны: ${Allow}.`));
    expect(response.status).toBe(405);
    expect(response.headers['allow']).toBe(Allow);
    expect(await snapshot(db())).toEqual(before);
  },
);

test('OPTIONS says which methods a path has, without a body', async () => {
  const response = await api().request.options('/v3/issues/A-1/links');
  expect(response.status).toBe(204);
  expect(response.headers['allow']).toMatch(/^GET, HEAD, .*OPTIONS$/);
  expect(response.text).toBe('');
});

test.each(['/v2/issues/%zz/links', '/v2/issues/%/links', '/v2/issues/%C3%28/links'])(
  '%s, a URL that is not encoded correctly, is 400',
  async (path) => {
    const response = await api().request.get(path);
    expect(response.body).toEqual(refusal(400, texts.urlMalformed.ru));
    expect(response.status).toBe(400);
    // It is refused before an operation is chosen, so the contract's operations need not name it.
    api().takeProblems();
  },
);

test('headers that are too large are 431', async () => {
  const { status, headers, body } = await sendRaw(
    api().url,
    `GET /healthz HTTP/1.1\r\nHost: localhost\r\nX-Long: ${'x'.repeat(20_000)}\r\n\r\n`,
  );
  expect(status).toBe(431);
  expect(headers).toContain('content-type: application/json');
  expect(JSON.parse(body)).toEqual(refusal(431, texts.headersTooLarge.ru));
});

test.each([
  ['no HTTP at all', 'what is this\r\n\r\n'],
  ['a method that does not exist', 'FETCH /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n'],
  ['two lengths', 'POST /healthz HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nx'],
  [
    'a length and chunks',
    'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
  ],
  ['no Host', 'GET /healthz HTTP/1.1\r\n\r\n'],
])('%s is 400', async (_what, bytes) => {
  const { status, headers, body } = await sendRaw(api().url, bytes);
  expect(status).toBe(400);
  expect(headers).toContain('content-type: application/json');
  expect(JSON.parse(body)).toEqual(refusal(400, MALFORMED));
});

test('an expectation that nobody can meet is 417', async () => {
  const bytes = 'POST /healthz HTTP/1.1\r\nHost: localhost\r\nExpect: a miracle\r\nContent-Length: 0\r\n\r\n';
  const { status, body } = await sendRaw(api().url, bytes);
  expect(status).toBe(417);
  expect(JSON.parse(body)).toEqual(refusal(417, MALFORMED));
});

test('HTTP/1.0, which knows no Host, is answered', async () => {
  const { path, headers } = await givenLinksPath();
  const bytes = `GET ${path} HTTP/1.0\r\nAuthorization: ${headers.Authorization}\r\n\r\n`;
  expect(await sendRaw(api().url, bytes)).toMatchObject({ status: 200, body: '[]' });
});

test('a body that is not JSON, or not Unicode, or holds U+0000 is 400 and changes nothing', async () => {
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

test('a body of more than a mebibyte is 413 and changes nothing', async () => {
  const { path, headers } = await givenLinksPath();
  const before = await snapshot(db());
  const response = await api()
    .request.post(path)
    .set(headers)
    .send(JSON.stringify({ issue: 'x'.repeat(1_048_576) }));
  expect(response.body).toEqual(refusal(413, texts.bodyTooLarge.ru));
  expect(response.status).toBe(413);
  expect(await snapshot(db())).toEqual(before);
});

test('a compressed body that cannot be read is 400 or 415 and changes nothing', async () => {
  const { path, headers } = await givenLinksPath();
  const before = await snapshot(db());
  const broken = await api().request.post(path).set(headers).set('Content-Encoding', 'gzip').send('not gzip');
  expect(broken.body).toEqual(refusal(400, MALFORMED));
  const unknown = await api().request.post(path).set(headers).set('Content-Encoding', 'rot13').send('{}');
  expect(unknown.body).toEqual(refusal(415, MALFORMED));
  expect(await snapshot(db())).toEqual(before);
  api().takeProblems();
});

test('while the database is away every call is 503 with Retry-After, and afterwards all is well', async () => {
  const { path, headers } = await givenLinksPath();
  const before = await snapshot(db());
  await api().request.get(path).set(headers).expect(200);

  await proxy.cut();
  for (let call = 1; call <= 3; call += 1) {
    for (const response of [
      await api().request.get(path).set(headers),
      await api().request.post(path).set(headers).send({ relationship: 'relates', issue: 'A-1' }),
    ]) {
      expect(response.body).toEqual(refusal(503, AWAY));
      expect(response.status).toBe(503);
      expect(response.headers['retry-after']).toMatch(/^[1-9]\d*$/);
      expect(response.headers['content-type']).toBe('application/json');
    }
  }

  await proxy.restore();
  await api().request.get(path).set(headers).expect(200, []);
  expect(await snapshot(db())).toEqual(before);
});

test('a request whose connection breaks under it is 503, and the next one is answered', async () => {
  const { path, headers } = await givenLinksPath();
  const response = await db().transaction(async (holder) => {
    await holder.query({ name: '', text: 'lock table links in access exclusive mode', values: [] });
    const waiting = api()
      .request.get(path)
      .set(headers)
      .then((answer) => answer);
    await untilSomebodyWaits();
    await proxy.cut();
    return await waiting;
  });
  expect(response.body).toEqual(refusal(503, AWAY));
  expect(response.status).toBe(503);

  await proxy.restore();
  await api().request.get(path).set(headers).expect(200, []);
});

test('a database that takes no new connections is 503, until it does', async () => {
  const { path, headers } = await givenLinksPath();
  const { connection } = api().database;
  const elsewhere = openDatabase({ ...connection, database: 'postgres' }, { warn: () => undefined });
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
  expect(response.body).toEqual(refusal(503, AWAY));

  await allow(true);
  await elsewhere.close();
  await api().request.get(path).set(headers).expect(200, []);
});

test('a failure that nobody foresaw is 500, and tells the caller the request id alone', async () => {
  const { path, headers } = await givenLinksPath();
  const rename = (from: string, to: string) =>
    db().query({ name: '', text: `alter table ${from} rename to ${to}`, values: [] });
  await rename('labels', 'mislaid');

  const response = await api()
    .request.get(path)
    .set({ ...headers, 'X-Request-Id': 'id-of-mine' });
  await rename('mislaid', 'labels');

  expect(response.body).toEqual(refusal(500, 'Внутренняя ошибка. Номер запроса: id-of-mine.'));
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
  // No caller should see it, so the contract does not name it.
  expect(api().takeProblems()).toEqual([expect.stringContaining('listIssueLinks 500 is not in the contract')]);
  await api().request.get(path).set(headers).expect(200);
});

test('errors are in the language that the request asks for, else in that of the organisation', async () => {
  const english = await givenOrganisation(db(), { language: 'en' });
  const sentence = async (headers: Record<string, string>, path = '/v2/issues/A-1/links') =>
    (await api().request.get(path).set(headers)).body.errorMessages[0];
  expect(await sentence(english.admin.headers)).toBe(texts.issueNotFound.en);
  expect(await sentence({ ...english.admin.headers, 'Accept-Language': '*' })).toBe(texts.issueNotFound.en);
  expect(await sentence({ ...english.admin.headers, 'Accept-Language': 'ru' })).toBe(texts.issueNotFound.ru);
  expect(await sentence({ 'Accept-Language': 'en-US,en;q=0.5' }, '/nothing')).toMatch(/^There is nothing/);
  expect(await sentence({ 'Accept-Language': 'de, fr' }, '/nothing')).toMatch(/^Такого адреса нет/);
  expect(await sentence({ 'Accept-Language': 'de, en;q=0.1' }, '/nothing')).toMatch(/^There is nothing/);
  expect(await sentence({ 'Accept-Language': '*' }, '/nothing')).toMatch(/^Такого адреса нет/);
});

async function untilSomebodyWaits(): Promise<void> {
  for (;;) {
    const rows = await db().query({
      name: '',
      text: `select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`,
      values: [],
    });
    if (rows.length > 0) return;
    await sleep(5);
  }
}

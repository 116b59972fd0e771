import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { useApi } from '../support/api.ts';
import type { GivenAccount } from '../support/builders.ts';
import { type DatabaseProxy, openDatabaseProxy } from '../support/database-proxy.ts';
import {
  errorResponse,
  FORBIDDEN,
  GET_TIMEZONE,
  givenRawRpc,
  PARSE_ERROR,
  type RawRpc,
  requestFor,
  UNAUTHORIZED,
  UTC,
} from '../support/raw-rpc.ts';
import { snapshot } from '../support/snapshot.ts';

/** How JSON-RPC uses HTTP (Kanboard contract, section 1). */

let proxy: DatabaseProxy;
const api = useApi({}, async (connection) => {
  proxy = await openDatabaseProxy(connection);
  return proxy.connection;
});
afterAll(() => proxy.cut());
const db = () => api().database.db;
let raw: RawRpc;
let application: GivenAccount;
let member: GivenAccount;
let wrong: GivenAccount;

beforeAll(async () => {
  raw = await givenRawRpc(api());
  ({ application, member, wrong } = raw);
});

describe('HTTP', () => {
  test.each(['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'REPORT'])(
    'the HTTP method %s is treated like POST',
    async (method) => {
      expect(await raw.send(GET_TIMEZONE, { method })).toMatchObject({ status: 200, body: UTC });
      expect(await raw.send('', { method })).toMatchObject({ status: 200, body: PARSE_ERROR });
    },
  );

  test('HEAD returns headers without a body', async () => {
    const response = await raw.send('', { method: 'HEAD' });
    expect(response).toMatchObject({ status: 200, body: '', headers: { 'content-type': 'application/json' } });
  });

  test.each(['text/plain', 'application/x-www-form-urlencoded', 'application/xml; charset=koi8-r', 'nonsense', ''])(
    'the content type %j is ignored',
    async (type) => {
      const headers = { 'Content-Type': type, Accept: 'application/xml' };
      const path = `${raw.path}?x=1&method=nope`;
      expect(await raw.send(GET_TIMEZONE, { headers, path })).toMatchObject({ status: 200, body: UTC });
    },
  );

  test('a gzip body is decompressed', async () => {
    const headers = { 'Content-Encoding': 'gzip' };
    expect(await raw.send(gzipSync(GET_TIMEZONE), { headers })).toMatchObject({ status: 200, body: UTC });
  });

  test('a body that cannot be decompressed returns a parse error', async () => {
    for (const encoding of ['gzip', 'rot13']) {
      const headers = { 'Content-Encoding': encoding };
      expect(await raw.send(GET_TIMEZONE, { headers })).toMatchObject({ status: 200, body: PARSE_ERROR });
    }
  });

  test.each<[string, () => string, number, string]>([
    ['/jsonrpc.php returns 413', () => '/jsonrpc.php', 413, 'Payload Too Large'],
    ['the path of an organisation returns 413', () => raw.path, 413, 'Payload Too Large'],
    ['the path of no organisation returns 401', () => '/kanboard/x/jsonrpc.php', 401, 'Unauthorized'],
  ])('%s for a body of more than 1 MiB', async (_name, path, status, message) => {
    const before = await snapshot(db());
    const large = requestFor('createLink', `,"params":["${'x'.repeat(1_048_576)}"],"id":1`);
    for (const [body, encoding] of [
      [large, 'identity'],
      [gzipSync(large), 'gzip'],
    ] as const) {
      expect(await raw.send(body, { headers: { 'Content-Encoding': encoding }, path: path() })).toMatchObject({
        status,
        body: `{"jsonrpc":"2.0","error":{"code":${status},"message":"${message}"},"id":null}`,
        headers: { 'content-type': 'application/json' },
      });
    }
    expect(await snapshot(db())).toEqual(before);
  });

  test('a Host that cannot be part of a URL returns 400, and nothing is written', async () => {
    const before = await snapshot(db());
    const createLabel = requestFor('createLink', ',"params":["label"],"id":1');
    expect(await raw.send(createLabel, { headers: { Host: 'a@b' } })).toMatchObject({
      status: 400,
      body: errorResponse(400, 'Bad Request', 'null'),
    });
    expect(await snapshot(db())).toEqual(before);
    // The contract does not declare it, as for other requests that are not valid HTTP.
    expect(api().takeProblems()).toHaveLength(1);
  });

  test('a body of exactly 1 MiB is accepted', async () => {
    const body = GET_TIMEZONE + ' '.repeat(1_048_576 - GET_TIMEZONE.length);
    expect(await raw.postOk(body)).toBe(UTC);
  });

  test.each(['/JSONRPC.PHP', '/jsonrpc.php/extra', '/jsonrpc', '/kanboard/jsonrpc.php', '/kanboard/a/b/jsonrpc.php'])(
    '%s returns 404',
    async (path) => {
      await api().request.post(path).auth(application.login, application.secret).send(GET_TIMEZONE).expect(404);
    },
  );
});

test('/jsonrpc.php returns the same results and errors as the path of the organisation', async () => {
  const send = async (account: GivenAccount, body: string) => {
    const response = await api()
      .request.post('/jsonrpc.php')
      .auth(account.login, account.secret)
      .send(JSON.parse(body));
    return [response.status, response.text];
  };
  expect(await send(application, GET_TIMEZONE)).toEqual([200, UTC]);
  expect(await send(wrong, GET_TIMEZONE)).toEqual([401, UNAUTHORIZED]);
  expect(await send(member, requestFor('getAllLinks'))).toEqual([403, FORBIDDEN]);
});

describe('failures', () => {
  test.each(['/jsonrpc.php', 'the path of the organisation'])(
    '%s returns 503 with Retry-After while the database is unavailable',
    async (path) => {
      await raw.post(GET_TIMEZONE).expect(200);
      await proxy.cut();
      const read = requestFor('getLinkById', ',"params":[1],"id":1');
      for (const body of [read, `[${read}]`, requestFor('createLink', ',"params":["x"]')]) {
        const response = await api()
          .request.post(path === '/jsonrpc.php' ? path : raw.path)
          .auth(application.login, application.secret)
          .set('Content-Type', 'application/json')
          .send(body);
        expect(response.status).toBe(503);
        expect(response.text).toBe('{"jsonrpc":"2.0","error":{"code":503,"message":"Service Unavailable"},"id":null}');
        expect(response.headers['content-type']).toBe('application/json');
        expect(response.headers['retry-after']).toMatch(/^[1-9]\d*$/);
      }
      // A request that needs no database still gets its response.
      expect(await raw.postOk('{')).toBe(PARSE_ERROR);
      await proxy.restore();
      expect(await raw.postOk(GET_TIMEZONE)).toBe(UTC);
    },
  );

  test('an unexpected failure returns 500, and shows the caller only the request id', async () => {
    const rename = (from: string, to: string) =>
      db().query({ name: '', text: `alter table ${from} rename to ${to}`, values: [] });
    await rename('labels', 'mislaid');
    const body = requestFor('getLinkById', ',"params":[1],"id":1');
    const responses = [
      await raw.post(body).set('X-Request-Id', 'my-request-id'),
      await raw.post(`[${GET_TIMEZONE},${body}]`).set('X-Request-Id', 'my-request-id'),
    ];
    await rename('mislaid', 'labels');
    for (const response of responses) {
      expect(response.status).toBe(500);
      expect(response.text).toBe(errorResponse(-32603, 'Internal error', 'null', 'my-request-id'));
      expect(response.headers['content-type']).toBe('application/json');
    }
    const lines = api()
      .log.splice(0)
      .filter((line) => line.includes('my-request-id'));
    expect(lines).toHaveLength(2);
    expect(JSON.parse(lines[0] ?? '')).toMatchObject({
      level: 50,
      err: { message: 'relation "labels" does not exist' },
    });
    // A 500 is always a bug, so the contract does not declare it.
    expect(api().takeProblems()).toEqual(Array(2).fill(expect.stringContaining('500 is not in the contract')));
  });
});

import { beforeAll, describe, expect, test } from '@jest/globals';
import { type Api, useApi } from '../support/api.ts';
import {
  type GivenAccount,
  type GivenIssue,
  type GivenOrganisation,
  givenApplication,
  givenIssue,
  givenOrganisation,
  givenQueue,
} from '../support/builders.ts';
import { sendExactly } from '../support/raw-request.ts';
import { unchanged } from '../support/snapshot.ts';
import { createLinkTrigger } from '../support/triggers.ts';

/** What responses tell browsers, and what they tell nobody. */

const BOARD = 'https://board.example';
const api = useApi();
const shared = useApi({ corsOrigins: new Set([BOARD]), publicUrl: 'https://links.example' }, () =>
  Promise.resolve(api().database.connection),
);
const db = () => api().database.db;
let org: GivenOrganisation;
let application: GivenAccount;
let issue: GivenIssue;
let other: GivenIssue;

beforeAll(async () => {
  org = await givenOrganisation(db(), { profile: 'kanboard' });
  application = await givenApplication(db(), org);
  const { key: queue } = await givenQueue(db(), org);
  [issue, other] = [await givenIssue(db(), org, queue), await givenIssue(db(), org, queue)];
});

/** A request of each kind: the fast path, the routers, errors, and pages. */
function requests(at: Api) {
  const { headers } = org.admin;
  const rpc = `/kanboard/${org.orgId}/jsonrpc.php`;
  const call = { jsonrpc: '2.0', method: 'getTimezone', id: 1 };
  return [
    at.request.get(`/v3/issues/${issue.key}/links`).set(headers),
    at.request.get(`/v3/issues/${issue.key}`).set(headers),
    at.request.get('/v3/issues/NONE-1/links').set(headers),
    at.request.get('/v3/issues/NONE-1/links'),
    at.request.post('/v3/issues').set(headers).send('{'),
    at.request.post(rpc).auth(application.login, application.secret).send(call),
    at.request.post(rpc).send(call),
    at.request.get('/nothing'),
    at.request.get('/healthz'),
    at.request.get('/openapi.json'),
    at.request.get('/docs'),
  ];
}

test('no response can be framed, embedded by other sites, or taken for another type, and none names the software', async () => {
  for (const { headers, request } of await Promise.all(requests(api()))) {
    expect([request.url, headers]).toEqual([
      request.url,
      expect.objectContaining({
        'x-content-type-options': 'nosniff',
        'content-security-policy': expect.stringMatching(/^default-src 'none';.*frame-ancestors 'none'/),
        'cross-origin-resource-policy': 'same-origin',
        'referrer-policy': 'no-referrer',
      }),
    ]);
    for (const name of ['server', 'x-powered-by', 'via', 'strict-transport-security', 'access-control-allow-origin']) {
      expect(headers).not.toHaveProperty(name);
    }
  }
});

test('with a public URL of HTTPS, browsers are told to use nothing else', async () => {
  for (const { headers } of await Promise.all(requests(shared()))) {
    expect(headers['strict-transport-security']).toBe('max-age=15552000');
  }
});

describe('a page of an origin in CORS_ORIGINS', () => {
  test('may read every response, and caches keep it apart from others', async () => {
    const sent = requests(shared()).map((request) => request.set('Origin', BOARD));
    for (const { headers, request } of await Promise.all(sent)) {
      expect([request.url, headers['access-control-allow-origin']]).toEqual([request.url, BOARD]);
      expect(headers['vary']).toMatch(/^Origin\b/);
      expect(headers['access-control-expose-headers']).toMatch(/\bETag\b.*\bLink\b/);
      expect(headers).not.toHaveProperty('access-control-allow-credentials');
    }
  });

  test('may send preflights, which need no credentials', async () => {
    for (const path of [`/v3/issues/${issue.key}/links`, `/kanboard/${org.orgId}/jsonrpc.php`, '/jsonrpc.php']) {
      const { status, headers, text } = await shared().request.options(path).set({
        Origin: BOARD,
        'Access-Control-Request-Method': 'POST',
        'Access-Control-Request-Headers': 'authorization,idempotency-key',
      });
      expect([status, text]).toEqual([204, '']);
      expect(headers).toMatchObject({
        'access-control-allow-origin': BOARD,
        'access-control-allow-methods': 'GET, POST, PATCH, DELETE',
        'access-control-allow-headers': 'authorization,idempotency-key',
      });
    }
    // A preflight is no operation of the contract.
    shared().takeProblems();
  });
});

test('a page of any other origin may read nothing', async () => {
  for (const at of [api(), shared()]) {
    for (const origin of ['https://evil.example', 'null', `${BOARD}.evil.example`, 'https://BOARD.example']) {
      const sent = requests(at).map((request) => request.set('Origin', origin));
      for (const { headers } of await Promise.all(sent)) {
        expect(headers).not.toHaveProperty('access-control-allow-origin');
      }
      const preflight = { Origin: origin, 'Access-Control-Request-Method': 'POST' };
      const { headers } = await at.request.options(`/v3/issues/${issue.key}/links`).set(preflight);
      expect(Object.keys(headers).filter((name) => name.startsWith('access-control'))).toEqual([]);
    }
  }
});

test('a failure tells clients its request id, and nothing of the code, the statement or the database', async () => {
  const body = `raise exception using errcode = 'XX001', message = 'invalid page in block 7 of relation base/16384/2619';`;
  const drop = await createLinkTrigger(db(), { name: 'fail', moment: 'before insert', body });
  const basic = Buffer.from(`${application.login}:${application.secret}`).toString('base64');
  const call = { jsonrpc: '2.0', method: 'createTaskLink', params: [issue.id, other.id, 1], id: 1 };
  const url = (path: string) => api().url + path;
  await unchanged(db(), async () => {
    for (const headers of [{}, { 'Idempotency-Key': 'failing' }]) {
      const rest = await sendExactly(url(`/v3/issues/${issue.key}/links`), {
        method: 'POST',
        headers: { ...org.admin.headers, ...headers, 'X-Request-Id': 'the-id' },
        body: JSON.stringify({ relationship: 'relates', issue: other.key }),
      });
      expect([rest.status, rest.body]).toEqual([500, expect.stringContaining('the-id')]);
      expectNoInternals(rest);
    }
    for (const body of [call, [call, call]]) {
      const rpc = await sendExactly(url(`/kanboard/${org.orgId}/jsonrpc.php`), {
        method: 'POST',
        headers: { Authorization: `Basic ${basic}`, 'X-Request-Id': 'the-id' },
        body: JSON.stringify(body),
      });
      expect([rpc.status, rpc.body]).toEqual([500, expect.stringContaining('the-id')]);
      expectNoInternals(rpc);
    }
  });
  await drop();
  // The log tells operators all of it.
  expect(api().log.filter((line) => line.includes('invalid page in block 7')).length).toBeGreaterThanOrEqual(4);
  api().log.splice(0);
  api().takeProblems();
});

function expectNoInternals(response: object): void {
  const text = JSON.stringify(response);
  for (const internal of [
    /\bat .*:\d+:\d+/,
    /node_modules|\.ts\b|\.js\b/,
    /insert into|select |relation|trigger/i,
    /XX001|block 7/,
    /pg_|postgres/i,
  ]) {
    expect(text).not.toMatch(internal);
  }
}

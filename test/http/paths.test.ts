import { once } from 'node:events';
import { request as httpRequest, type IncomingMessage } from 'node:http';
import { text } from 'node:stream/consumers';
import { beforeAll, expect, test } from '@jest/globals';
import { useApi } from '../support/api.ts';
import {
  type GivenAccount,
  type GivenIssue,
  type GivenOrganisation,
  givenApplication,
  givenIssue,
  givenOrganisation,
  givenQueue,
} from '../support/builders.ts';
import { type Rest, restAs } from '../support/rest.ts';
import { unchanged } from '../support/snapshot.ts';

/** Paths and keys as clients compose them from base URLs and pasted values. */

const api = useApi();
const db = () => api().database.db;
let org: GivenOrganisation;
let queue: string;
let account: GivenAccount;
let rest: Rest;

beforeAll(async () => {
  org = await givenOrganisation(db());
  queue = (await givenQueue(db(), org)).key;
  account = await givenApplication(db(), org);
  rest = restAs(api(), org.admin);
});

const newIssue = () => givenIssue(db(), org, queue);
const callRpc = async (path: string) =>
  await api()
    .request.post(path)
    .auth(account.login, account.secret)
    .send({ jsonrpc: '2.0', method: 'getTimezone', id: 1 });

test('repeated slashes in a path are one, and one at its end or an encoded letter change nothing', async () => {
  const [a, b] = [await newIssue(), await newIssue()];
  for (const path of [
    `/kanboard/${org.orgId}//jsonrpc.php`,
    `//kanboard///${org.orgId}/jsonrpc.php`,
    '//jsonrpc.php',
    '/jsonrpc.php/',
    '/jsonrpc.php?method=getVersion',
    `/kanboard/${org.orgId}/jsonrpc.php/?x`,
    `/kanboard/%${org.orgId.charCodeAt(0).toString(16)}${org.orgId.slice(1)}/jsonrpc.php`,
  ]) {
    expect((await callRpc(path)).body).toEqual({ jsonrpc: '2.0', result: 'UTC', id: 1 });
  }
  const { body } = await rest
    .post(`/v2//issues/${a.key}//links/`, { relationship: 'relates', issue: b.key })
    .expect(201);
  expect(body.self).toBe(`${api().url}/v2/issues/${a.key}/links/${body.id}`);
  expect((await rest.get(`//v2/issues//${a.key}/links`).expect(200)).body).toEqual([body]);
  expect((await rest.get(`/v3//issues/${a.key}/links?x=//`).expect(200)).body).toHaveLength(1);
  await api().request.get('//healthz').expect(200);
});

test('a request may name the server in its target, as it does in Host', async () => {
  const [a, b] = [await newIssue(), await newIssue()];
  const { body: link } = await rest
    .post(`/v2/issues/${a.key}/links`, { relationship: 'relates', issue: b.key })
    .expect(201);
  const send = async (method: string, target: string, host: string, body?: string) => {
    const { hostname, port } = new URL(api().url);
    const isRpc = target.includes('jsonrpc');
    const basic = Buffer.from(`${account.login}:${account.secret}`).toString('base64');
    const headers = { Authorization: isRpc ? `Basic ${basic}` : `OAuth ${org.admin.token}`, Host: host };
    const request = httpRequest({ hostname, port, method, path: target, headers }).end(body);
    const [response] = (await once(request, 'response')) as [IncomingMessage];
    return { status: response.statusCode, body: JSON.parse(await text(response)) as unknown };
  };
  const path = `/v2/issues/${a.key}/links`;
  const links = JSON.parse(JSON.stringify([link]).replaceAll(new URL(api().url).host, 'links.example')) as unknown;
  expect(await send('GET', `http://links.example${path}`, 'links.example')).toEqual({ status: 200, body: links });
  expect(await send('GET', `HTTP://Links.example/${path}?x=//`, 'links.example')).toEqual({ status: 200, body: links });
  expect((await send('GET', 'http://links.example?x', 'links.example')).status).toBe(200);
  const call = JSON.stringify({ jsonrpc: '2.0', method: 'getTimezone', id: 1 });
  expect(await send('POST', `http://links.example/kanboard/${org.orgId}/jsonrpc.php`, 'links.example', call)).toEqual({
    status: 200,
    body: { jsonrpc: '2.0', result: 'UTC', id: 1 },
  });
  expect((await send('GET', `ftp://links.example${path}`, 'links.example')).status).toBe(404);
  await unchanged(db(), async () => {
    for (const server of ['other.example', 'links.example:80', 'user@links.example', 'localhost']) {
      const { status } = await send('DELETE', `http://${server}${path}/${link.id}`, 'links.example');
      expect([server, status]).toEqual([server, 400]);
    }
  });
});

test('slashes in a query string stay as they are', async () => {
  const unique = 'http://example.com//a';
  await rest.post('/v2/issues', { queue, summary: 'One', unique }).expect(201);
  await rest.post(`/v2//issues/_findByUnique?unique=${unique}`).expect(200);
  await rest.post('/v2//issues/_findByUnique?unique=http:/example.com/a').expect(404);
});

test.each<[path: string, status: number, message: string]>([
  ['/jsonrpc.php/extra', 404, 'Not Found'],
  ['/kanboard', 404, 'Not Found'],
  ['/kanboard/', 404, 'Not Found'],
  ['/kanboard?x', 404, 'Not Found'],
  ['/kanboard/1', 404, 'Not Found'],
  ['/kanboard/jsonrpc.php', 404, 'Not Found'],
  ['/kanboard/1/2/jsonrpc.php', 404, 'Not Found'],
  ['/kanboard/1/other.php', 404, 'Not Found'],
  ['/kanboard/%zz/jsonrpc.php', 400, 'Bad Request'],
  ['/kanboard/none/jsonrpc.php', 401, 'Unauthorized'],
])('an error at %s has the form of JSON-RPC', async (path, status, message) => {
  await unchanged(db(), async () => {
    for (const response of [await callRpc(path), ...(status === 404 ? [await api().request.get(path)] : [])]) {
      expect(response.status).toBe(status);
      expect(response.headers['content-type']).toBe('application/json');
      expect(response.body).toEqual({ jsonrpc: '2.0', error: { code: status, message }, id: null });
    }
  });
  api().takeProblems();
});

test.each(['/jsonrpc.phpx', '/kanboardx', '/kanboardx/1/jsonrpc.php', '/JSONRPC.php'])(
  'an error at %s has the form of REST',
  async (path) => {
    const { body } = await callRpc(path);
    expect(body).toMatchObject({ statusCode: 404 });
  },
);

test('white space around keys is ignored, wherever a request names an issue', async () => {
  const [a, b, c] = [await newIssue(), await newIssue(), await newIssue()] as [GivenIssue, GivenIssue, GivenIssue];
  const spaced = ({ key }: GivenIssue) => ` ${key.toLowerCase()}\n`;
  const path = `/v2/issues/${encodeURIComponent(spaced(a))}`;
  expect((await rest.get(path).expect(200)).body.key).toBe(a.key);
  const { body: link } = await rest.post(`${path}/links`, { relationship: 'relates', issue: spaced(b) }).expect(201);
  expect(link.object.key).toBe(b.key);
  expect((await rest.get(`${path}/links`).expect(200)).body).toEqual([link]);
  await rest.patch(`${path}/links/${link.id}`, { issue: { key: spaced(c) } }).expect(200);
  await rest.delete(`${path}/links/${link.id}`).expect(204);
  const imported = { relationship: 'relates', issue: { id: ` ${b.hexId} ` }, createdBy: org.admin.login };
  await rest.post(`${path}/links/_import`, { ...imported, createdAt: '2020-01-01T00:00:00.000+0000' }).expect(200);
  const { body: changed } = await rest.patch(path, { epic: { set: spaced(c) } }).expect(200);
  expect(changed.epic.key).toBe(c.key);
  const { body: created } = await rest
    .post('/v2/issues', { queue: ` ${queue} `, summary: 'A subtask', parent: spaced(a), type: ' bug ' })
    .expect(201);
  expect([created.parent.key, created.queue.key, created.type.key]).toEqual([a.key, queue, 'bug']);
  await rest.get(`${path}/changelog`).expect(200);
  await rest.get(`${path}/remotelinks`).expect(200);
  await rest.post(`${path}/_move?queue=%20${queue}%20`, {}).expect(200);

  const keysOf = async (search: object) => {
    const { body } = await rest.post('/v2/issues/_search', search).expect(200);
    return (body as GivenIssue[]).map(({ key }) => key);
  };
  expect(await keysOf({ keys: [spaced(a)] })).toEqual([a.key]);
  expect(await keysOf({ query: `Key: "${spaced(a)}"` })).toEqual([a.key]);
  expect(await keysOf({ query: `Parent: "${spaced(a)}" AND Queue: " ${queue} " AND Type: " bug "` })).toEqual([
    created.key,
  ]);
  expect(await keysOf({ filter: { key: spaced(a) } })).toEqual([a.key]);
  const { body: found } = await rest
    .post('/v2/links/_search', { issues: [spaced(a)], queue: ` ${queue} ` })
    .expect(200);
  expect(found).toMatchObject([{ issue: { key: a.key } }]);
  await rest.get(`/v2/queues/%20${queue}%20`).expect(200);
  await rest.get('/v2/statuses/%20open%20').expect(200);
});

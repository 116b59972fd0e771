import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { beforeAll, describe, expect, test } from '@jest/globals';
import { useApi } from '../support/api.ts';
import {
  type GivenAccount,
  type GivenIssue,
  type GivenOrganisation,
  givenApplication,
  givenIssue,
  givenOrganisation,
  givenQueue,
  givenUser,
} from '../support/builders.ts';
import { sendRaw } from '../support/raw-request.ts';
import { errorResponse, PARSE_ERROR, UNAUTHORIZED } from '../support/raw-rpc.ts';
import { PROGRAM, startServer } from '../support/server-process.ts';
import { unchanged } from '../support/snapshot.ts';

/** What connections may cost the server. */

const api = useApi();
const impatient = useApi({}, () => Promise.resolve(api().database.connection), {
  receiveLimits: { headersTimeout: 300, requestTimeout: 300, connectionsCheckingInterval: 50 },
});
const db = () => api().database.db;
let org: GivenOrganisation;
let application: GivenAccount;
let issues: readonly [GivenIssue, GivenIssue];
let links: string;
let rpc: string;

beforeAll(async () => {
  org = await givenOrganisation(db(), { profile: 'kanboard' });
  application = await givenApplication(db(), org);
  const { key: queue } = await givenQueue(db(), org);
  issues = [await givenIssue(db(), org, queue), await givenIssue(db(), org, queue)];
  links = `/v3/issues/${issues[0].key}/links`;
  rpc = `/kanboard/${org.orgId}/jsonrpc.php`;
});

const basic = ({ login, secret }: GivenAccount) => `Basic ${Buffer.from(`${login}:${secret}`).toString('base64')}`;
const head = (path: string, headers: Readonly<Record<string, string | number>>) =>
  `POST ${path} HTTP/1.1\r\nHost: x\r\n${Object.entries(headers)
    .map(([name, value]) => `${name}: ${value}\r\n`)
    .join('')}\r\n`;

/** Sends the head of a request, and returns the status of the response and the socket. */
async function sendHead(url: string, bytes: string): Promise<{ status: number; socket: Socket }> {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname);
  socket.on('error', () => undefined);
  socket.write(bytes);
  const [response] = (await once(socket, 'data')) as [Buffer];
  return { status: Number(response.toString().split(' ')[1]), socket };
}

describe('credentials are checked before the body is read', () => {
  test.each<[string, () => string, Record<string, string>, number]>([
    ['REST without a token', () => links, { 'Content-Length': '1000000' }, 401],
    ['REST with a wrong token', () => links, { Authorization: 'OAuth nope', 'Content-Length': '1000000' }, 401],
    ['REST without a token, chunked', () => links, { 'Transfer-Encoding': 'chunked' }, 401],
    ['JSON-RPC without credentials', () => rpc, { 'Content-Length': '1000000' }, 401],
    [
      'JSON-RPC with wrong ones',
      () => rpc,
      { Authorization: 'Basic anNvbnJwYzpub3Bl', 'Content-Length': '20000' },
      401,
    ],
    ['JSON-RPC without credentials, chunked', () => rpc, { 'Transfer-Encoding': 'chunked' }, 401],
    [
      'JSON-RPC without credentials, compressed',
      () => rpc,
      { 'Content-Length': '100', 'Content-Encoding': 'gzip' },
      401,
    ],
    ['JSON-RPC from another site', () => rpc, { Origin: 'https://evil.example', 'Content-Length': '10' }, 403],
  ])('%s', async (_request, path, headers, expected) => {
    await unchanged(db(), async () => {
      const { status, socket } = await sendHead(api().url, head(path(), headers));
      expect(status).toBe(expected);
      socket.destroy();
    });
  });

  test('a token without the scope gets 403 likewise', async () => {
    const { headers } = await givenUser(db(), org.orgId, { scopes: ['read'] });
    const { status, socket } = await sendHead(api().url, head(links, { ...headers, 'Content-Length': '1000000' }));
    expect(status).toBe(403);
    socket.destroy();
  });

  test('a JSON-RPC body of up to 16 KiB is parsed first, as Kanboard does', async () => {
    const post = (body: string, authorization: string) =>
      api().request.post(rpc).set({ Authorization: authorization, 'Content-Type': 'text/plain' }).send(body);
    expect((await post('nonsense'.padEnd(16_384), 'Basic eDp5')).text).toBe(PARSE_ERROR);
    expect((await post('nonsense'.padEnd(16_385), 'Basic eDp5')).text).toBe(UNAUTHORIZED);
    expect((await post('nonsense'.padEnd(16_385), basic(application))).text).toBe(PARSE_ERROR);
    const call = '{"jsonrpc":"2.0","method":"nope","id":1}'.padEnd(20_000);
    expect((await post(call, basic(application))).text).toBe(errorResponse(-32601, 'Method not found'));
  });
});

test('large bodies of one account are refused beyond 32 MiB, and those of others are read', async () => {
  const { headers: mine } = await givenUser(db(), org.orgId);
  const body = JSON.stringify({ relationship: 'relates', issue: 'NONE-1', note: 'x'.repeat(1_000_000) });
  const size = { 'Content-Length': Buffer.byteLength(body) };
  const { hostname, port } = new URL(api().url);
  // 33 fit. Some may be refused while a request below holds a share.
  const pending = Array.from({ length: 64 }, () => {
    const socket = connect(Number(port), hostname);
    socket.on('error', () => undefined);
    socket.write(`${head(links, { ...mine, ...size })}{`);
    return socket;
  });
  const send = (headers: Readonly<Record<string, string>>) => api().request.post(links).set(headers).send(body);
  await unchanged(db(), async () => {
    for (;;) {
      const { status, headers } = await send(mine).set('Content-Type', 'text/plain');
      expect([404, 503]).toContain(status);
      if (status === 404) continue;
      expect(headers['retry-after']).toMatch(/^[1-9]\d*$/);
      break;
    }
    expect((await send(org.admin.headers).set('Content-Type', 'text/plain')).status).toBe(404);
    const small = { relationship: 'relates', issue: issues[0].key };
    expect((await api().request.post(links).set(mine).send(small)).status).toBe(422);
  });
  for (const socket of pending) socket.destroy();
  while ((await send(mine).set('Content-Type', 'text/plain')).status === 503) await sleep(5);
});

describe('a client that is too slow gets 408 and is disconnected, and nothing is written', () => {
  test.each<[string, () => string]>([
    ['with its headers', () => `POST ${links} HTTP/1.1\r\nHost: x\r\n`],
    ['with the first byte', () => ''],
    [
      'with the body of a REST request',
      () => `${head(links, { ...org.admin.headers, 'Content-Length': 100 })}{"relationship":`,
    ],
    [
      'with the body of a JSON-RPC request',
      () => `${head(rpc, { Authorization: basic(application), 'Content-Length': 100 })}{"jsonrpc":`,
    ],
  ])('%s', async (_part, bytes) => {
    await unchanged(db(), async () => {
      const { status, headers, body } = await sendRaw(impatient().url, bytes());
      expect(status).toBe(408);
      expect(headers).toContain('connection: close');
      expect(JSON.parse(body)).toMatchObject({ errors: {}, errorsData: {}, statusCode: 408 });
    });
  });
});

test('a URL or headers of more than 16 KiB get 431', async () => {
  for (const bytes of [
    `GET /v3/issues/${'x'.repeat(16_384)} HTTP/1.1\r\nHost: x\r\n\r\n`,
    `GET /healthz HTTP/1.1\r\nHost: x\r\nX-Long: ${'x'.repeat(16_384)}\r\n\r\n`,
  ]) {
    const { status, body } = await sendRaw(api().url, bytes);
    expect(status).toBe(431);
    expect(JSON.parse(body)).toMatchObject({ statusCode: 431 });
  }
  await api().request.get('/healthz').set('X-Long', 'x'.repeat(15_000)).expect(200);
});

test('connections beyond MAX_CONNECTIONS are closed at once, and the others are served', async () => {
  const environment = { DATABASE_URL: api().database.url, MAX_CONNECTIONS: '2' };
  const server = await startServer([...PROGRAM, 'serve'], environment);
  const ask = 'GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n';
  const first = await sendHead(server.url, ask);
  const second = await sendHead(server.url, ask);
  const { hostname, port } = new URL(server.url);
  const third = connect(Number(port), hostname);
  third.on('error', () => undefined);
  expect(await text(third).catch(() => '')).toBe('');
  while (!server.output().includes('MAX_CONNECTIONS is reached')) await sleep(5);
  for (const { status, socket } of [first, second]) {
    expect(status).toBe(200);
    socket.write(ask);
    await once(socket, 'data');
    socket.destroy();
  }
  await server.stop();
});

/** Opens connections from a loopback address that stay idle; returns those that the server has not closed. */
async function openIdle(url: string, localAddress: string, count: number): Promise<Socket[]> {
  const { hostname, port } = new URL(url);
  const ask = 'GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n';
  const opened: Socket[] = [];
  for (let number = 0; number < count; number += 1) {
    const socket = connect({ port: Number(port), host: hostname, localAddress });
    socket.on('error', () => undefined);
    socket.write(ask);
    const isServed = await new Promise<boolean>((resolve) => {
      socket.once('data', () => {
        resolve(true);
      });
      socket.once('close', () => {
        resolve(false);
      });
    });
    if (isServed) opened.push(socket);
  }
  return opened;
}

// Only Linux has all of 127.0.0.0/8 on its loopback interface.
(process.platform === 'linux' ? describe : describe.skip)('of 8 connections, an address', () => {
  test.each([
    ['holds 6, and others are served', {}, 6, 2],
    ['that may be a trusted proxy holds all', { TRUST_PROXY: '1' }, 8, 0],
  ])('%s', async (_share, environment, held, left) => {
    const variables = { DATABASE_URL: api().database.url, MAX_CONNECTIONS: '8', ...environment };
    const server = await startServer([...PROGRAM, 'serve'], variables);
    const mine = await openIdle(server.url, '127.0.0.1', 9);
    expect(mine).toHaveLength(held);
    const theirs = await openIdle(server.url, '127.0.0.2', 3);
    expect(theirs).toHaveLength(left);
    while (!server.output().includes('MAX_CONNECTIONS')) await sleep(5);
    for (const socket of [...mine, ...theirs]) socket.destroy();
    while ((await openIdle(server.url, '127.0.0.1', 1)).length === 0) await sleep(5);
    await server.stop();
  });
});

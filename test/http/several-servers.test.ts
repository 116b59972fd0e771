import { type ChildProcess, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, request, type Server } from 'node:http';
import { createServer as createTcpServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { revokeTokenValue } from '../../src/core/tokens/tokens.service.ts';
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
import { PROGRAM, type ServerProcess, startServer } from '../support/server-process.ts';
import { useDatabase } from '../support/test-database.ts';

/** Four servers, each a process of its own, on one database behind a proxy. */

const SERVERS = 4;
const WRITERS = 8;
const HAPROXY = '/usr/sbin/haproxy';
const HAPROXY_CONFIG = new URL('../../deploy/haproxy.cfg', import.meta.url);

const database = useDatabase();
const db = () => database().db;
const servers: ServerProcess[] = [];
let org: GivenOrganisation;
let queue: string;

const start = (port = '0') =>
  startServer([...PROGRAM, 'serve'], { DATABASE_URL: database().url, DEMO: 'off', TRUST_PROXY: '1', PORT: port });

beforeAll(async () => {
  servers.push(...(await Promise.all(Array.from({ length: SERVERS }, () => start()))));
  org = await givenOrganisation(db(), { language: 'en' });
  queue = (await givenQueue(db(), org)).key;
});
afterAll(async () => {
  await Promise.all(servers.map((server) => server.stop()));
});

interface Proxy {
  readonly url: string;
  close(): Promise<void>;
}

/** Sends each request to the next server, or the one after that if it refuses the connection. */
async function openForwarder(targets: readonly string[]): Promise<Proxy> {
  let next = 0;
  const server = createServer((incoming, outgoing) => {
    const forward = async (body: Buffer, attempts: number): Promise<void> => {
      const { hostname, port } = new URL(targets[next++ % targets.length] ?? '');
      const { method, url, headers } = incoming;
      const sent = request({
        hostname,
        port,
        method,
        path: url,
        headers: { ...headers, 'x-forwarded-for': '192.0.2.1' },
      });
      sent.end(body);
      try {
        const [response] = await once(sent, 'response');
        const content = await buffer(response);
        outgoing.writeHead(response.statusCode, response.headers).end(content);
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === 'ECONNREFUSED' && attempts > 1) await forward(body, attempts - 1);
        else outgoing.writeHead(502).end();
      }
    };
    void buffer(incoming).then((body) => forward(body, targets.length));
  });
  return {
    url: `http://127.0.0.1:${await listen(server)}`,
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** HAProxy with the configuration in deploy/, but with these servers. */
async function openHaproxy(targets: readonly string[]): Promise<Proxy> {
  const folder = await mkdtemp(join(tmpdir(), 'haproxy-'));
  const free = createTcpServer();
  const port = await listen(free);
  await new Promise((resolve) => free.close(resolve));
  const lines = targets.map((url, number) => `  server server${number} ${new URL(url).host}`);
  const config = readFileSync(HAPROXY_CONFIG, 'utf8')
    .replace('bind :8080', `bind 127.0.0.1:${port}`)
    .replace(/( {2}server .*\n)+/, `${lines.join('\n')}\n`);
  await writeFile(join(folder, 'haproxy.cfg'), config);
  const child: ChildProcess = spawn(HAPROXY, ['-db', '-f', join(folder, 'haproxy.cfg')], { stdio: 'ignore' });
  const url = `http://127.0.0.1:${port}`;
  while (
    !(await fetch(`${url}/readyz`).then(
      ({ ok }) => ok,
      () => false,
    ))
  )
    await sleep(20);
  return {
    url,
    async close() {
      const exit = once(child, 'exit');
      child.kill();
      await exit;
      await rm(folder, { recursive: true });
    },
  };
}

async function listen(server: Server | ReturnType<typeof createTcpServer>): Promise<number> {
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  const address = server.address();
  return typeof address === 'object' && address ? address.port : 0;
}

const proxies = [
  ['a forwarder', openForwarder],
  ...(existsSync(HAPROXY) ? [['HAProxy', openHaproxy] as const] : []),
] as const;

describe.each(proxies)('behind %s', (_name, open) => {
  let proxy: Proxy;
  beforeAll(async () => {
    proxy = await open(servers.map(({ url }) => url));
  });
  afterAll(() => proxy.close());

  const send = (url: string, method: string, path: string, body?: object, headers: object = {}) =>
    fetch(`${url}${path}`, {
      method,
      headers: { ...org.admin.headers, 'Content-Type': 'application/json', ...headers },
      ...(body && { body: JSON.stringify(body) }),
    });
  const read = async (url: string, path: string) => {
    const response = await send(url, 'GET', path);
    return { status: response.status, body: await response.text() };
  };

  test('what one server has written is read through every other at once', async () => {
    for (const writer of servers) {
      const created = await send(writer.url, 'POST', '/v3/issues', { queue, summary: 'An issue' });
      expect(created.status).toBe(201);
      const { key } = (await created.json()) as { key: string };
      const path = `/v3/issues/${key}`;
      for (const { url } of servers) expect((await read(url, path)).status).toBe(200);
      const other = await givenIssue(db(), org, queue);
      const linked = await send(writer.url, 'POST', `${path}/links`, { relationship: 'relates', issue: other.key });
      const { id } = (await linked.json()) as { id: number };
      for (const { url } of servers) {
        for (const end of [key, other.key]) {
          const links = JSON.parse((await read(url, `/v3/issues/${end}/links`)).body) as { id: number }[];
          expect(links.map((link) => link.id)).toEqual([id]);
        }
      }
      await send(writer.url, 'DELETE', `${path}/links/${id}`);
      for (const { url } of servers) expect((await read(url, `${path}/links`)).body).toBe('[]');
    }
  });

  test('what was written through the proxy is read through it at once, from every server', async () => {
    const [one, other] = [await givenIssue(db(), org, queue), await givenIssue(db(), org, queue)];
    const path = `/v3/issues/${one.key}/links`;
    expect((await send(proxy.url, 'POST', path, { relationship: 'relates', issue: other.key })).status).toBe(201);
    for (let reads = 0; reads < 2 * SERVERS; reads += 1)
      expect(JSON.parse((await read(proxy.url, path)).body)).toHaveLength(1);
    for (const server of servers) while (!server.output().includes(path)) await sleep(5);
  });

  describe('what is cached is soon current in every server', () => {
    let issue: GivenIssue;
    let assignee: GivenUser;
    let member: GivenUser;
    beforeAll(async () => {
      assignee = await givenUser(db(), org.orgId, { display: 'Before' });
      member = await givenUser(db(), org.orgId);
      issue = await givenIssue(db(), org, queue);
      await givenLink(db(), org, 'relates', issue, await givenIssue(db(), org, queue, { assignee }));
    });
    const linksOf = (url: string, headers: object) =>
      send(url, 'GET', `/v3/issues/${issue.key}/links`, undefined, headers);

    /** Repeats a request to each server until it has the expected result; otherwise the test runs out of time. */
    async function eventually(isExpected: (response: Response) => Promise<boolean>) {
      for (const { url } of servers) while (!(await isExpected(await linksOf(url, member.headers)))) await sleep(20);
    }
    const contains = (part: string) => async (response: Response) => (await response.text()).includes(part);

    test.each<[string, string, () => Promise<unknown>]>([
      [
        'the name of a user',
        'After',
        () =>
          db().transaction(async (transaction) => {
            const text = `update users set display = 'After' where org_id = $1 and user_id = $2`;
            await transaction.query({ name: '', text, values: [org.orgId, assignee.id] });
            await transaction.invalidate(org.orgId);
          }),
      ],
      [
        'the label of a link type',
        'Beside',
        async () => {
          const inward = { ru: `Рядом ${randomUUID()}`, en: `Beside ${randomUUID()}` };
          const { status } = await send(proxy.url, 'PATCH', '/v3/linktypes/relates', { inward });
          expect(status).toBe(200);
        },
      ],
    ])('%s', async (_what, shown, change) => {
      for (const { url } of servers) expect((await linksOf(url, member.headers)).status).toBe(200);
      await change();
      await eventually(contains(shown));
    });

    test('a revoked token', async () => {
      for (const { url } of servers) expect((await linksOf(url, member.headers)).status).toBe(200);
      await revokeTokenValue(db(), org.orgId, member.token);
      await eventually(({ status }) => Promise.resolve(status === 401));
    });
  });

  test('when a server is killed, nothing acknowledged is lost or done twice, and writing goes on', async () => {
    const { key: written } = await givenQueue(db(), org);
    const acknowledged = new Set<string>();
    let isOver = false;
    /** Creates issues one after the other, and repeats each request with its key until it is acknowledged. */
    const write = async () => {
      while (!isOver) {
        const headers = { 'Idempotency-Key': randomUUID() };
        for (;;) {
          const body = { queue: written, summary: 'An issue' };
          const response = await send(proxy.url, 'POST', '/v3/issues', body, headers).catch(() => undefined);
          if (response?.status === 201) {
            acknowledged.add(((await response.json()) as { key: string }).key);
            break;
          }
          // What a proxy sends for a server that is gone; 409 while the killed server's transaction ends.
          expect([undefined, 409, 502, 503, 504]).toContain(response?.status);
          await sleep(5);
        }
      }
    };
    const writers = Array.from({ length: WRITERS }, write);
    const moreOf = async (count: number) => {
      const before = acknowledged.size;
      while (acknowledged.size < before + count) await sleep(5);
    };
    await moreOf(40);
    const [victim] = servers;
    await victim?.stop('SIGKILL');
    await moreOf(80);
    isOver = true;
    await Promise.all(writers);
    const rows = await db().query<{ key: string }>({
      name: '',
      text: 'select issues.key from issues join queues using (org_id, queue_id) where org_id = $1 and queues.key = $2',
      values: [org.orgId, written],
    });
    expect(new Set(rows.map(({ key }) => key))).toEqual(acknowledged);
    for (const key of acknowledged) expect((await read(proxy.url, `/v3/issues/${key}`)).status).toBe(200);
    servers[0] = await start(new URL(victim?.url ?? '').port);
  });
});

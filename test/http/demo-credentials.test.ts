import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { Agent, createServer as createHttpServer, request as sendRequest } from 'node:http';
import { type AddressInfo, connect, createServer, type Server } from 'node:net';
import { promisify } from 'node:util';
import { afterEach, describe, expect, test } from '@jest/globals';
import { PROGRAM, startServer, useDemoServer } from '../support/server-process.ts';
import { useDatabase } from '../support/test-database.ts';

// What a proxy on this machine sends comes from a loopback address, often without a header that tells.

const server = useDemoServer();
const database = useDatabase();
const run = promisify(execFile);
const onLinux = process.platform === 'linux' ? test : test.skip;
const asRoot = process.platform === 'linux' && process.getuid?.() === 0 ? test : test.skip;
const forwarders: Server[] = [];

afterEach(async () => {
  for (const forwarder of forwarders.splice(0)) await new Promise((resolve) => forwarder.close(resolve));
});

async function listen(forwarder: Server): Promise<string> {
  forwarders.push(forwarder);
  forwarder.listen(0, '127.0.0.1');
  await once(forwarder, 'listening');
  return `http://localhost:${(forwarder.address() as AddressInfo).port}`;
}

function forwardBytes(): Promise<string> {
  const { hostname, port } = new URL(server());
  return listen(
    createServer((client) => {
      const upstream = connect(Number(port), hostname);
      client.on('error', () => upstream.destroy()).on('close', () => upstream.destroy());
      upstream.on('error', () => client.destroy()).on('close', () => client.destroy());
      client.pipe(upstream).pipe(client);
    }),
  );
}

/** As nginx does with a plain `proxy_pass` since it speaks HTTP/1.1: Host is that of the upstream, and nothing is added. */
function forwardRequests(): Promise<string> {
  const agent = new Agent({ keepAlive: true });
  const forwarder = createHttpServer((request, response) => {
    const { host: _host, connection: _connection, ...headers } = request.headers;
    const upstream = sendRequest(`${server()}${request.url}`, { method: request.method, headers, agent }, (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(response);
    });
    request.pipe(upstream);
  });
  forwarder.on('close', () => {
    agent.destroy();
  });
  return listen(forwarder);
}

/** The statuses of the demo's credentials at this URL: of a token, the application, a password, a write, and of /docs. */
async function statusesAt(url: string) {
  const curl = async (path: string, ...options: string[]) => {
    const { stdout } = await run('curl', ['-s', '-w', '\n%{http_code}', ...options, `${url}${path}`]);
    return stdout;
  };
  const token = ['-H', 'Authorization: OAuth demo-token', '-H', 'X-Org-ID: 1'];
  const call = ['-d', '{"jsonrpc":"2.0","method":"getVersion","id":1}'];
  const link = ['-d', '{"relationship":"relates","issue":"JUNE-3"}'];
  const responses = [
    await curl('/v2/issues/JUNE-2/links', ...token),
    await curl('/v3/linktypes', ...token),
    await curl('/jsonrpc.php', '-u', 'jsonrpc:demo-token', ...call),
    await curl('/jsonrpc.php', '-u', 'admin:admin', ...call),
    await curl('/v2/issues/NONE-1/links', ...token, ...link),
  ];
  const page = await curl('/docs/initializer.js');
  return {
    statuses: responses.map((response) => Number(response.slice(-3))),
    isPageSignedIn: page.includes('demo-token'),
  };
}

const ACCEPTED = { statuses: [200, 200, 200, 200, 404], isPageSignedIn: true };
const REFUSED = { statuses: [401, 401, 401, 401, 401], isPageSignedIn: false };

describe('the demo’s credentials', () => {
  test('are accepted from this machine by plain curl', async () => {
    expect(await statusesAt(server())).toEqual(ACCEPTED);
  });

  onLinux.each([
    ['a forwarder of bytes', forwardBytes],
    ['a proxy that speaks HTTP/1.1 and adds no header', forwardRequests],
  ])('are refused through %s, and nothing is written', async (_what, forward) => {
    const links = async () => {
      const headers = { Authorization: 'OAuth demo-token', 'X-Org-ID': '1' };
      return await (await fetch(`${server()}/v2/issues/JUNE-2/links`, { headers })).text();
    };
    const before = await links();
    const url = await forward();
    const write = ['-d', '{"relationship":"relates","issue":"JUNE-9"}', `${url}/v2/issues/JUNE-2/links`];
    await run('curl', ['-s', '-H', 'Authorization: OAuth demo-token', ...write]);
    expect(await statusesAt(url)).toEqual(REFUSED);
    expect(await links()).toBe(before);
    expect(await statusesAt(server())).toEqual(ACCEPTED);
  });

  asRoot('are refused from a program that runs as a system service', async () => {
    const options = ['-s', '-o', '/dev/null', '-w', '%{http_code}', '-H', 'Authorization: OAuth demo-token'];
    const statusAs = async (uid: number) =>
      (await run('curl', [...options, `${server()}/v2/issues/JUNE-2/links`], { uid, gid: uid, cwd: '/' })).stdout;
    expect([await statusAs(33), await statusAs(65_534)]).toEqual(['401', '401']);
    expect([await statusAs(0), await statusAs(1000)]).toEqual(['200', '200']);
  });
});

test.each([{ TRUST_PROXY: '1' }, { PUBLIC_URL: 'https://links.example' }])(
  'a server with %j refuses the demo’s credentials, and says so',
  async (environment) => {
    const proxied = await startServer([...PROGRAM, 'serve'], {
      DATABASE_URL: database().url,
      DEMO: 'on',
      ...environment,
    });
    expect(await statusesAt(proxied.url)).toEqual(REFUSED);
    expect(proxied.output()).toContain('are refused because of TRUST_PROXY or PUBLIC_URL');
    expect(proxied.output()).not.toContain('demo-token');
    await proxied.stop();
  },
);

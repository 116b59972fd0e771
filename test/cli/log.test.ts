import { once } from 'node:events';
import { request } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from '@jest/globals';
import { PROGRAM, type ServerProcess, startServer } from '../support/server-process.ts';
import { useDatabase } from '../support/test-database.ts';

const database = useDatabase();
const REQUESTS = 50;
/** Ends that the server does not handle, each caused by a signal. */
const ENDS = `
  process.on('SIGUSR2', () => { throw new Error('a crash'); });
  process.on('SIGHUP', () => process.exit(3));`;

async function start(): Promise<ServerProcess> {
  const [node, ...program] = PROGRAM;
  const preload = ['--import', `data:text/javascript,${encodeURIComponent(ENDS)}`];
  return await startServer([node, ...preload, ...program, 'serve'], { DATABASE_URL: database().url });
}

/** The ids of the requests that the server has logged, once it has logged so many. */
async function loggedIds({ output }: ServerProcess, count: number): Promise<string[]> {
  let ids: string[] = [];
  for (let attempt = 0; attempt < 200 && ids.length < count; attempt += 1) {
    await sleep(25);
    const lines = output().split('\n');
    const requests = lines.filter((line) => line.startsWith('{') && line.endsWith('}') && line.includes('"req"'));
    ids = requests.map((line) => (JSON.parse(line) as { req: { id: string } }).req.id);
  }
  return ids;
}

async function sendRequests({ url }: ServerProcess): Promise<string[]> {
  const ids = Array.from({ length: REQUESTS }, (_, index) => `request-${index}`);
  for (const id of ids) {
    const sent = request(`${url}/nothing`, { headers: { 'X-Request-Id': id } }).end();
    const [response] = (await once(sent, 'response')) as [NodeJS.ReadableStream];
    response.resume();
    await once(response, 'end');
  }
  return ids;
}

test.each([
  ['a graceful stop', 'SIGTERM', 0],
  ['an uncaught exception', 'SIGUSR2', 1],
  ['process.exit()', 'SIGHUP', 3],
] as const)('no line of the log is lost by %s', async (_end, signal, exitCode) => {
  const server = await start();
  const ids = await sendRequests(server);
  const { code } = await server.stop(signal);
  expect(await loggedIds(server, REQUESTS)).toEqual(ids);
  expect(code).toBe(exitCode);
});

test('lines appear while the server waits for requests', async () => {
  const server = await start();
  const ids = await sendRequests(server);
  expect(await loggedIds(server, REQUESTS)).toEqual(ids);
  await server.stop();
});

test('a crash ends a server whose log nobody reads', async () => {
  const server = await start();
  server.stopReading();
  await sendRequests(server);
  expect(await server.stop('SIGUSR2')).toMatchObject({ code: 1 });
});

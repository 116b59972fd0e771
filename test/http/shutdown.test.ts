import { once } from 'node:events';
import { Agent, get, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { expect, test } from '@jest/globals';
import express from 'express';
import { createHttpServer } from '../../src/http/http-server.ts';

test('a server that stops under load ends each persistent connection with its next response, and idle ones at once', async () => {
  let reached: () => void = () => undefined;
  let respond: () => void = () => undefined;
  const isReached = new Promise<void>((resolve) => {
    reached = resolve;
  });
  const mayRespond = new Promise<void>((resolve) => {
    respond = resolve;
  });
  const app = express();
  app.get('/quick', (_request, response) => {
    response.json('quick');
  });
  app.get('/slow', async (_request, response) => {
    reached();
    await mayRespond;
    response.json('slow');
  });
  const server = createHttpServer(app);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const agent = new Agent({ keepAlive: true });
  const fetchPath = async (path: string) => {
    const [response] = (await once(get({ port, host: '127.0.0.1', path, agent }), 'response')) as [IncomingMessage];
    return { connection: response.headers.connection, body: await text(response) };
  };

  // Requests as fast as they are served, until one fails: these connections are never idle for long.
  const loops = Array.from({ length: 4 }, async () => {
    for (;;) await fetchPath('/quick');
  });
  const ends = Promise.allSettled(loops);
  expect(await fetchPath('/quick')).toEqual({ connection: 'keep-alive', body: '"quick"' });
  const slow = fetchPath('/slow');
  await isReached;
  const closed = once(server, 'close');
  server.close();
  respond();
  expect(await slow).toEqual({ connection: 'close', body: '"slow"' });
  await closed;
  for (const { status } of await ends) expect(status).toBe('rejected');
});

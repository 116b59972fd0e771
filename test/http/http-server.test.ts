import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { expect, test } from '@jest/globals';
import express from 'express';
import { createHttpServer } from '../../src/http/http-server.ts';

test('Express does not change the prototype of a request or a response, which would slow down every request', async () => {
  const app = express();
  const prototypes: unknown[][] = [];
  const server = createHttpServer(app, (request, response) => {
    const note = () => prototypes.push([Object.getPrototypeOf(request), Object.getPrototypeOf(response)]);
    note();
    app(request, response);
    note();
  });
  app.use((request, response) => {
    response.json({ path: request.path, agent: request.get('User-Agent') });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  try {
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/some/path`;
    const response = await fetch(url, { headers: { 'User-Agent': 'test' } });
    expect(await response.json()).toEqual({ path: '/some/path', agent: 'test' });
  } finally {
    server.close();
  }
  expect(prototypes).toHaveLength(2);
  for (const [request, response] of prototypes) {
    expect(request).toBe(app.request);
    expect(response).toBe(app.response);
  }
});

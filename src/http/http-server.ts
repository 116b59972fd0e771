import { createServer, type IncomingMessage, type RequestListener, type Server, type ServerResponse } from 'node:http';
import { type Text, texts } from '../texts.ts';
import { sendClientError } from './client-error.ts';
import { errorBody, sendJson } from './error-response.ts';

/** Creates a server whose error responses all have the contract's body, including those that Node would send itself. */
export function createHttpServer(app: RequestListener): Server {
  const server = createServer({ requireHostHeader: false }, (request, response) => {
    // Host is optional in HTTP/1.0 and required since 1.1.
    if (request.httpVersion === '1.0') request.headers.host ??= addressOf(request);
    if (request.headers.host === undefined) refuse(response, 400, texts.requestMalformed);
    else app(request, response);
  });
  server.on('checkExpectation', (_request, response) => {
    refuse(response, 417, texts.requestMalformed);
  });
  server.on('clientError', sendClientError);
  return server;
}

function addressOf({ socket: { localAddress = '', localFamily, localPort } }: IncomingMessage): string {
  return `${localFamily === 'IPv6' ? `[${localAddress}]` : localAddress}:${localPort}`;
}

function refuse(response: ServerResponse, status: number, text: Text): void {
  response.statusCode = status;
  response.setHeader('Connection', 'close');
  sendJson(response, errorBody('ru', status, text));
}

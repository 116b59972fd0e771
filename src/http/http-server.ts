import { createServer, type IncomingMessage, type RequestListener, type Server, type ServerResponse } from 'node:http';
import { type Text, texts } from '../texts.ts';
import { answerClientError } from './client-error.ts';
import { errorBody, sendJson } from './error-response.ts';

/** A server whose every refusal has the contract's body, also those that Node would answer by itself. */
export function createHttpServer(app: RequestListener): Server {
  const server = createServer({ requireHostHeader: false }, (request, response) => {
    // HTTP/1.0 had no Host yet; from 1.1 on it must be there.
    if (request.httpVersion === '1.0') request.headers.host ??= addressOf(request);
    if (request.headers.host === undefined) refuse(response, 400, texts.requestMalformed);
    else app(request, response);
  });
  server.on('checkExpectation', (_request, response) => {
    refuse(response, 417, texts.requestMalformed);
  });
  server.on('clientError', answerClientError);
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

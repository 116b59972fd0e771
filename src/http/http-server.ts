import { createServer, IncomingMessage, type Server, ServerResponse } from 'node:http';
import type { Express, Request, Response } from 'express';
import { type Text, texts } from '../texts.ts';
import { sendClientError } from './client-error.ts';
import { errorBody, sendJson } from './error-response.ts';

export type Listener = (request: Request, response: Response) => void;

/** A client that has not sent its headers, or its whole request, by then gets 408 and is disconnected. */
export interface ReceiveLimits {
  readonly headersTimeout: number;
  readonly requestTimeout: number;
  readonly connectionsCheckingInterval: number;
}

const RECEIVE_LIMITS: ReceiveLimits = {
  headersTimeout: 20_000,
  requestTimeout: 60_000,
  connectionsCheckingInterval: 5_000,
};

/** The request line and the headers together; beyond it, the response is a 431. */
const HEADER_BYTES_MAX = 16_384;

/**
 * Creates a server whose error responses all have the contract's body, including those that Node would send itself.
 * `listener` receives the requests, which have Express's members from the start, and may pass them on to the app.
 */
export function createHttpServer(
  app: Express,
  listener: Listener = app,
  receiveLimits: ReceiveLimits = RECEIVE_LIMITS,
): Server {
  const messages = messageClasses(app, () => !server.listening);
  const options = { ...messages, ...receiveLimits, maxHeaderSize: HEADER_BYTES_MAX, requireHostHeader: false };
  const server = createServer(options, (request, response) => {
    // Host is optional in HTTP/1.0 and required since 1.1.
    if (request.httpVersion === '1.0') request.headers.host ??= addressOf(request);
    if (request.headers.host !== undefined && takeOriginForm(request)) {
      listener(request as Request, response as Response);
    } else {
      refuse(response, 400, texts.requestMalformed);
    }
  });
  server.on('checkExpectation', (_request, response) => {
    refuse(response, 417, texts.requestMalformed);
  });
  server.on('clientError', sendClientError);
  return server;
}

/** A request target that names the server as well, as clients send it to a proxy (RFC 9112, section 3.2.2). */
const ABSOLUTE_FORM = /^https?:\/\/([^/?#]+)(.*)$/i;

/**
 * Replaces an absolute URL by its path and query. Returns false if it names another server than `Host`: a server must take
 * the former then, but a proxy may have taken the latter.
 */
function takeOriginForm(request: IncomingMessage): boolean {
  const { url = '', headers } = request;
  const [, authority, path = ''] = (!url.startsWith('/') && ABSOLUTE_FORM.exec(url)) || [];
  if (authority === undefined) return true;
  request.url = path.startsWith('/') ? path : `/${path}`;
  return authority.toLowerCase() === headers.host?.toLowerCase();
}

/**
 * Classes of messages whose prototypes the app then gives every request and response, so that Express changes none.
 * Changing the prototype of each would cost 90 µs of a request's 110. `Reflect.construct` with the app's own prototypes is
 * no faster than that: V8 reserves no room for the members that the constructors of Node add.
 */
function messageClasses(app: Express, isStopping: () => boolean) {
  class AppRequest extends IncomingMessage {}
  class AppResponse extends ServerResponse {
    override writeHead(...head: unknown[]): this {
      // Sends `Connection: close`, so that clients with persistent connections move to another server.
      if (isStopping()) this.shouldKeepAlive = false;
      return (super.writeHead as (...head: unknown[]) => this).apply(this, head);
    }
  }
  app.request = Object.setPrototypeOf(AppRequest.prototype, app.request) as Express['request'];
  app.response = Object.setPrototypeOf(AppResponse.prototype, app.response) as Express['response'];
  return { IncomingMessage: AppRequest, ServerResponse: AppResponse };
}

function addressOf({ socket: { localAddress = '', localFamily, localPort } }: IncomingMessage): string {
  return `${localFamily === 'IPv6' ? `[${localAddress}]` : localAddress}:${localPort}`;
}

function refuse(response: ServerResponse, status: number, text: Text): void {
  response.statusCode = status;
  response.setHeader('Connection', 'close');
  sendJson(response, errorBody('ru', status, { text }));
}

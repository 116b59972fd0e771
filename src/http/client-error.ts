import { STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';
import { type Text, texts } from '../texts.ts';
import { errorBody } from './error-response.ts';

/** Responds to input that Node's HTTP parser rejects, with the body of every other error response. */
export function sendClientError(error: NodeJS.ErrnoException, socket: Duplex): void {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy();
    return;
  }
  const [status, text] = refusalOf(error.code);
  const body = JSON.stringify(errorBody('ru', status, { text }));
  socket.end(
    `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}\r\nContent-Type: application/json\r\n` +
      `Content-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n${body}`,
  );
}

function refusalOf(code: string | undefined): [number, Text] {
  if (code === 'HPE_HEADER_OVERFLOW') return [431, texts.headersTooLarge];
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT') return [408, texts.requestTimeout];
  return [400, texts.requestMalformed];
}

import { type IncomingHttpHeaders, request } from 'node:http';
import { connect } from 'node:net';
import { text } from 'node:stream/consumers';

/** Sends these bytes, valid HTTP or not, and returns the response. */
export async function sendRaw(url: string, bytes: string): Promise<{ status: number; headers: string; body: string }> {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname);
  socket.write(bytes);
  const response = await text(socket);
  const [headers = '', body = ''] = response.split('\r\n\r\n');
  return { status: Number(headers.split(' ')[1]), headers: headers.toLowerCase(), body };
}

/** Sends exactly this. supertest adds headers, turns bytes into JSON and omits the bodies of some methods. */
export async function sendExactly(
  url: string,
  { method, headers, body }: { method: string; headers: Readonly<Record<string, string>>; body: string | Buffer },
): Promise<{ status: number | undefined; headers: IncomingHttpHeaders; body: string }> {
  return await new Promise((resolve, reject) => {
    const outgoing = request(url, { method, headers: { ...headers, 'Content-Length': Buffer.byteLength(body) } });
    outgoing.on('error', reject);
    outgoing.on('response', (response) => {
      const { statusCode: status, headers: received } = response;
      text(response).then((responseBody) => resolve({ status, headers: received, body: responseBody }), reject);
    });
    outgoing.end(body);
  });
}

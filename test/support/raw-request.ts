import { type IncomingHttpHeaders, request } from 'node:http';
import { connect } from 'node:net';
import { text } from 'node:stream/consumers';

/** What a server answers to these bytes, whatever they are. */
export async function sendRaw(url: string, bytes: string): Promise<{ status: number; headers: string; body: string }> {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname);
  socket.write(bytes);
  const answer = await text(socket);
  const [headers = '', body = ''] = answer.split('\r\n\r\n');
  return { status: Number(headers.split(' ')[1]), headers: headers.toLowerCase(), body };
}

/** Sends exactly this: supertest adds headers, turns bytes into JSON, and leaves out the bodies of some methods. */
export async function sendExactly(
  url: string,
  { method, headers, body }: { method: string; headers: Readonly<Record<string, string>>; body: string | Buffer },
): Promise<{ status: number | undefined; headers: IncomingHttpHeaders; body: string }> {
  return await new Promise((resolve, reject) => {
    const outgoing = request(url, { method, headers: { ...headers, 'Content-Length': Buffer.byteLength(body) } });
    outgoing.on('error', reject);
    outgoing.on('response', (answer) => {
      text(answer).then((said) => resolve({ status: answer.statusCode, headers: answer.headers, body: said }), reject);
    });
    outgoing.end(body);
  });
}

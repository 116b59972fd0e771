// A client with few costs of its own: connections that stay open, and the bytes of a response as they are.
import { Agent, request } from 'node:http';

const agent = new Agent({ keepAlive: true, maxSockets: 64 });

/**
 * Sends a request and returns `{status, headers, text}`. A lost connection is a rejected promise, unless it is a kept one that
 * the server closed for idleness when the request was on its way: that request is sent again.
 */
export function send(url, { method = 'GET', headers = {}, body } = {}) {
  return new Promise((resolve, reject) => {
    const length = body === undefined ? {} : { 'Content-Length': Buffer.byteLength(body) };
    let responded = false;
    const sent = request(url, { method, agent, headers: { ...headers, ...length } }, (response) => {
      responded = true;
      const pieces = [];
      response.on('data', (piece) => pieces.push(piece));
      response.on('end', () => {
        const { statusCode: status, headers: received } = response;
        resolve({ status, headers: received, text: Buffer.concat(pieces).toString() });
      });
      response.on('error', reject);
    });
    sent.on('error', (error) => {
      const closedForIdleness = sent.reusedSocket && !responded && error.code === 'ECONNRESET';
      if (closedForIdleness) resolve(send(url, { method, headers, body }));
      else reject(error);
    });
    sent.end(body);
  });
}

export function closeConnections() {
  agent.destroy();
}

/** Calls `work` with every item, with `atOnce` calls at a time; stops taking items when `isOver` returns true. */
export async function forEach(items, atOnce, work, isOver = () => false) {
  const iterator = items[Symbol.iterator]();
  const lane = async () => {
    while (!isOver()) {
      const { value, done } = iterator.next();
      if (done) return;
      await work(value);
    }
  };
  await Promise.all(Array.from({ length: atOnce }, lane));
}

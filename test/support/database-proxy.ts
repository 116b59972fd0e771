import { connect, createServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import { Transform } from 'node:stream';
import type { Connection } from '../../src/database/connection.ts';

/** A proxy between the service and PostgreSQL that can be cut to make the database unavailable. */
export interface DatabaseProxy {
  /** The connection through the proxy. */
  readonly connection: Connection;
  /** Closes every connection and accepts no new one. */
  cut(): Promise<void>;
  restore(): Promise<void>;
  /** Closes every connection, and leads new ones to another server. */
  redirect(target: Connection): void;
  /** Forwards nothing any more, but keeps connections open and accepts new ones, as a frozen machine does. */
  freeze(): void;
  thaw(): void;
}

/** With `dropsNotifications`, it forwards none, as a pooler that shares sessions does. */
export async function openDatabaseProxy(
  first: Connection,
  { dropsNotifications = false } = {},
): Promise<DatabaseProxy> {
  const sockets = new Set<Socket>();
  let isFrozen = false;
  let target = first;
  const server = createServer((client) => {
    const upstream = target.host.startsWith('/')
      ? connect(join(target.host, `.s.PGSQL.${target.port}`))
      : connect(target.port, target.host);
    for (const [socket, other] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      sockets.add(socket);
      socket.on('error', () => undefined);
      socket.on('close', () => {
        sockets.delete(socket);
        other.destroy();
      });
      if (dropsNotifications && socket === upstream) socket.pipe(withoutNotifications()).pipe(other);
      else socket.pipe(other);
      if (isFrozen) socket.pause();
    }
  });
  const port = await listen(server, 0);
  return {
    connection: { ...target, host: '127.0.0.1', port },
    async cut() {
      const closed = new Promise((resolve) => server.close(resolve));
      for (const socket of sockets) socket.destroy();
      await closed;
    },
    async restore() {
      await listen(server, port);
    },
    redirect(other) {
      target = other;
      for (const socket of sockets) socket.destroy();
    },
    freeze() {
      isFrozen = true;
      for (const socket of sockets) socket.pause();
    },
    thaw() {
      isFrozen = false;
      for (const socket of sockets) socket.resume();
    },
  };
}

/** Drops the messages NotificationResponse: a type, a length that counts itself, and a body. */
function withoutNotifications(): Transform {
  let pending = Buffer.alloc(0);
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      pending = Buffer.concat([pending, chunk]);
      while (pending.length >= 5) {
        const end = 1 + pending.readInt32BE(1);
        if (pending.length < end) break;
        if (pending.toString('latin1', 0, 1) !== 'A') this.push(pending.subarray(0, end));
        pending = pending.subarray(end);
      }
      done();
    },
  });
}

async function listen(server: Server, port: number): Promise<number> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject).listen(port, '127.0.0.1', () => {
      server.off('error', reject);
      resolve();
    });
  });
  const address = server.address();
  return typeof address === 'object' && address ? address.port : 0;
}

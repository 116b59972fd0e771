import type { Server as HttpServer } from 'node:http';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { StartError } from '../errors.ts';
import { addressOf } from './client-address.ts';

interface Address {
  readonly port: number;
  readonly host: string;
}

interface Log {
  warn(details: object, message: string): void;
}

const DROP_LOG_MS = 60_000;
/** Of MAX_CONNECTIONS, for one address: the rest is left to others. */
const ADDRESS_SHARE = 0.75;
/** How long requests in flight may take once the server is stopping. */
export const DRAIN_MS = 10_000;

/** Rejects with a StartError that tells the operator what to change, if necessary by the name of the variable. */
export async function listen(
  server: Server,
  { port, host }: Address,
  variable: 'PORT' | 'METRICS_PORT' = 'PORT',
): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      reject(new StartError(listenProblem(error, { port, host, variable }), { cause: error }));
    });
    server.listen(port, host, resolve);
  });
}

function listenProblem(
  { code, message }: NodeJS.ErrnoException,
  { port, host, variable }: { readonly port: number; readonly host: string; readonly variable: string },
): string {
  switch (code) {
    case 'EADDRINUSE':
      return `Port ${port} on ${host} is in use: set ${variable} to a free one, or stop the program that uses it.`;
    case 'EACCES':
      return `This user may not listen on port ${port}: set ${variable} to a number above 1023.`;
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
      return `HOST=${host} is not an address of this machine: set HOST to one that is, such as 127.0.0.1 or 0.0.0.0.`;
    default:
      return `Cannot listen on ${host}:${port}: ${message}`;
  }
}

/** Rejects with a StartError if the address is in use. */
export async function requireFreeAddress(address: Address): Promise<void> {
  const probe = createServer();
  await listen(probe, address);
  await new Promise((resolve) => {
    probe.close(resolve);
  });
}

/** Base URL of the server on this machine. */
export function urlOf(server: Server): string {
  const { address, port, family } = server.address() as AddressInfo;
  if (address === '0.0.0.0' || address === '::') return `http://127.0.0.1:${port}`;
  return `http://${family === 'IPv6' ? `[${address}]` : address}:${port}`;
}

/** Stops listening and lets requests in flight finish. */
export async function drain(server: HttpServer): Promise<void> {
  await new Promise<void>((resolve) => {
    const deadline = setTimeout(() => {
      server.closeAllConnections();
    }, DRAIN_MS);
    server.close(() => {
      clearTimeout(deadline);
      resolve();
    });
  });
}

/**
 * Closes connections beyond the limit at once, and logs that once a minute. Without TRUST_PROXY, an address may hold a share
 * of them; with it, they all come from proxies.
 */
export function limitConnections(
  server: Server,
  { connectionsMax, trustProxy }: { readonly connectionsMax: number; readonly trustProxy: unknown },
  log: Log,
): void {
  const addressMax = trustProxy === false ? Math.ceil(connectionsMax * ADDRESS_SHARE) : connectionsMax;
  const counts = new Map<string, number>();
  let open = 0;
  let loggedAt = -Infinity;
  const refuse = (socket: Socket, details: object, message: string) => {
    socket.destroy();
    if (performance.now() - loggedAt < DROP_LOG_MS) return;
    loggedAt = performance.now();
    log.warn(details, message);
  };
  // A worker of a cluster does not close those beyond `server.maxConnections`, but passes them on to the others in turn.
  server.on('connection', (socket) => {
    const address = addressOf(socket.remoteAddress);
    const count = counts.get(address) ?? 0;
    if (open >= connectionsMax) {
      refuse(socket, { connectionsMax }, 'MAX_CONNECTIONS is reached: new connections are closed');
      return;
    }
    if (count >= addressMax) {
      const message = 'an address has reached its share of MAX_CONNECTIONS: its new connections are closed';
      refuse(socket, { address, addressMax }, message);
      return;
    }
    open += 1;
    counts.set(address, count + 1);
    socket.once('close', () => {
      open -= 1;
      const left = (counts.get(address) ?? 1) - 1;
      if (left === 0) counts.delete(address);
      else counts.set(address, left);
    });
  });
}

import { BlockList, isIP } from 'node:net';
import type { Request } from 'express';

const LOOPBACK = new BlockList();
LOOPBACK.addSubnet('127.0.0.0', 8, 'ipv4');
LOOPBACK.addAddress('::1', 'ipv6');

/** Headers that a proxy leaves: behind one, a loopback address says nothing of where the request came from. */
const PROXY_HEADERS = ['forwarded', 'x-forwarded-for', 'x-forwarded-host', 'x-forwarded-proto', 'x-real-ip', 'via'];

export function isLoopbackHost(host: string): boolean {
  const name = host.replace(/^\[(.*)\]$/, '$1').toLowerCase();
  if (name === 'localhost' || name.endsWith('.localhost')) return true;
  const version = isIP(name);
  return version !== 0 && LOOPBACK.check(name, version === 4 ? 'ipv4' : 'ipv6');
}

/**
 * Whether a request was made on this machine itself: from a loopback address, through no proxy, to a loopback name.
 * The name matters against DNS rebinding, where a page elsewhere makes a browser send requests here.
 */
export function isLoopbackRequest(request: Request): boolean {
  // Proxies that add no such header still speak HTTP/1.0 to what is behind them.
  if (request.httpVersion === '1.0' || PROXY_HEADERS.some((header) => request.headers[header] !== undefined))
    return false;
  const address = request.socket.remoteAddress ?? '';
  return isLoopbackHost(address) && isLoopbackHost(hostname(request.headers.host));
}

function hostname(host: string | undefined): string {
  return host === undefined || !URL.canParse(`http://${host}`) ? '' : new URL(`http://${host}`).hostname;
}

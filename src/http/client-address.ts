import { isIPv6 } from 'node:net';
import type { Request } from 'express';

/** Longer than every address; a trusted proxy may send anything. */
const LENGTH_MAX = 64;

/** The address of the client, as far as TRUST_PROXY lets us know it, as `addressOf` writes it. */
export function clientAddress(request: Request): string {
  // Without the header, Express would come to the same address more slowly.
  const isForwarded = request.headers['x-forwarded-for'] !== undefined;
  return addressOf(isForwarded ? request.ip : request.socket.remoteAddress);
}

/** An IPv4 address, or the first 64 bits of an IPv6 address, which are the network of one client. */
export function addressOf(ip = ''): string {
  const address = ip.replace(/^::ffff:(?=\d+\.)/i, '');
  return address.includes(':') && isIPv6(address) ? networkOf(address) : address.slice(0, LENGTH_MAX);
}

function networkOf(address: string): string {
  const canonical = new URL(`http://[${address.replace(/%.*/, '')}]`).hostname.slice(1, -1);
  const [head = [], tail = []] = canonical.split('::').map((part) => part.split(':').filter((group) => group !== ''));
  const zeros = Array.from({ length: 8 - head.length - tail.length }, () => '0');
  return [...head, ...zeros, ...tail].slice(0, 4).join(':');
}

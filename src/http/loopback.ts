import type { Request } from 'express';
import { compile } from 'proxy-addr';
import { isForwarded } from './forwarder.ts';

const isLoopbackAddress = compile('loopback');

/** Headers that proxies add. Behind a proxy, a loopback address says nothing about the origin of the request. */
const PROXY_HEADERS = ['forwarded', 'x-forwarded-for', 'x-forwarded-host', 'x-forwarded-proto', 'x-real-ip', 'via'];

export function isLoopbackHost(host: string): boolean {
  const name = host.replace(/^\[(.*)\]$/, '$1').toLowerCase();
  return name === 'localhost' || name.endsWith('.localhost') || isLoopbackAddress(name, 0);
}

/** Whether the configuration shows that a proxy passes requests on: all of them then seem to come from this machine. */
export function expectsProxy({
  publicUrl,
  trustProxy,
}: {
  readonly publicUrl: string | undefined;
  readonly trustProxy: unknown;
}): boolean {
  return trustProxy !== false || (publicUrl !== undefined && !isLoopbackHost(new URL(publicUrl).hostname));
}

/** The name of Express's setting that `expectsProxy` is stored in. */
export const EXPECTS_PROXY = 'expects proxy';

/**
 * Whether a request comes from this machine: from a loopback address, without a proxy, to a loopback host name. Checking the
 * name protects against DNS rebinding, where a page from another host makes a browser send requests to this one.
 */
export function isLoopbackRequest(request: Request): boolean {
  if (request.app.get(EXPECTS_PROXY) === true) return false;
  // Proxies that add no such header still use HTTP/1.0 for upstream requests.
  if (request.httpVersion === '1.0' || PROXY_HEADERS.some((header) => request.headers[header] !== undefined))
    return false;
  const { socket } = request;
  return (
    isLoopbackHost(socket.remoteAddress ?? '') && isLoopbackHost(hostname(request.headers.host)) && !isForwarded(socket)
  );
}

function hostname(host: string | undefined): string {
  return host === undefined || !URL.canParse(`http://${host}`) ? '' : new URL(`http://${host}`).hostname;
}

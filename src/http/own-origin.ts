import type { Request } from 'express';
import { LRUCache } from 'lru-cache';
import { texts } from '../texts.ts';
import { HttpError } from './error-response.ts';

/** Origins that were found valid; parsing one takes longer than authenticating a request. */
const validOrigins = new LRUCache<string, true>({ max: 1000 });

/** What URLs of this server begin with: PUBLIC_URL, or the request's scheme and Host. Throws a 400 for an invalid Host. */
export function originOf(request: Request, publicUrl: string | undefined): string {
  if (publicUrl !== undefined) return publicUrl;
  const { protocol, host } = request;
  const origin = `${protocol}://${host}`;
  if (!validOrigins.get(origin)) {
    if (!URL.canParse(origin) || /[/?#@\\\s]/.test(host)) throw new HttpError(400, texts.requestMalformed);
    validOrigins.set(origin, true);
  }
  return origin;
}

/** Whether the `Origin` of a request is this server. Undefined without one. */
export function isOwnOrigin(request: Request, publicUrl: string | undefined): boolean | undefined {
  const origin = request.get('origin');
  if (origin === undefined) return undefined;
  const host = hostOf(origin);
  const own = [request.get('host'), request.host, publicUrl === undefined ? undefined : hostOf(publicUrl)];
  return host !== undefined && own.includes(host);
}

function hostOf(url: string): string | undefined {
  return URL.canParse(url) ? new URL(url).host : undefined;
}

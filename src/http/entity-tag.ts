import { hash } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';

/** A strong entity tag (RFC 9110, section 8.8.3) for this content. A version precedes the hash, for `If-Match`. */
export function entityTag(content: string | Buffer, version?: number): string {
  const digest = hash('sha1', content, 'base64url');
  return version === undefined ? `"${digest}"` : `"${version}-${digest}"`;
}

/**
 * Sets the headers of a conditional read. Returns whether the client has stored this response; its status is then 304 and
 * its body must be empty. A client must revalidate what it has stored before each use, since links and rights change at any
 * time. Shared caches must not store it, since it holds what one user may see. `Vary` omits the organisation headers, which
 * never change a successful response.
 */
export function isNotModified(request: IncomingMessage, response: ServerResponse, tag: string): boolean {
  response.setHeader('Cache-Control', 'private, no-cache');
  response.appendHeader('Vary', 'Accept-Language, Authorization');
  response.setHeader('ETag', tag);
  if (!isMatched(request.headers['if-none-match'], tag)) return false;
  response.statusCode = 304;
  return true;
}

/** Whether `If-None-Match` holds this tag, by weak comparison as RFC 9110 requires, or `*`. */
export function isMatched(ifNoneMatch: string | undefined, tag: string): boolean {
  if (ifNoneMatch === undefined) return false;
  return ifNoneMatch.trim() === '*' || (ifNoneMatch.match(/"[^"]*"/g)?.includes(tag) ?? false);
}

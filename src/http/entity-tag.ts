import { hash } from 'node:crypto';

/**
 * Headers of every conditional read. A client may store the response, but must revalidate it before each use, since links
 * and rights change at any time. Shared caches must not store it, since it holds what one user may see. `Vary` omits the
 * organisation headers, which never change a successful response.
 */
export const REVALIDATION = {
  'Cache-Control': 'private, no-cache',
  Vary: 'Accept-Language, Authorization',
} as const;

/** A strong entity tag (RFC 9110, section 8.8.3) for this content. A version precedes the hash, for `If-Match`. */
export function entityTag(content: string | Buffer, version?: number): string {
  const digest = hash('sha1', content, 'base64url');
  return version === undefined ? `"${digest}"` : `"${version}-${digest}"`;
}

/** Whether `If-None-Match` holds this tag, by weak comparison as RFC 9110 requires, or `*`. */
export function isMatched(ifNoneMatch: string | undefined, tag: string): boolean {
  if (ifNoneMatch === undefined) return false;
  return ifNoneMatch.trim() === '*' || (ifNoneMatch.match(/"[^"]*"/g)?.includes(tag) ?? false);
}

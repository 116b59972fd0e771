import { DomainError } from '../../errors.ts';
import { texts } from '../../texts.ts';

/** The version number in `If-Match: "3"`; undefined without the header, and for `*`. Throws `invalid`. */
export function versionMatched(ifMatch: string | undefined): number | undefined {
  if (ifMatch === undefined || ifMatch.trim() === '*') return undefined;
  const [, digits] = /^\s*(?:W\/)?"?(\d{1,9})"?\s*$/.exec(ifMatch) ?? [];
  if (digits === undefined) throw new DomainError('invalid', texts.versionUnreadable);
  return Number(digits);
}

/** A reply with the version of what it shows, which clients send back in `If-Match`. */
export function versioned<Body>(body: Body, version: number) {
  return { body, headers: versionHeader(version) };
}

/** The reply to a request that created something: where it is now, and its version if clients may state it. */
export function created<Body extends { readonly self: string }>(body: Body, version?: number) {
  return { body, headers: { ...(version !== undefined && versionHeader(version)), Location: body.self } };
}

function versionHeader(version: number): { readonly ETag: string } {
  return { ETag: `"${version}"` };
}

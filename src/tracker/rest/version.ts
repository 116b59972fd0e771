import { DomainError } from '../../errors.ts';
import { texts } from '../../texts.ts';

/** The version in `If-Match: "3"`; undefined for `*` or without the header. Throws `invalid` for anything else. */
export function versionMatched(ifMatch: string | undefined): number | undefined {
  if (ifMatch === undefined || ifMatch.trim() === '*') return undefined;
  const [, digits] = /^\s*(?:W\/)?"?(\d{1,9})"?\s*$/.exec(ifMatch) ?? [];
  if (digits === undefined) throw new DomainError('invalid', texts.versionUnreadable);
  return Number(digits);
}

/** A result with its version as ETag, which clients send back in `If-Match`. */
export function versioned<Body>(body: Body, version: number) {
  return { body, headers: versionHeader(version) };
}

/** The result of a creation, with its Location, and its version as ETag if clients may send it back. */
export function created<Body extends { readonly self: string }>(body: Body, version?: number) {
  return { body, headers: { ...(version !== undefined && versionHeader(version)), Location: body.self } };
}

function versionHeader(version: number): { readonly ETag: string } {
  return { ETag: `"${version}"` };
}

import { DomainError } from '../../errors.ts';
import { texts } from '../../texts.ts';

/**
 * The version in `If-Match: "3"`, or at the start of an entity tag, whose hash is ignored: it also covers other resources
 * that the body shows, and their changes are no conflict. Undefined for `*` or without the header. Throws `invalid` for
 * anything else.
 */
export function versionMatched(ifMatch: string | undefined): number | undefined {
  if (ifMatch === undefined || ifMatch.trim() === '*') return undefined;
  const [, digits] = /^\s*(?:W\/)?"?(\d{1,9})(?:-[\w-]+)?"?\s*$/.exec(ifMatch) ?? [];
  if (digits === undefined) throw new DomainError('invalid', texts.versionUnreadable);
  return Number(digits);
}

/** The result of a creation, with its Location, and its version if clients may send it back. */
export function created<Body extends { readonly self: string }>(body: Body, version?: number) {
  return { body, version, headers: { Location: body.self } };
}

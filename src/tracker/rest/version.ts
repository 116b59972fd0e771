import { DomainError } from '../../errors.ts';
import { texts } from '../../texts.ts';

/** The version number in `If-Match: "3"`; undefined without the header, and for `*`. Throws `invalid`. */
export function versionMatched(ifMatch: string | undefined): number | undefined {
  if (ifMatch === undefined || ifMatch.trim() === '*') return undefined;
  const [, digits] = /^\s*(?:W\/)?"?(\d{1,9})"?\s*$/.exec(ifMatch) ?? [];
  if (digits === undefined) throw new DomainError('invalid', texts.versionUnreadable);
  return Number(digits);
}

/** The ETag of a version. */
export function versionTag(version: number): string {
  return `"${version}"`;
}

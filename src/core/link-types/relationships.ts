import { DomainError } from '../../errors.ts';
import { texts } from '../../texts.ts';
import type { Direction } from '../labels/direction.ts';
import { linkTypeFrom } from './link-type-summary.ts';
import type { LinkTypeRow } from './link-types.store.ts';
import { normalizedPhrase } from './phrases.ts';

/** A phrase such as "is subtask for", which describes the issue that the request names first. */
export interface Relationship {
  readonly phrase: string;
  readonly type: LinkTypeRow;
  /** The end that this issue is at. */
  readonly direction: Direction;
}

/** The relationships of types that are cached, since requests that name one search all of them. */
const known = new WeakMap<LinkTypeRow, readonly Relationship[]>();

/** The phrases for the link types of an organisation (Tracker contract, section 1). */
export function relationshipsOf(types: Iterable<LinkTypeRow>): Relationship[] {
  return [...types].flatMap((type) => known.get(type) ?? keepRelationships(type));
}

function keepRelationships(type: LinkTypeRow): readonly Relationship[] {
  const phrases = linkTypeFrom(type).relationships;
  const ends = type.is_symmetric ? (['inward'] as const) : (['outward', 'inward'] as const);
  const relationships = ends.map((direction) => ({ phrase: phrases[direction], type, direction }));
  known.set(type, relationships);
  return relationships;
}

/** The relationship with that phrase, in any letter case and with spaces, hyphens or underscores. */
export function findRelationship(accepted: readonly Relationship[], phrase: string): Relationship | undefined {
  const wanted = normalizedPhrase(phrase);
  return accepted.find((relationship) => relationship.phrase === wanted);
}

/** As `findRelationship`. Throws `invalid` with the accepted phrases if there is none. */
export function relationshipNamed(accepted: readonly Relationship[], phrase: string): Relationship {
  const found = findRelationship(accepted, phrase);
  if (found === undefined) {
    const phrases = accepted.map((relationship) => relationship.phrase);
    throw new DomainError(
      'invalid',
      texts.relationshipUnknown(phrase, phrases.join(', ')),
      {},
      {
        reason: 'relationship_unknown',
        details: { accepted: phrases },
      },
    );
  }
  return found;
}

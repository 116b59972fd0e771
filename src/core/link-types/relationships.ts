import { DomainError } from '../../errors.ts';
import { texts } from '../../texts.ts';
import type { Direction } from '../labels/direction.ts';
import type { LinkTypeRow } from './link-types.store.ts';

/** A phrase such as "is subtask for", which describes the issue that the request names first. */
export interface Relationship {
  readonly phrase: string;
  readonly type: LinkTypeRow;
  /** The end that this issue is at. */
  readonly direction: Direction;
}

/** The phrases for the link types of an organisation (Tracker contract, section 1). */
export function relationshipsOf(types: Iterable<LinkTypeRow>): Relationship[] {
  return [...types].flatMap((type) => {
    const inward = { phrase: phraseOf(type.inward_phrase, type.inward_en), type, direction: 'inward' } as const;
    const outward = { phrase: phraseOf(type.outward_phrase, type.outward_en), type, direction: 'outward' } as const;
    return type.is_symmetric ? [inward] : [outward, inward];
  });
}

/** The relationship with that phrase, in any letter case and with spaces, hyphens or underscores. */
export function findRelationship(accepted: readonly Relationship[], phrase: string): Relationship | undefined {
  const wanted = normalized(phrase);
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

/** The phrase of a label, which defaults to its English name. */
export function phraseOf(phrase: string | null, english: string): string {
  return normalized(phrase ?? english);
}

function normalized(phrase: string): string {
  return phrase
    .toLowerCase()
    .replaceAll(/[\s_-]+/g, ' ')
    .trim();
}

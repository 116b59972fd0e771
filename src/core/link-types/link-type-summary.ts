import type { Text } from '../../texts.ts';
import type { Direction } from '../labels/direction.ts';
import { phraseOf } from './phrases.ts';

/** A link type as referenced by links. */
export interface LinkTypeSummary {
  readonly id: string;
  readonly inward: Text;
  readonly outward: Text;
  /** The phrases that create a link with the issue at that end (Tracker contract, section 1). */
  readonly relationships: Readonly<Record<Direction, string>>;
}

/** The columns of a summary. */
export interface LinkTypeColumns {
  link_type_id: string;
  inward_ru: string;
  inward_en: string;
  outward_ru: string;
  outward_en: string;
  /** If null, the English name is the phrase. */
  inward_phrase: string | null;
  outward_phrase: string | null;
}

/** SQL: the names of the labels rows `inward` and `outward`, which default to the labels themselves, and their phrases. */
export const LABEL_NAMES = `
    coalesce(inward.name_ru, inward.label) as inward_ru, coalesce(inward.name_en, inward.label) as inward_en,
    coalesce(outward.name_ru, outward.label) as outward_ru, coalesce(outward.name_en, outward.label) as outward_en,
    inward.phrase as inward_phrase, outward.phrase as outward_phrase`;

export function linkTypeFrom(row: LinkTypeColumns): LinkTypeSummary {
  return {
    id: row.link_type_id,
    inward: { ru: row.inward_ru, en: row.inward_en },
    outward: { ru: row.outward_ru, en: row.outward_en },
    relationships: {
      inward: phraseOf(row.inward_phrase, row.inward_en),
      outward: phraseOf(row.outward_phrase, row.outward_en),
    },
  };
}

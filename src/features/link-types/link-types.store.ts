import type { Queryable } from '../../database/database.ts';

/** A link type with the texts of its two labels. */
export interface LinkTypeRow {
  link_type_id: string;
  inward_label_id: number;
  outward_label_id: number;
  inward_label: string;
  outward_label: string;
  inward_ru: string;
  inward_en: string;
  outward_ru: string;
  outward_en: string;
  /** Null where the English text is the phrase. */
  inward_phrase: string | null;
  outward_phrase: string | null;
  is_symmetric: boolean;
  is_antisymmetric: boolean;
  is_acyclic: boolean;
  single_end: 'inward' | 'outward' | 'none';
  import_only: boolean;
  version: number;
}

/** All types of an organisation, the oldest labels first. */
export function selectLinkTypes(db: Queryable, orgId: string): Promise<LinkTypeRow[]> {
  return db.query<LinkTypeRow>({
    name: 'select_link_types',
    text: `
      select link_types.link_type_id, link_types.inward_label_id, link_types.outward_label_id,
        inward.label as inward_label, outward.label as outward_label,
        coalesce(inward.name_ru, inward.label) as inward_ru, coalesce(inward.name_en, inward.label) as inward_en,
        coalesce(outward.name_ru, outward.label) as outward_ru, coalesce(outward.name_en, outward.label) as outward_en,
        inward.phrase as inward_phrase, outward.phrase as outward_phrase,
        link_types.is_symmetric, link_types.is_antisymmetric, link_types.is_acyclic, link_types.single_end,
        link_types.import_only, link_types.version
      from link_types
      join labels inward on inward.org_id = $1 and inward.label_id = link_types.inward_label_id
      join labels outward on outward.org_id = $1 and outward.label_id = link_types.outward_label_id
      where link_types.org_id = $1
      order by link_types.inward_label_id, link_types.outward_label_id`,
    values: [orgId],
  });
}

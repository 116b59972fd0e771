import type { Queryable, Transaction } from '../../database/database.ts';

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
  shares_label: boolean;
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
        link_types.import_only, link_types.shares_label, link_types.version
      from link_types
      join labels inward on inward.org_id = $1 and inward.label_id = link_types.inward_label_id
      join labels outward on outward.org_id = $1 and outward.label_id = link_types.outward_label_id
      where link_types.org_id = $1
      order by link_types.inward_label_id, link_types.outward_label_id`,
    values: [orgId],
  });
}

export interface LabelTexts {
  readonly ru: string;
  readonly en: string;
}

/** Adds a label under the organisation's next number, which it answers; other makers of labels wait for their turn. */
export async function insertLabel(db: Transaction, orgId: string, { ru, en }: LabelTexts): Promise<number> {
  const [row] = await db.query<{ label_id: number }>({
    name: 'insert_label',
    text: `
      with organisation as (
        update organisations set last_label_id = last_label_id + 1 where org_id = $1 returning last_label_id
      )
      insert into labels (org_id, label_id, label, name_ru, name_en)
      select $1, last_label_id, $3, $2, $3 from organisation
      returning label_id`,
    values: [orgId, ru, en],
  });
  return (row as { label_id: number }).label_id;
}

/** Makes two labels each other's opposite. */
export async function updateOpposites(
  db: Transaction,
  orgId: string,
  labelId: number,
  oppositeId: number,
): Promise<void> {
  await db.query({
    name: 'update_opposites',
    text: `
      update labels set opposite_id = case label_id when $2 then $3::integer else $2::integer end
      where org_id = $1 and label_id in ($2, $3)`,
    values: [orgId, labelId, oppositeId],
  });
}

/** Changes the texts of a label. A label without a phrase of its own is Kanboard's to read too, under its English text. */
export async function updateLabelTexts(
  db: Transaction,
  orgId: string,
  labelId: number,
  { ru, en }: LabelTexts,
): Promise<void> {
  await db.query({
    name: 'update_label_texts',
    text: `
      update labels
      set name_ru = $3, name_en = $4, label = case when phrase is null then $4 else label end
      where org_id = $1 and label_id = $2`,
    values: [orgId, labelId, ru, en],
  });
}

export interface LinkTypeRules {
  readonly is_antisymmetric: boolean;
  readonly is_acyclic: boolean;
  readonly single_end: LinkTypeRow['single_end'];
}

export async function insertLinkType(
  db: Transaction,
  orgId: string,
  type: LinkTypeRules & {
    link_type_id: string;
    inward_label_id: number;
    outward_label_id: number;
    shares_label: boolean;
  },
): Promise<void> {
  await db.query({
    name: 'insert_link_type',
    text: `
      insert into link_types
        (org_id, link_type_id, inward_label_id, outward_label_id, is_symmetric, is_antisymmetric, is_acyclic, single_end,
        shares_label)
      values ($1, $2, $3, $4, $3::integer = $4::integer, $5, $6, $7, $8)`,
    values: [
      orgId,
      type.link_type_id,
      type.inward_label_id,
      type.outward_label_id,
      type.is_antisymmetric,
      type.is_acyclic,
      type.single_end,
      type.shares_label,
    ],
  });
}

/** Marks types that have a label in common with another; through the foreign key their links are marked as well. */
export async function updateSharesLabel(db: Transaction, orgId: string, linkTypeIds: readonly string[]): Promise<void> {
  await db.query({
    name: 'update_shares_label',
    text: `
      update link_types set shares_label = true
      where org_id = $1 and link_type_id = any($2::text[]) and not shares_label`,
    values: [orgId, linkTypeIds],
  });
}

/** Locks a type against other changes. */
export async function lockLinkTypeRow(db: Transaction, orgId: string, linkTypeId: string): Promise<void> {
  await db.query({
    name: 'lock_link_type_row',
    text: 'select from link_types where org_id = $1 and link_type_id = $2 for update',
    values: [orgId, linkTypeId],
  });
}

/** Changes rules, and through the foreign key the copies in every link of the type; raises the version. */
export async function updateLinkTypeRules(
  db: Transaction,
  orgId: string,
  linkTypeId: string,
  rules: LinkTypeRules,
): Promise<void> {
  await db.query({
    name: 'update_link_type_rules',
    text: `
      update link_types
      set is_antisymmetric = $3, is_acyclic = $4, single_end = $5, version = version + 1
      where org_id = $1 and link_type_id = $2`,
    values: [orgId, linkTypeId, rules.is_antisymmetric, rules.is_acyclic, rules.single_end],
  });
}

/** Removes a type and those of its labels that no other type has. */
export async function deleteLinkTypeAndLabels(db: Transaction, orgId: string, linkTypeId: string): Promise<void> {
  await db.query({
    name: 'delete_link_type_and_labels',
    text: `
      with type as (
        delete from link_types where org_id = $1 and link_type_id = $2 returning inward_label_id, outward_label_id
      )
      delete from labels
      using type
      where labels.org_id = $1 and labels.label_id in (type.inward_label_id, type.outward_label_id)
        and not exists (
          select from link_types others
          where others.org_id = $1 and others.link_type_id <> $2
            and labels.label_id in (others.inward_label_id, others.outward_label_id))`,
    values: [orgId, linkTypeId],
  });
}

export async function existsLinkOfType(db: Queryable, orgId: string, linkTypeId: string): Promise<boolean> {
  const rows = await db.query({
    name: 'exists_link_of_type',
    text: 'select from links where org_id = $1 and link_type_id = $2 limit 1',
    values: [orgId, linkTypeId],
  });
  return rows.length > 0;
}

/** A link by its two issues. */
export interface LinkEndsRow {
  link_id: number;
  inward_issue_id: number;
  outward_issue_id: number;
}

/** Links of the type that have a link in the opposite direction beside them; a few of them. */
export function selectOppositeLinks(db: Queryable, orgId: string, linkTypeId: string): Promise<LinkEndsRow[]> {
  return db.query<LinkEndsRow>({
    name: 'select_opposite_links',
    text: `
      select links.link_id, links.inward_issue_id, links.outward_issue_id
      from links
      where links.org_id = $1 and links.link_type_id = $2 and exists (
        select from links others
        where others.org_id = $1 and others.link_type_id = $2
          and others.inward_issue_id = links.outward_issue_id and others.outward_issue_id = links.inward_issue_id)
      order by links.link_id
      limit 20`,
    values: [orgId, linkTypeId],
  });
}

/** Links of the type whose issue at that end stands in another such link; a few of them. */
export function selectSecondSingles(
  db: Queryable,
  orgId: string,
  linkTypeId: string,
  end: 'inward' | 'outward',
): Promise<LinkEndsRow[]> {
  return db.query<LinkEndsRow>({
    name: `select_second_singles_${end}`,
    text: `
      select links.link_id, links.inward_issue_id, links.outward_issue_id
      from links
      where links.org_id = $1 and links.link_type_id = $2 and exists (
        select from links others
        where others.org_id = $1 and others.link_type_id = $2 and others.link_id <> links.link_id
          and others.${end}_issue_id = links.${end}_issue_id)
      order by links.link_id
      limit 20`,
    values: [orgId, linkTypeId],
  });
}

/** All links of the type, to look for cycles among them. */
export function selectLinksOfType(db: Queryable, orgId: string, linkTypeId: string): Promise<LinkEndsRow[]> {
  return db.query<LinkEndsRow>({
    name: 'select_links_of_type',
    text: `
      select link_id, inward_issue_id, outward_issue_id from links
      where org_id = $1 and link_type_id = $2
      order by link_id`,
    values: [orgId, linkTypeId],
  });
}

/** Makes everybody else who writes links of this type in this organisation wait for the end of the transaction. */
export async function lockLinkType(db: Transaction, orgId: string, linkTypeId: string): Promise<void> {
  await db.query({
    name: 'lock_link_type',
    text: `select pg_advisory_xact_lock(hashtextextended($1 || ' ' || $2, 0))`,
    values: [orgId, linkTypeId],
  });
}

import { cachedMap, cacheKey } from '../../database/cache.ts';
import type { Queryable, Transaction } from '../../database/database.ts';
import { statement } from '../../database/statement.ts';
import { LABEL_NAMES, type LinkTypeColumns } from './link-type-summary.ts';

/** A link type with the names of its two labels. */
export interface LinkTypeRow extends LinkTypeColumns {
  inward_label_id: number;
  outward_label_id: number;
  /** Kanboard's names of the labels. */
  inward_label: string;
  outward_label: string;
  is_symmetric: boolean;
  is_antisymmetric: boolean;
  is_acyclic: boolean;
  single_end: 'inward' | 'outward' | 'none';
  import_only: boolean;
  shares_label: boolean;
  version: number;
}

const SELECT_LINK_TYPES = statement<'orgId', LinkTypeRow>(
  'select_link_types',
  `
  select link_types.link_type_id, link_types.inward_label_id, link_types.outward_label_id,
    ${LABEL_NAMES}, inward.label as inward_label, outward.label as outward_label,
    link_types.is_symmetric, link_types.is_antisymmetric, link_types.is_acyclic, link_types.single_end,
    link_types.import_only, link_types.shares_label, link_types.version
  from link_types
  join labels inward on inward.org_id = :orgId and inward.label_id = link_types.inward_label_id
  join labels outward on outward.org_id = :orgId and outward.label_id = link_types.outward_label_id
  where link_types.org_id = :orgId
  order by link_types.inward_label_id, link_types.outward_label_id`,
);

/** All link types of the organisation, by label_id. */
export function selectLinkTypes(db: Queryable, orgId: string): Promise<LinkTypeRow[]> {
  return db.query(SELECT_LINK_TYPES({ orgId }));
}

/** Maps the link_type_ids of the organisation, including those given, to its types; from the cache, by label_id. */
export function cachedLinkTypes(
  db: Queryable,
  orgId: string,
  linkTypeIds: readonly string[] = [],
): Promise<ReadonlyMap<string, LinkTypeRow>> {
  const key = cacheKey<Map<string, LinkTypeRow>>('link types', orgId);
  return cachedMap(db.cache, key, [orgId], linkTypeIds, async () => {
    const types = await selectLinkTypes(db.primary, orgId);
    return new Map(types.map((type) => [type.link_type_id, type]));
  });
}

export interface LinkTypeRules {
  readonly is_antisymmetric: boolean;
  readonly is_acyclic: boolean;
  readonly single_end: LinkTypeRow['single_end'];
}

const INSERT_LINK_TYPE = statement<
  | 'orgId'
  | 'linkTypeId'
  | 'inwardLabelId'
  | 'outwardLabelId'
  | 'isAntisymmetric'
  | 'isAcyclic'
  | 'singleEnd'
  | 'sharesLabel'
>(
  'insert_link_type',
  `
  insert into link_types
    (org_id, link_type_id, inward_label_id, outward_label_id, is_symmetric, is_antisymmetric, is_acyclic, single_end,
    shares_label)
  values (:orgId, :linkTypeId, :inwardLabelId, :outwardLabelId, :inwardLabelId::integer = :outwardLabelId::integer, :isAntisymmetric, :isAcyclic, :singleEnd, :sharesLabel)`,
);

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
  await db.invalidate(orgId);
  await db.query(
    INSERT_LINK_TYPE({
      orgId,
      linkTypeId: type.link_type_id,
      inwardLabelId: type.inward_label_id,
      outwardLabelId: type.outward_label_id,
      isAntisymmetric: type.is_antisymmetric,
      isAcyclic: type.is_acyclic,
      singleEnd: type.single_end,
      sharesLabel: type.shares_label,
    }),
  );
}

const UPDATE_SHARES_LABEL = statement<'orgId' | 'linkTypeIds'>(
  'update_shares_label',
  `
  with types as (
    update link_types set shares_label = true
    where org_id = :orgId and link_type_id = any(:linkTypeIds::text[]) and not shares_label
  )
  update links set shares_label = true
  where org_id = :orgId and link_type_id = any(:linkTypeIds::text[]) and not shares_label`,
);

/** Marks types that share a label with another type, and the copies in their links. */
export async function updateSharesLabel(db: Transaction, orgId: string, linkTypeIds: readonly string[]): Promise<void> {
  await db.invalidate(orgId);
  await db.query(UPDATE_SHARES_LABEL({ orgId, linkTypeIds }));
}

const LOCK_LINK_TYPE_ROW = statement<'orgId' | 'linkTypeId'>(
  'lock_link_type_row',
  'select from link_types where org_id = :orgId and link_type_id = :linkTypeId for update',
);

/** Locks a type against concurrent changes. Writers of its links are kept out by the gate, which the caller has closed. */
export async function lockLinkTypeRow(db: Transaction, orgId: string, linkTypeId: string): Promise<void> {
  await db.query(LOCK_LINK_TYPE_ROW({ orgId, linkTypeId }));
}

const UPDATE_LINK_TYPE_RULES = statement<'orgId' | 'linkTypeId' | 'isAntisymmetric' | 'isAcyclic' | 'singleEnd'>(
  'update_link_type_rules',
  `
  with type as (
    update link_types
    set is_antisymmetric = :isAntisymmetric, is_acyclic = :isAcyclic, single_end = :singleEnd, version = version + 1
    where org_id = :orgId and link_type_id = :linkTypeId
  )
  update links set is_antisymmetric = :isAntisymmetric, is_acyclic = :isAcyclic, single_end = :singleEnd
  where org_id = :orgId and link_type_id = :linkTypeId
    and (is_antisymmetric, is_acyclic, single_end) <> (:isAntisymmetric, :isAcyclic, :singleEnd)`,
);

/**
 * Changes the rules of a type, with the copies in its links, and raises its version. One statement changes both, since
 * the foreign key between them is checked at its end.
 */
export async function updateLinkTypeRules(
  db: Transaction,
  orgId: string,
  linkTypeId: string,
  rules: LinkTypeRules,
): Promise<void> {
  await db.invalidate(orgId);
  await db.query(
    UPDATE_LINK_TYPE_RULES({
      orgId,
      linkTypeId,
      isAntisymmetric: rules.is_antisymmetric,
      isAcyclic: rules.is_acyclic,
      singleEnd: rules.single_end,
    }),
  );
}

const KEEP_LABELS = statement<'orgId' | 'linkTypeId' | 'labelId'>(
  'keep_labels',
  `
  insert into deleted_link_types (org_id, link_type_id, inward_ru, inward_en, outward_ru, outward_en)
  select :orgId, link_types.link_type_id, coalesce(inward.name_ru, inward.label), coalesce(inward.name_en, inward.label),
    coalesce(outward.name_ru, outward.label), coalesce(outward.name_en, outward.label)
  from link_types
  join labels inward on inward.org_id = :orgId and inward.label_id = link_types.inward_label_id
  join labels outward on outward.org_id = :orgId and outward.label_id = link_types.outward_label_id
  where link_types.org_id = :orgId and (
    link_types.link_type_id = :linkTypeId or :labelId::bigint in (link_types.inward_label_id, link_types.outward_label_id))
  on conflict (org_id, link_type_id) do update
  set inward_ru = excluded.inward_ru, inward_en = excluded.inward_en,
    outward_ru = excluded.outward_ru, outward_en = excluded.outward_en`,
);

/** Keeps what changelogs show of the type, or of all types with the label, before they are deleted. */
export async function keepLabels(
  db: Transaction,
  orgId: string,
  { linkTypeId, labelId }: { readonly linkTypeId?: string; readonly labelId?: number },
): Promise<void> {
  await db.query(KEEP_LABELS({ orgId, linkTypeId, labelId }));
}

const DELETE_LINK_TYPE_AND_LABELS = statement<'orgId' | 'linkTypeId'>(
  'delete_link_type_and_labels',
  `
  with type as (
    delete from link_types where org_id = :orgId and link_type_id = :linkTypeId returning inward_label_id, outward_label_id
  ), unused as (
    select labels.label_id
    from type
    join labels on labels.org_id = :orgId and labels.label_id in (type.inward_label_id, type.outward_label_id)
    where not exists (
      select from link_types others
      where others.org_id = :orgId and others.link_type_id <> :linkTypeId
        and labels.label_id in (others.inward_label_id, others.outward_label_id))
  ), remote as (
    update remote_links set link_type_id = null where org_id = :orgId and link_type_id = :linkTypeId
  ), former_opposites as (
    update labels set opposite_id = null
    where org_id = :orgId and opposite_id in (select label_id from unused) and label_id not in (select label_id from unused)
  )
  delete from labels where org_id = :orgId and label_id in (select label_id from unused)`,
);

/**
 * Deletes a type, and those of its labels that no other type has. Remote links of the type remain without a type, and
 * labels whose opposite is deleted remain without one.
 */
export async function deleteLinkTypeAndLabels(db: Transaction, orgId: string, linkTypeId: string): Promise<void> {
  await db.invalidate(orgId);
  await db.query(DELETE_LINK_TYPE_AND_LABELS({ orgId, linkTypeId }));
}

const LOCK_TYPES_OF_LABELS = statement<'orgId' | 'labelIds'>(
  'lock_types_of_labels',
  `
  select from link_types
  where org_id = :orgId
    and (inward_label_id = any(:labelIds::integer[]) or outward_label_id = any(:labelIds::integer[]))
  order by link_type_id
  for update`,
);

/** As `lockLinkTypeRow`, for the types that have one of the labels. */
export async function lockTypesOfLabels(db: Transaction, orgId: string, labelIds: readonly number[]): Promise<void> {
  await db.query(LOCK_TYPES_OF_LABELS({ orgId, labelIds }));
}

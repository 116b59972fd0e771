import { cachedMap, cacheKey } from '../../database/cache.ts';
import type { Queryable, Transaction } from '../../database/database.ts';
import { statement } from '../../database/statement.ts';
import { ORGANISATION_OF_LINKS } from '../organisations/organisations.store.ts';
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

/** The rules that each link's row copies from its type and its organisation. */
export interface CopiedRules {
  readonly link_type_id: string;
  readonly is_symmetric: boolean;
  readonly is_antisymmetric: boolean;
  readonly is_acyclic: boolean;
  readonly single_end: 'inward' | 'outward' | 'none';
  readonly shares_label: boolean;
  readonly one_link_per_pair: boolean;
}

declare const isLocked: unique symbol;

/** A type whose rules cannot change before the transaction ends; only `lockForLinks` returns one. */
export interface LockedType extends CopiedRules {
  readonly [isLocked]: true;
}

// Each part reads the one before it, and PostgreSQL locks a row only once the whole FROM clause has produced it.
const LOCK_FOR_LINKS = statement<'orgId' | 'linkTypeIds' | 'issueIds', LockedType>(
  'lock_for_links',
  `
  with ${ORGANISATION_OF_LINKS}, types as materialized (
    select link_types.link_type_id, link_types.is_symmetric, link_types.is_antisymmetric, link_types.is_acyclic,
      link_types.single_end, link_types.shares_label, organisation.one_link_per_pair
    from organisation
    cross join link_types
    where link_types.org_id = :orgId and link_types.link_type_id = any(:linkTypeIds::text[])
    order by link_types.link_type_id
    for key share of link_types
  ), ends as materialized (
    select issues.issue_id
    from (select count(*) from types) as locked
    cross join issues
    where issues.org_id = :orgId and issues.issue_id = any(:issueIds::bigint[])
    order by issues.issue_id
    for key share of issues
  )
  select types.* from (select count(*) from ends) as locked left join types on true
  where types.link_type_id is not null`,
);

/**
 * Locks everything that links of these types between these issues depend on, in the global lock order (decision 8): the
 * organisation and the types against changes of their rules, then the issues against removal. The result omits types
 * that do not exist.
 */
export function lockForLinks(
  db: Transaction,
  orgId: string,
  linkTypeIds: readonly string[],
  issueIds: readonly number[],
): Promise<LockedType[]> {
  return db.query(LOCK_FOR_LINKS({ orgId, linkTypeIds, issueIds }));
}

export interface LabelTexts {
  readonly ru: string;
  readonly en: string;
}

const INSERT_LABEL = statement<'orgId' | 'ru' | 'en', { label_id: number }>(
  'insert_label',
  `
  with organisation as (
    update organisations set last_label_id = last_label_id + 1 where org_id = :orgId returning last_label_id
  )
  insert into labels (org_id, label_id, label, name_ru, name_en)
  select :orgId, last_label_id, :en, :ru, :en from organisation
  returning label_id`,
);

/** Inserts a label with the organisation's next label_id, and returns that id. Concurrent inserts wait. */
export async function insertLabel(db: Transaction, orgId: string, { ru, en }: LabelTexts): Promise<number> {
  const [row] = await db.query(INSERT_LABEL({ orgId, ru, en }));
  return (row as { label_id: number }).label_id;
}

const UPDATE_OPPOSITES = statement<'orgId' | 'labelId' | 'oppositeId'>(
  'update_opposites',
  `
  update labels set opposite_id = case when label_id = :labelId then :oppositeId::integer else :labelId::integer end
  where org_id = :orgId and label_id in (:labelId, :oppositeId)`,
);

/** Makes two labels each other's opposites. */
export async function updateOpposites(
  db: Transaction,
  orgId: string,
  labelId: number,
  oppositeId: number,
): Promise<void> {
  await db.query(UPDATE_OPPOSITES({ orgId, labelId, oppositeId }));
}

const UPDATE_LABEL_TEXTS = statement<'orgId' | 'labelId' | 'ru' | 'en'>(
  'update_label_texts',
  `
  update labels
  set name_ru = :ru, name_en = :en, label = case when phrase is null then :en else label end
  where org_id = :orgId and label_id = :labelId`,
);

/** Renames a label for Tracker. Without a phrase, its English name becomes Kanboard's label too. */
export async function updateLabelTexts(
  db: Transaction,
  orgId: string,
  labelId: number,
  { ru, en }: LabelTexts,
): Promise<void> {
  await db.invalidate(orgId);
  await db.query(UPDATE_LABEL_TEXTS({ orgId, labelId, ru, en }));
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

const COUNT_LINKS_OF_TYPES = statement<'orgId' | 'linkTypeIds' | 'countMax', { linkTypeId: string; count: number }>(
  'count_links_of_types',
  `
  select types.id as "linkTypeId", (
    select count(*)
    from (select from links where org_id = :orgId and link_type_id = types.id limit :countMax) as counted
  ) as count
  from unnest(:linkTypeIds::text[]) as types (id)`,
);

/** The number of links of each type, counted up to `countMax`. */
export async function countLinksOfTypes(
  db: Queryable,
  orgId: string,
  linkTypeIds: readonly string[],
  countMax: number,
): Promise<ReadonlyMap<string, number>> {
  const rows = await db.query(COUNT_LINKS_OF_TYPES({ orgId, linkTypeIds, countMax }));
  return new Map(rows.map(({ linkTypeId, count }) => [linkTypeId, count]));
}

const EXISTS_LINK_OF_TYPE = statement<'orgId' | 'linkTypeId'>(
  'exists_link_of_type',
  'select from links where org_id = :orgId and link_type_id = :linkTypeId limit 1',
);

export async function existsLinkOfType(db: Queryable, orgId: string, linkTypeId: string): Promise<boolean> {
  const rows = await db.query(EXISTS_LINK_OF_TYPE({ orgId, linkTypeId }));
  return rows.length > 0;
}

/** A link with its two issues. */
export interface LinkEndsRow {
  link_id: number;
  inward_issue_id: number;
  outward_issue_id: number;
}

const SELECT_OPPOSITE_LINKS = statement<'orgId' | 'linkTypeId', LinkEndsRow>(
  'select_opposite_links',
  `
  select links.link_id, links.inward_issue_id, links.outward_issue_id
  from links
  where links.org_id = :orgId and links.link_type_id = :linkTypeId and exists (
    select from links others
    where others.org_id = :orgId and others.link_type_id = :linkTypeId
      and others.inward_issue_id = links.outward_issue_id and others.outward_issue_id = links.inward_issue_id)
  order by links.link_id
  limit 20`,
);

/** Links of the type whose issues also have a link in the opposite direction; at most 20. */
export function selectOppositeLinks(db: Queryable, orgId: string, linkTypeId: string): Promise<LinkEndsRow[]> {
  return db.query(SELECT_OPPOSITE_LINKS({ orgId, linkTypeId }));
}

const SELECT_SECOND_SINGLES = {
  inward: selectSecondSinglesAt('inward'),
  outward: selectSecondSinglesAt('outward'),
};

function selectSecondSinglesAt(end: 'inward' | 'outward') {
  return statement<'orgId' | 'linkTypeId', LinkEndsRow>(
    `select_second_singles_${end}`,
    `
    select links.link_id, links.inward_issue_id, links.outward_issue_id
    from links
    where links.org_id = :orgId and links.link_type_id = :linkTypeId and exists (
      select from links others
      where others.org_id = :orgId and others.link_type_id = :linkTypeId and others.link_id <> links.link_id
        and others.${end}_issue_id = links.${end}_issue_id)
    order by links.link_id
    limit 20`,
  );
}

/** Links of the type whose issue at that end has another such link; at most 20. */
export function selectSecondSingles(
  db: Queryable,
  orgId: string,
  linkTypeId: string,
  end: 'inward' | 'outward',
): Promise<LinkEndsRow[]> {
  return db.query(SELECT_SECOND_SINGLES[end]({ orgId, linkTypeId }));
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

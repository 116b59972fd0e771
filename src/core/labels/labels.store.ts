import type { Queryable, Transaction } from '../../database/database.ts';
import { statement } from '../../database/statement.ts';

/** A label as Kanboard's clients see it. */
export interface LabelRow {
  id: number;
  label: string;
  /** 0 if the label has no opposite. */
  opposite_id: number;
}

const COLUMNS = 'labels.label_id as id, labels.label, coalesce(labels.opposite_id, 0) as opposite_id';

const SELECT_LABELS = statement<'orgId', LabelRow>(
  'select_labels',
  `select ${COLUMNS} from labels where labels.org_id = :orgId order by labels.label_id`,
);

export function selectLabels(db: Queryable, orgId: string): Promise<LabelRow[]> {
  return db.query(SELECT_LABELS({ orgId }));
}

const SELECT_LABEL = statement<'orgId' | 'labelId', LabelRow>(
  'select_label',
  `select ${COLUMNS} from labels where labels.org_id = :orgId and labels.label_id = :labelId::bigint`,
);

export async function selectLabel(db: Queryable, orgId: string, labelId: number): Promise<LabelRow | undefined> {
  const [row] = await db.query(SELECT_LABEL({ orgId, labelId }));
  return row;
}

const SELECT_LABEL_BY_TEXT = statement<'orgId' | 'label', LabelRow>(
  'select_label_by_text',
  `
  select ${COLUMNS} from labels
  where labels.org_id = :orgId and md5(labels.label) = md5(:label) and labels.label = :label`,
);

export async function selectLabelByText(db: Queryable, orgId: string, label: string): Promise<LabelRow | undefined> {
  const [row] = await db.query(SELECT_LABEL_BY_TEXT({ orgId, label }));
  return row;
}

const INSERT_LABEL_PAIR = statement<'orgId' | 'labels', { label_id: number }>(
  'insert_label_pair',
  `
  with organisation as (
    update organisations set last_label_id = last_label_id + cardinality(:labels::text[])
    where org_id = :orgId
    returning last_label_id - cardinality(:labels::text[]) as before
  )
  insert into labels (org_id, label_id, label, opposite_id)
  select :orgId, before + place, given.label, case when cardinality(:labels::text[]) = 2 then before + 3 - place end
  from organisation cross join unnest(:labels::text[]) with ordinality as given (label, place)
  order by place
  returning label_id`,
);

/** Inserts a label, or two that are each other's opposite, with the next ids; returns the id of the first. */
export async function insertLabelPair(db: Transaction, orgId: string, labels: readonly string[]): Promise<number> {
  const [row] = await db.query(INSERT_LABEL_PAIR({ orgId, labels }));
  return (row as { label_id: number }).label_id;
}

const LOCK_LABEL = statement<'orgId' | 'labelId', { label: string; is_fixed: boolean }>(
  'lock_label',
  `
  select labels.label,
    labels.phrase is not null and (select profile from organisations where org_id = :orgId) = 'tracker' as is_fixed
  from labels where labels.org_id = :orgId and labels.label_id = :labelId::bigint
  for update`,
);

/**
 * Locks a label against concurrent changes. A label with one of Tracker's relationships is fixed in an organisation
 * with the `tracker` profile.
 */
export async function lockLabel(
  db: Transaction,
  orgId: string,
  labelId: number,
): Promise<{ label: string; is_fixed: boolean } | undefined> {
  const [row] = await db.query(LOCK_LABEL({ orgId, labelId }));
  return row;
}

const UPDATE_LABEL = statement<'orgId' | 'labelId' | 'label' | 'oppositeId'>(
  'update_label',
  `
  with types as (
    update link_types set version = version + 1
    where org_id = :orgId and (inward_label_id = :labelId or outward_label_id = :labelId)
      and exists (select from labels where org_id = :orgId and label_id = :labelId and label <> :label)
  )
  update labels
  set label = :label, opposite_id = :oppositeId,
    name_ru = case when label = :label then name_ru end,
    name_en = case when label = :label then name_en end,
    phrase = case when label = :label then phrase end
  where org_id = :orgId and label_id = :labelId`,
);

/** A renamed label loses its translations and its Tracker relationship: the new name is used everywhere. */
export async function updateLabel(
  db: Transaction,
  orgId: string,
  labelId: number,
  { label, oppositeId }: { readonly label: string; readonly oppositeId: number | undefined },
): Promise<void> {
  await db.invalidate(orgId);
  await db.query(UPDATE_LABEL({ orgId, labelId, label, oppositeId }));
}

const DELETE_LABEL = statement<'orgId' | 'labelId'>(
  'delete_label',
  `
  with former_opposites as (
    update labels set opposite_id = null where org_id = :orgId and opposite_id = :labelId and label_id <> :labelId
  ), remote as (
    update remote_links set link_type_id = null
    where org_id = :orgId and link_type_id in (
      select link_type_id from link_types
      where org_id = :orgId and (inward_label_id = :labelId or outward_label_id = :labelId))
  )
  delete from labels where org_id = :orgId and label_id = :labelId`,
);

/**
 * Deletes a label and its link types, whose links must be deleted before. Remote links of these types remain without a
 * type, and labels that have it as their opposite remain without one.
 */
export async function deleteLabel(db: Transaction, orgId: string, labelId: number): Promise<void> {
  await db.invalidate(orgId);
  await db.query(DELETE_LABEL({ orgId, labelId }));
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

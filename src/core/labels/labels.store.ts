import type { Queryable, Transaction } from '../../database/database.ts';

/** A label as Kanboard's clients know it. */
export interface LabelRow {
  id: number;
  label: string;
  /** 0 for none. */
  opposite_id: number;
}

const COLUMNS = 'labels.label_id as id, labels.label, coalesce(labels.opposite_id, 0) as opposite_id';

export function selectLabels(db: Queryable, orgId: string): Promise<LabelRow[]> {
  return db.query<LabelRow>({
    name: 'select_labels',
    text: `select ${COLUMNS} from labels where labels.org_id = $1 order by labels.label_id`,
    values: [orgId],
  });
}

export async function selectLabel(db: Queryable, orgId: string, labelId: number): Promise<LabelRow | undefined> {
  const [row] = await db.query<LabelRow>({
    name: 'select_label',
    text: `select ${COLUMNS} from labels where labels.org_id = $1 and labels.label_id = $2::bigint`,
    values: [orgId, labelId],
  });
  return row;
}

export async function selectLabelByText(db: Queryable, orgId: string, label: string): Promise<LabelRow | undefined> {
  const [row] = await db.query<LabelRow>({
    name: 'select_label_by_text',
    text: `
      select ${COLUMNS} from labels
      where labels.org_id = $1 and md5(labels.label) = md5($2) and labels.label = $2`,
    values: [orgId, label],
  });
  return row;
}

/** Adds a label, or two that are each other's opposite, under the organisation's next numbers; answers the first one. */
export async function insertLabelPair(db: Transaction, orgId: string, labels: readonly string[]): Promise<number> {
  const [row] = await db.query<{ label_id: number }>({
    name: 'insert_label_pair',
    text: `
      with organisation as (
        update organisations set last_label_id = last_label_id + cardinality($2::text[])
        where org_id = $1
        returning last_label_id - cardinality($2::text[]) as before
      )
      insert into labels (org_id, label_id, label, opposite_id)
      select $1, before + place, given.label, case when cardinality($2::text[]) = 2 then before + 3 - place end
      from organisation cross join unnest($2::text[]) with ordinality as given (label, place)
      order by place
      returning label_id`,
    values: [orgId, labels],
  });
  return (row as { label_id: number }).label_id;
}

/**
 * Locks a label against other changes. A label that has a relationship of Tracker's is fixed where the organisation
 * started as a Tracker.
 */
export async function lockLabel(
  db: Transaction,
  orgId: string,
  labelId: number,
): Promise<{ label: string; is_fixed: boolean } | undefined> {
  const [row] = await db.query<{ label: string; is_fixed: boolean }>({
    name: 'lock_label',
    text: `
      select labels.label,
        labels.phrase is not null and (select profile from organisations where org_id = $1) = 'tracker' as is_fixed
      from labels where labels.org_id = $1 and labels.label_id = $2::bigint
      for update`,
    values: [orgId, labelId],
  });
  return row;
}

/** With another text, a label is called by it in every language, and by no relationship of Tracker's any more. */
export async function updateLabel(
  db: Transaction,
  orgId: string,
  labelId: number,
  { label, oppositeId }: { readonly label: string; readonly oppositeId: number | undefined },
): Promise<void> {
  await db.query({
    name: 'update_label',
    text: `
      with types as (
        update link_types set version = version + 1
        where org_id = $1 and (inward_label_id = $2 or outward_label_id = $2)
          and exists (select from labels where org_id = $1 and label_id = $2 and label <> $3)
      )
      update labels
      set label = $3, opposite_id = $4,
        name_ru = case when label = $3 then name_ru end,
        name_en = case when label = $3 then name_en end,
        phrase = case when label = $3 then phrase end
      where org_id = $1 and label_id = $2`,
    values: [orgId, labelId, label, oppositeId],
  });
}

/** Deletes a label with its link types, whose links are gone already. Labels that pointed at it have no opposite then. */
export async function deleteLabel(db: Transaction, orgId: string, labelId: number): Promise<void> {
  await db.query({
    name: 'delete_label',
    text: 'delete from labels where org_id = $1 and label_id = $2',
    values: [orgId, labelId],
  });
}

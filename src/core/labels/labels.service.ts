import type { Database, Queryable, Transaction } from '../../database/database.ts';
import { onConstraint } from '../../database/database-error.ts';
import { DomainError } from '../../errors.ts';
import { texts } from '../../texts.ts';
import type { Viewer } from '../access/viewer.ts';
import { lockOrganisation } from '../organisations/organisations.store.ts';
import {
  insertLabelPair,
  type LabelRow,
  lockLabel,
  selectLabel,
  selectLabelByText,
  selectLabels,
  updateLabel,
} from './labels.store.ts';

/** Every label of the organisation, by its number. */
export function listLabels(db: Queryable, { orgId }: Viewer): Promise<LabelRow[]> {
  return selectLabels(db, orgId);
}

export function findLabel(db: Queryable, { orgId }: Viewer, labelId: number): Promise<LabelRow | undefined> {
  return selectLabel(db, orgId, labelId);
}

/** The label of that text, in the same letter case. */
export function findLabelByText(db: Queryable, { orgId }: Viewer, label: string): Promise<LabelRow | undefined> {
  return selectLabelByText(db, orgId, label);
}

/**
 * Makes a label, and with `opposite` a second one, each the other's opposite; answers the number of the first. The type of
 * links that carry them comes into being with the first such link. Throws `refused` for texts that cannot be labels, and
 * `conflict` for one that is taken.
 */
export function createLabel(
  db: Database,
  { orgId }: Viewer,
  { label, opposite }: { readonly label: string; readonly opposite: string | undefined },
): Promise<number> {
  const labels = opposite === undefined ? [label] : [label, opposite];
  return db.transaction((transaction) => takingLabel(label, insertLabelPair(transaction, orgId, labels)));
}

/**
 * Gives a label another text, another opposite, or none; the opposite label is not touched. Throws `refused` for what is
 * missing or fixed, and `conflict` for a text that is taken.
 */
export function changeLabel(
  db: Database,
  { orgId }: Viewer,
  labelId: number,
  { label, oppositeId }: { readonly label: string; readonly oppositeId: number | undefined },
): Promise<void> {
  return db.transaction(async (transaction) => {
    await lockChangeableLabel(transaction, orgId, labelId);
    // As a number that no label has it must not reach a column that holds smaller ones.
    if (oppositeId !== undefined && (await selectLabel(transaction, orgId, oppositeId)) === undefined) {
      throw new DomainError('refused', texts.labelNotFound(String(oppositeId)));
    }
    const write = updateLabel(transaction, orgId, labelId, { label, oppositeId });
    await onConstraint(takingLabel(label, write), {
      labels_opposite_id_fkey: new DomainError('refused', texts.labelNotFound(String(oppositeId))),
    });
  });
}

/** Locks a label for a change. Throws `refused` for one that does not exist or is built in. */
export async function lockChangeableLabel(db: Transaction, orgId: string, labelId: number): Promise<void> {
  // Before the label, as those do who make a type of it.
  await lockOrganisation(db, orgId);
  const label = await lockLabel(db, orgId, labelId);
  if (label === undefined) throw new DomainError('refused', texts.labelNotFound(String(labelId)));
  if (label.is_fixed) throw new DomainError('refused', texts.labelFixed(label.label));
}

function takingLabel<Result>(label: string, write: Promise<Result>): Promise<Result> {
  return onConstraint(write, {
    labels_label_key: new DomainError('conflict', texts.labelTaken(label)),
    labels_label_check: new DomainError('refused', texts.labelUnfit),
    labels_label_length_check: new DomainError('refused', texts.labelUnfit),
  });
}

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

/** Every label of the organisation, by its id. */
export function listLabels(db: Queryable, { orgId }: Viewer): Promise<LabelRow[]> {
  return selectLabels(db, orgId);
}

export function findLabel(db: Queryable, { orgId }: Viewer, labelId: number): Promise<LabelRow | undefined> {
  return selectLabel(db, orgId, labelId);
}

/** The label with exactly that string; case-sensitive. */
export function findLabelByText(db: Queryable, { orgId }: Viewer, label: string): Promise<LabelRow | undefined> {
  return selectLabelByText(db, orgId, label);
}

/**
 * Creates a label, and with `opposite` a second one, each the other's opposite; returns the id of the first. Their link
 * type is created with the first such link. Throws `refused` for an invalid label, and `conflict` for one that is
 * taken.
 */
export function createLabel(
  db: Database,
  { orgId }: Viewer,
  { label, opposite }: { readonly label: string; readonly opposite: string | undefined },
): Promise<number> {
  const labels = opposite === undefined ? [label] : [label, opposite];
  return db.transaction((transaction) => translateLabelErrors(label, insertLabelPair(transaction, orgId, labels)));
}

/**
 * Renames a label and replaces its opposite (`undefined` clears it); the opposite label itself is unchanged. Throws
 * `refused` for a label that does not exist or is built in, and `conflict` for a name that is taken.
 */
export function changeLabel(
  db: Database,
  { orgId }: Viewer,
  labelId: number,
  { label, oppositeId }: { readonly label: string; readonly oppositeId: number | undefined },
): Promise<void> {
  return db.transaction(async (transaction) => {
    await lockChangeableLabel(transaction, orgId, labelId, 'labels');
    // `opposite_id` is an integer column; a larger id would overflow it instead of being not found.
    if (oppositeId !== undefined && (await selectLabel(transaction, orgId, oppositeId)) === undefined) {
      throw new DomainError('refused', texts.labelNotFound(String(oppositeId)));
    }
    const write = updateLabel(transaction, orgId, labelId, { label, oppositeId });
    await onConstraint(translateLabelErrors(label, write), {
      labels_opposite_id_fkey: () => new DomainError('refused', texts.labelNotFound(String(oppositeId))),
    });
  });
}

/** Locks a label for a change, with `rules` against writers of links as well. Throws `refused` for one that does not exist or is built in. */
export async function lockChangeableLabel(
  db: Transaction,
  orgId: string,
  labelId: number,
  strength: 'labels' | 'rules',
): Promise<void> {
  // The organisation before the label, in the same order as the creation of a link type.
  await lockOrganisation(db, orgId, strength);
  const label = await lockLabel(db, orgId, labelId);
  if (label === undefined) throw new DomainError('refused', texts.labelNotFound(String(labelId)));
  if (label.is_fixed) throw new DomainError('refused', texts.labelFixed(label.label));
}

function translateLabelErrors<Result>(label: string, write: Promise<Result>): Promise<Result> {
  return onConstraint(write, {
    labels_label_key: () => new DomainError('conflict', texts.labelTaken(label)),
    labels_label_check: () => new DomainError('refused', texts.labelInvalid),
    labels_label_length_check: () => new DomainError('refused', texts.labelInvalid),
  });
}

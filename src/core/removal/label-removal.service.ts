import type { Database } from '../../database/database.ts';
import type { Viewer } from '../access/viewer.ts';
import { deleteLinksWithLabel } from '../issue-links/link-writes.service.ts';
import { lockChangeableLabel } from '../labels/labels.service.ts';
import { deleteLabel } from '../labels/labels.store.ts';
import { keepLabels } from '../link-types/link-types.store.ts';

/**
 * Removes a label, the links that carry it at either end, and their types; labels that had it as their opposite lose
 * their opposite. Throws `refused` for a label that does not exist or is built in.
 */
export function removeLabel(db: Database, viewer: Viewer, labelId: number): Promise<void> {
  const { orgId } = viewer;
  return db.transaction(async (transaction) => {
    await lockChangeableLabel(transaction, orgId, labelId, 'rules');
    await deleteLinksWithLabel(transaction, viewer, labelId);
    await keepLabels(transaction, orgId, { labelId });
    await deleteLabel(transaction, orgId, labelId);
  });
}

import type { Database } from '../../database/database.ts';
import { DomainError } from '../../errors.ts';
import { texts } from '../../texts.ts';
import type { Viewer } from '../access/viewer.ts';
import { unassignUser } from '../issues/issue-writes.ts';
import { deleteMembershipsOf } from '../queues/queue-members.store.ts';
import { deleteTokens } from '../tokens/tokens.store.ts';
import { keepAdministrator } from '../users/users.service.ts';
import { updateUserRemoved } from '../users/users.store.ts';

/**
 * Removes a user from the organisation: deletes their credentials and roles, frees their login and unassigns their
 * issues. Their name stays on what they wrote. Throws `not_found`, and `refused` for the caller and for the last
 * administrator.
 */
export function removeUser(db: Database, viewer: Viewer, userId: number): Promise<void> {
  const { orgId } = viewer;
  return db.transaction(async (transaction) => {
    await keepAdministrator(transaction, viewer, userId);
    const exists = await updateUserRemoved(transaction, orgId, userId);
    if (!exists) throw new DomainError('not_found', texts.userUnknown);
    await deleteTokens(transaction, orgId, userId);
    await unassignUser(transaction, viewer, userId);
    // After the issues, in the same lock order as the removal of a queue.
    await deleteMembershipsOf(transaction, orgId, userId);
  });
}

import type { Database, Queryable, Transaction } from '../../database/database.ts';
import { onConstraint } from '../../database/database-error.ts';
import { DomainError } from '../../errors.ts';
import { texts } from '../../texts.ts';
import type { Viewer } from '../access/viewer.ts';
import {
  deleteMember,
  insertMembers,
  type MemberRow,
  type QueueRole,
  selectAssignableUsers,
  selectMembers,
  selectQueueAccess,
  selectQueueRole,
  updateMemberRole,
} from './queue-members.store.ts';

export interface Member {
  readonly userId: number;
  /** The login if the user has no name. */
  readonly name: string;
}

/** The users with a role in the queue, by name. Throws `not_found`. */
export async function listMembers(db: Queryable, viewer: Viewer, queueId: number): Promise<Member[]> {
  const rows = await selectMembers(db, viewer, queueId);
  if (rows === undefined) throw new DomainError('not_found', texts.queueNotFound);
  return rows.map(toMember);
}

/** The users to whom issues of the queue can be assigned, by name. Throws `not_found`. */
export async function listAssignableUsers(db: Queryable, viewer: Viewer, queueId: number): Promise<Member[]> {
  const rows = await selectAssignableUsers(db, viewer, queueId);
  if (rows === undefined) throw new DomainError('not_found', texts.queueNotFound);
  return rows.map(toMember);
}

function toMember({ user_id: userId, name }: MemberRow): Member {
  return { userId, name };
}

/** The user's effective role in the queue; undefined for no access. Throws `not_found`. */
export async function findRole(
  db: Queryable,
  viewer: Viewer,
  queueId: number,
  userId: number,
): Promise<QueueRole | undefined> {
  const found = await selectQueueRole(db, viewer, queueId, userId);
  if (found === undefined) throw new DomainError('not_found', texts.queueNotFound);
  return found.role ?? undefined;
}

/**
 * Gives a user a role in a queue; `undefined` marks an invalid role. Administrators of the organisation may add
 * themselves to any queue. Throws `not_found`, `forbidden`, `invalid`, `refused` for an unknown user, and `conflict`
 * for a member.
 */
export function addMember(
  db: Database,
  viewer: Viewer,
  queueId: number,
  { userId, role }: { readonly userId: number; readonly role: QueueRole | undefined },
): Promise<void> {
  const isJoining = viewer.role === 'admin' && userId === viewer.userId;
  const add = async (transaction: Transaction) => {
    const insert = insertMembers(transaction, viewer.orgId, queueId, [userId], validRole(role));
    const added = await onConstraint(insert, {
      queue_members_pkey: () => new DomainError('conflict', texts.memberAlready),
      queue_members_queue_id_fkey: () => new DomainError('not_found', texts.queueNotFound),
    });
    if (added === 0) throw new DomainError('refused', texts.userUnknown);
  };
  return inManagedQueue(db, viewer, queueId, add, isJoining);
}

/** Changes a member's role. Throws `not_found`, `forbidden`, `invalid`, and `refused` for a user without a role. */
export function changeRole(
  db: Database,
  viewer: Viewer,
  queueId: number,
  { userId, role }: { readonly userId: number; readonly role: QueueRole | undefined },
): Promise<void> {
  return inManagedQueue(db, viewer, queueId, async (transaction) => {
    const member = { userId, role: validRole(role) };
    const isMember = await updateMemberRole(transaction, viewer.orgId, queueId, member);
    if (!isMember) throw new DomainError('refused', texts.memberUnknown);
  });
}

/** Removes a user's role in a queue. Throws `not_found`, `forbidden`, and `refused` for a user without one. */
export function removeMember(db: Database, viewer: Viewer, queueId: number, userId: number): Promise<void> {
  return inManagedQueue(db, viewer, queueId, async (transaction) => {
    const removed = await deleteMember(transaction, viewer.orgId, queueId, userId);
    if (!removed) throw new DomainError('refused', texts.memberUnknown);
  });
}

/** Throws `invalid` for undefined. */
function validRole(role: QueueRole | undefined): QueueRole {
  if (role === undefined) throw new DomainError('invalid', undefined, { role: texts.formInvalid });
  return role;
}

/** Runs a change of a queue in a transaction. Throws as `requireManagedQueue` does, before `work` starts. */
export function inManagedQueue<Result>(
  db: Database,
  viewer: Viewer,
  queueId: number,
  work: (transaction: Transaction) => Promise<Result>,
  isExempt = false,
): Promise<Result> {
  return db.transaction(async (transaction) => {
    await requireManagedQueue(transaction, viewer, queueId, isExempt);
    return await work(transaction);
  });
}

/** Throws `not_found` for a queue that the viewer may not see, and `forbidden` for one that they do not manage. */
export async function requireManagedQueue(
  db: Queryable,
  viewer: Viewer,
  queueId: number,
  isExempt = false,
): Promise<void> {
  const access = await selectQueueAccess(db, viewer, queueId);
  if (access === undefined) throw new DomainError('not_found', texts.queueNotFound);
  if (access.is_managed || isExempt) return;
  if (!access.is_visible) throw new DomainError('not_found', texts.queueNotFound);
  throw new DomainError('forbidden', texts.queueManagersOnly);
}

import type { Queryable, Transaction } from '../../database/database.ts';
import { statement } from '../../database/statement.ts';
import { managedQueue, mayManage, maySee, mayWrite, USER, type Viewer, visibleQueue } from '../access/viewer.ts';
import { isPerson } from '../users/person.ts';

export type QueueRole = 'manager' | 'member' | 'viewer';

export interface MemberRow {
  user_id: number;
  name: string;
}

const SELECT_MEMBERS = statement<keyof Viewer | 'queueId', MemberRow | { user_id: null }>(
  'select_members',
  `
  select users.user_id, coalesce(users.display, users.login) as name
  from queues
  left join queue_members on queue_members.org_id = :orgId and queue_members.queue_id = queues.queue_id
  left join users on users.org_id = :orgId and users.user_id = queue_members.user_id
  where queues.org_id = :orgId and queues.queue_id = :queueId and ${visibleQueue('queues')}
  order by name collate "C", users.user_id`,
);

/** The members of a queue, by name or else login. Undefined for a queue that the viewer may not see. */
export async function selectMembers(db: Queryable, viewer: Viewer, queueId: number): Promise<MemberRow[] | undefined> {
  const rows = await db.query(SELECT_MEMBERS({ ...viewer, queueId }));
  return rows.length === 0 ? undefined : rows.filter((row) => row.user_id !== null);
}

const SELECT_ASSIGNABLE_USERS = statement<keyof Viewer | 'queueId', MemberRow | { user_id: null }>(
  'select_assignable_users',
  `
  select users.user_id, coalesce(users.display, users.login) as name
  from queues
  left join users on users.org_id = :orgId and users.is_active and ${isPerson('users')} and ${mayWrite('queues', USER)}
  where queues.org_id = :orgId and queues.queue_id = :queueId and ${visibleQueue('queues')}
  order by name collate "C", users.user_id`,
);

/** The users to whom issues of a queue can be assigned, likewise. */
export async function selectAssignableUsers(
  db: Queryable,
  viewer: Viewer,
  queueId: number,
): Promise<MemberRow[] | undefined> {
  const rows = await db.query(SELECT_ASSIGNABLE_USERS({ ...viewer, queueId }));
  return rows.length === 0 ? undefined : rows.filter((row) => row.user_id !== null);
}

const SELECT_QUEUE_ROLE = statement<keyof Viewer | 'queueId' | 'memberId', { role: QueueRole | null }>(
  'select_queue_role',
  `
  select case
    when users.user_id is null then null
    when ${mayManage('queues', USER)} then 'manager'
    when ${mayWrite('queues', USER)} then 'member'
    when ${maySee('queues', USER)} then 'viewer'
  end as role
  from queues
  left join users on users.org_id = :orgId and users.user_id = :memberId and ${isPerson('users')}
  where queues.org_id = :orgId and queues.queue_id = :queueId and ${visibleQueue('queues')}`,
);

/**
 * A user's effective role in a queue: the one they have there, or the one that follows from their role in the
 * organisation if the queue is open to it. The role is null for no access. Undefined for a queue that the viewer may
 * not see.
 */
export async function selectQueueRole(
  db: Queryable,
  viewer: Viewer,
  queueId: number,
  userId: number,
): Promise<{ role: QueueRole | null } | undefined> {
  const [row] = await db.query(SELECT_QUEUE_ROLE({ ...viewer, queueId, memberId: userId }));
  return row;
}

const SELECT_QUEUE_ACCESS = statement<keyof Viewer | 'queueId', { is_visible: boolean; is_managed: boolean }>(
  'select_queue_access',
  `
  select ${visibleQueue('queues')} as is_visible, ${managedQueue('queues')} as is_managed
  from queues
  where queues.org_id = :orgId and queues.queue_id = :queueId`,
);

/** The viewer's access to a queue. Undefined if the queue does not exist. */
export async function selectQueueAccess(
  db: Queryable,
  viewer: Viewer,
  queueId: number,
): Promise<{ is_visible: boolean; is_managed: boolean } | undefined> {
  const [row] = await db.query(SELECT_QUEUE_ACCESS({ ...viewer, queueId }));
  return row;
}

const INSERT_MEMBERS = statement<'orgId' | 'queueId' | 'userIds' | 'role'>(
  'insert_members',
  `
  insert into queue_members (org_id, queue_id, user_id, role)
  select :orgId, :queueId, found.user_id, :role
  from (
    select user_id from users
    where org_id = :orgId and user_id = any(:userIds::bigint[]) and ${isPerson('users')}
    order by user_id
    for share
  ) as found
  returning user_id`,
);

/** Adds the users that exist, and returns their number. Waits for a concurrent removal of one of them. */
export async function insertMembers(
  db: Transaction,
  orgId: string,
  queueId: number,
  userIds: readonly number[],
  role: QueueRole,
): Promise<number> {
  const rows = await db.query(INSERT_MEMBERS({ orgId, queueId, userIds, role }));
  return rows.length;
}

const UPDATE_MEMBER_ROLE = statement<'orgId' | 'queueId' | 'userId' | 'role'>(
  'update_member_role',
  `
  update queue_members set role = :role
  where org_id = :orgId and queue_id = :queueId and user_id = :userId
  returning user_id`,
);

/** Returns whether the user is a member. */
export async function updateMemberRole(
  db: Transaction,
  orgId: string,
  queueId: number,
  member: { readonly userId: number; readonly role: QueueRole },
): Promise<boolean> {
  const rows = await db.query(UPDATE_MEMBER_ROLE({ orgId, queueId, ...member }));
  return rows.length > 0;
}

const DELETE_MEMBER = statement<'orgId' | 'queueId' | 'userId'>(
  'delete_member',
  'delete from queue_members where org_id = :orgId and queue_id = :queueId and user_id = :userId returning user_id',
);

/** Returns whether the user was a member. */
export async function deleteMember(db: Transaction, orgId: string, queueId: number, userId: number): Promise<boolean> {
  const rows = await db.query(DELETE_MEMBER({ orgId, queueId, userId }));
  return rows.length > 0;
}

const DELETE_MEMBERSHIPS_OF = statement<'orgId' | 'userId'>(
  'delete_memberships_of',
  'delete from queue_members where org_id = :orgId and user_id = :userId',
);

/** Removes a user's roles in all queues. */
export async function deleteMembershipsOf(db: Transaction, orgId: string, userId: number): Promise<void> {
  await db.query(DELETE_MEMBERSHIPS_OF({ orgId, userId }));
}

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

/** The members of a queue by name, or by login where they have none. Undefined when there is no such queue for this viewer. */
export async function selectMembers(db: Queryable, viewer: Viewer, queueId: number): Promise<MemberRow[] | undefined> {
  const rows = await db.query(SELECT_MEMBERS({ ...viewer, queueId }));
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
 * What a user may do in a queue: by a role of their own there, or by the one in the organisation where the queue is open to
 * it. The role is null for nobody; undefined when there is no such queue for this viewer.
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

/** What a viewer may do with a queue. Undefined when there is no such queue at all. */
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

/** Answers how many of the users there are, which is how many became members. Waits for whoever is removing one. */
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

const DELETE_MEMBER = statement<'orgId' | 'queueId' | 'userId'>(
  'delete_member',
  'delete from queue_members where org_id = :orgId and queue_id = :queueId and user_id = :userId returning user_id',
);

/** Answers whether the user was a member. */
export async function deleteMember(db: Transaction, orgId: string, queueId: number, userId: number): Promise<boolean> {
  const rows = await db.query(DELETE_MEMBER({ orgId, queueId, userId }));
  return rows.length > 0;
}

const DELETE_MEMBERSHIPS_OF = statement<'orgId' | 'userId'>(
  'delete_memberships_of',
  'delete from queue_members where org_id = :orgId and user_id = :userId',
);

/** Ends what a user is in every queue. */
export async function deleteMembershipsOf(db: Transaction, orgId: string, userId: number): Promise<void> {
  await db.query(DELETE_MEMBERSHIPS_OF({ orgId, userId }));
}

import type { Queryable, Transaction } from '../../database/database.ts';
import {
  managedQueue,
  mayManage,
  maySee,
  mayWrite,
  USER,
  type Viewer,
  viewerValues,
  visibleQueue,
  writerValues,
} from '../access/viewer.ts';
import { isPerson } from '../users/person.ts';

export type QueueRole = 'manager' | 'member' | 'viewer';

export interface MemberRow {
  user_id: number;
  name: string;
}

/** The members of a queue by name, or by login where they have none. Undefined when there is no such queue for this viewer. */
export async function selectMembers(db: Queryable, viewer: Viewer, queueId: number): Promise<MemberRow[] | undefined> {
  const rows = await db.query<MemberRow | { user_id: null }>({
    name: 'select_queue_members',
    text: `
      select users.user_id, coalesce(users.display, users.login) as name
      from queues
      left join queue_members on queue_members.org_id = $1 and queue_members.queue_id = queues.queue_id
      left join users on users.org_id = $1 and users.user_id = queue_members.user_id
      where queues.org_id = $1 and queues.queue_id = $4 and ${visibleQueue('queues')}
      order by name collate "C", users.user_id`,
    values: [...viewerValues(viewer), queueId],
  });
  return rows.length === 0 ? undefined : rows.filter((row) => row.user_id !== null);
}

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
  const [row] = await db.query<{ role: QueueRole | null }>({
    name: 'select_queue_role',
    text: `
      select case
        when users.user_id is null then null
        when ${mayManage('queues', USER)} then 'manager'
        when ${mayWrite('queues', USER)} then 'member'
        when ${maySee('queues', USER)} then 'viewer'
      end as role
      from queues
      left join users on users.org_id = $1 and users.user_id = $5 and ${isPerson('users')}
      where queues.org_id = $1 and queues.queue_id = $4 and ${visibleQueue('queues')}`,
    values: [...viewerValues(viewer), queueId, userId],
  });
  return row;
}

/** What a viewer may do with a queue. Undefined when there is no such queue at all. */
export async function selectQueueAccess(
  db: Queryable,
  viewer: Viewer,
  queueId: number,
): Promise<{ is_visible: boolean; is_managed: boolean } | undefined> {
  const [row] = await db.query<{ is_visible: boolean; is_managed: boolean }>({
    name: 'select_queue_access',
    text: `
      select ${visibleQueue('queues')} as is_visible, ${managedQueue('queues')} as is_managed
      from queues
      where queues.org_id = $1 and queues.queue_id = $5`,
    values: [...writerValues(viewer), queueId],
  });
  return row;
}

/** Answers how many of the users there are, which is how many became members. Waits for whoever is removing one. */
export async function insertMembers(
  db: Transaction,
  orgId: string,
  queueId: number,
  userIds: readonly number[],
  role: QueueRole,
): Promise<number> {
  const rows = await db.query({
    name: 'insert_queue_members',
    text: `
      insert into queue_members (org_id, queue_id, user_id, role)
      select $1, $2, found.user_id, $4
      from (
        select user_id from users
        where org_id = $1 and user_id = any($3::bigint[]) and ${isPerson('users')}
        order by user_id
        for share
      ) as found
      returning user_id`,
    values: [orgId, queueId, userIds, role],
  });
  return rows.length;
}

/** Answers whether the user was a member. */
export async function deleteMember(db: Transaction, orgId: string, queueId: number, userId: number): Promise<boolean> {
  const rows = await db.query({
    name: 'delete_queue_member',
    text: 'delete from queue_members where org_id = $1 and queue_id = $2 and user_id = $3 returning user_id',
    values: [orgId, queueId, userId],
  });
  return rows.length > 0;
}

/** Ends what a user is in every queue. */
export async function deleteMembershipsOf(db: Transaction, orgId: string, userId: number): Promise<void> {
  await db.query({
    name: 'delete_memberships',
    text: 'delete from queue_members where org_id = $1 and user_id = $2',
    values: [orgId, userId],
  });
}

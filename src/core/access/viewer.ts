import { DomainError } from '../../errors.ts';
import { texts } from '../../texts.ts';

export type OrganisationRole = 'admin' | 'manager' | 'member' | 'reader';

/** The user a request acts for, in their organisation. Its members are parameters of every statement that shows issues. */
export interface Viewer {
  readonly orgId: string;
  readonly userId: number;
  readonly role: OrganisationRole;
  /** Kanboard's application account: no queue is closed to it. */
  readonly isApplication: boolean;
}

/** Names the account that a request uses resources for; the same in both APIs. */
export function accountOf({ orgId, userId }: Viewer): string {
  return `${orgId} ${userId}`;
}

/** Throws `forbidden` for everybody but administrators of the organisation. */
export function requireAdministrator({ role }: Viewer): void {
  if (role !== 'admin') throw new DomainError('forbidden', texts.administratorsOnly);
}

/** Throws `forbidden` for everybody but administrators and managers of the organisation. */
export function requireManager({ role }: Viewer): void {
  if (role !== 'admin' && role !== 'manager') throw new DomainError('forbidden', texts.managersOnly);
}

/** SQL: a user of the organisation, by their number and their role there. */
interface UserSql {
  readonly id: string;
  readonly role: string;
}

/** Whoever is in the row `users`. */
export const USER: UserSql = { id: 'users.user_id', role: 'users.role' };

const VIEWER: UserSql = { id: ':userId', role: ':role::text' };

/**
 * SQL: whether the viewer sees the issues of the queue in the row `alias`. The only place that says so: every statement
 * that shows an issue uses it. Like the next two, it takes the members of the Viewer as its parameters.
 */
export function visibleQueue(alias: string): string {
  return `(:isApplication::boolean or ${maySee(alias, VIEWER)})`;
}

/** SQL: whether the viewer may change issues of the queue in the row `alias`. */
export function writableQueue(alias: string): string {
  return `(:isApplication::boolean or ${mayWrite(alias, VIEWER)})`;
}

/** SQL: whether the viewer may remove the queue in the row `alias`, or change its members. */
export function managedQueue(alias: string): string {
  return `(:isApplication::boolean or ${mayManage(alias, VIEWER)})`;
}

/** SQL: whether the queue is open to the organisation, or the user has a role in it. */
export function maySee(alias: string, user: Pick<UserSql, 'id'>): string {
  return `(${alias}.access = 'organisation' or ${hasRole(alias, user)})`;
}

/** SQL: whether the queue is open and the user more than a reader in the organisation, or more than a viewer in the queue. */
export function mayWrite(alias: string, user: UserSql): string {
  return `((${alias}.access = 'organisation' and ${user.role} <> 'reader')
    or ${hasRole(alias, user, "queue_members.role in ('manager', 'member')")})`;
}

/** SQL: whether the queue is open and the user an administrator of the organisation, or a manager of the queue. */
export function mayManage(alias: string, user: UserSql): string {
  return `((${alias}.access = 'organisation' and ${user.role} = 'admin')
    or ${hasRole(alias, user, "queue_members.role = 'manager'")})`;
}

function hasRole(alias: string, { id }: Pick<UserSql, 'id'>, condition = 'true'): string {
  return `exists (
    select from queue_members
    where queue_members.org_id = :orgId and queue_members.queue_id = ${alias}.queue_id and queue_members.user_id = ${id}
      and ${condition})`;
}

import { DomainError } from '../../errors.ts';
import { texts } from '../../texts.ts';

export const ORGANISATION_ROLES = ['admin', 'manager', 'member', 'reader'] as const;

export type OrganisationRole = (typeof ORGANISATION_ROLES)[number];

/** The authenticated user of a request. Every statement that reads issues takes these members as parameters. */
export interface Viewer {
  readonly orgId: string;
  readonly userId: number;
  readonly role: OrganisationRole;
  /** Kanboard's application account, which may access every queue. */
  readonly isApplication: boolean;
}

/** The key under which both APIs count the resources that an account uses. */
export function accountOf({ orgId, userId }: Viewer): string {
  return `${orgId} ${userId}`;
}

/** Throws `forbidden` unless the viewer is an administrator of the organisation. */
export function requireAdministrator({ role }: Viewer): void {
  if (role !== 'admin') throw new DomainError('forbidden', texts.administratorsOnly);
}

/** Throws `forbidden` unless the viewer is an administrator or a manager of the organisation. */
export function requireManager({ role }: Viewer): void {
  if (role !== 'admin' && role !== 'manager') throw new DomainError('forbidden', texts.managersOnly);
}

/** SQL expressions for a user's id and role in the organisation. */
interface UserSql {
  readonly id: string;
  readonly role: string;
}

/** The user in the row `users`. */
export const USER: UserSql = { id: 'users.user_id', role: 'users.role' };

const VIEWER: UserSql = { id: ':userId', role: ':role::text' };

/** The user in the row `viewer`. */
const VIEWER_ROW: UserSql = { id: 'viewer.user_id', role: 'viewer.role' };

/**
 * SQL: whether the viewer may see the issues of the queue in the row `alias`. The rule is defined only here, and every
 * statement that returns issues uses it. Like the next two, it takes the members of the Viewer as its parameters.
 */
export function visibleQueue(alias: string): string {
  return `(:isApplication::boolean or ${maySee(alias, VIEWER)})`;
}

/** As `visibleQueue`, for a statement that reads for several viewers: the user in the row `viewer`. */
export function visibleToViewer(alias: string): string {
  return `(viewer.is_application or ${maySee(alias, VIEWER_ROW)})`;
}

/** As `writableQueue`, likewise. */
export function writableByViewer(alias: string): string {
  return `(viewer.is_application or ${mayWrite(alias, VIEWER_ROW)})`;
}

/** SQL: whether the viewer may change issues of the queue in the row `alias`. */
export function writableQueue(alias: string): string {
  return `(:isApplication::boolean or ${mayWrite(alias, VIEWER)})`;
}

/** SQL: whether the viewer may remove the queue in the row `alias` or change its members. */
export function managedQueue(alias: string): string {
  return `(:isApplication::boolean or ${mayManage(alias, VIEWER)})`;
}

/** SQL: whether the queue is open to the organisation, or the user has a role in it. */
export function maySee(alias: string, user: Pick<UserSql, 'id'>): string {
  return `(${alias}.access = 'organisation' or ${hasRole(alias, user)})`;
}

/** SQL: whether the queue is open and the user is more than a reader, or is more than a viewer in the queue. */
export function mayWrite(alias: string, user: UserSql): string {
  return `((${alias}.access = 'organisation' and ${user.role} <> 'reader')
    or ${hasRole(alias, user, "queue_members.role in ('manager', 'member')")})`;
}

/** SQL: whether the queue is open and the user is an administrator, or manages the queue. */
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

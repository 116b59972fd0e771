import { DomainError } from '../../errors.ts';
import { texts } from '../../texts.ts';

export type OrganisationRole = 'admin' | 'manager' | 'member' | 'reader';

/** Whoever a request acts for. Every statement takes its organisation, and sees what it may see. */
export interface Viewer {
  readonly orgId: string;
  readonly userId: number;
  readonly role: OrganisationRole;
  /** Kanboard's application account: no queue is closed to it. */
  readonly seesAll: boolean;
}

/** Throws `forbidden` for everybody but administrators of the organisation. */
export function requireAdministrator({ role }: Viewer): void {
  if (role !== 'admin') throw new DomainError('forbidden', texts.administratorsOnly);
}

/** Throws `forbidden` for everybody but administrators and managers of the organisation. */
export function requireManager({ role }: Viewer): void {
  if (role !== 'admin' && role !== 'manager') throw new DomainError('forbidden', texts.managersOnly);
}

/** The first three parameters of every statement that shows issues: $1, $2 and $3 of `visibleQueue`. */
export function viewerValues(viewer: Viewer): readonly [string, number, boolean] {
  return [viewer.orgId, viewer.userId, viewer.seesAll];
}

/**
 * SQL: whether the viewer sees the issues of the queue in the row `alias`. The only place that says so; every
 * statement that shows an issue uses it, with `viewerValues` as its first parameters.
 */
export function visibleQueue(alias: string): string {
  return `(${alias}.access = 'organisation' or $3::boolean or exists (
    select from queue_members
    where queue_members.org_id = $1 and queue_members.queue_id = ${alias}.queue_id and queue_members.user_id = $2))`;
}

/** The first four parameters of every statement that uses `writableQueue`. */
export function writerValues(viewer: Viewer): readonly [string, number, boolean, boolean] {
  return [...viewerValues(viewer), viewer.role !== 'reader'];
}

/**
 * SQL: whether the viewer may change issues of the queue in the row `alias`, with `writerValues` as the first parameters:
 * an open queue and more than a reader in the organisation, or a member of the queue who is more than a viewer.
 */
export function writableQueue(alias: string): string {
  return `($3::boolean or (${alias}.access = 'organisation' and $4::boolean) or exists (
    select from queue_members
    where queue_members.org_id = $1 and queue_members.queue_id = ${alias}.queue_id and queue_members.user_id = $2
      and queue_members.role in ('manager', 'member')))`;
}

/** The first four parameters of every statement that uses `managedQueue`. */
export function managerValues(viewer: Viewer): readonly [string, number, boolean, boolean] {
  return [...viewerValues(viewer), viewer.role === 'admin'];
}

/**
 * SQL: whether the viewer may change who is in the queue in the row `alias`, or remove it, with `managerValues` as the
 * first parameters: an open queue and an administrator of the organisation, or a manager of the queue.
 */
export function managedQueue(alias: string): string {
  return `($3::boolean or (${alias}.access = 'organisation' and $4::boolean) or exists (
    select from queue_members
    where queue_members.org_id = $1 and queue_members.queue_id = ${alias}.queue_id and queue_members.user_id = $2
      and queue_members.role = 'manager'))`;
}

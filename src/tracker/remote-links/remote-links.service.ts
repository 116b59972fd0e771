import type { Viewer } from '../../core/access/viewer.ts';
import { type Application, isApplicationId, toApplication } from '../../core/applications/applications.service.ts';
import { getWritableIssue } from '../../core/issues/issue-access.ts';
import { parseIssueName } from '../../core/issues/issue-name.ts';
import type { Direction } from '../../core/labels/direction.ts';
import { type LinkTypeSummary, linkTypeFrom } from '../../core/link-types/link-type-summary.ts';
import { selectLinkTypes } from '../../core/link-types/link-types.store.ts';
import { relationshipNamed, relationshipsOf } from '../../core/link-types/relationships.ts';
import { lockOrganisation } from '../../core/organisations/organisations.store.ts';
import {
  deleteRemoteLinkOf,
  insertRemoteLink,
  type RemoteLinkRow,
  type RemoteObjectRow,
  selectRemoteLink,
  selectRemoteLinks,
  selectRemoteObject,
} from '../../core/remote-links/remote-links.store.ts';
import { remoteObjectId } from '../../core/remote-links/remote-object.ts';
import { type UserSummary, userFrom } from '../../core/users/user-summary.ts';
import { ConcurrentChange, type Database, type Queryable } from '../../database/database.ts';
import { onConstraint } from '../../database/database-error.ts';
import { DomainError } from '../../errors.ts';
import { texts } from '../../texts.ts';

/** An object in another application. Only what its links state is known about it. */
export interface RemoteObject {
  readonly id: string;
  readonly key: string;
  readonly application: Application;
}

/** A link from the issue `issueKey` to an object in another application. */
export interface RemoteLink {
  readonly id: number;
  readonly issueKey: string;
  /** Undefined if the organisation has deleted the type. */
  readonly type: LinkTypeSummary | undefined;
  readonly direction: Direction;
  readonly object: RemoteObject;
  readonly createdBy: UserSummary;
  readonly updatedBy: UserSummary;
  readonly createdAt: Date;
  readonly updatedAt: Date;
}

/** All remote links of the issue by ascending id. Throws `not_found` if the viewer may not see the issue. */
export async function listRemoteLinks(db: Queryable, viewer: Viewer, issueName: string): Promise<RemoteLink[]> {
  const name = parseIssueName(issueName);
  const rows = name === undefined ? undefined : await selectRemoteLinks(db, viewer, name);
  if (rows === undefined) throw new DomainError('not_found', texts.issueNotFound);
  return rows.map(toRemoteLink);
}

/** One remote link. Throws `not_found`, also for a link of another issue. */
export async function getRemoteLink(
  db: Queryable,
  viewer: Viewer,
  issueName: string,
  remoteLinkId: number,
): Promise<RemoteLink> {
  const name = parseIssueName(issueName);
  const found = name === undefined ? 'no issue' : await selectRemoteLink(db, viewer, name, remoteLinkId);
  if (found === 'no issue') throw new DomainError('not_found', texts.issueNotFound);
  if (found === 'no link') throw new DomainError('not_found', texts.remoteLinkNotFound);
  return toRemoteLink(found);
}

/** The target of remote links. Throws `not_found` unless an issue that the viewer may see is linked to it. */
export async function getRemoteObject(
  db: Queryable,
  viewer: Viewer,
  applicationId: string,
  objectId: string,
): Promise<RemoteObject> {
  const isValid = isApplicationId(applicationId) && /^[0-9a-f]{32}$/.test(objectId);
  const row = isValid ? await selectRemoteObject(db, viewer, applicationId, objectId) : undefined;
  if (row === undefined) throw new DomainError('not_found', texts.remoteObjectNotFound);
  return toRemoteObject(row);
}

/**
 * Links the issue to an object of another application, without checking that the object exists there. Throws `not_found`
 * and `forbidden` for the issue, `invalid` for an unknown relationship, and `refused` if the application is unknown or the
 * issue is already linked to the object.
 */
export function createRemoteLink(
  db: Database,
  viewer: Viewer,
  issueName: string,
  { relationship, key, origin }: { readonly relationship: string; readonly key: string; readonly origin: string },
): Promise<RemoteLink> {
  const { orgId, userId } = viewer;
  return db.transaction(async (transaction) => {
    const issue = await getWritableIssue(transaction, viewer, issueName);
    const accepted = relationshipsOf(await selectLinkTypes(transaction, orgId)).filter(({ type }) => !type.import_only);
    const { type, direction } = relationshipNamed(accepted, relationship);
    // The foreign key locks the type: a stream of such locks would keep a switch of its rules waiting.
    await lockOrganisation(transaction, orgId, 'links');
    const insert = insertRemoteLink(transaction, orgId, {
      issueId: issue.id,
      applicationId: origin,
      objectId: remoteObjectId(key),
      objectKey: key,
      linkTypeId: type.link_type_id,
      // Unlike a symmetric link between issues, which is inward for the issue that created it.
      direction: type.is_symmetric ? 'outward' : direction,
      createdBy: userId,
    });
    const id = await onConstraint(insert, {
      remote_links_object_key: () => new DomainError('refused', texts.remoteLinkExists(issue.key, key, origin)),
      remote_links_application_id_fkey: () =>
        new DomainError('refused', undefined, { origin: texts.applicationNotFound }),
      remote_links_issue_id_fkey: () => new DomainError('not_found', texts.issueNotFound),
      remote_links_link_type_id_fkey: () => new ConcurrentChange(),
    });
    return await getRemoteLink(transaction, viewer, issue.key, id);
  });
}

/** Throws `not_found`, also for a link of another issue, and `forbidden` if the viewer may not change the issue. */
export function deleteRemoteLink(db: Database, viewer: Viewer, issueName: string, remoteLinkId: number): Promise<void> {
  return db.transaction(async (transaction) => {
    const issue = await getWritableIssue(transaction, viewer, issueName);
    const found = await deleteRemoteLinkOf(transaction, viewer.orgId, issue.id, remoteLinkId);
    if (!found) throw new DomainError('not_found', texts.remoteLinkNotFound);
  });
}

function toRemoteLink(row: RemoteLinkRow): RemoteLink {
  return {
    id: row.remote_link_id,
    issueKey: row.issue_key,
    type: row.link_type_id === null ? undefined : linkTypeFrom(row),
    direction: row.direction,
    object: toRemoteObject(row),
    createdBy: userFrom(row, 'created_by'),
    updatedBy: userFrom(row, 'updated_by'),
    createdAt: row.created_at,
    updatedAt: row.updated_at,
  };
}

function toRemoteObject(row: RemoteObjectRow): RemoteObject {
  return { id: row.object_id, key: row.object_key, application: toApplication(row) };
}

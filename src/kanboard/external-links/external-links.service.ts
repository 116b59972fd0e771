import type { Viewer } from '../../core/access/viewer.ts';
import { getWritableIssue } from '../../core/issues/issue-access.ts';
import { selectLinkTypes } from '../../core/link-types/link-types.store.ts';
import { deleteRemoteLinkOf, insertRemoteLink } from '../../core/remote-links/remote-links.store.ts';
import { remoteObjectId } from '../../core/remote-links/remote-object.ts';
import { ConcurrentChange, type Database, type Queryable } from '../../database/database.ts';
import { onConstraint } from '../../database/database-error.ts';
import { DomainError } from '../../errors.ts';
import { lengthOf, TEXT_LENGTH_MAX } from '../../text-length.ts';
import { texts } from '../../texts.ts';
import { isExternalLinkType, isUrl, titleOfUrl, typeOfUrl } from './external-link.ts';
import {
  type ExternalLinkRow,
  selectExternalLink,
  selectExternalLinks,
  updateRemoteLink,
} from './external-links.store.ts';

/**
 * Remote links in Kanboard's terms: tasks by id, URLs instead of objects, with a title and a dependency. A task may have
 * several links with the same URL. A task that the viewer may not see is `not_found`; anything else missing is `refused`.
 */

/** The link type that the Tracker API shows for external links. */
const LINK_TYPE_ID = 'relates';
/** Requests the type that the URL suggests. */
const AUTO = 'auto';
const DEPENDENCY_LENGTH_MAX = 100;

/** All external links of a task, by title. Throws `not_found`. */
export async function listExternalLinks(db: Queryable, viewer: Viewer, taskId: number): Promise<ExternalLinkRow[]> {
  const rows = await selectExternalLinks(db, viewer, taskId);
  if (rows === undefined) throw new DomainError('not_found', texts.issueNotFound);
  return rows;
}

/** One external link of the task. Throws `not_found` for the task, and `refused` for a link of another task. */
export async function getExternalLink(
  db: Queryable,
  viewer: Viewer,
  taskId: number,
  linkId: number,
): Promise<ExternalLinkRow> {
  const found = await selectExternalLink(db, viewer, taskId, linkId);
  if (found === 'no issue') throw new DomainError('not_found', texts.issueNotFound);
  if (found === 'no link') throw new DomainError('refused', texts.remoteLinkNotFound);
  return found;
}

export interface NewExternalLink {
  readonly url: string;
  readonly type: string;
  readonly dependency: string;
  /** Empty for the default title of the URL. */
  readonly title: string;
}

/**
 * Links a task to a URL, which is not fetched; returns the id of the link. Throws `not_found` and `forbidden` for the task,
 * and `invalid`.
 */
export function createExternalLink(
  db: Database,
  viewer: Viewer,
  taskId: number,
  { url: givenUrl, type: givenType, dependency, title: givenTitle }: NewExternalLink,
): Promise<number> {
  return db.transaction(async (transaction) => {
    const { id: issueId } = await getWritableIssue(transaction, viewer, taskId);
    const url = givenUrl.trim();
    requireValid({ url, dependency });
    const type = givenType === AUTO ? typeOfUrl(url) : givenType;
    if (type === undefined || !isExternalLinkType(type)) throw invalid();
    const title = givenTitle || titleOfUrl(type, url);
    requireValid({ title });
    const types = await selectLinkTypes(transaction, viewer.orgId);
    const insert = insertRemoteLink(transaction, viewer.orgId, {
      issueId,
      applicationId: type,
      objectId: remoteObjectId(url),
      objectKey: url,
      title,
      dependency,
      linkTypeId: types.some(({ link_type_id }) => link_type_id === LINK_TYPE_ID) ? LINK_TYPE_ID : null,
      direction: 'outward',
      mayRepeat: true,
      createdBy: viewer.userId,
    });
    return await onConstraint(insert, {
      remote_links_application_id_fkey: () => new DomainError('refused', texts.applicationNotFound),
      remote_links_issue_id_fkey: () => new DomainError('not_found', texts.issueNotFound),
      remote_links_link_type_id_fkey: () => new ConcurrentChange(),
    });
  });
}

/**
 * Changes the defined fields of a link. Throws `not_found` and `forbidden` for the task, `invalid`, and `refused` for a link
 * of another task, or for the URL of another link if both were created through the Tracker API.
 */
export function updateExternalLink(
  db: Database,
  viewer: Viewer,
  taskId: number,
  linkId: number,
  change: { readonly [Field in 'title' | 'url' | 'dependency']?: string | undefined },
): Promise<void> {
  return db.transaction(async (transaction) => {
    const issue = await getWritableIssue(transaction, viewer, taskId);
    requireValid(change);
    const { title, url, dependency } = change;
    const update = updateRemoteLink(transaction, viewer, issue.id, linkId, {
      title,
      objectKey: url,
      objectId: url === undefined ? undefined : remoteObjectId(url),
      dependency,
    });
    const found = await onConstraint(update, {
      remote_links_object_key: () => new DomainError('refused', texts.externalLinkExists),
    });
    if (!found) throw new DomainError('refused', texts.remoteLinkNotFound);
  });
}

/** Throws `not_found` and `forbidden` for the task, and `refused` for a link of another task. */
export function removeExternalLink(db: Database, viewer: Viewer, taskId: number, linkId: number): Promise<void> {
  return db.transaction(async (transaction) => {
    const issue = await getWritableIssue(transaction, viewer, taskId);
    const found = await deleteRemoteLinkOf(transaction, viewer.orgId, issue.id, linkId);
    if (!found) throw new DomainError('refused', texts.remoteLinkNotFound);
  });
}

/** Checks the defined fields. Throws `invalid`. */
function requireValid(link: { readonly [Field in 'title' | 'url' | 'dependency']?: string | undefined }): void {
  const { title, url, dependency } = link;
  const isValid =
    (url === undefined || isUrl(url)) &&
    (title === undefined || hasLength(title, TEXT_LENGTH_MAX)) &&
    (dependency === undefined || hasLength(dependency, DEPENDENCY_LENGTH_MAX));
  if (!isValid) throw invalid();
}

function hasLength(value: string, max: number): boolean {
  return value !== '' && lengthOf(value) <= max;
}

function invalid(): DomainError {
  return new DomainError('invalid', texts.externalLinkInvalid);
}

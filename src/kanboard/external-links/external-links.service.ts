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
 * Remote links in Kanboard's terms: tasks by their numbers, URLs for objects, a title and a dependency, and the same URL as
 * often as a client likes. A task that the viewer may not see is `not_found`; everything else that is missing is `refused`.
 */

/** What a link to elsewhere is, where Tracker shows it. */
const LINK_TYPE_ID = 'relates';
/** Asks for the type that the URL looks like. */
const AUTO = 'auto';
const DEPENDENCY_LENGTH_MAX = 100;

/** Every link of a task to elsewhere, by title. Throws `not_found`. */
export async function listExternalLinks(db: Queryable, viewer: Viewer, taskId: number): Promise<ExternalLinkRow[]> {
  const rows = await selectExternalLinks(db, viewer, taskId);
  if (rows === undefined) throw new DomainError('not_found', texts.issueNotFound);
  return rows;
}

/** One of them. Throws `refused` for a link of another task. */
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
  /** Empty for the one that follows from the URL. */
  readonly title: string;
}

/**
 * Links a task to a URL, which is not asked for; answers the id of the link. Throws `not_found` and `forbidden` for the
 * task, and `invalid` for values that cannot be.
 */
export function createExternalLink(
  db: Database,
  viewer: Viewer,
  taskId: number,
  { url: given, type: wanted, dependency, title: ownTitle }: NewExternalLink,
): Promise<number> {
  return db.transaction(async (transaction) => {
    const { id: issueId } = await getWritableIssue(transaction, viewer, taskId);
    const url = given.trim();
    requireFit({ url, dependency });
    const type = wanted === AUTO ? typeOfUrl(url) : wanted;
    if (type === undefined || !isExternalLinkType(type)) throw unfit();
    const title = ownTitle || titleOfUrl(type, url);
    requireFit({ title });
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
      remote_links_application_id_fkey: new DomainError('refused', texts.applicationNotFound),
      remote_links_issue_id_fkey: new DomainError('not_found', texts.issueNotFound),
      remote_links_link_type_id_fkey: new ConcurrentChange(),
    });
  });
}

/**
 * Changes what is given of a link. Throws `not_found` and `forbidden` for the task, `invalid` for values that cannot be, and
 * `refused` for a link of another task, or for the URL of another link where Tracker's clients made both.
 */
export function updateExternalLink(
  db: Database,
  viewer: Viewer,
  taskId: number,
  linkId: number,
  change: { readonly [Part in 'title' | 'url' | 'dependency']?: string | undefined },
): Promise<void> {
  return db.transaction(async (transaction) => {
    const issue = await getWritableIssue(transaction, viewer, taskId);
    requireFit(change);
    const { title, url, dependency } = change;
    const update = updateRemoteLink(transaction, viewer, issue.id, linkId, {
      title,
      objectKey: url,
      objectId: url === undefined ? undefined : remoteObjectId(url),
      dependency,
    });
    const found = await onConstraint(update, {
      remote_links_object_key: new DomainError('refused', texts.externalLinkExists),
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

/** Of a link, what is given. Throws `invalid`. */
function requireFit(link: { readonly [Part in 'title' | 'url' | 'dependency']?: string | undefined }): void {
  const { title, url, dependency } = link;
  const isFit =
    (url === undefined || isUrl(url)) &&
    (title === undefined || hasLength(title, TEXT_LENGTH_MAX)) &&
    (dependency === undefined || hasLength(dependency, DEPENDENCY_LENGTH_MAX));
  if (!isFit) throw unfit();
}

function hasLength(text: string, max: number): boolean {
  return text !== '' && lengthOf(text) <= max;
}

function unfit(): DomainError {
  return new DomainError('invalid', texts.externalLinkUnfit);
}

import type { Schemas } from '../../contract/types.ts';
import { getIssueLink, type IssueLink, listIssueLinks } from '../../core/issue-links/issue-links.service.ts';
import type { Caller, Handlers } from '../rest/caller.ts';
import { commaList } from '../rest/comma-list.ts';
import { importedOrigin } from '../rest/imported-origin.ts';
import { idInPath, issueNameIn } from '../rest/names.ts';
import { pageOf, pagingHeaders } from '../rest/paging.ts';
import { hasAny, refuseReadOnly } from '../rest/read-only.ts';
import { issueReference, linkTypeReference, statusReference, userReference } from '../rest/references.ts';
import { timestamp } from '../rest/timestamps.ts';
import { created, versionMatched } from '../rest/version.ts';
import {
  createIssueLink,
  deleteIssueLink,
  importIssueLink,
  listLinksRelatedBy,
  updateIssueLink,
} from './issue-links.service.ts';

type Operations =
  | 'listIssueLinks'
  | 'createIssueLink'
  | 'importIssueLink'
  | 'listIssueLinksPage'
  | 'getIssueLink'
  | 'updateIssueLink'
  | 'deleteIssueLink';

export const issueLinkHandlers: Handlers<Operations> = {
  async listIssueLinks({ db, path, caller }) {
    const links = await listIssueLinks(db, caller.viewer, path.issueId);
    return { body: links.map((link) => serializeIssueLink(caller, link)) };
  },
  async createIssueLink({ db, path, body, caller }) {
    const link = await createIssueLink(db, caller.viewer, path.issueId, {
      relationship: body.relationship,
      object: issueNameIn(body.issue),
    });
    return created(serializeIssueLink(caller, link), link.version);
  },
  async importIssueLink({ db, path, body, caller }) {
    const link = await importIssueLink(db, caller.viewer, path.issueId, {
      relationship: body.relationship,
      object: issueNameIn(body.issue),
      origin: await importedOrigin(db, caller.viewer.orgId, body),
    });
    return created(serializeIssueLink(caller, link), link.version);
  },
  async listIssueLinksPage({ db, path, query, body, caller }) {
    const page = pageOf(query);
    const { links, total } = await listLinksRelatedBy(db, caller.viewer, path.issueId, {
      phrases: body?.linkTypes,
      ...page,
    });
    const only = fieldsOf(body?.fields);
    return {
      body: { links: links.map((link) => picked(serializeIssueLink(caller, link), only)) },
      headers: pagingHeaders(caller, page, total),
    };
  },
  async getIssueLink({ db, path, caller }) {
    const link = await getIssueLink(db, caller.viewer, path.issueId, idInPath(path.linkId));
    return { body: serializeIssueLink(caller, link), version: link.version };
  },
  async updateIssueLink({ db, path, headers, body, caller }) {
    const version = versionMatched(headers['If-Match']);
    if (hasAny(body, READ_ONLY)) {
      const stored = await getIssueLink(db, caller.viewer, path.issueId, idInPath(path.linkId));
      if (stored.version === (version ?? stored.version)) {
        refuseReadOnly(body, serializeIssueLink(caller, stored), READ_ONLY);
      }
    }
    const link = await updateIssueLink(db, caller.viewer, path.issueId, idInPath(path.linkId), {
      relationship: body.relationship,
      object: body.issue === undefined ? undefined : issueNameIn(body.issue),
      version,
    });
    return { body: serializeIssueLink(caller, link), version: link.version };
  },
  async deleteIssueLink({ db, path, caller }) {
    await deleteIssueLink(db, caller.viewer, path.issueId, idInPath(path.linkId));
    return { body: undefined };
  },
};

/** The members of a link that `updateIssueLink` cannot change. */
const READ_ONLY = [
  'self',
  'id',
  'type',
  'direction',
  'object',
  'createdBy',
  'updatedBy',
  'createdAt',
  'updatedAt',
  'assignee',
  'status',
] as const satisfies readonly (keyof Schemas['IssueLink'])[];

function serializeIssueLink(caller: Caller, link: IssueLink): Schemas['IssueLink'] {
  return {
    self: `${caller.base}/issues/${link.issueKey}/links/${link.id}`,
    id: link.id,
    type: linkTypeReference(caller, link.type),
    direction: link.direction,
    object: issueReference(caller, link.object),
    createdBy: userReference(caller, link.createdBy),
    updatedBy: userReference(caller, link.updatedBy),
    createdAt: timestamp(link.createdAt),
    updatedAt: timestamp(link.updatedAt),
    ...(link.assignee && { assignee: userReference(caller, link.assignee) }),
    status: statusReference(caller, link.status),
    relationship: link.type.relationships[link.direction],
  };
}

/** The requested fields; undefined for all. */
export function fieldsOf(fields: string | readonly string[] | undefined): ReadonlySet<string> | undefined {
  if (fields === undefined) return undefined;
  return new Set(typeof fields === 'string' ? commaList(fields) : fields.map((field) => field.trim()));
}

export function picked(
  link: Schemas['IssueLink'],
  fields: ReadonlySet<string> | undefined,
): Schemas['PartialIssueLink'] {
  if (fields === undefined) return link;
  return Object.fromEntries(Object.entries(link).filter(([field]) => fields.has(field)));
}

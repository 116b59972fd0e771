import type { Schemas } from '../../contract/types.ts';
import type { Database } from '../../database/database.ts';
import type { Caller, Handlers } from '../../rest/caller.ts';
import { issueReference, statusReference, timestamp, userReference } from '../../rest/references.ts';
import { type IssueLink, listIssueLinks } from './issue-links.service.ts';

export const issueLinkHandlers = (db: Database): Handlers<'listIssueLinks'> => ({
  async listIssueLinks({ path, caller }) {
    const links = await listIssueLinks(db, caller.viewer, path.issueId);
    return { body: links.map((link) => serializeIssueLink(caller, link)) };
  },
});

function serializeIssueLink(caller: Caller, link: IssueLink): Schemas['IssueLink'] {
  const { base, language } = caller;
  return {
    self: `${base}/issues/${link.issueKey}/links/${link.id}`,
    id: link.id,
    type: {
      self: `${base}/linktypes/${link.type.id}`,
      id: link.type.id,
      inward: link.type.inward[language],
      outward: link.type.outward[language],
    },
    direction: link.direction,
    object: issueReference(caller, link.object),
    createdBy: userReference(caller, link.createdBy),
    updatedBy: userReference(caller, link.updatedBy),
    createdAt: timestamp(link.createdAt),
    updatedAt: timestamp(link.updatedAt),
    ...(link.assignee && { assignee: userReference(caller, link.assignee) }),
    status: statusReference(caller, link.status),
  };
}

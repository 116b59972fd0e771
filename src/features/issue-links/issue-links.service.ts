import type { Queryable } from '../../database/database.ts';
import { DomainError } from '../../errors.ts';
import { type Text, texts } from '../../texts.ts';
import type { Viewer } from '../access/viewer.ts';
import { parseIssueName } from '../issues/issue-name.ts';
import { type UserSummary, userFrom } from '../users/user-summary.ts';
import { type Direction, type IssueLinkRow, selectIssueLinks } from './issue-links.store.ts';

/** A link as the issue `issueKey` sees it; `object` is the issue at the other end. */
export interface IssueLink {
  readonly id: number;
  readonly issueKey: string;
  readonly type: { readonly id: string; readonly inward: Text; readonly outward: Text };
  readonly direction: Direction;
  readonly object: { readonly id: string; readonly key: string; readonly summary: string };
  readonly status: { readonly id: number; readonly key: string; readonly name: Text };
  readonly assignee: UserSummary | undefined;
  readonly createdBy: UserSummary;
  readonly updatedBy: UserSummary;
  readonly createdAt: Date;
  readonly updatedAt: Date;
}

/**
 * Every link of the issue, by ascending id, without those to issues that the viewer may not see.
 * Throws `not_found` when there is no such issue, or none for this viewer.
 */
export async function listIssueLinks(db: Queryable, viewer: Viewer, issueName: string): Promise<IssueLink[]> {
  const name = parseIssueName(issueName);
  const rows = name === undefined ? undefined : await selectIssueLinks(db, viewer, name);
  if (rows === undefined) throw new DomainError('not_found', texts.issueNotFound);
  return rows.map(toIssueLink);
}

function toIssueLink(row: IssueLinkRow): IssueLink {
  return {
    id: row.link_id,
    issueKey: row.issue_key,
    type: {
      id: row.link_type_id,
      inward: { ru: row.inward_ru, en: row.inward_en },
      outward: { ru: row.outward_ru, en: row.outward_en },
    },
    direction: row.direction,
    object: { id: row.object_hex_id, key: row.object_key, summary: row.object_summary },
    status: { id: row.status_id, key: row.status_key, name: { ru: row.status_ru, en: row.status_en } },
    assignee: row.assignee_uid === null ? undefined : userFrom(row, 'assignee'),
    createdBy: userFrom(row, 'created_by'),
    updatedBy: userFrom(row, 'updated_by'),
    createdAt: row.created_at,
    updatedAt: row.updated_at,
  };
}

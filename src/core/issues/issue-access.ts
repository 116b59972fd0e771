import type { Queryable } from '../../database/database.ts';
import { statement } from '../../database/statement.ts';
import { DomainError } from '../../errors.ts';
import { texts } from '../../texts.ts';
import { type Viewer, visibleQueue, writableQueue } from '../access/viewer.ts';
import { issueIdNamed, parseIssueName } from './issue-name.ts';
import { visibleIssues } from './visible-issues.ts';

/** An issue that the viewer may see. */
export interface AccessibleIssue {
  readonly id: number;
  readonly key: string;
  readonly mayWrite: boolean;
}

const GET_ISSUES = statement<keyof Viewer | 'parsed', AccessibleIssue>(
  'get_issues',
  `
  select issues.issue_id as id, issues.key, ${writableQueue('queues')} as "mayWrite"
  from unnest(:parsed::text[]) with ordinality as given (name, place)
  join issues on issues.org_id = :orgId and issues.issue_id = ${issueIdNamed('given.name')}
  join queues on queues.org_id = :orgId and queues.queue_id = issues.queue_id
  where ${visibleQueue('queues')}
  order by given.place`,
);

/**
 * The issues of these names, in their order. Throws `not_found` when one does not exist or may not be seen by the
 * viewer; the two cannot be told apart.
 */
export async function getIssues(db: Queryable, viewer: Viewer, names: readonly string[]): Promise<AccessibleIssue[]> {
  const parsed = names.map((name) => {
    const issueName = parseIssueName(name);
    if (issueName === undefined) throw new DomainError('not_found', texts.issueNotFound);
    return issueName;
  });
  const issues = await db.query(GET_ISSUES({ ...viewer, parsed }));
  if (issues.length < parsed.length) throw new DomainError('not_found', texts.issueNotFound);
  return issues;
}

const FIND_ISSUES = statement<keyof Viewer | 'issueIds', AccessibleIssue>(
  'find_issues',
  visibleIssues(
    `issues.issue_id as id, issues.key, ${writableQueue('queues')} as "mayWrite"`,
    'issues.issue_id = any(:issueIds::bigint[])',
  ),
);

/** The issues with these issue_ids that the viewer may see, in any order. */
export function findIssues(db: Queryable, viewer: Viewer, issueIds: readonly number[]): Promise<AccessibleIssue[]> {
  return db.query(FIND_ISSUES({ ...viewer, issueIds }));
}

/** One of them that the viewer may change. Throws `not_found` and `forbidden`. */
export async function getWritableIssue(db: Queryable, viewer: Viewer, issueId: number): Promise<AccessibleIssue> {
  const [issue] = await findIssues(db, viewer, [issueId]);
  if (issue === undefined) throw new DomainError('not_found', texts.issueNotFound);
  requireWritable(issue);
  return issue;
}

/** Throws `forbidden` for an issue that the viewer may see but not change. */
export function requireWritable(issue: AccessibleIssue): void {
  if (!issue.mayWrite) throw new DomainError('forbidden', texts.writeForbidden);
}

const SELECT_VISIBLE_KEYS = statement<keyof Viewer | 'issueIds', { issue_id: number; key: string }>(
  'select_visible_keys',
  visibleIssues('issues.issue_id, issues.key', 'issues.issue_id = any(:issueIds::bigint[])'),
);

/** Maps the issue_ids that the viewer may see to the keys of the issues. */
export async function selectVisibleKeys(
  db: Queryable,
  viewer: Viewer,
  issueIds: readonly number[],
): Promise<Map<number, string>> {
  const rows = await db.query(SELECT_VISIBLE_KEYS({ ...viewer, issueIds }));
  return new Map(rows.map(({ issue_id, key }) => [issue_id, key]));
}

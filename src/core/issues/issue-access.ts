import type { Queryable } from '../../database/database.ts';
import { DomainError } from '../../errors.ts';
import { texts } from '../../texts.ts';
import { type Viewer, viewerValues, visibleQueue, writableQueue, writerValues } from '../access/viewer.ts';
import { issueIdNamed, parseIssueName } from './issue-name.ts';

/** An issue that the viewer may see. */
export interface AccessibleIssue {
  readonly id: number;
  readonly key: string;
  readonly mayWrite: boolean;
}

/**
 * The issues of these names, in their order. Throws `not_found` when one does not exist or may not be seen by the viewer;
 * the two cannot be told apart.
 */
export async function getIssues(db: Queryable, viewer: Viewer, names: readonly string[]): Promise<AccessibleIssue[]> {
  const parsed = names.map((name) => {
    const issueName = parseIssueName(name);
    if (issueName === undefined) throw new DomainError('not_found', texts.issueNotFound);
    return issueName;
  });
  const issues = await db.query<AccessibleIssue>({
    name: 'select_accessible_issues',
    text: `
      select issues.issue_id as id, issues.key, ${writableQueue('queues')} as "mayWrite"
      from unnest($5::text[]) with ordinality as given (name, place)
      join issues on issues.org_id = $1 and issues.issue_id = ${issueIdNamed('given.name')}
      join queues on queues.org_id = $1 and queues.queue_id = issues.queue_id
      where ${visibleQueue('queues')}
      order by given.place`,
    values: [...writerValues(viewer), parsed],
  });
  if (issues.length < parsed.length) throw new DomainError('not_found', texts.issueNotFound);
  return issues;
}

/** Those of the issues with these numbers that the viewer may see. */
export function findIssues(db: Queryable, viewer: Viewer, issueIds: readonly number[]): Promise<AccessibleIssue[]> {
  return db.query<AccessibleIssue>({
    name: 'find_accessible_issues',
    text: `
      select issues.issue_id as id, issues.key, ${writableQueue('queues')} as "mayWrite"
      from issues
      join queues on queues.org_id = $1 and queues.queue_id = issues.queue_id
      where issues.org_id = $1 and issues.issue_id = any($5::bigint[]) and ${visibleQueue('queues')}`,
    values: [...writerValues(viewer), issueIds],
  });
}

/** One of them that the viewer may change. Throws `not_found` and `forbidden`. */
export async function getWritableIssue(db: Queryable, viewer: Viewer, issueId: number): Promise<AccessibleIssue> {
  const [issue] = await findIssues(db, viewer, [issueId]);
  if (issue === undefined) throw new DomainError('not_found', texts.issueNotFound);
  requireWritable(issue);
  return issue;
}

/** Throws `forbidden` for an issue that the viewer may see, but not change. */
export function requireWritable(issue: AccessibleIssue): void {
  if (!issue.mayWrite) throw new DomainError('forbidden', texts.writeForbidden);
}

/** The keys of those of the issues that the viewer may see, by issue_id. */
export async function selectVisibleKeys(
  db: Queryable,
  viewer: Viewer,
  issueIds: readonly number[],
): Promise<Map<number, string>> {
  const rows = await db.query<{ issue_id: number; key: string }>({
    name: 'select_visible_keys',
    text: `
      select issues.issue_id, issues.key
      from issues
      join queues on queues.org_id = $1 and queues.queue_id = issues.queue_id
      where issues.org_id = $1 and issues.issue_id = any($4::bigint[]) and ${visibleQueue('queues')}`,
    values: [...viewerValues(viewer), issueIds],
  });
  return new Map(rows.map(({ issue_id, key }) => [issue_id, key]));
}

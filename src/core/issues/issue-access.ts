import type { Queryable } from '../../database/database.ts';
import type { SharedStatement } from '../../database/shared-statements.ts';
import { statement } from '../../database/statement.ts';
import { DomainError } from '../../errors.ts';
import { texts } from '../../texts.ts';
import { type Viewer, visibleToViewer, writableByViewer, writableQueue } from '../access/viewer.ts';
import { issueIdNamed, parseIssueName } from './issue-name.ts';
import { visibleIssues } from './visible-issues.ts';

/** An issue that the viewer may see. */
export interface AccessibleIssue {
  readonly id: number;
  readonly key: string;
  readonly mayWrite: boolean;
}

/** SQL: the columns of an AccessibleIssue from the row `issues` in the row `queues`. */
export const ACCESSIBLE_ISSUE = `issues.issue_id as id, issues.key, ${writableQueue('queues')} as "mayWrite"`;

/** An issue with what a link shows of it. */
export interface LinkedIssue extends AccessibleIssue {
  readonly hexId: string;
  readonly summary: string;
  readonly statusId: number;
  readonly assigneeId: number | null;
}

/** SQL: the columns of a LinkedIssue from the row `issues` in the row `queues`. */
export const LINKED_ISSUE = `${ACCESSIBLE_ISSUE}, issues.hex_id as "hexId", issues.summary,
    issues.status_id as "statusId", issues.assignee_id as "assigneeId"`;

const FIND_ISSUES_NAMED = statement<'orgId' | 'names' | 'userIds' | 'roles' | 'applications'>(
  'find_issues_named',
  `
  select viewer.place, issues.issue_id, issues.key, ${writableByViewer('queues')}, issues.hex_id, issues.summary,
    issues.status_id, issues.assignee_id
  from unnest(:names::text[], :userIds::bigint[], :roles::text[], :applications::boolean[]) with ordinality
    as viewer (issue_name, user_id, role, is_application, place)
  join issues on issues.org_id = :orgId and issues.issue_id = ${issueIdNamed('viewer.issue_name')}
  join queues on queues.org_id = :orgId and queues.queue_id = issues.queue_id
  where ${visibleToViewer('queues')}`,
);

type NamedIssue = Omit<Viewer, 'orgId'> & { readonly name: string };

const ISSUES_NAMED: SharedStatement<NamedIssue, LinkedIssue> = {
  bind: (orgId, named) =>
    FIND_ISSUES_NAMED({
      orgId,
      names: named.map(({ name }) => name),
      userIds: named.map(({ userId }) => userId),
      roles: named.map(({ role }) => role),
      applications: named.map(({ isApplication }) => isApplication),
    }),
  rowOf({ fields: [, id, key, mayWrite, hexId, summary, statusId, assigneeId] }) {
    return {
      id: Number(id),
      key: key as string,
      mayWrite: mayWrite === 't',
      hexId: hexId as string,
      summary: summary as string,
      statusId: Number(statusId),
      assigneeId: assigneeId === null ? null : Number(assigneeId),
    };
  },
};

/**
 * The issues with these keys or ids, in the given order; undefined for an issue that does not exist or that the viewer
 * may not see, without revealing which is the case.
 */
export async function findIssuesNamed(
  db: Queryable,
  { orgId, ...viewer }: Viewer,
  names: readonly string[],
): Promise<(LinkedIssue | undefined)[]> {
  const parsed = names.map(parseIssueName);
  const possible = parsed.filter((name) => name !== undefined);
  const found = await db.readShared(
    ISSUES_NAMED,
    orgId,
    possible.map((name) => ({ ...viewer, name })),
  );
  return parsed.map((name) => (name === undefined ? undefined : found[possible.indexOf(name)]?.[0]));
}

/** An issue that the viewer may change, and another one that the viewer may see. Throws `not_found` and `forbidden`. */
export async function getIssuePair(
  db: Queryable,
  viewer: Viewer,
  writableName: string,
  otherName: string,
): Promise<[LinkedIssue, LinkedIssue]> {
  const [issue, other] = await findIssuesNamed(db, viewer, [writableName, otherName]);
  if (issue === undefined || other === undefined) {
    throw issueNotFound([...(issue ? [] : ['path']), ...(other ? [] : ['body'])]);
  }
  requireWritable(issue);
  return [issue, other];
}

/** `missing` is as in `ErrorDetails`. */
export function issueNotFound(missing: readonly string[]): DomainError {
  return new DomainError('not_found', texts.issueNotFound, {}, { reason: 'issue_not_found', details: { missing } });
}

const FIND_ISSUES = statement<keyof Viewer | 'issueIds', AccessibleIssue>(
  'find_issues',
  visibleIssues(ACCESSIBLE_ISSUE, 'issues.issue_id = any(:issueIds::bigint[])'),
);

/** The issues with these issue_ids that the viewer may see, in any order. */
function findIssues(db: Queryable, viewer: Viewer, issueIds: readonly number[]): Promise<AccessibleIssue[]> {
  return db.query(FIND_ISSUES({ ...viewer, issueIds }));
}

/** The issue with that name or issue_id, which the viewer may change. Throws `not_found` and `forbidden`. */
export async function getWritableIssue(db: Queryable, viewer: Viewer, name: string | number): Promise<AccessibleIssue> {
  const find = typeof name === 'string' ? findIssuesNamed(db, viewer, [name]) : findIssues(db, viewer, [name]);
  const [issue] = await find;
  if (issue === undefined) throw new DomainError('not_found', texts.issueNotFound);
  requireWritable(issue);
  return issue;
}

/** Throws `forbidden` for an issue that the viewer may see but not change. */
export function requireWritable(issue: AccessibleIssue): void {
  if (!issue.mayWrite) throw new DomainError('forbidden', texts.writeForbidden);
}

const SELECT_VISIBLE_NAMES = statement<keyof Viewer | 'issueIds', { issue_id: number; key: string; hex_id: string }>(
  'select_visible_names',
  visibleIssues('issues.issue_id, issues.key, issues.hex_id', 'issues.issue_id = any(:issueIds::bigint[])'),
);

/** Maps the issue_ids that the viewer may see to the hex ids and keys of the issues. */
export async function selectVisibleNames(
  db: Queryable,
  viewer: Viewer,
  issueIds: readonly number[],
): Promise<Map<number, { readonly id: string; readonly key: string }>> {
  const rows = await db.query(SELECT_VISIBLE_NAMES({ ...viewer, issueIds }));
  return new Map(rows.map(({ issue_id, key, hex_id }) => [issue_id, { id: hex_id, key }]));
}

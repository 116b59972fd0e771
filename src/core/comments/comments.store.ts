import type { Queryable, Transaction } from '../../database/database.ts';
import { statement } from '../../database/statement.ts';
import { managedQueue, type Viewer } from '../access/viewer.ts';
import { IS_NAMED_ISSUE, visibleIssues } from '../issues/visible-issues.ts';
import { type UserColumns, type UserSummary, userColumns, userSummaries } from '../users/user-summary.ts';

/** The lowest role in the organisation that sees a comment, in Kanboard's words. */
export type CommentVisibility = 'app-user' | 'app-manager' | 'app-admin';

/**
 * SQL: whether the viewer may see a comment, or an event about one, on an issue that they may see, from expressions for
 * its visibility and its author's user_id.
 */
export function visibleComment(visibility: string, authorId: string): string {
  return `(${visibility} = 'app-user' or ${authorId} = :userId or :isApplication::boolean
      or :role::text = 'admin' or (${visibility} = 'app-manager' and :role::text = 'manager'))`;
}

export type CommentRow = {
  issue_id: number;
  issue_key: string;
  may_manage: boolean;
  total: number;
  comment_id: number;
  hex_id: string;
  text: string;
  visibility: CommentVisibility;
  reference: string;
  /** As text: pg parses no arrays of bigint to numbers. */
  summonee_ids: string[];
  summonees: UserSummary[];
  version: number;
  created_at: Date;
  updated_at: Date;
  author_id: number;
  author_login: string;
  author_name: string | null;
  author_email: string | null;
} & UserColumns<'created_by'> &
  UserColumns<'updated_by'>;

/** The row of the outer join for an issue without matching comments. */
type NoCommentRow = Pick<CommentRow, 'issue_id' | 'issue_key' | 'total'> & { comment_id: null };

const IS_OF_ISSUE = `comments.org_id = :orgId and comments.issue_id = issue.issue_id
        and ${visibleComment('comments.visibility', 'comments.created_by')}`;

/** SQL: the issue that meets the condition, with its matching comments; no row if the viewer may not see the issue. */
function commentsWhere(issueCondition: string, commentCondition: string): string {
  return `
    with issue as materialized (${visibleIssues(
      `issues.issue_id, issues.key as issue_key, ${managedQueue('queues')} as may_manage`,
      issueCondition,
    )})
    select issue.*, (select count(*) from comments where ${IS_OF_ISSUE}) as total, comment.*
    from issue
    left join lateral (
      select comments.comment_id, comments.hex_id, comments.text, comments.visibility, comments.reference,
        comments.summonee_ids, comments.version, comments.created_at, comments.updated_at,
        ${userSummaries('comments.summonee_ids')} as summonees,
        created_by.user_id as author_id, created_by.login as author_login, created_by.display as author_name,
        created_by.email as author_email,
        ${userColumns('created_by')},
        ${userColumns('updated_by')}
      from comments
      join users created_by on created_by.org_id = :orgId and created_by.user_id = comments.created_by
      join users updated_by on updated_by.org_id = :orgId and updated_by.user_id = comments.updated_by
      where ${IS_OF_ISSUE} and ${commentCondition}
    ) comment on true
    order by comment.comment_id`;
}

/** A page of comments: `after` a comment_id, skipping `offset`; all without `limit`. */
export interface CommentPage {
  readonly after?: number;
  readonly offset?: number;
  readonly limit?: number;
}

const PAGE = `comments.comment_id > :after
      order by comments.comment_id
      limit :limit offset :offset`;

type SelectKey = keyof Viewer | 'issueName';

const SELECT_COMMENTS = statement<SelectKey | keyof CommentPage, CommentRow | NoCommentRow>(
  'select_comments',
  commentsWhere(IS_NAMED_ISSUE, PAGE),
);
const SELECT_COMMENTS_BY_ID = statement<SelectKey | keyof CommentPage, CommentRow | NoCommentRow>(
  'select_comments_by_id',
  commentsWhere('issues.issue_id = :issueName::bigint', PAGE),
);

/**
 * The comments of the issue with that name or issue_id, by comment_id, and how many there are on all pages. Undefined for
 * an issue that the viewer may not see.
 */
export async function selectComments(
  db: Queryable,
  viewer: Viewer,
  issueName: string | number,
  { after = 0, offset = 0, limit }: CommentPage,
): Promise<{ rows: CommentRow[]; total: number } | undefined> {
  const select = typeof issueName === 'number' ? SELECT_COMMENTS_BY_ID : SELECT_COMMENTS;
  const rows = await db.query(select({ ...viewer, issueName, after, offset, limit }));
  const [first] = rows;
  return first && { rows: rows.filter((row) => row.comment_id !== null), total: first.total };
}

const IS_COMMENT = 'comments.comment_id = :commentId';

const SELECT_COMMENT_OF = statement<SelectKey | 'commentId', CommentRow | NoCommentRow>(
  'select_comment_of',
  commentsWhere(IS_NAMED_ISSUE, IS_COMMENT),
);
const SELECT_COMMENT = statement<keyof Viewer | 'commentId', CommentRow | NoCommentRow>(
  'select_comment',
  commentsWhere(
    `issues.issue_id = (select issue_id from comments where org_id = :orgId and ${IS_COMMENT})`,
    IS_COMMENT,
  ),
);

/**
 * A comment, of that issue if one is named; `no issue` for an issue that the viewer may not see, or for an unknown comment
 * without one.
 */
export async function selectComment(
  db: Queryable,
  viewer: Viewer,
  { issueName, commentId }: { readonly issueName: string | undefined; readonly commentId: number },
): Promise<CommentRow | 'no comment' | 'no issue'> {
  const [row] = await db.query(
    issueName === undefined
      ? SELECT_COMMENT({ ...viewer, commentId })
      : SELECT_COMMENT_OF({ ...viewer, issueName, commentId }),
  );
  if (row === undefined) return 'no issue';
  return row.comment_id === null ? 'no comment' : row;
}

export interface NewCommentRow {
  readonly issueId: number;
  readonly text: string;
  readonly visibility: CommentVisibility;
  readonly reference: string;
  readonly summoneeIds: readonly number[];
  readonly createdBy: number;
  readonly updatedBy: number;
  /** Now, if undefined. */
  readonly createdAt: Date | undefined;
  readonly updatedAt: Date | undefined;
}

const INSERT_COMMENT = statement<'orgId' | keyof NewCommentRow, { comment_id: number }>(
  'insert_comment',
  `
  insert into comments
    (org_id, issue_id, text, visibility, reference, summonee_ids, created_by, updated_by, created_at, updated_at)
  values (:orgId, :issueId, :text, :visibility, :reference, :summoneeIds, :createdBy, :updatedBy,
    coalesce(:createdAt::timestamptz, now()), coalesce(:updatedAt::timestamptz, now()))
  returning comment_id`,
);

/** Returns the comment_id. */
export async function insertComment(db: Transaction, orgId: string, comment: NewCommentRow): Promise<number> {
  const [row] = await db.query(INSERT_COMMENT({ orgId, ...comment }));
  return (row as { comment_id: number }).comment_id;
}

const UPDATE_COMMENT = statement<'orgId' | 'userId' | 'commentId' | 'text' | 'summoneeIds'>(
  'update_comment',
  `
  update comments
  set text = :text, summonee_ids = :summoneeIds, version = version + 1,
    updated_by = :userId, updated_at = greatest(now(), updated_at)
  where org_id = :orgId and comment_id = :commentId`,
);

/** Raises the version. */
export async function updateCommentRow(
  db: Transaction,
  { orgId, userId }: Viewer,
  comment: { readonly commentId: number; readonly text: string; readonly summoneeIds: readonly number[] },
): Promise<void> {
  await db.query(UPDATE_COMMENT({ orgId, userId, ...comment }));
}

const DELETE_COMMENT = statement<'orgId' | 'commentId'>(
  'delete_comment',
  'delete from comments where org_id = :orgId and comment_id = :commentId',
);

export async function deleteCommentRow(db: Transaction, orgId: string, commentId: number): Promise<void> {
  await db.query(DELETE_COMMENT({ orgId, commentId }));
}

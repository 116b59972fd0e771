import { isDeepStrictEqual } from 'node:util';
import type { Database, Queryable, Transaction } from '../../database/database.ts';
import { onConstraint } from '../../database/database-error.ts';
import { DomainError } from '../../errors.ts';
import { texts } from '../../texts.ts';
import type { Viewer } from '../access/viewer.ts';
import { type EventType, insertEvents } from '../events/events.store.ts';
import { issueNotFound } from '../issues/issue-access.ts';
import { parseIssueName } from '../issues/issue-name.ts';
import { lockWritableIssue } from '../issues/issue-writes.ts';
import { touchIssue } from '../issues/issues.store.ts';
import { type UserSummary, userFrom } from '../users/user-summary.ts';
import {
  type CommentPage,
  type CommentRow,
  type CommentVisibility,
  deleteCommentRow,
  insertComment,
  selectComment,
  selectComments,
  updateCommentRow,
} from './comments.store.ts';

/**
 * Comments on issues, for both APIs. A user who may see an issue sees its comments, except those with a higher
 * `visibility`. A user who may change an issue may comment on it, and may change and remove their own comments; those of
 * others, only if they manage the queue. Each write records an event.
 */

export interface Comment {
  readonly id: number;
  /** 24 hex digits. */
  readonly hexId: string;
  readonly issueId: number;
  readonly issueKey: string;
  readonly text: string;
  readonly visibility: CommentVisibility;
  /** The name of the comment in another system; empty if unset. */
  readonly reference: string;
  /** The users whose attention it calls for. */
  readonly summonees: readonly UserSummary[];
  readonly version: number;
  readonly author: UserSummary & {
    readonly userId: number;
    readonly login: string;
    readonly name: string | null;
    readonly email: string | null;
  };
  readonly updatedBy: UserSummary;
  readonly createdAt: Date;
  readonly updatedAt: Date;
}

export interface NewComment {
  readonly text: string;
  readonly visibility?: CommentVisibility;
  readonly reference?: string;
  /** user_ids. */
  readonly summoneeIds?: readonly number[];
  /** Who wrote it and when, for a comment from elsewhere. By default, the viewer and now. */
  readonly origin?: {
    readonly createdBy: number;
    readonly createdAt?: Date | undefined;
    readonly updatedBy?: number | undefined;
    readonly updatedAt?: Date | undefined;
  };
}

/** A comment by its id, and the issue that it must be on, if that is given. */
export interface CommentName {
  readonly commentId: number;
  readonly issueName?: string;
}

/**
 * A page of the comments on the issue with that name or issue_id, by id, and how many there are in all. Throws `not_found`
 * if the viewer may not see the issue.
 */
export async function listComments(
  db: Queryable,
  viewer: Viewer,
  issueName: string | number,
  page: CommentPage = {},
): Promise<{ comments: Comment[]; total: number }> {
  const name = typeof issueName === 'number' ? issueName : parseIssueName(issueName);
  const found = name === undefined ? undefined : await selectComments(db, viewer, name, page);
  if (found === undefined) throw issueNotFound(typeof issueName === 'string' ? ['path'] : []);
  return { comments: found.rows.map(toComment), total: found.total };
}

/** Throws `not_found`, also for a comment on another issue. */
export async function getComment(db: Queryable, viewer: Viewer, name: CommentName): Promise<Comment> {
  return toComment(await getCommentRow(db, viewer, name));
}

/** Throws `not_found` and `forbidden` for the issue, and `refused` for an empty text. */
export function createComment(
  db: Database,
  viewer: Viewer,
  issueName: string | number,
  { text, visibility = 'app-user', reference = '', summoneeIds = [], origin }: NewComment,
): Promise<Comment> {
  requireText(text);
  const { orgId, userId } = viewer;
  const { createdBy = userId, createdAt, updatedBy = createdBy, updatedAt = createdAt } = origin ?? {};
  return db.transaction(async (transaction) => {
    const { issue_id: issueId } = await lockWritableIssue(transaction, viewer, issueName, 'change');
    const comment = { issueId, text, visibility, reference, summoneeIds };
    const insert = insertComment(transaction, orgId, { ...comment, createdBy, createdAt, updatedBy, updatedAt });
    const commentId = await onConstraint(insert, {
      comments_created_by_fkey: () => new DomainError('refused', undefined, { createdBy: texts.userUnknown }),
    });
    if (createdAt === undefined) await touchIssue(transaction, orgId, issueId);
    await recordChange(transaction, viewer, 'IssueCommentAdded', { issueId, commentId, visibility });
    return await getComment(transaction, viewer, { commentId });
  });
}

/**
 * Changes the text, the summonees, or both, and raises the version; writes nothing if nothing changes. Throws `not_found`,
 * `forbidden` for a comment of another user, and `refused` for an empty text.
 */
export function updateComment(
  db: Database,
  viewer: Viewer,
  name: CommentName,
  { text, summoneeIds }: { readonly text?: string | undefined; readonly summoneeIds?: readonly number[] | undefined },
): Promise<Comment> {
  if (text !== undefined) requireText(text);
  return db.transaction(async (transaction) => {
    const comment = await lockChangeableComment(transaction, viewer, name);
    const { comment_id: commentId, issue_id: issueId, visibility } = comment;
    const after = { text: text ?? comment.text, summoneeIds: summoneeIds ?? comment.summonee_ids.map(Number) };
    if (after.text !== comment.text || !isDeepStrictEqual(after.summoneeIds, comment.summonee_ids.map(Number))) {
      await updateCommentRow(transaction, viewer, { commentId, ...after });
      await touchIssue(transaction, viewer.orgId, issueId);
      await recordChange(transaction, viewer, 'IssueCommentUpdated', { issueId, commentId, visibility });
    }
    return await getComment(transaction, viewer, { commentId });
  });
}

/** Throws `not_found`, and `forbidden` for a comment of another user. */
export function deleteComment(db: Database, viewer: Viewer, name: CommentName): Promise<void> {
  return db.transaction(async (transaction) => {
    const comment = await lockChangeableComment(transaction, viewer, name);
    const { comment_id: commentId, issue_id: issueId, visibility } = comment;
    await deleteCommentRow(transaction, viewer.orgId, commentId);
    await touchIssue(transaction, viewer.orgId, issueId);
    await recordChange(transaction, viewer, 'IssueCommentRemoved', { issueId, commentId, visibility });
  });
}

async function recordChange(
  db: Transaction,
  viewer: Viewer,
  type: EventType,
  {
    issueId,
    commentId,
    visibility,
  }: { readonly issueId: number; readonly commentId: number; readonly visibility: CommentVisibility },
): Promise<void> {
  const changes = { comments: [{ comment_id: commentId, visibility }] };
  await insertEvents(db, viewer.orgId, viewer.userId, [{ issueId, type, changes }]);
}

/** Locks the comment's issue, which every write of a comment does, and then reads the comment. */
async function lockChangeableComment(db: Transaction, viewer: Viewer, name: CommentName): Promise<CommentRow> {
  const { issue_id: issueId } = await getCommentRow(db, viewer, name);
  await lockWritableIssue(db, viewer, issueId, 'change');
  const comment = await getCommentRow(db, viewer, { commentId: name.commentId });
  if (comment.author_id !== viewer.userId && !comment.may_manage) {
    throw new DomainError('forbidden', texts.commentForbidden);
  }
  return comment;
}

async function getCommentRow(
  db: Queryable,
  viewer: Viewer,
  { issueName: given, commentId }: CommentName,
): Promise<CommentRow> {
  const issueName = given === undefined ? undefined : parseIssueName(given);
  const isInvalid = given !== undefined && issueName === undefined;
  const found = isInvalid ? 'no issue' : await selectComment(db, viewer, { issueName, commentId });
  if (found === 'no issue' && given !== undefined) throw issueNotFound(['path']);
  if (found === 'no issue' || found === 'no comment') throw new DomainError('not_found', texts.commentNotFound);
  return found;
}

function requireText(text: string): void {
  if (text.trim() === '') throw new DomainError('refused', undefined, { text: texts.fieldRequired });
}

function toComment(row: CommentRow): Comment {
  return {
    id: row.comment_id,
    hexId: row.hex_id,
    issueId: row.issue_id,
    issueKey: row.issue_key,
    text: row.text,
    visibility: row.visibility,
    reference: row.reference,
    summonees: row.summonees,
    version: row.version,
    author: {
      ...userFrom(row, 'created_by'),
      userId: row.author_id,
      login: row.author_login,
      name: row.author_name,
      email: row.author_email,
    },
    updatedBy: userFrom(row, 'updated_by'),
    createdAt: row.created_at,
    updatedAt: row.updated_at,
  };
}

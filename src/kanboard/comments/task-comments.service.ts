import type { Viewer } from '../../core/access/viewer.ts';
import {
  type Comment,
  createComment,
  deleteComment,
  getComment,
  updateComment,
} from '../../core/comments/comments.service.ts';
import type { CommentVisibility } from '../../core/comments/comments.store.ts';
import { getWritableIssue } from '../../core/issues/issue-access.ts';
import { APPLICATION_LOGIN } from '../../core/organisations/organisations.service.ts';
import { findPerson } from '../../core/users/users.service.ts';
import type { Database, Queryable } from '../../database/database.ts';
import { DomainError, requireValid } from '../../errors.ts';
import { lengthOf } from '../../text-length.ts';
import { texts } from '../../texts.ts';

/** Comments under Kanboard's rules: users write only as themselves, and change only what they wrote. */

/** A new comment; undefined marks an invalid value. */
export interface NewTaskComment {
  /** Undefined for a comment without an author, which only the application account may write. */
  readonly authorId: number | undefined;
  readonly text: string | undefined;
  readonly reference: string | undefined;
  readonly visibility: string | undefined;
}

const COMMENT_LENGTH_MAX = 512_000;
const REFERENCE_LENGTH_MAX = 191;
/** The visibilities that a role in the organisation sees, and may give a comment, are those up to its own level. */
const LEVELS: Readonly<Record<CommentVisibility, number>> = { 'app-user': 0, 'app-manager': 1, 'app-admin': 2 };

/** Whether a user wrote it, and not the application account, which counts as no user. */
export function isOfUser({ login }: Comment['author']): boolean {
  return login !== APPLICATION_LOGIN;
}

/**
 * Returns the id. Throws `not_found` and `forbidden` for the task, `invalid`, and `refused` for another author or a
 * visibility above the author's role.
 */
export async function writeTaskComment(
  db: Database,
  viewer: Viewer,
  taskId: number,
  { authorId, text = '', reference, visibility = '' }: NewTaskComment,
): Promise<number> {
  await getWritableIssue(db, viewer, taskId);
  requireValid({
    content: isText(text),
    reference: reference !== undefined && lengthOf(reference) <= REFERENCE_LENGTH_MAX,
    visibility: isVisibility(visibility),
  });
  const level = isVisibility(visibility) ? visibility : 'app-user';
  if (viewer.isApplication) {
    const isKnown = authorId === undefined || (await findPerson(db, viewer, { userId: authorId })) !== undefined;
    if (!isKnown) throw refused('user_id');
  } else {
    if (authorId !== viewer.userId) throw refused('user_id');
    if (LEVELS[level] > levelOf(viewer)) throw refused('visibility');
  }
  const origin = authorId === undefined || authorId === viewer.userId ? {} : { origin: { createdBy: authorId } };
  const comment = { text, visibility: level, reference: reference ?? '', ...origin };
  return (await createComment(db, viewer, taskId, comment)).id;
}

/** Throws `not_found` and `forbidden` for the task, `invalid`, and `refused` for a comment of another user. */
export async function updateTaskComment(
  db: Database,
  viewer: Viewer,
  commentId: number,
  text: string | undefined = '',
): Promise<void> {
  await requireOwn(db, viewer, commentId);
  requireValid({ content: isText(text) });
  await updateComment(db, viewer, { commentId }, { text });
}

/** Throws as `updateTaskComment` does. */
export async function removeTaskComment(db: Database, viewer: Viewer, commentId: number): Promise<void> {
  await requireOwn(db, viewer, commentId);
  await deleteComment(db, viewer, { commentId });
}

async function requireOwn(db: Queryable, viewer: Viewer, commentId: number): Promise<void> {
  const { issueId, author } = await getComment(db, viewer, { commentId });
  await getWritableIssue(db, viewer, issueId);
  if (!viewer.isApplication && author.userId !== viewer.userId) {
    throw new DomainError('refused', texts.commentForbidden);
  }
}

function isText(text: string): boolean {
  return text.trim() !== '' && lengthOf(text) <= COMMENT_LENGTH_MAX;
}

function isVisibility(value: string): value is CommentVisibility {
  return Object.hasOwn(LEVELS, value);
}

function levelOf({ role }: Viewer): number {
  if (role === 'admin') return LEVELS['app-admin'];
  return role === 'manager' ? LEVELS['app-manager'] : LEVELS['app-user'];
}

function refused(field: string): DomainError {
  return new DomainError('refused', undefined, { [field]: texts.formInvalid });
}

import type { Schemas } from '../../contract/openrpc.ts';
import { type Comment, getComment, listComments } from '../../core/comments/comments.service.ts';
import type { Methods } from '../rpc/account.ts';
import { idFrom, nameOf, secondsFrom, stringFrom } from '../rpc/values.ts';
import { isOfUser, removeTaskComment, updateTaskComment, writeTaskComment } from './task-comments.service.ts';

/** Comments on tasks: those that Tracker's clients see on issues. */
export const commentMethods: Methods<
  'createComment' | 'getComment' | 'getAllComments' | 'updateComment' | 'removeComment'
> = {
  async createComment({ task_id, user_id, content, reference, visibility }, { db, viewer }) {
    return await writeTaskComment(db, viewer, idFrom(task_id), {
      authorId: user_id === 0 || user_id === '0' ? undefined : idFrom(user_id),
      text: stringFrom(content),
      reference: stringFrom(reference ?? ''),
      visibility: stringFrom(visibility),
    });
  },

  async getComment({ comment_id }, { db, viewer }) {
    const comment = await getComment(db, viewer, { commentId: idFrom(comment_id) });
    const { date_creation, date_modification, comment: text, visibility, ...others } = serializeComment(comment);
    const { id, task_id, user_id, ...author } = others;
    const ids = { id, task_id, user_id };
    // In the order of the original, which is not that of a list.
    return {
      ...ids,
      date_creation,
      date_modification,
      comment: text,
      reference: comment.reference,
      visibility,
      ...author,
    };
  },

  async getAllComments({ task_id }, { db, viewer }) {
    const { comments } = await listComments(db, viewer, idFrom(task_id));
    return comments
      .sort((left, right) => left.createdAt.getTime() - right.createdAt.getTime() || left.id - right.id)
      .map(serializeComment);
  },

  async updateComment({ id, content }, { db, viewer }) {
    await updateTaskComment(db, viewer, idFrom(id), stringFrom(content));
    return true;
  },

  async removeComment({ comment_id }, { db, viewer }) {
    await removeTaskComment(db, viewer, idFrom(comment_id));
    return true;
  },
};

function serializeComment({ author, ...comment }: Comment): Schemas['ListedComment'] {
  const user = isOfUser(author) ? author : undefined;
  const login = user?.login ?? null;
  return {
    id: comment.id,
    date_creation: secondsFrom(comment.createdAt),
    date_modification: secondsFrom(comment.updatedAt),
    task_id: comment.issueId,
    user_id: user?.userId ?? 0,
    comment: comment.text,
    visibility: comment.visibility,
    username: login,
    name: nameOf(login, user?.name ?? null),
    email: nameOf(login, user?.email ?? null),
    avatar_path: null,
  };
}

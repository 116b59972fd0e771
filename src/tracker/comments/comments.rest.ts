import type { Schemas } from '../../contract/types.ts';
import {
  type Comment,
  createComment,
  deleteComment,
  getComment,
  listComments,
  updateComment,
} from '../../core/comments/comments.service.ts';
import { ambiguous, textOf } from '../../core/ids/reference.ts';
import { findUsersNamed } from '../../core/users/users.service.ts';
import type { Queryable } from '../../database/database.ts';
import { DomainError } from '../../errors.ts';
import { texts } from '../../texts.ts';
import type { Caller, Handlers } from '../rest/caller.ts';
import { commaList } from '../rest/comma-list.ts';
import { importedOrigin } from '../rest/imported-origin.ts';
import { idInPath, referenceIn } from '../rest/names.ts';
import { cursorHeaders, pageOf, pagingHeaders } from '../rest/paging.ts';
import { hasAny, refuseReadOnly } from '../rest/read-only.ts';
import { userReference } from '../rest/references.ts';
import { timestamp } from '../rest/timestamps.ts';
import { created } from '../rest/version.ts';

type Operations = 'listComments' | 'createComment' | 'importComment' | 'getComment' | 'updateComment' | 'deleteComment';

export const commentHandlers: Handlers<Operations> = {
  async listComments({ db, path, query, caller }) {
    const expand = expandedBy(query);
    const { page, perPage } = pageOf(query);
    const after = query.id === undefined ? undefined : Number(query.id);
    const { comments, total } = await listComments(db, caller.viewer, path.issueId, {
      // One more than the page shows whether another follows.
      ...(after === undefined ? { offset: (page - 1) * perPage, limit: perPage } : { after, limit: perPage + 1 }),
    });
    const shown = comments.slice(0, perPage);
    const next = comments.length > perPage ? shown.at(-1)?.id : undefined;
    return {
      body: shown.map((comment) => serializeComment(caller, comment, expand)),
      headers:
        after === undefined
          ? pagingHeaders(caller, { page, perPage }, total)
          : cursorHeaders(caller, perPage, { next, total }),
    };
  },
  async createComment({ db, path, query, body, caller }) {
    const expand = expandedBy(query);
    const comment = await createComment(db, caller.viewer, path.issueId, {
      text: body.text,
      summoneeIds: await summoneeIds(db, caller, body.summonees),
    });
    return created(serializeComment(caller, comment, expand), comment.version);
  },
  async importComment({ db, path, query, body, caller }) {
    const expand = expandedBy(query);
    const comment = await createComment(db, caller.viewer, path.issueId, {
      text: body.text,
      summoneeIds: await summoneeIds(db, caller, body.summonees),
      origin: await importedOrigin(db, caller.viewer.orgId, body),
    });
    return created(serializeComment(caller, comment, expand), comment.version);
  },
  async getComment({ db, path, query, caller }) {
    const comment = await getComment(db, caller.viewer, commentName(path));
    return { body: serializeComment(caller, comment, expandedBy(query)), version: comment.version };
  },
  async updateComment({ db, path, query, body, caller }) {
    const expand = expandedBy(query);
    if (hasAny(body, READ_ONLY)) {
      const stored = await getComment(db, caller.viewer, commentName(path));
      refuseReadOnly(body, serializeComment(caller, stored, new Set(['html'])), READ_ONLY);
    }
    const comment = await updateComment(db, caller.viewer, commentName(path), {
      text: body.text,
      ...(body.summonees !== undefined && { summoneeIds: await summoneeIds(db, caller, body.summonees ?? []) }),
    });
    return { body: serializeComment(caller, comment, expand), version: comment.version };
  },
  async deleteComment({ db, path, caller }) {
    await deleteComment(db, caller.viewer, commentName(path));
    return { body: undefined };
  },
};

const READ_ONLY = [
  'self',
  'id',
  'longId',
  'textHtml',
  'createdBy',
  'createdAt',
  'updatedBy',
  'updatedAt',
  'version',
  'type',
  'transport',
] as const satisfies readonly (keyof Schemas['CommentChange'])[];

const EXPANSIONS = ['html', 'attachments', 'all'];

/** Throws `invalid` for anything else than the values of the contract. */
function expandedBy({ expand = [] }: { readonly expand?: readonly string[] }): ReadonlySet<string> {
  const given = expand.flatMap(commaList);
  if (given.every((name) => EXPANSIONS.includes(name))) return new Set(given.includes('all') ? EXPANSIONS : given);
  throw new DomainError('invalid', undefined, { expand: texts.expandUnknown(EXPANSIONS.join(', ')) });
}

function commentName({ issueId, commentId }: { readonly issueId: string; readonly commentId: string }) {
  return { issueName: issueId, commentId: idInPath(commentId) };
}

/** The user_ids of the summonees. Throws `refused` if one does not exist. */
async function summoneeIds(
  db: Queryable,
  { viewer }: Caller,
  given: Schemas['Summonees'] | undefined = [],
): Promise<number[]> {
  const names = (Array.isArray(given) ? given : [given]).map((name) => referenceIn(name) ?? '');
  const found = await findUsersNamed(db, viewer.orgId, names);
  const several = names.find((_name, place) => found[place] === 'ambiguous');
  if (several) throw ambiguous('summonees', textOf(several));
  const users = found.map((user) => (user === undefined || user === 'ambiguous' || user.isRemoved ? undefined : user));
  const unknown = names.filter((_name, place) => users[place] === undefined);
  if (unknown.length > 0) {
    throw new DomainError('refused', undefined, { summonees: texts.usersUnknown(unknown.map(textOf).join(', ')) });
  }
  return [...new Set(users.flatMap((user) => (user ? [user.userId] : [])))];
}

function serializeComment(caller: Caller, comment: Comment, expand: ReadonlySet<string>): Schemas['Comment'] {
  return {
    self: `${caller.base}/issues/${comment.issueKey}/comments/${comment.id}`,
    id: comment.id,
    longId: comment.hexId,
    text: comment.text,
    ...(expand.has('html') && { textHtml: htmlOf(comment.text) }),
    ...(expand.has('attachments') && { attachments: [] }),
    createdBy: userReference(caller, comment.author),
    updatedBy: userReference(caller, comment.updatedBy),
    createdAt: timestamp(comment.createdAt),
    updatedAt: timestamp(comment.updatedAt),
    ...(comment.summonees.length > 0 && { summonees: comment.summonees.map((user) => userReference(caller, user)) }),
    version: comment.version,
    type: 'standard',
    transport: 'internal',
  };
}

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

/** The text in paragraphs, with its line breaks. */
function htmlOf(text: string): string {
  const escaped = text.replaceAll(/[&<>"']/g, (character) => ENTITIES[character] ?? '');
  return escaped
    .split(/(?:\r?\n){2,}/)
    .map((paragraph) => `<p>${paragraph.replaceAll(/\r?\n/g, '<br/>')}</p>`)
    .join('');
}

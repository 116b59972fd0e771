import type { Schemas } from '../../contract/types.ts';
import type { EventType } from '../../core/events/events.store.ts';
import { DomainError } from '../../errors.ts';
import { texts } from '../../texts.ts';
import { STANDARD_FIELDS } from '../fields/standard-fields.ts';
import type { Caller, Handlers } from '../rest/caller.ts';
import { commaList } from '../rest/comma-list.ts';
import { idInPath } from '../rest/names.ts';
import { cursorHeaders, pageOf } from '../rest/paging.ts';
import {
  entryReference,
  issueReference,
  linkTypeReference,
  queueReference,
  statusReference,
  userReference,
} from '../rest/references.ts';
import { timestamp } from '../rest/timestamps.ts';
import {
  type ChangelogEntry,
  type CommentState,
  type FieldValue,
  getChangelogEntry,
  type LinkState,
  listChangelog,
} from './changelog.service.ts';

/** On the primary alone: which transactions are still running is not known elsewhere. */
export const changelogHandlers: Handlers<'listIssueChanges' | 'getIssueChange'> = {
  async listIssueChanges({ db, path, query, caller }) {
    const { perPage } = pageOf(query);
    const { entries, hasMore } = await listChangelog(db.primary, caller.viewer, path.issueId, {
      after: query.id === undefined ? undefined : Number(query.id),
      types: query.type,
      fields: query.field && fieldsNamed(query.field),
      limit: perPage,
    });
    return {
      body: entries.map((entry) => serializeEntry(caller, entry)),
      headers: cursorHeaders(caller, perPage, { next: hasMore ? entries.at(-1)?.id : undefined }),
    };
  },
  async getIssueChange({ db, path, caller }) {
    const entry = await getChangelogEntry(db.primary, caller.viewer, path.issueId, idInPath(path.entryId));
    return { body: serializeEntry(caller, entry) };
  },
};

/** The ids of the fields. Throws `invalid` for an id that no field has. */
function fieldsNamed(names: readonly string[]): readonly string[] {
  const fields = names.flatMap(commaList);
  const isKnown = fields.every((name) => STANDARD_FIELDS.some(({ id }) => id === name));
  if (!isKnown) throw new DomainError('invalid', undefined, { field: texts.fieldNotFound });
  return fields;
}

function serializeEntry(caller: Caller, entry: ChangelogEntry): Schemas['IssueChange'] {
  const issue = issueReference(caller, entry.issue);
  return {
    id: String(entry.id),
    self: `${issue.self}/changelog/${entry.id}`,
    issue,
    updatedAt: timestamp(entry.createdAt),
    updatedBy: userReference(caller, entry.author),
    transport: 'api',
    // Deletion is the one type missing from the contract: the changelog disappears with the issue.
    type: entry.type as Schemas['IssueChangeType'],
    ...(entry.fields && {
      fields: entry.fields.map(({ field, from, to }) => ({
        field: fieldReference(caller, field),
        from: serializeValue(caller, from),
        to: serializeValue(caller, to),
      })),
    }),
    ...(entry.comments && {
      comments: {
        [COMMENTS[entry.type] ?? '']: entry.comments.map((comment) => commentReference(issue.self, comment)),
      },
    }),
    ...(entry.links && {
      links: entry.links.map(({ from, to }) => ({ from: serializeLink(caller, from), to: serializeLink(caller, to) })),
    }),
  };
}

const COMMENTS: Readonly<Partial<Record<EventType, 'added' | 'updated' | 'removed'>>> = {
  IssueCommentAdded: 'added',
  IssueCommentUpdated: 'updated',
  IssueCommentRemoved: 'removed',
};

function commentReference(issue: string, { id, display }: CommentState): Schemas['CommentReference'] {
  return { id: String(id), ...(display !== undefined && { self: `${issue}/comments/${id}`, display }) };
}

function fieldReference({ base, language }: Caller, id: string): Schemas['FieldReference'] {
  const field = STANDARD_FIELDS.find((standard) => standard.id === id);
  return { self: `${base}/fields/${id}`, id, display: field?.name[language] ?? id };
}

function serializeValue(caller: Caller, value: FieldValue): Schemas['FieldValue'] {
  if (value === null || typeof value !== 'object' || !('kind' in value)) return value;
  if (value.kind === 'users') return value.users.map((user) => userReference(caller, user));
  if (value.kind === 'user') return userReference(caller, value.user);
  if (value.kind === 'queue') return queueReference(caller, value);
  return value.kind === 'statuses' ? statusReference(caller, value) : entryReference(caller, value.kind, value);
}

function serializeLink(caller: Caller, link: LinkState | null): Schemas['LinkState'] | null {
  if (link === null) return null;
  const type = linkTypeReference(caller, link.type);
  const object = issueReference(caller, link.object);
  return {
    type: link.type.isDeleted ? withoutSelf(type) : type,
    direction: link.direction,
    object: link.object.isDeleted ? withoutSelf(object) : object,
  };
}

/** Nothing would be found at the URL of a deleted object. */
function withoutSelf<Reference extends { readonly self: string }>({ self: _self, ...rest }: Reference) {
  return rest;
}

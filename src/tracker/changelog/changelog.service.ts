import { setTimeout as sleep } from 'node:timers/promises';
import type { Viewer } from '../../core/access/viewer.ts';
import type { EventType, LinkChange } from '../../core/events/events.store.ts';
import { parseIssueName } from '../../core/issues/issue-name.ts';
import type { Direction } from '../../core/labels/direction.ts';
import { type UserSummary, userFrom } from '../../core/users/user-summary.ts';
import type { Queryable } from '../../database/database.ts';
import { DomainError } from '../../errors.ts';
import { type Text, texts } from '../../texts.ts';
import {
  type EntryFilter,
  type EntryRow,
  type Ids,
  type NamedRow,
  selectEntries,
  selectEntry,
  selectNamed,
} from './changelog.store.ts';

interface IssueSummary {
  readonly id: string;
  readonly key: string;
  readonly summary: string;
}

/** An entry of an issue's changelog. Referenced objects appear under their current names, deleted ones under their last. */
export interface ChangelogEntry {
  readonly id: number;
  readonly type: EventType;
  readonly issue: IssueSummary;
  readonly author: UserSummary;
  readonly createdAt: Date;
  readonly fields: readonly FieldChange[] | undefined;
  readonly comments: readonly CommentState[] | undefined;
  readonly links: readonly { readonly from: LinkState | null; readonly to: LinkState | null }[] | undefined;
}

export interface CommentState {
  readonly id: number;
  /** The start of the text; undefined for a comment that was removed. */
  readonly display: string | undefined;
}

export interface FieldChange {
  readonly field: string;
  readonly from: FieldValue;
  readonly to: FieldValue;
}

/** A value of a field: unset, a string, a number, strings, or references to other objects. */
export type FieldValue =
  | null
  | string
  | number
  | readonly string[]
  | { readonly kind: 'user'; readonly user: UserSummary }
  | { readonly kind: 'users'; readonly users: readonly UserSummary[] }
  | { readonly kind: 'queue'; readonly id: number; readonly key: string; readonly name: string }
  | {
      readonly kind: 'statuses' | 'issuetypes' | 'priorities' | 'resolutions';
      readonly id: number;
      readonly key: string;
      readonly name: Text;
    };

/** A link as seen from the issue. */
export interface LinkState {
  readonly type: { readonly id: string; readonly inward: Text; readonly outward: Text; readonly isDeleted: boolean };
  readonly direction: Direction;
  readonly object: IssueSummary & { readonly isDeleted: boolean };
}

/** The pauses before each further attempt to read entries that no running transaction can precede: 310 ms in all. */
const PAUSES_MS = [10, 20, 40, 80, 160];

/**
 * A page of an issue's changelog, oldest first, and whether more entries follow. Without `after` it is the first page,
 * with all entries that are there. With `after`, it starts after that entry, and omits those that an entry of a running
 * transaction may still precede: a client that passes the last id of each page as the next `after` misses none. Throws
 * `not_found` if the issue does not exist or the viewer may not see it.
 */
export async function listChangelog(
  db: Queryable,
  viewer: Viewer,
  issueName: string,
  {
    after,
    types,
    fields,
    limit,
  }: Pick<EntryFilter, 'types' | 'fields' | 'limit'> & { readonly after: number | undefined },
): Promise<{ entries: ChangelogEntry[]; hasMore: boolean }> {
  const name = parseIssueName(issueName);
  const filter = { after: after ?? 0, types, fields, limit: limit + 1 };
  const rows = name === undefined ? undefined : await selectSettledEntries(db, viewer, name, filter);
  if (rows === undefined) throw new DomainError('not_found', texts.issueNotFound);
  const shown = after === undefined ? rows : rows.filter((row) => row.is_settled);
  return { entries: await toEntries(db, viewer, shown.slice(0, limit)), hasMore: shown.length > limit };
}

/** As `selectEntries`, after a short wait for the transactions that may still write entries before the last of these. */
async function selectSettledEntries(
  db: Queryable,
  viewer: Viewer,
  issueName: string,
  filter: EntryFilter,
): Promise<EntryRow[] | undefined> {
  let rows = await selectEntries(db, viewer, issueName, filter);
  const until = rows?.at(-1)?.transaction_id;
  for (const pauseMs of PAUSES_MS) {
    if (rows === undefined || rows.every((row) => row.is_settled)) break;
    await sleep(pauseMs);
    rows = await selectEntries(db, viewer, issueName, { ...filter, until });
  }
  return rows;
}

/** One changelog entry. Throws `not_found`, also for an entry of another issue. */
export async function getChangelogEntry(
  db: Queryable,
  viewer: Viewer,
  issueName: string,
  entryId: number,
): Promise<ChangelogEntry> {
  const name = parseIssueName(issueName);
  const row = name === undefined ? undefined : await selectEntry(db, viewer, name, entryId);
  const [entry] = row === undefined ? [] : await toEntries(db, viewer, [row]);
  if (entry === undefined) throw new DomainError('not_found', texts.changeNotFound);
  return entry;
}

/** The fields whose values are ids, and what these refer to. */
const KINDS = {
  queue: 'queues',
  assignee: 'users',
  author: 'users',
  followers: 'users',
  status: 'statuses',
  type: 'types',
  priority: 'priorities',
  resolution: 'resolutions',
} as const satisfies Record<string, keyof Ids>;

async function toEntries(db: Queryable, viewer: Viewer, rows: readonly EntryRow[]): Promise<ChangelogEntry[]> {
  const named = new Map<string, NamedRow>();
  for (const row of await selectNamed(db, viewer, idsIn(rows))) named.set(`${row.kind} ${row.id}`, row);
  return rows.map((row) => toEntry(row, named));
}

type Names = ReadonlyMap<string, NamedRow>;

function toEntry(row: EntryRow, named: Names): ChangelogEntry {
  const { fields, links, comments } = row.changes;
  return {
    id: row.event_id,
    type: row.type,
    issue: { id: row.issue_hex_id, key: row.issue_key, summary: row.issue_summary },
    author: userFrom(row, 'author'),
    createdAt: row.created_at,
    fields: fields?.map(({ field, from, to }) => ({
      field,
      from: toFieldValue(field, from, named),
      to: toFieldValue(field, to, named),
    })),
    comments: comments?.map(({ comment_id: id }) => {
      const comment = named.get(`comments ${id}`);
      return { id, display: comment?.kind === 'comments' ? comment.text : undefined };
    }),
    links: links
      ?.map(({ from, to }) => ({ from: toLinkState(from, named), to: toLinkState(to, named) }))
      .filter(({ from, to }) => from !== null || to !== null),
  };
}

function idsIn(rows: readonly EntryRow[]): Ids {
  const links = rows.flatMap(({ changes }) => (changes.links ?? []).flatMap(({ from, to }) => [from, to]));
  const states = links.filter((link) => link !== null);
  const fields = rows.flatMap(({ changes }) => changes.fields ?? []);
  const held = (kind: keyof Ids) =>
    distinct(
      fields
        .filter(({ field }) => kindOf(field) === kind)
        .flatMap(({ from, to }) => [from, to].flat())
        .filter((value) => typeof value === 'number'),
    );
  return {
    comments: distinct(rows.flatMap(({ changes }) => changes.comments ?? []).map(({ comment_id: id }) => id)),
    issues: distinct(states.map((link) => link.object_id)),
    linkTypes: distinct(states.map((link) => link.link_type_id)),
    queues: held('queues'),
    users: held('users'),
    statuses: held('statuses'),
    types: held('types'),
    priorities: held('priorities'),
    resolutions: held('resolutions'),
  };
}

function kindOf(field: string): keyof Ids | undefined {
  return Object.hasOwn(KINDS, field) ? KINDS[field as keyof typeof KINDS] : undefined;
}

function distinct<Value>(values: readonly Value[]): Value[] {
  return [...new Set(values)];
}

/** Only the name of a deleted status; null for other objects that were deleted or that the viewer may not see. */
function toFieldValue(field: string, value: unknown, named: Names): FieldValue {
  const kind = kindOf(field);
  if (kind === undefined) return value as null | string | number | readonly string[];
  if (Array.isArray(value)) {
    const users = value.map((id) => toFieldValue(field, id, named));
    return { kind: 'users', users: users.flatMap((one) => (isUser(one) ? [one.user] : [])) };
  }
  const deleted = kind === 'statuses' ? named.get(`deletedStatuses ${String(value)}`) : undefined;
  const row = named.get(`${kind} ${String(value)}`) ?? deleted;
  if (row === undefined) return null;
  const id = Number(row.id);
  switch (row.kind) {
    case 'users':
      return {
        kind: 'user',
        user: { uid: row.uid, display: row.text, passportUid: row.passport_uid, cloudUid: row.cloud_uid },
      };
    case 'queues':
      return { kind: 'queue', id, key: row.key, name: row.text };
    case 'statuses':
    case 'priorities':
    case 'resolutions':
      return { kind: row.kind, id, key: row.key, name: { ru: row.ru, en: row.en } };
    case 'deletedStatuses':
      return row.text;
    case 'types':
      return { kind: 'issuetypes', id, key: row.key, name: { ru: row.ru, en: row.en } };
    default:
      return null;
  }
}

function isUser(value: FieldValue): value is Extract<FieldValue, { kind: 'user' }> {
  return typeof value === 'object' && value !== null && 'kind' in value && value.kind === 'user';
}

function toLinkState(link: LinkChange | null, named: Names): LinkState | null {
  if (link === null) return null;
  const object = named.get(`issues ${link.object_id}`) ?? named.get(`deletedIssues ${link.object_id}`);
  const type = named.get(`linkTypes ${link.link_type_id}`) ?? named.get(`deletedLinkTypes ${link.link_type_id}`);
  if (object?.kind !== 'issues' && object?.kind !== 'deletedIssues') return null;
  if (type?.kind !== 'linkTypes' && type?.kind !== 'deletedLinkTypes') return null;
  return {
    type: {
      id: type.id,
      inward: { ru: type.inward_ru, en: type.inward_en },
      outward: { ru: type.ru, en: type.en },
      isDeleted: type.kind === 'deletedLinkTypes',
    },
    direction: link.direction,
    object: { id: object.hex_id, key: object.key, summary: object.text, isDeleted: object.kind === 'deletedIssues' },
  };
}

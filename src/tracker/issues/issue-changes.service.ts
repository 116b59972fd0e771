import type { Viewer } from '../../core/access/viewer.ts';
import { findEntry } from '../../core/dictionaries/dictionaries.service.ts';
import type { Dictionary, StatusRow } from '../../core/dictionaries/dictionaries.store.ts';
import { type Reference, textOf } from '../../core/ids/reference.ts';
import { distinctTags, fieldsOf, findQueueName, TRACKER_DEFAULTS } from '../../core/issues/issue-writes.ts';
import type { IssueFields, IssueState } from '../../core/issues/issues.store.ts';
import { dueAtWith, withStoryPoints } from '../../core/issues/shared-fields.ts';
import { closes, resolutionAfter } from '../../core/issues/status-rules.ts';
import { findUsersNamed } from '../../core/users/users.service.ts';
import type { Queryable } from '../../database/database.ts';
import { DomainError } from '../../errors.ts';
import { type Text, texts } from '../../texts.ts';
import { changedList, itemsIn, type ListChange, mapList } from './list-change.ts';

export interface NewIssue {
  readonly summary: string;
  readonly queue: Reference;
  readonly description?: string | undefined;
  readonly type?: Reference | undefined;
  readonly priority?: Reference | undefined;
  readonly resolution?: Reference | undefined;
  readonly assignee?: Reference | undefined;
  readonly author?: Reference | undefined;
  readonly followers?: readonly Reference[] | undefined;
  readonly deadline?: string | undefined;
  readonly storyPoints?: number | undefined;
  readonly tags?: readonly string[] | undefined;
  /** An idempotency key of the client: a second issue with the same value is refused. */
  readonly unique?: string | undefined;
  readonly parent?: string | undefined;
  readonly epic?: string | undefined;
}

/** New values of fields: undefined keeps a field, null clears it. */
export interface IssueChanges {
  readonly summary?: string | null | undefined;
  readonly description?: string | null | undefined;
  readonly type?: Reference | null | undefined;
  readonly priority?: Reference | null | undefined;
  readonly status?: Reference | null | undefined;
  /** A status that is not of a closed type clears it. */
  readonly resolution?: Reference | null | undefined;
  readonly assignee?: Reference | null | undefined;
  /** Null for the creator. */
  readonly author?: Reference | null | undefined;
  readonly followers?: ListChange<Reference> | undefined;
  /** A day such as `2017-06-11`. */
  readonly deadline?: string | null | undefined;
  readonly storyPoints?: number | null | undefined;
  readonly tags?: ListChange<string> | undefined;
  readonly parent?: string | null | undefined;
  readonly epic?: string | null | undefined;
  /** Must be the issue's current queue. */
  readonly queue?: Reference | undefined;
}

/** The members of an issue that name other objects. */
type NamedInChanges = Pick<
  IssueChanges,
  'type' | 'priority' | 'status' | 'resolution' | 'assignee' | 'author' | 'followers'
>;

/** The fields of an issue after the changes. Throws `refused` for an unknown object, and if a required field would be empty. */
export async function changedFields(
  db: Queryable,
  viewer: Viewer,
  issue: IssueState,
  { queue, ...changes }: IssueChanges,
): Promise<{ fields: IssueFields; isOpen: boolean }> {
  refuseEmpty(changes);
  if (queue !== undefined && !(await isQueue(db, viewer, issue, queue))) {
    throw new DomainError('refused', undefined, { queue: texts.queueNotChangeable });
  }
  const before = fieldsOf(issue);
  const named = await idsNamed(db, viewer, changes, before);
  const { status } = named;
  const isSameStatus = status === undefined || status.id === before.statusId;
  const { deadline, storyPoints } = changes;
  const fields: IssueFields = {
    ...before,
    summary: changes.summary ?? before.summary,
    description: changes.description === undefined ? before.description : changes.description || null,
    issueTypeId: named.type ?? before.issueTypeId,
    priorityId: named.priority ?? before.priorityId,
    assigneeId: named.assignee === undefined ? before.assigneeId : named.assignee,
    authorId: named.author === undefined ? before.authorId : (named.author ?? issue.created_by),
    followerIds: named.followers ? followersAfter(before.followerIds, named.followers) : before.followerIds,
    tags: changes.tags ? distinctTags(changedList(before.tags, changes.tags)) : before.tags,
    statusId: status?.id ?? before.statusId,
    resolutionId: resolutionAfter(before, status, named.resolution),
    dueAt: deadline === undefined ? before.dueAt : dueAtWith(deadline, before.dueAt),
    kanboard: storyPoints === undefined ? before.kanboard : withStoryPoints(before.kanboard, storyPoints),
  };
  return { fields, isOpen: isSameStatus ? issue.is_open : !closes(status.type) };
}

/** Throws `refused` if a required field would be cleared. */
function refuseEmpty(changes: IssueChanges): void {
  const empty = (['summary', 'type', 'priority', 'status'] as const).filter((field) => {
    const value = changes[field];
    return value === null || (typeof value === 'string' && value.trim() === '');
  });
  if (empty.length === 0) return;
  throw new DomainError('refused', undefined, Object.fromEntries(empty.map((field) => [field, texts.fieldRequired])));
}

async function isQueue(db: Queryable, viewer: Viewer, issue: IssueState, queue: Reference): Promise<boolean> {
  const name = await findQueueName(db, viewer, queue);
  return name !== undefined && (name.key === issue.queue_key || name.id === issue.queue_id);
}

const FOLLOWERS_MAX = 100;

/** The followers, a set: the present ones stay as they are if the new ones are the same. Throws `refused` for more than 100. */
export function followersAfter(present: readonly number[], change: ListChange<number>): readonly number[] {
  const after = [...new Set(changedList(present, change))];
  if (after.length > FOLLOWERS_MAX) throw new DomainError('refused', undefined, { followers: texts.followersTooMany });
  return after.length === present.length && after.every((id) => present.includes(id)) ? present : after;
}

/**
 * The objects named in fields. Throws `refused` with a message for each field that names an unknown object. A removed user is
 * unknown, unless the field has that user already.
 */
export async function idsNamed(
  db: Queryable,
  viewer: Viewer,
  { type, priority, status, resolution, ...people }: NamedInChanges,
  before: Pick<IssueFields, 'authorId' | 'followerIds'> = TRACKER_DEFAULTS,
): Promise<{
  type: number | undefined;
  priority: number | undefined;
  status: StatusRow | undefined;
  resolution: number | null | undefined;
  assignee: number | null | undefined;
  author: number | null | undefined;
  followers: ListChange<number> | undefined;
}> {
  const unknown: Record<string, Text> = {};
  const entry = async <Of extends Dictionary>(
    dictionary: Of,
    field: string,
    name: Reference | null | undefined,
    text: Text,
  ) => {
    if (name === undefined || name === null) return undefined;
    const found = await findEntry(db, viewer, dictionary, name, field);
    if (found === undefined) unknown[field] = text;
    return found;
  };
  const named = {
    type: (await entry('issue_types', 'type', type, texts.issueTypeNotFound))?.id,
    priority: (await entry('priorities', 'priority', priority, texts.priorityNotFound))?.id,
    status: await entry('statuses', 'status', status, texts.statusNotFound),
    resolution:
      resolution === null ? null : (await entry('resolutions', 'resolution', resolution, texts.resolutionNotFound))?.id,
    ...(await peopleNamed(db, viewer.orgId, people, before, unknown)),
  };
  if (Object.keys(unknown).length > 0) throw new DomainError('refused', undefined, unknown);
  return named;
}

/** Adds a message to `unknown` for each field that names an unknown user. */
async function peopleNamed(
  db: Queryable,
  orgId: string,
  { assignee, author, followers }: Pick<NamedInChanges, 'assignee' | 'author' | 'followers'>,
  before: Pick<IssueFields, 'authorId' | 'followerIds'>,
  unknown: Record<string, Text>,
) {
  const names = [assignee, author, ...(followers ? itemsIn(followers) : [])].filter(
    (name) => name !== undefined && name !== null,
  );
  const found = await findUsersNamed(db, orgId, names);
  const users = new Map(names.map((name, place) => [name, found[place]]));
  const idOf = (name: Reference, presentIds: readonly (number | null)[]) => {
    const user = users.get(name);
    if (user === undefined || user === 'ambiguous') return undefined;
    return user.isRemoved && !presentIds.includes(user.userId) ? undefined : user.userId;
  };
  const refuse = (field: string, text: Text, refused: readonly Reference[]) => {
    const several = refused.find((name) => users.get(name) === 'ambiguous');
    if (refused.length > 0) unknown[field] = several ? texts.nameAmbiguous(textOf(several)) : text;
  };
  const person = (field: string, name: Reference | null | undefined, presentId: number | null) => {
    if (name === undefined || name === null) return name;
    const id = idOf(name, [presentId]);
    if (id === undefined) refuse(field, texts.userUnknown, [name]);
    return id;
  };
  const strangers = followers ? itemsIn(followers).filter((name) => idOf(name, before.followerIds) === undefined) : [];
  refuse('followers', texts.usersUnknown(strangers.map(textOf).join(', ')), strangers);
  return {
    assignee: person('assignee', assignee, null),
    author: person('author', author, before.authorId),
    followers: followers && mapList(followers, (name) => idOf(name, before.followerIds) ?? 0),
  };
}

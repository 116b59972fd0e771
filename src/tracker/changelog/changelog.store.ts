import { type Viewer, visibleQueue } from '../../core/access/viewer.ts';
import { IS_HIDDEN_EVENT } from '../../core/changelog/hidden-events.ts';
import { visibleComment } from '../../core/comments/comments.store.ts';
import { type Changes, type EventType, selectTransactionHorizon } from '../../core/events/events.store.ts';
import { IS_NAMED_ISSUE, visibleIssues } from '../../core/issues/visible-issues.ts';
import { visibleDeleted } from '../../core/removal/deleted-issues.store.ts';
import { type UserColumns, userColumns } from '../../core/users/user-summary.ts';
import type { Queryable } from '../../database/database.ts';
import { statement } from '../../database/statement.ts';

/** An event with its issue and its author. */
export type EntryRow = {
  issue_hex_id: string;
  issue_key: string;
  issue_summary: string;
  event_id: number;
  /** An xid8, as text. */
  transaction_id: string;
  /** Whether no transaction that still runs can write an entry that would come before this one. */
  is_settled: boolean;
  type: EventType;
  created_at: Date;
  changes: Changes;
} & UserColumns<'author'>;

/** An issue without matching entries, as the outer join returns it. */
type NoEntryRow = { issue_key: string; event_id: null };

/** SQL: the issue :issueName and its events that match the condition, all only if the viewer may see them. */
function entries(condition: string): string {
  return `
    with issue as materialized (${visibleIssues(
      'issues.issue_id, issues.hex_id as issue_hex_id, issues.key as issue_key, issues.summary as issue_summary',
      IS_NAMED_ISSUE,
    )})
    select issue.*, entry.*
    from issue
    left join lateral (
      select events.event_id, events.transaction_id, events.type, events.created_at, events.changes,
        events.transaction_id < :oldest::text::xid8 as is_settled, ${userColumns('author')}
      from events
      join users author on author.org_id = :orgId and author.user_id = events.user_id
      where events.org_id = :orgId and events.issue_id = issue.issue_id and not ${IS_HIDDEN_EVENT}
        and ${condition}
    ) entry on true
    order by entry.transaction_id, entry.event_id`;
}

/** SQL: the transaction of the issue's entry :after. */
const TRANSACTION_AFTER = `(
        select seen.transaction_id from events seen
        where seen.org_id = :orgId and seen.event_id = :after and seen.issue_id = issue.issue_id)`;

const SELECT_ENTRIES = statement<
  keyof Viewer | 'issueName' | 'oldest' | 'after' | 'until' | 'types' | 'fields' | 'limit',
  EntryRow | NoEntryRow
>(
  'select_entries',
  entries(`(events.transaction_id, events.event_id) > (coalesce(${TRANSACTION_AFTER}, '0'), :after)
      and (events.event_id > :after or ${TRANSACTION_AFTER} is not null)
      and (:until::text is null or events.transaction_id <= :until::text::xid8)
      and (:types::text[] is null or events.type = any(:types))
      and (:fields::text[] is null or ('links' = any(:fields) and events.changes -> 'links' is not null)
        or exists (
          select from jsonb_array_elements(events.changes -> 'fields') as change (field)
          where change.field ->> 'field' = any(:fields)))
      order by events.transaction_id, events.event_id
      limit :limit`),
);

/** Selects a page of an issue's changelog. */
export interface EntryFilter {
  /** The event_id of the entry before the page; 0 for the first page. */
  readonly after: number;
  /** The last transaction whose entries are selected, as text; undefined for all. */
  readonly until?: string | undefined;
  readonly types: readonly EventType[] | undefined;
  /** Ids of fields, one of which the entry must change; `links` stands for links. */
  readonly fields: readonly string[] | undefined;
  readonly limit: number;
}

/**
 * The first entries of an issue's changelog that pass the filter, by transaction: an event_id may be assigned early and
 * committed late, but a transaction below the oldest one that still runs has ended. Undefined if the issue does not exist
 * or the viewer may not see it.
 */
export async function selectEntries(
  db: Queryable,
  viewer: Viewer,
  issueName: string,
  filter: EntryFilter,
): Promise<EntryRow[] | undefined> {
  const { oldest } = await selectTransactionHorizon(db);
  const rows = await db.query(SELECT_ENTRIES({ ...viewer, issueName, oldest, until: undefined, ...filter }));
  return rows.length === 0 ? undefined : rows.filter((row) => row.event_id !== null);
}

const SELECT_ENTRY = statement<keyof Viewer | 'issueName' | 'oldest' | 'entryId', EntryRow | NoEntryRow>(
  'select_entry',
  entries('events.event_id = :entryId'),
);

/** One entry of the issue's changelog. */
export async function selectEntry(
  db: Queryable,
  viewer: Viewer,
  issueName: string,
  entryId: number,
): Promise<EntryRow | undefined> {
  const { oldest } = await selectTransactionHorizon(db);
  const [row] = await db.query(SELECT_ENTRY({ ...viewer, issueName, oldest, entryId }));
  return row === undefined || row.event_id === null ? undefined : row;
}

/** The ids that events refer to, by kind of object. */
export interface Ids {
  readonly comments: readonly number[];
  readonly issues: readonly number[];
  readonly linkTypes: readonly string[];
  readonly queues: readonly number[];
  readonly users: readonly number[];
  readonly statuses: readonly number[];
  readonly types: readonly number[];
  readonly priorities: readonly number[];
  readonly resolutions: readonly number[];
}

/** An object under its current name. The kind determines which columns are set. */
export type NamedRow =
  | { kind: 'issues' | 'deletedIssues'; id: string; key: string; text: string; hex_id: string }
  | { kind: 'comments' | 'deletedStatuses'; id: string; text: string }
  | { kind: 'linkTypes' | 'deletedLinkTypes'; id: string; inward_ru: string; inward_en: string; ru: string; en: string }
  | { kind: 'queues'; id: string; key: string; text: string }
  | { kind: 'statuses' | 'types' | 'priorities' | 'resolutions'; id: string; key: string; ru: string; en: string }
  | { kind: 'users'; id: string; uid: number; text: string; passport_uid: number | null; cloud_uid: string | null };

/** SQL: dictionary entries by id. */
function namedEntries(kind: string, table: string, idColumn: string, ids: string): string {
  return `
  select '${kind}', ${table}.${idColumn}::text, ${table}.key, null, ${table}.name_ru, ${table}.name_en, null, null, null,
    null, null, null
  from ${table} where ${table}.org_id = :orgId and ${table}.${idColumn} = any(${ids}::bigint[])`;
}

const SELECT_NAMED = statement<keyof Viewer | keyof Ids, NamedRow>(
  'select_named',
  `
  ${visibleIssues(
    `'issues' as kind, issues.issue_id::text as id, issues.key, issues.summary as text, null as ru, null as en,
      issues.hex_id,
      null as inward_ru, null as inward_en, null::bigint as uid, null::bigint as passport_uid, null as cloud_uid`,
    'issues.issue_id = any(:issues::bigint[])',
  )}
  union all
  select 'deletedIssues', deleted.issue_id::text, deleted.key, deleted.summary, null, null, deleted.hex_id, null, null,
    null, null, null
  from deleted_issues deleted
  left join queues on queues.org_id = :orgId and queues.queue_id = deleted.queue_id
  where deleted.org_id = :orgId and deleted.issue_id = any(:issues::bigint[]) and ${visibleDeleted('deleted', 'queues')}
  union all
  select 'linkTypes', link_types.link_type_id, null, null, coalesce(outward.name_ru, outward.label),
    coalesce(outward.name_en, outward.label), null, coalesce(inward.name_ru, inward.label),
    coalesce(inward.name_en, inward.label), null, null, null
  from link_types
  join labels inward on inward.org_id = :orgId and inward.label_id = link_types.inward_label_id
  join labels outward on outward.org_id = :orgId and outward.label_id = link_types.outward_label_id
  where link_types.org_id = :orgId and link_types.link_type_id = any(:linkTypes::text[])
  union all
  select 'deletedLinkTypes', link_type_id, null, null, outward_ru, outward_en, null, inward_ru, inward_en, null, null, null
  from deleted_link_types where org_id = :orgId and link_type_id = any(:linkTypes::text[])
  union all
  select 'queues', queues.queue_id::text, queues.key, queues.name, null, null, null, null, null, null, null, null
  from queues where queues.org_id = :orgId and queues.queue_id = any(:queues::bigint[]) and ${visibleQueue('queues')}
  union all
  select 'comments', comments.comment_id::text, null, left(comments.text, 255), null, null, null, null, null, null, null,
    null
  from comments
  where comments.org_id = :orgId and comments.comment_id = any(:comments::bigint[])
    and ${visibleComment('comments.visibility', 'comments.created_by')}
  union all
  select 'users', users.user_id::text, null, coalesce(users.display, users.login), null, null, null, null, null, users.uid,
    users.passport_uid, users.cloud_uid
  from users where users.org_id = :orgId and users.user_id = any(:users::bigint[])
  union all ${namedEntries('statuses', 'statuses', 'status_id', ':statuses')}
  union all
  select 'deletedStatuses', status_id::text, null, name, null, null, null, null, null, null, null, null
  from deleted_statuses where org_id = :orgId and status_id = any(:statuses::bigint[])
  union all ${namedEntries('types', 'issue_types', 'issue_type_id', ':types')}
  union all ${namedEntries('priorities', 'priorities', 'priority_id', ':priorities')}
  union all ${namedEntries('resolutions', 'resolutions', 'resolution_id', ':resolutions')}`,
);

/** The objects that exist, and deleted issues, link types and statuses, except issues and queues that the viewer may not see. One statement selects all kinds. */
export function selectNamed(db: Queryable, viewer: Viewer, ids: Ids): Promise<NamedRow[]> {
  return db.query(SELECT_NAMED({ ...viewer, ...ids }));
}

import { cachedMap, cacheKey } from '../../database/cache.ts';
import { ConcurrentChange, type Queryable, type Transaction } from '../../database/database.ts';
import { onConstraint } from '../../database/database-error.ts';
import { nextId, nextIds } from '../../database/next-ids.ts';
import { statement } from '../../database/statement.ts';

/** The tables of statuses, priorities, issue types and resolutions, each with its id column. */
const ID_COLUMNS = {
  statuses: 'status_id',
  priorities: 'priority_id',
  issue_types: 'issue_type_id',
  resolutions: 'resolution_id',
} as const;

export type Dictionary = keyof typeof ID_COLUMNS;

export interface EntryRow {
  id: number;
  key: string;
  version: number;
  name_ru: string;
  name_en: string;
  position: number;
}

export interface StatusRow extends EntryRow {
  type: 'new' | 'paused' | 'inProgress' | 'done' | 'cancelled';
}

export interface EntryRows {
  statuses: StatusRow;
  priorities: EntryRow;
  issue_types: EntryRow;
  resolutions: EntryRow;
}

const SELECT_ENTRIES: { readonly [Name in Dictionary]: ReturnType<typeof selectEntriesOf<Name>> } = {
  statuses: selectEntriesOf('statuses'),
  priorities: selectEntriesOf('priorities'),
  issue_types: selectEntriesOf('issue_types'),
  resolutions: selectEntriesOf('resolutions'),
};

function selectEntriesOf<Name extends Dictionary>(dictionary: Name) {
  return statement<'orgId', EntryRows[Name]>(
    `select_entries_of_${dictionary}`,
    `select ${columns(dictionary)} from ${dictionary} where org_id = :orgId order by position, id`,
  );
}

/** All entries of a dictionary, by position. */
export function selectEntries<Name extends Dictionary>(
  db: Queryable,
  orgId: string,
  dictionary: Name,
): Promise<EntryRows[Name][]> {
  return db.query<EntryRows[Name]>(SELECT_ENTRIES[dictionary]({ orgId }));
}

/** Maps the status_ids of the organisation, including those given, to its statuses; from the cache, by position. */
export function cachedStatuses(
  db: Queryable,
  orgId: string,
  statusIds: readonly number[],
): Promise<ReadonlyMap<number, StatusRow>> {
  const key = cacheKey<Map<number, StatusRow>>('statuses', orgId);
  return cachedMap(db.cache, key, [orgId], statusIds, async () => {
    const statuses = await selectEntries(db.primary, orgId, 'statuses');
    return new Map(statuses.map((status) => [status.id, status]));
  });
}

const SELECT_ENTRY: { readonly [Name in Dictionary]: ReturnType<typeof selectEntryOf<Name>> } = {
  statuses: selectEntryOf('statuses'),
  priorities: selectEntryOf('priorities'),
  issue_types: selectEntryOf('issue_types'),
  resolutions: selectEntryOf('resolutions'),
};

function selectEntryOf<Name extends Dictionary>(dictionary: Name) {
  const idColumn = ID_COLUMNS[dictionary];
  return statement<'orgId' | 'id' | 'key', EntryRows[Name]>(
    `select_entry_of_${dictionary}`,
    `
    select ${columns(dictionary)}
    from ${dictionary}
    where org_id = :orgId and ${idColumn} = coalesce(
      (select ${idColumn} from ${dictionary} where org_id = :orgId and ${idColumn} = :id),
      (select ${idColumn} from ${dictionary} where org_id = :orgId and key = :key))`,
  );
}

/** The entry with that id or key; an id takes precedence over another entry's equal key. */
export async function selectEntry<Name extends Dictionary>(
  db: Queryable,
  orgId: string,
  dictionary: Name,
  { id, key }: { readonly id: number | undefined; readonly key: string },
): Promise<EntryRows[Name] | undefined> {
  const [row] = await db.query<EntryRows[Name]>(SELECT_ENTRY[dictionary]({ orgId, id, key }));
  return row;
}

export interface NewStatus {
  readonly key: string;
  readonly name_ru: string;
  readonly name_en: string;
  readonly type: StatusRow['type'];
}

const INSERT_MISSING_STATUSES = statement<'orgId' | 'statusIds' | 'statuses'>(
  'insert_missing_statuses',
  `
  insert into statuses (org_id, status_id, key, name_ru, name_en, type, position)
  select :orgId, (:statusIds::bigint[])[given.place], given.item ->> 'key', given.item ->> 'name_ru', given.item ->> 'name_en', given.item ->> 'type',
    last.position + given.place
  from (select coalesce(max(position), 0) as position, array_agg(name_en) as names from statuses where org_id = :orgId) as last
  cross join jsonb_array_elements(:statuses) with ordinality as given (item, place)
  where given.item ->> 'name_en' <> all (last.names)
  order by given.place
  on conflict on constraint statuses_key_key do nothing`,
);

/** Appends the statuses whose English name is not in use. Safe under concurrent calls. */
export async function insertMissingStatuses(
  db: Transaction,
  orgId: string,
  statuses: readonly NewStatus[],
): Promise<void> {
  await db.invalidate(orgId);
  const statusIds = await nextIds(db, 'statuses', 'status_id', statuses.length);
  await db.query(INSERT_MISSING_STATUSES({ orgId, statusIds, statuses: JSON.stringify(statuses) }));
}

const INSERT_STATUS = statement<'orgId' | 'userId' | 'statusId' | keyof NewStatus, { status_id: number }>(
  'insert_status',
  `
  insert into statuses (org_id, status_id, key, name_ru, name_en, type, position, created_by)
  select :orgId, :statusId, :key, :name_ru, :name_en, :type,
    (select coalesce(max(position), 0) + 1 from statuses where org_id = :orgId), :userId
  on conflict on constraint statuses_key_key do nothing
  returning status_id`,
);

/** Appends a status for a column that the user creates, and returns its id. Undefined if its key is taken. */
export async function insertStatus(
  db: Transaction,
  { orgId, userId }: { readonly orgId: string; readonly userId: number },
  status: NewStatus,
): Promise<number | undefined> {
  await db.invalidate(orgId);
  const statusId = await nextId(db, 'statuses', 'status_id');
  const [row] = await db.query(INSERT_STATUS({ orgId, userId, statusId, ...status }));
  return row?.status_id;
}

const COUNT_STATUSES_OF = statement<'orgId' | 'userId', { count: number }>(
  'count_statuses_of',
  'select count(*) from statuses where org_id = :orgId and created_by = :userId',
);

/** The number of statuses that exist for columns which the user created. */
export async function countStatusesOf(db: Queryable, orgId: string, userId: number): Promise<number> {
  const [row] = await db.query(COUNT_STATUSES_OF({ orgId, userId }));
  return row?.count ?? 0;
}

/** A column for the status was created, or the status deleted, concurrently. */
export const COLUMN_STATUS_CHANGED = { columns_status_id_fkey: () => new ConcurrentChange() };

const DELETE_UNUSED_STATUSES = statement<'orgId' | 'statusIds', { status_id: number }>(
  'delete_unused_statuses',
  `
  with deleted as (
    delete from statuses
    where org_id = :orgId and status_id = any(:statusIds::bigint[]) and created_by is not null
      and not exists (
        select from columns where columns.org_id = :orgId and columns.status_id = statuses.status_id)
      and not exists (
        select from issues where issues.org_id = :orgId and issues.previous_status_id = statuses.status_id)
    returning status_id, name_en
  ), kept as (
    insert into deleted_statuses (org_id, status_id, name)
    select :orgId, status_id, name_en from deleted
  )
  select status_id from deleted`,
);

/**
 * Deletes those of the statuses that were created for columns, if no column has them any more and no issue had them just
 * before its present one. Keeps what changelogs show of them.
 */
export async function deleteUnusedStatuses(
  db: Transaction,
  orgId: string,
  statusIds: readonly number[],
): Promise<void> {
  const deleted = await onConstraint(db.query(DELETE_UNUSED_STATUSES({ orgId, statusIds })), COLUMN_STATUS_CHANGED);
  if (deleted.length > 0) await db.invalidate(orgId);
}

function columns(dictionary: Dictionary): string {
  const type = dictionary === 'statuses' ? ', type' : '';
  return `${ID_COLUMNS[dictionary]} as id, key, version, name_ru, name_en, position${type}`;
}

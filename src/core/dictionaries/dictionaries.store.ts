import type { Queryable, Transaction } from '../../database/database.ts';

/** The tables of words that describe issues, each with its id column. */
const ID_COLUMNS = { statuses: 'status_id', priorities: 'priority_id', issue_types: 'issue_type_id' } as const;

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

/** What each dictionary holds. */
export interface EntryRows {
  statuses: StatusRow;
  priorities: EntryRow;
  issue_types: EntryRow;
}

/** All entries of a dictionary, by position. */
export function selectEntries<Name extends Dictionary>(
  db: Queryable,
  orgId: string,
  dictionary: Name,
): Promise<EntryRows[Name][]> {
  return db.query<EntryRows[Name]>({
    name: `select_${dictionary}`,
    text: `select ${columns(dictionary)} from ${dictionary} where org_id = $1 order by position, id`,
    values: [orgId],
  });
}

/** The entry of that id or key; where a key looks like another entry's id, the id counts. */
export async function selectEntry<Name extends Dictionary>(
  db: Queryable,
  orgId: string,
  dictionary: Name,
  { id, key }: { readonly id: number | undefined; readonly key: string },
): Promise<EntryRows[Name] | undefined> {
  const idColumn = ID_COLUMNS[dictionary];
  const [row] = await db.query<EntryRows[Name]>({
    name: `select_entry_of_${dictionary}`,
    text: `
      select ${columns(dictionary)}
      from ${dictionary}
      where org_id = $1 and ${idColumn} = coalesce(
        (select ${idColumn} from ${dictionary} where org_id = $1 and ${idColumn} = $2),
        (select ${idColumn} from ${dictionary} where org_id = $1 and key = $3))`,
    values: [orgId, id, key],
  });
  return row;
}

export interface NewStatus {
  readonly key: string;
  readonly name_ru: string;
  readonly name_en: string;
  readonly type: StatusRow['type'];
}

/** Adds, after the last status, those whose English name no status has yet; others may do so at the same time. */
export async function insertMissingStatuses(
  db: Transaction,
  orgId: string,
  statuses: readonly NewStatus[],
): Promise<void> {
  await db.query({
    name: 'insert_missing_statuses',
    text: `
      insert into statuses (org_id, key, name_ru, name_en, type, position)
      select $1, key, name_ru, name_en, type, last.position + ordinality
      from (select coalesce(max(position), 0) as position from statuses where org_id = $1) as last
      cross join rows from (
        jsonb_to_recordset($2) as (key text, name_ru text, name_en text, type text)
      ) with ordinality as given
      where not exists (select from statuses where org_id = $1 and statuses.name_en = given.name_en)
      order by ordinality
      on conflict on constraint statuses_key_key do nothing`,
    values: [orgId, JSON.stringify(statuses)],
  });
}

function columns(dictionary: Dictionary): string {
  const type = dictionary === 'statuses' ? ', type' : '';
  return `${ID_COLUMNS[dictionary]} as id, key, version, name_ru, name_en, position${type}`;
}

import type { Queryable } from '../../database/database.ts';

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

function columns(dictionary: Dictionary): string {
  const type = dictionary === 'statuses' ? ', type' : '';
  return `${ID_COLUMNS[dictionary]} as id, key, version, name_ru, name_en, position${type}`;
}

import type { Queryable } from '../../database/database.ts';
import { DomainError } from '../../errors.ts';
import { type Text, texts } from '../../texts.ts';
import type { Viewer } from '../access/viewer.ts';
import { parseId } from '../ids/id.ts';
import { type Dictionary, type EntryRows, selectEntries, selectEntry } from './dictionaries.store.ts';

const NOT_FOUND: Record<Dictionary, Text> = {
  statuses: texts.statusNotFound,
  priorities: texts.priorityNotFound,
  issue_types: texts.issueTypeNotFound,
};

/** Every status, priority or issue type of the organisation, by position. */
export function listEntries<Name extends Dictionary>(
  db: Queryable,
  { orgId }: Viewer,
  dictionary: Name,
): Promise<EntryRows[Name][]> {
  return selectEntries(db, orgId, dictionary);
}

/** The entry with that id or key. Throws `not_found`. */
export async function getEntry<Name extends Dictionary>(
  db: Queryable,
  viewer: Viewer,
  dictionary: Name,
  name: string,
): Promise<EntryRows[Name]> {
  const entry = await findEntry(db, viewer, dictionary, name);
  if (entry === undefined) throw new DomainError('not_found', NOT_FOUND[dictionary]);
  return entry;
}

export async function findEntry<Name extends Dictionary>(
  db: Queryable,
  { orgId }: Viewer,
  dictionary: Name,
  name: string | number,
): Promise<EntryRows[Name] | undefined> {
  const key = String(name).trim();
  // PostgreSQL rejects U+0000 in a string.
  if (key.includes('\0')) return undefined;
  return await selectEntry(db, orgId, dictionary, { id: parseId(key), key });
}

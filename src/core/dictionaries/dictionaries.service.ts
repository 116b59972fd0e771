import { ConcurrentChange, type Queryable, type Transaction } from '../../database/database.ts';
import { DomainError } from '../../errors.ts';
import { type Text, texts } from '../../texts.ts';
import type { Viewer } from '../access/viewer.ts';
import { parseId } from '../ids/id.ts';
import { ambiguous, type Reference } from '../ids/reference.ts';
import {
  countStatusesOf,
  type Dictionary,
  type EntryRows,
  insertStatus,
  selectEntries,
  selectEntry,
} from './dictionaries.store.ts';

const NOT_FOUND: Record<Dictionary, Text> = {
  statuses: texts.statusNotFound,
  priorities: texts.priorityNotFound,
  issue_types: texts.issueTypeNotFound,
  resolutions: texts.resolutionNotFound,
};

const STATUSES_MAX = 1000;
/** So that no user who is neither an administrator nor a manager can use up those of the organisation. */
const STATUSES_OF_MEMBER_MAX = 100;
const KEY_LENGTH_MAX = 50;

/** Every status, priority, issue type or resolution of the organisation, by position. */
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
  const entry = await findEntryWithKey(db, viewer, dictionary, name);
  if (entry === undefined) throw new DomainError('not_found', NOT_FOUND[dictionary]);
  return entry;
}

/** As `getEntry`, or by the Russian or English name. Throws `refused` under `field` for a name of several entries. */
export async function findEntry<Name extends Dictionary>(
  db: Queryable,
  viewer: Viewer,
  dictionary: Name,
  reference: Reference,
  field: string,
): Promise<EntryRows[Name] | undefined> {
  if (typeof reference !== 'object') return await findEntryWithKey(db, viewer, dictionary, reference);
  const wanted = reference.name.trim().toLowerCase();
  const entries = await selectEntries(db, viewer.orgId, dictionary);
  const found = entries.filter((entry) => [entry.name_ru, entry.name_en].some((name) => name.toLowerCase() === wanted));
  if (found.length > 1) throw ambiguous(field, reference.name);
  return found[0];
}

async function findEntryWithKey<Name extends Dictionary>(
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

/**
 * The id of the first status with the name that is not among `exceptIds`, or else of a new one. Throws `refused` if the
 * organisation has too many, or a member has created too many.
 */
export async function addStatus(
  db: Transaction,
  viewer: Viewer,
  name: string,
  exceptIds: readonly number[],
): Promise<number> {
  const { orgId, userId, role } = viewer;
  const statuses = await selectEntries(db, orgId, 'statuses');
  const found = statuses.find(({ id, name_en }) => name_en === name && !exceptIds.includes(id));
  if (found) return found.id;
  if (statuses.length >= STATUSES_MAX) throw new DomainError('refused', texts.statusesTooMany);
  const isMember = role !== 'admin' && role !== 'manager';
  if (isMember && (await countStatusesOf(db, orgId, userId)) >= STATUSES_OF_MEMBER_MAX) {
    throw new DomainError('refused', texts.statusesOfMemberTooMany);
  }
  const key = freeKey(
    name,
    statuses.map((status) => status.key),
  );
  const id = await insertStatus(db, viewer, { key, name_ru: name, name_en: name, type: 'inProgress' });
  // A concurrent writer took the key.
  if (id === undefined) throw new ConcurrentChange();
  return id;
}

/** The Latin words of a name in camel case, with a number if that key is taken: "In review" is inReview. */
function freeKey(name: string, taken: readonly string[]): string {
  const words = name.match(/[A-Za-z0-9]+/g) ?? [];
  const camel = words.map((word, place) =>
    place === 0 ? lowerFirst(word) : word.charAt(0).toUpperCase() + word.slice(1),
  );
  const joined = camel.join('').slice(0, KEY_LENGTH_MAX);
  const key = /^[a-z]/i.test(joined) ? joined : `status${joined}`;
  if (!taken.includes(key)) return key;
  let number = 2;
  while (taken.includes(`${key}${number}`)) number += 1;
  return `${key}${number}`;
}

function lowerFirst(word: string): string {
  return word.charAt(0).toLowerCase() + word.slice(1);
}

import { distinctTags } from '../../core/issues/issue-writes.ts';
import type { Queryable } from '../../database/database.ts';
import { lengthOf } from '../../text-length.ts';
import { selectStoredNames } from './tags.store.ts';

const TAG_LENGTH_MAX = 255;

export function isTagName(name: string): boolean {
  return name !== '' && lengthOf(name) <= TAG_LENGTH_MAX;
}

/**
 * The tags of a task as they are stored, without duplicates: as in Kanboard, letter case does not distinguish them. A tag that
 * the project has with other capitals is that tag, and a new one has its first spelling. Throws `refused` for more than 100.
 */
export async function storedTags(
  db: Queryable,
  orgId: string,
  projectId: number,
  tags: readonly string[],
): Promise<string[]> {
  const given = distinctTags(tags);
  const stored = await selectStoredNames(db, orgId, projectId, given);
  const spellings = new Map<string, string>();
  for (const tag of given) {
    const folded = tag.toLowerCase();
    if (!spellings.has(folded)) spellings.set(folded, tag);
  }
  return distinctTags(given.map((tag) => stored.get(tag) ?? spellings.get(tag.toLowerCase()) ?? tag));
}

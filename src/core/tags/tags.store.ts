import type { Transaction } from '../../database/database.ts';
import { statement } from '../../database/statement.ts';

const LOCK_TAGS = statement<'orgId' | 'queueId' | 'names', { name: string }>(
  'lock_tags',
  `
  select name from tags
  where org_id = :orgId and queue_id = :queueId and name = any(:names::text[])
  order by name
  for key share`,
);

const INSERT_TAGS = statement<'orgId' | 'queueId' | 'names'>(
  'insert_tags',
  `
  insert into tags (org_id, queue_id, name)
  select :orgId, :queueId, wanted.name
  from unnest(:names::text[]) as wanted (name)
  order by wanted.name collate "C"
  on conflict on constraint tags_name_key do nothing`,
);

/** Creates the tags of a queue that are missing, and locks the others, so that no transaction removes them meanwhile. */
export async function insertMissingTags(
  db: Transaction,
  orgId: string,
  queueId: number,
  names: readonly string[],
): Promise<void> {
  if (names.length === 0) return;
  const present = new Set((await db.query(LOCK_TAGS({ orgId, queueId, names }))).map(({ name }) => name));
  const missing = names.filter((name) => !present.has(name));
  if (missing.length > 0) await db.query(INSERT_TAGS({ orgId, queueId, names: missing }));
}

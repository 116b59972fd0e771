import { readOneState, selectInBatches } from '../core/check/check.store.ts';
import { selectOrganisation } from '../core/organisations/organisations.store.ts';
import type { Database } from '../database/database.ts';
import { DomainError } from '../errors.ts';
import { texts } from '../texts.ts';
import { RECORD_KINDS } from './record-kinds.ts';
import { countRecords, selectLines } from './transfer.store.ts';

/** The version of the format that this program writes and reads. */
export const FORMAT_VERSION = 1;

export interface ExportOptions {
  readonly withSecrets: boolean;
  readonly write: (lines: string) => Promise<void>;
  readonly onProgress?: (done: number, total: number) => void;
}

/**
 * Writes all records of the organisation, in the order of their kinds and ids, as one state of the database has them.
 * Memory does not depend on their number. Returns the number of records. Throws `not_found`.
 */
export function exportOrganisation(
  db: Database,
  orgId: string,
  { withSecrets, write, onProgress }: ExportOptions,
): Promise<number> {
  const kinds = RECORD_KINDS.filter(({ isSecret }) => withSecrets || !isSecret);
  return db.transaction(async (transaction) => {
    await readOneState(transaction);
    if ((await selectOrganisation(transaction, orgId)) === undefined)
      throw new DomainError('not_found', texts.organisationNotFound(orgId));
    const total = onProgress ? await countRecords(transaction, kinds, orgId) : 0;
    let count = 0;
    await write(`${JSON.stringify({ export: { version: FORMAT_VERSION } })}\n`);
    for (const kind of kinds) {
      for await (const rows of selectInBatches<{ line: string }>(
        transaction,
        selectLines(kind, orgId, { withSecrets }),
      )) {
        await write(rows.map(({ line }) => `${line}\n`).join(''));
        count += rows.length;
        onProgress?.(count, total);
      }
    }
    return count;
  });
}

import type { Database } from '../../database/database.ts';
import { isConstraintError } from '../../database/database-error.ts';
import { DomainError } from '../../errors.ts';
import { texts } from '../../texts.ts';
import { deleteOrganisationEntry, selectOrganisationIds } from '../organisations/directory.store.ts';
import {
  deleteCredentials,
  deleteOrganisationRow,
  deleteRows,
  selectTenantTables,
} from './organisation-deletion.store.ts';

/** Rows of one transaction, so that none holds locks for long. */
const BATCH_ROWS = 5_000;
const ATTEMPTS_MAX = 5;

/**
 * Throws `not_found`, and `refused` for the last organisation: the next start of a server could fill an empty database with
 * the demo.
 */
export async function requireDeletable(db: Database, orgId: string): Promise<void> {
  const orgIds = await selectOrganisationIds(db);
  if (!orgIds.includes(orgId)) throw new DomainError('not_found', texts.organisationNotFound(orgId));
  if (orgIds.length === 1) throw new DomainError('refused', texts.lastOrganisation(orgId));
}

/**
 * Deletes an organisation with everything in it, and returns the number of rows. Its credentials are deleted first, so that
 * servers refuse its users at once. The rest follows in many transactions. After an interruption, a repetition completes
 * the deletion: the organisation is listed until the end (decision 30). Throws as `requireDeletable` does.
 */
export async function deleteOrganisation(
  db: Database,
  orgId: string,
  onTable?: (table: string, rows: number) => void,
): Promise<number> {
  await requireDeletable(db, orgId);
  return await deleteAnyOrganisation(db, orgId, onTable);
}

/** As deleteOrganisation, also for the last one. */
export async function deleteAnyOrganisation(
  db: Database,
  orgId: string,
  onTable: (table: string, rows: number) => void = () => undefined,
): Promise<number> {
  await db.transaction((transaction) => deleteCredentials(transaction, orgId));
  let total = 0;
  for (let attempt = 1; ; attempt += 1) {
    try {
      for (const table of await selectTenantTables(db)) {
        let rows = 0;
        let deleted: number;
        do {
          deleted = await deleteRows(db, table, orgId, BATCH_ROWS);
          rows += deleted;
        } while (deleted === BATCH_ROWS);
        if (rows > 0) onTable(table.name, rows);
        total += rows;
      }
      await db.transaction(async (transaction) => {
        await deleteOrganisationRow(transaction, orgId);
        await deleteOrganisationEntry(transaction, orgId);
      });
      return total;
    } catch (error) {
      // A request that was authenticated before may have added rows to a table that was empty already.
      if (!isConstraintError(error) || attempt === ATTEMPTS_MAX) throw error;
    }
  }
}

import type { Database, Queryable } from '../../database/database.ts';
import { isConstraintError } from '../../database/database-error.ts';
import { DomainError } from '../../errors.ts';
import { texts } from '../../texts.ts';
import { deleteOrganisationEntry, lockDirectory, selectOrganisationIds } from '../organisations/directory.store.ts';
import {
  deleteCredentials,
  deleteOrganisationRow,
  deleteRows,
  selectHasActiveUsers,
  selectTenantTables,
} from './organisation-deletion.store.ts';

/** Rows of one transaction, so that none holds locks for long. */
const BATCH_ROWS = 5_000;
/** For each user, PostgreSQL searches every table that refers to users, and none has an index for it. */
const BATCH_USERS = 100;
const ATTEMPTS_MAX = 5;

/**
 * Throws `not_found`, and `refused` for the last organisation besides those that are being deleted: the next start of a server
 * could fill an empty database with the demo.
 */
export async function requireDeletable(db: Queryable, orgId: string): Promise<void> {
  const orgIds = await selectOrganisationIds(db);
  if (!orgIds.includes(orgId)) throw new DomainError('not_found', texts.organisationNotFound(orgId));
  for (const other of orgIds) if (other !== orgId && (await selectHasActiveUsers(db, other))) return;
  throw new DomainError('refused', texts.lastOrganisation(orgId));
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
  await db.transaction(async (transaction) => {
    // Two deletions at the same time must not each count on the organisation of the other.
    await lockDirectory(transaction);
    await requireDeletable(transaction, orgId);
    await deleteCredentials(transaction, orgId);
  });
  return await deleteContents(db, orgId, onTable);
}

/** As deleteOrganisation, also for the last one. */
export async function deleteAnyOrganisation(db: Database, orgId: string): Promise<number> {
  await db.transaction((transaction) => deleteCredentials(transaction, orgId));
  return await deleteContents(db, orgId);
}

async function deleteContents(
  db: Database,
  orgId: string,
  onTable: (table: string, rows: number) => void = () => undefined,
): Promise<number> {
  let total = 0;
  for (let attempt = 1; ; attempt += 1) {
    try {
      for (const table of await selectTenantTables(db)) {
        const limit = table.name === 'users' ? BATCH_USERS : BATCH_ROWS;
        let rows = 0;
        let deleted: number;
        do {
          deleted = await deleteRows(db, table, orgId, limit);
          rows += deleted;
        } while (deleted === limit);
        if (rows > 0) onTable(table.name, rows);
        total += rows;
      }
      await db.transaction(async (transaction) => {
        // A request that was authenticated before may have created a token.
        await deleteCredentials(transaction, orgId);
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

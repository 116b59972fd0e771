import {
  invalidateOrganisations,
  lockOrganisations,
  selectOrganisationIds,
} from '../core/organisations/directory.store.ts';
import type { Database } from '../database/database.ts';
import { hasCitus } from '../database/distribution.ts';
import { listAppliedMigrations } from '../database/migrations.ts';
import { DomainError, StartError } from '../errors.ts';
import { texts } from '../texts.ts';
import { findSnapshot, maySuspendForeignKeys, restoreSnapshot, takeSnapshot } from './snapshot.store.ts';

/**
 * Takes the snapshot that `reset` restores, unless there is one: it is the database as the first start with TEST_MODE=on
 * found it, with what SEED, the INIT_ variables or the demo had written. Throws a StartError if the schema has changed since.
 */
export async function prepareSnapshot(db: Database): Promise<void> {
  if (await hasCitus(db)) throw new StartError('TEST_MODE=on needs a database without the extension "citus".');
  if (!(await maySuspendForeignKeys(db))) {
    throw new StartError(
      'TEST_MODE=on needs a role that is a superuser, or "grant set on parameter session_replication_role" to it.',
    );
  }
  await db.transaction(async (transaction) => {
    await lockOrganisations(transaction);
    const migration = (await listAppliedMigrations(transaction)).at(-1) ?? '';
    const taken = await findSnapshot(transaction);
    if (taken === undefined) await takeSnapshot(transaction, migration);
    else if (taken !== migration) {
      throw new StartError(
        'The schema has changed since TEST_MODE=on was first used with this database: use an empty one, or TEST_MODE=off.',
      );
    }
  });
}

/** Restores the database to the snapshot, ids included. Throws `not_found` if there is no snapshot. */
export function reset(db: Database): Promise<void> {
  return db.transaction(async (transaction) => {
    if ((await findSnapshot(transaction)) === undefined) throw new DomainError('not_found', texts.snapshotMissing);
    const before = await selectOrganisationIds(transaction);
    await restoreSnapshot(transaction);
    await invalidateOrganisations(transaction, [...before, ...(await selectOrganisationIds(transaction))]);
  });
}

import { randomBytes } from 'node:crypto';
import type { Viewer } from '../../core/access/viewer.ts';
import { type ClientDatabase, type Database, isTransaction } from '../../database/database.ts';
import { DomainError } from '../../errors.ts';
import { texts } from '../../texts.ts';
import type { BulkChange, BulkFailure } from './bulk-change.ts';
import { insertBulkChange, selectBulkChange } from './bulk-changes.store.ts';

/** Less than a request may work, so that the last change, too, can be completed. */
const TIME_MS = 20_000;

/**
 * Changes issues one after the other, each in a transaction of its own, and stores the outcome. One failed issue does
 * not stop the others. If time runs out or the database fails after a change, the outcome is returned even if it cannot be
 * stored. Within a transaction (`Idempotency-Key`), each failed change is rolled back alone.
 */
export async function changeInBulk(
  db: ClientDatabase,
  viewer: Viewer,
  issueNames: readonly string[],
  {
    change,
    describe,
    startedAt,
  }: {
    readonly change: (db: Database, issueName: string) => Promise<unknown>;
    readonly describe: (error: DomainError) => Promise<object>;
    /** When the request began, in milliseconds since 1970: a search may have come before. */
    readonly startedAt: number;
  },
): Promise<BulkChange> {
  const deadline = startedAt + TIME_MS;
  const names = [...new Set(issueNames)];
  const failures: BulkFailure[] = [];
  for (const issue of names) {
    try {
      if (Date.now() > deadline) throw new DomainError('contended', texts.bulkOutOfTime);
      await (isTransaction(db) ? db.attempt(() => change(db, issue)) : change(db, issue));
    } catch (error) {
      if (!(error instanceof DomainError)) throw error;
      failures.push({ issue, error: await describe(error) });
    }
  }
  const bulkChange = { id: randomBytes(10).toString('hex'), createdAt: new Date(), total: names.length, failures };
  const isAllUndone = isTransaction(db) || failures.length === names.length;
  await db.untimed
    .transaction((transaction) => insertBulkChange(transaction, viewer, bulkChange))
    .catch((error: unknown) => {
      if (isAllUndone || !(error instanceof DomainError)) throw error;
    });
  return bulkChange;
}

/** A bulk change of the viewer. Throws `not_found`, also for one of another user. */
export async function getBulkChange(db: Database, viewer: Viewer, id: string): Promise<BulkChange> {
  const found = /^[0-9a-f]{20}$/.test(id) ? await selectBulkChange(db, viewer, id) : undefined;
  if (found === undefined) throw new DomainError('not_found', texts.bulkChangeNotFound);
  return found;
}

// Never run. If one of the expected errors below does not occur, `npm run check:types` fails.
import { deleteLink, type VersionedLink } from '../../src/core/issue-links/link-writes.store.ts';
import { lockForLinks } from '../../src/core/link-types/locked-types.store.ts';
import { createUser } from '../../src/core/users/users.service.ts';
import { insertUser, selectUserId } from '../../src/core/users/users.store.ts';
import type { DatabasePool, Queryable, Transaction } from '../../src/database/database.ts';

export async function useWrongly(pool: DatabasePool, reader: Queryable, seen: VersionedLink): Promise<void> {
  // @ts-expect-error: the pool would release the lock at once.
  await lockForLinks(pool, 'org', ['relates'], [1, 2]);
  // @ts-expect-error: a write outside a transaction would not be repeated after a deadlock.
  await insertUser(pool, 'org', { login: 'user', role: 'member' });
  // @ts-expect-error: a function that only reads cannot write either.
  await deleteLink(reader, { orgId: 'org', userId: 1, events: [] }, seen);
  // @ts-expect-error: a `Queryable` is not necessarily a transaction.
  const asserted: Transaction = reader;
  // @ts-expect-error: only `transaction()` creates one.
  const imitated: Transaction = { query: (statement) => pool.query(statement), transaction: (work) => work(imitated) };
  // @ts-expect-error: a use case needs something to begin a transaction on.
  await createUser(reader, 'org', { login: 'user', role: 'member' });

  await selectUserId(pool, 'org', 'user');
  await pool.transaction(async (transaction) => {
    await selectUserId(transaction, 'org', 'user');
    await lockForLinks(transaction, 'org', ['relates'], [1, 2]);
    await createUser(transaction, 'org', { login: 'user', role: 'member' });
    // @ts-expect-error: closing the pool would close it for all other requests.
    await transaction.close();
    for (const claimed of [asserted, imitated]) await lockForLinks(claimed, 'org', ['relates'], [1, 2]);
  });
}

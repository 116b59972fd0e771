// Never run: every expected error below must be one, or the types check of `npm run check` fails.
import { lockForLinks } from '../../src/core/link-types/link-types.store.ts';
import { createUser } from '../../src/core/users/users.service.ts';
import { insertUser, selectUserId } from '../../src/core/users/users.store.ts';
import type { DatabasePool, Queryable, Transaction } from '../../src/database/database.ts';

export async function useWrongly(pool: DatabasePool, reader: Queryable): Promise<void> {
  // @ts-expect-error: the pool would release the lock at once.
  await lockForLinks(pool, 'org', ['relates'], [1, 2]);
  // @ts-expect-error: a write outside a transaction would not be repeated after a deadlock.
  await insertUser(pool, 'org', { login: 'user', role: 'member' });
  // @ts-expect-error: whatever can query is not yet a transaction.
  const asserted: Transaction = reader;
  // @ts-expect-error: only `transaction()` makes one.
  const imitated: Transaction = { query: (statement) => pool.query(statement), transaction: (work) => work(imitated) };
  // @ts-expect-error: a use case needs something to begin a transaction on.
  await createUser(reader, 'org', { login: 'user', role: 'member' });

  await selectUserId(pool, 'org', 'user');
  await pool.transaction(async (transaction) => {
    await selectUserId(transaction, 'org', 'user');
    await lockForLinks(transaction, 'org', ['relates'], [1, 2]);
    await createUser(transaction, 'org', { login: 'user', role: 'member' });
    // @ts-expect-error: one that ended the pool would end it for every other request.
    await transaction.close();
    for (const claimed of [asserted, imitated]) await lockForLinks(claimed, 'org', ['relates'], [1, 2]);
  });
}

import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { DatabasePool, Queryable } from '../../src/database/database.ts';
import { openDatabase } from '../../src/database/open-database.ts';
import type { SharedStatement } from '../../src/database/shared-statements.ts';
import { statement } from '../../src/database/statement.ts';
import { texts } from '../../src/texts.ts';
import { type DatabaseProxy, openDatabaseProxy } from '../support/database-proxy.ts';
import { untilWaiting } from '../support/statements.ts';
import { useDatabase } from '../support/test-database.ts';

/** Each key is a count of rows. A negative one fails. A statement takes long enough for others to wait meanwhile. */
const SELECT_COUNTED = statement<'orgId' | 'counts'>(
  'select_counted',
  `
  select given.place, :orgId::text, rows.number, 1 / (given.count >= 0)::integer,
    case when given.place = 1 and coalesce(rows.number, 1) = 1 then pg_sleep(0.01) end
  from unnest(:counts::integer[]) with ordinality as given (count, place)
  left join lateral generate_series(1, given.count) as rows (number) on true`,
);

const batches: (readonly number[])[] = [];
const COUNTED: SharedStatement<number, string> = {
  bind: (orgId, counts) => {
    batches.push(counts);
    return SELECT_COUNTED({ orgId, counts });
  },
  rowOf: ({ fields: [, orgId, number] }) => `${orgId} ${number}`,
};

const SELECT_LOCKED = statement<'orgId' | 'keys'>(
  'select_locked',
  `
  select given.place, pg_advisory_xact_lock_shared(7), :orgId::text
  from unnest(:keys::integer[]) with ordinality as given (key, place)`,
);
/** Waits while a transaction has the advisory lock. */
const LOCKED: SharedStatement<number, string> = {
  bind: (orgId, keys) => SELECT_LOCKED({ orgId, keys }),
  rowOf: ({ fields: [, , orgId] }) => String(orgId),
};

const database = useDatabase('template0');
let proxy: DatabaseProxy;
let db: DatabasePool;

beforeAll(async () => {
  proxy = await openDatabaseProxy(database().connection);
  db = openDatabase(proxy.connection, { info: () => undefined, warn: () => undefined });
});
afterAll(async () => {
  await db.close();
  await proxy.cut();
});

test('readers that wait together share a statement, and each gets its own rows', async () => {
  batches.length = 0;
  const counts = Array.from({ length: 100 }, (_, index) => index % 4);
  const rows = await Promise.all(counts.map((count) => read(db, 'a', count)));
  expect(rows).toEqual(counts.map((count) => (count === 0 ? ['a null'] : rowsOf('a', count))));
  const starts = [0, 16, 32, 48, 64, 80, 96];
  expect(batches).toEqual(starts.map((start) => counts.slice(start, start + 16)));
});

test('a statement reads within one organisation', async () => {
  batches.length = 0;
  const rows = await Promise.all(['a', 'b', 'a', 'b'].map((orgId, count) => read(db, orgId, count + 1)));
  expect(rows).toEqual([rowsOf('a', 1), rowsOf('b', 2), rowsOf('a', 3), rowsOf('b', 4)]);
  expect(batches).toEqual([
    [1, 3],
    [2, 4],
  ]);
});

test('a reader whose limit is exceeded is refused alone', async () => {
  const refusal = new Error('too much');
  let bytes = 0;
  const limited = db.forClient({
    countBytes: (size) => {
      bytes += size;
      if (bytes > 100) throw refusal;
    },
  });
  const [refused, served] = await Promise.allSettled([read(limited, 'a', 1000), read(db, 'a', 3)]);
  expect(refused).toEqual({ status: 'rejected', reason: refusal });
  expect(served).toEqual({ status: 'fulfilled', value: rowsOf('a', 3) });
});

test('a reader that has left is not read for', async () => {
  batches.length = 0;
  const controller = new AbortController();
  const leaving = read(db.forClient({ signal: controller.signal }), 'a', 7);
  const staying = read(db, 'a', 2);
  const reason = new Error('left');
  controller.abort(reason);
  await expect(leaving).rejects.toBe(reason);
  expect(await staying).toEqual(rowsOf('a', 2));
  expect(batches).toEqual([[2]]);
});

test('a reader that leaves does not wait, and a statement is cancelled once all of its readers have left', async () => {
  const readerOf = (orgId: string): Reader => {
    const controller = new AbortController();
    const reason = new Error('left');
    const rows = db.forClient({ signal: controller.signal }).readShared(LOCKED, orgId, [1]);
    return { rows, reason, leave: () => controller.abort(reason) };
  };
  let staying: Promise<string[][]> | undefined;
  await db.transaction(async (transaction) => {
    await transaction.query({ name: '', text: 'select pg_advisory_xact_lock(7)', values: [] });
    const [stays, leaves, alone, queued] = ['a', 'a', 'b', 'c'].map(readerOf) as [Reader, Reader, Reader, Reader];
    staying = stays.rows;
    await untilWaiting(db, 2);
    queued.leave();
    await expect(queued.rows).rejects.toBe(queued.reason);
    leaves.leave();
    alone.leave();
    await expect(alone.rows).rejects.toBe(alone.reason);
    await untilWaiting(db, 1);
  });
  expect(await staying).toEqual([['a']]);
});

test('a statement that fails fails for its readers, and the next one runs', async () => {
  const failed = await Promise.allSettled([1, -1].map((count) => read(db, 'a', count)));
  expect(failed.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
  expect(await read(db, 'a', 1)).toEqual(rowsOf('a', 1));
});

test('while the database is unavailable, readers are told so, and served again afterwards', async () => {
  await proxy.cut();
  await expect(read(db, 'a', 1)).rejects.toMatchObject({ code: 'unavailable' });
  await proxy.restore();
  expect(await read(db, 'a', 1)).toEqual(rowsOf('a', 1));
});

test('readers beyond the bound are refused at once', async () => {
  const reads = await Promise.allSettled(Array.from({ length: 2100 }, () => read(db, 'a', 1)));
  const refused = reads.filter((read) => read.status === 'rejected');
  expect(refused).toHaveLength(100);
  expect(refused[0]?.reason).toMatchObject({ code: 'overloaded', text: texts.overloaded });
});

test('a transaction reads on its own, with one statement for all keys', async () => {
  batches.length = 0;
  const rows = await db.transaction((transaction) => transaction.readShared(COUNTED, 'a', [2, 0, 1]));
  expect(rows).toEqual([rowsOf('a', 2), ['a null'], rowsOf('a', 1)]);
  expect(batches).toEqual([[2, 0, 1]]);
});

interface Reader {
  readonly rows: Promise<string[][]>;
  readonly reason: Error;
  readonly leave: () => void;
}

async function read(reader: Queryable, orgId: string, count: number): Promise<string[]> {
  const [rows = []] = await reader.readShared(COUNTED, orgId, [count]);
  return rows;
}

function rowsOf(orgId: string, count: number): string[] {
  return Array.from({ length: count }, (_, index) => `${orgId} ${index + 1}`);
}

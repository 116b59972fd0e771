import { setMaxListeners } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { ConcurrentChange, type Database, type DatabasePool, type Queryable } from '../../src/database/database.ts';
import { openDatabase } from '../../src/database/open-database.ts';
import { type DatabaseProxy, openDatabaseProxy } from '../support/database-proxy.ts';
import { useDatabase } from '../support/test-database.ts';

const database = useDatabase('template0');
let proxy: DatabaseProxy;
/** Connects to PostgreSQL through the proxy. */
let db: DatabasePool;
let warnings: string[];

beforeEach(async () => {
  warnings = [];
  proxy = await openDatabaseProxy(database().connection);
  db = openDatabase(proxy.connection, {
    info: () => undefined,
    warn: (_details, message) => void warnings.push(message),
  });
  await query(database().db, 'drop table if exists notes');
  await query(database().db, 'create table notes (id integer primary key, words text not null)');
  await query(database().db, `insert into notes values (1, 'one'), (2, 'two')`);
});
afterEach(async () => {
  await db.close();
  await proxy.cut();
});

function query<Row = Record<string, unknown>>(on: Queryable, text: string, ...values: unknown[]): Promise<Row[]> {
  return on.query<Row>({ name: '', text, values });
}

const notes = () => query(database().db, 'select * from notes order by id');
const NOTES = [
  { id: 1, words: 'one' },
  { id: 2, words: 'two' },
];

/** Returns a function whose promises resolve once it has been called `count` times. */
function barrier(count: number): () => Promise<void> {
  let open: () => void = () => undefined;
  const all = new Promise<void>((resolve) => {
    open = resolve;
  });
  let arrived = 0;
  return () => {
    arrived += 1;
    if (arrived === count) open();
    return all;
  };
}

test('a transaction returns the result of its work and commits its changes', async () => {
  const result = await db.transaction(async (transaction) => {
    await query(transaction, `insert into notes values (3, 'three')`);
    expect(await notes()).toEqual(NOTES);
    return 'done';
  });
  expect(result).toBe('done');
  expect(await notes()).toHaveLength(3);
});

test('a transaction whose work throws is rolled back and throws the same error', async () => {
  const bug = new TypeError('a bug');
  const work = db.transaction(async (transaction) => {
    await query(transaction, 'delete from notes');
    throw bug;
  });
  await expect(work).rejects.toBe(bug);
  expect(await notes()).toEqual(NOTES);
});

test('a transaction in which a statement fails is rolled back', async () => {
  const work = db.transaction(async (transaction) => {
    await query(transaction, 'delete from notes where id = 2');
    await query(transaction, `insert into notes values (1, 'again')`);
  });
  await expect(work).rejects.toMatchObject({ code: '23505', constraint: 'notes_pkey' });
  expect(await notes()).toEqual(NOTES);
});

test('a connection is reused after a failed statement', async () => {
  const backend = async () => (await query<{ pid: number }>(db, 'select pg_backend_pid() as pid'))[0]?.pid;
  const before = await backend();
  await expect(query(db, 'select * from nothing')).rejects.toMatchObject({ code: '42P01' });
  const work = db.transaction((transaction) => query(transaction, 'select 1 / 0'));
  await expect(work).rejects.toMatchObject({ code: '22012' });
  expect(await backend()).toBe(before);
});

test('of two deadlocked transactions the one that PostgreSQL aborts is retried', async () => {
  const meet = barrier(2);
  const runs = [0, 0];
  const update = (mine: number, first: number, second: number) =>
    db.transaction(async (transaction) => {
      runs[mine] = (runs[mine] ?? 0) + 1;
      await query(transaction, `update notes set words = words || $2 where id = $1`, first, `+${mine}`);
      await meet();
      await query(transaction, `update notes set words = words || $2 where id = $1`, second, `+${mine}`);
    });
  await Promise.all([update(0, 1, 2), update(1, 2, 1)]);

  // The aborted transaction may deadlock with the other again before that one wakes up.
  const [fewer, more] = runs.toSorted();
  expect(fewer).toBe(1);
  expect(more).toBeGreaterThan(1);
  const [one, two] = await notes();
  expect(one?.['words']).toMatch(/^one(\+0\+1|\+1\+0)$/);
  expect(String(two?.['words']).slice(3)).toBe(String(one?.['words']).slice(3));
});

test('a statement that is a transaction of its own is retried likewise, and not within a transaction', async () => {
  await query(database().db, 'drop sequence if exists runs; create sequence runs');
  const refusedUntil = (run: number) => ({
    name: '' as const,
    text: `
      do $$ begin
        if nextval('runs') < ${run} then raise exception using errcode = 'serialization_failure'; end if;
        insert into notes values (3, 'three');
      end $$`,
    values: [],
  });
  await db.execute(refusedUntil(3));
  expect(await notes()).toHaveLength(3);
  await query(database().db, 'delete from notes where id = 3; alter sequence runs restart');
  await expect(db.execute(refusedUntil(6))).rejects.toMatchObject({ name: 'DomainError', code: 'contended' });

  await query(database().db, 'alter sequence runs restart');
  let attempts = 0;
  await db.transaction(async (transaction) => {
    attempts += 1;
    await transaction.execute(refusedUntil(2));
  });
  expect(attempts).toBe(2);
  expect(await notes()).toHaveLength(3);
});

test('a transaction is retried after a concurrent change, and throws `contended` after five attempts', async () => {
  let runs = 0;
  const twice = db.transaction(async (transaction) => {
    runs += 1;
    await query(transaction, 'insert into notes values ($1, $2)', 10 + runs, 'ten');
    if (runs === 1) throw new ConcurrentChange();
    return runs;
  });
  expect(await twice).toBe(2);
  expect(await notes()).toEqual([...NOTES, { id: 12, words: 'ten' }]);

  runs = 0;
  const always = db.transaction(async (transaction) => {
    runs += 1;
    await query(transaction, 'delete from notes');
    throw new ConcurrentChange();
  });
  await expect(always).rejects.toMatchObject({ name: 'DomainError', code: 'contended' });
  expect(runs).toBe(5);
  expect(await notes()).toHaveLength(3);
});

test('a transaction within a transaction joins it: both commit or neither', async () => {
  const insert = (on: Database, id: number) =>
    on.transaction((transaction) => query(transaction, 'insert into notes values ($1, $2)', id, 'joined'));
  const failing = db.transaction(async (transaction) => {
    await insert(transaction, 3);
    expect(await query(transaction, 'select id from notes where id = 3')).toHaveLength(1);
    expect(await notes()).toEqual(NOTES);
    throw new Error('a bug');
  });
  await expect(failing).rejects.toThrow('a bug');
  expect(await notes()).toEqual(NOTES);

  await db.transaction(async (transaction) => {
    await insert(transaction, 3);
    await insert(transaction, 4);
  });
  expect(await notes()).toHaveLength(4);
});

test('a joined transaction is retried with the one it joined', async () => {
  let runs = 0;
  await db.transaction(async (transaction) => {
    runs += 1;
    await query(transaction, 'insert into notes values (3, $1)', `run ${runs}`);
    await transaction.transaction(() => (runs === 1 ? Promise.reject(new ConcurrentChange()) : Promise.resolve()));
  });
  expect(await notes()).toEqual([...NOTES, { id: 3, words: 'run 2' }]);
});

test('a connection that breaks between two statements rolls back and throws `unavailable` without a retry', async () => {
  let runs = 0;
  const work = db.transaction(async (transaction) => {
    runs += 1;
    await query(transaction, 'delete from notes');
    await proxy.cut();
    await query(transaction, 'select 1');
  });
  await expect(work).rejects.toMatchObject({ name: 'DomainError', code: 'unavailable' });
  expect(runs).toBe(1);
  expect(await notes()).toEqual(NOTES);

  await expect(query(db, 'select 1')).rejects.toMatchObject({ code: 'unavailable' });
  await proxy.restore();
  expect(await query(db, 'select 1 as one')).toEqual([{ one: 1 }]);
});

test('a broken connection that is noticed at the commit throws `unavailable`', async () => {
  const work = db.transaction(async (transaction) => {
    await query(transaction, 'delete from notes');
    await proxy.cut();
  });
  await expect(work).rejects.toMatchObject({ name: 'DomainError', code: 'unavailable' });
  expect(await notes()).toEqual(NOTES);
});

test('a terminated backend throws `unavailable`, and its connection is replaced', async () => {
  const work = db.transaction(async (transaction) => {
    await query(transaction, 'delete from notes');
    const [row] = await query<{ pid: number }>(transaction, 'select pg_backend_pid() as pid');
    await query(database().db, 'select pg_terminate_backend($1::integer, 5000)', row?.pid);
    await query(transaction, 'select 1');
  });
  await expect(work).rejects.toMatchObject({ name: 'DomainError', code: 'unavailable' });
  expect(await notes()).toEqual(NOTES);
  expect(await query(db, 'select 1 as one')).toEqual([{ one: 1 }]);
});

test('idle connections that PostgreSQL closes only cause a warning', async () => {
  await Promise.all([query(db, 'select 1'), query(db, 'select 1')]);
  await query(
    database().db,
    `select pg_terminate_backend(pid, 5000) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()`,
  );
  while (warnings.length < 2) await sleep(5);
  expect(new Set(warnings)).toEqual(new Set(['PostgreSQL closed an idle connection']));
  expect(await query(db, 'select 1 as one')).toEqual([{ one: 1 }]);
});

test('a statement that exceeds its timeout throws `unavailable`', async () => {
  const work = db.transaction(async (transaction) => {
    await query(transaction, `set local statement_timeout = '10ms'`);
    await query(transaction, 'select pg_sleep(60)');
  });
  await expect(work).rejects.toMatchObject({ name: 'DomainError', code: 'unavailable' });
  expect(await query(db, 'select 1 as one')).toEqual([{ one: 1 }]);
});

test('64-bit integers are returned as numbers, and timestamps as dates', async () => {
  const [row] = await query(
    db,
    `select 9007199254740991::bigint as big, timestamptz '2017-06-11 05:16:01.421+00' as at`,
  );
  expect(row).toEqual({ big: 9007199254740991, at: new Date('2017-06-11T05:16:01.421Z') });
});

test('a closed pool throws `unavailable`', async () => {
  const closed = openDatabase(proxy.connection, { info: () => undefined, warn: () => undefined });
  await closed.close();
  await expect(query(closed, 'select 1')).rejects.toMatchObject({ name: 'DomainError', code: 'unavailable' });
});

const SLEEP = 'select pg_sleep(60)';

/** A controller without the warning about many listeners, because it aborts many statements at once. */
function manyListenersController(): AbortController {
  const leaving = new AbortController();
  setMaxListeners(0, leaving.signal);
  return leaving;
}

/** Waits until PostgreSQL runs this statement `count` times. */
async function untilRunning(text: string, count: number): Promise<void> {
  const running = `select from pg_stat_activity where datname = current_database() and state = 'active' and query = $1`;
  while ((await query(database().db, running, text)).length !== count) await sleep(5);
}

describe('for a client', () => {
  test('that disconnects, the running statement is cancelled and no other one starts', async () => {
    const gone = new Error('gone');
    const leaving = new AbortController();
    const client = db.forClient({ signal: leaving.signal });
    const work = expect(query(client, SLEEP)).rejects.toBe(gone);
    await untilRunning(SLEEP, 1);
    leaving.abort(gone);
    await work;
    await untilRunning(SLEEP, 0);
    await expect(query(client, 'delete from notes')).rejects.toBe(gone);
    await expect(client.transaction((transaction) => query(transaction, 'delete from notes'))).rejects.toBe(gone);
    expect(await notes()).toEqual(NOTES);
    expect(await query(db, 'select 1 as one')).toEqual([{ one: 1 }]);
  });

  test('that disconnects during a transaction, the transaction is rolled back', async () => {
    const leaving = new AbortController();
    const work = db.forClient({ signal: leaving.signal }).transaction(async (transaction) => {
      await query(transaction, 'delete from notes');
      leaving.abort(new Error('gone'));
    });
    await expect(work).rejects.toThrow('gone');
    expect(await notes()).toEqual(NOTES);
  });

  test('that disconnects while a statement waits for a lock, the statement is cancelled', async () => {
    const leaving = new AbortController();
    const update = 'update notes set words = words where id = 1';
    await db.transaction(async (transaction) => {
      await query(transaction, 'update notes set words = words');
      const work = db.forClient({ signal: leaving.signal }).transaction((other) => query(other, update));
      const rejected = expect(work).rejects.toThrow('gone');
      await untilRunning(update, 1);
      leaving.abort(new Error('gone'));
      await rejected;
      await untilRunning(update, 0);
    });
  });

  test('that disconnects after the commit was sent, the commit succeeds', async () => {
    await query(
      database().db,
      `create or replace function slow() returns trigger language plpgsql as 'begin perform pg_sleep(0.5); return null; end'`,
    );
    await query(
      database().db,
      `create constraint trigger slow after delete on notes deferrable initially deferred for each row execute function slow()`,
    );
    const leaving = new AbortController();
    const work = db.forClient({ signal: leaving.signal }).transaction(async (transaction) => {
      await query(transaction, 'delete from notes where id = 1');
      return 'done';
    });
    await untilRunning('commit', 1);
    leaving.abort(new Error('gone'));
    expect(await work).toBe('done');
    expect(await notes()).toEqual(NOTES.slice(1));
  });

  test('whose result exceeds its limit, the statement is cancelled', async () => {
    const tooLarge = new Error('too large');
    let bytes = 0;
    const client = db.forClient({
      countBytes: (more) => {
        bytes += more;
        if (bytes > 100_000) throw tooLarge;
      },
    });
    const endless = `select repeat('x', 10000), generate_series(1, 1000000000)`;
    await expect(query(client, endless)).rejects.toBe(tooLarge);
    expect(bytes).toBeLessThan(120_000);
    await untilRunning(endless, 0);
  });

  test('whose account uses its share of the connections, further statements wait, and those of other accounts run', async () => {
    const leaving = manyListenersController();
    const flood = db.forClient({ account: 'flood', signal: leaving.signal });
    const floods = Promise.allSettled(Array.from({ length: 40 }, () => query(flood, SLEEP)));
    await untilRunning(SLEEP, 8);
    const other = db.forClient({ account: 'other' });
    const results = await Promise.all(Array.from({ length: 40 }, () => query(other, 'select 1 as one')));
    expect(results).toEqual(Array(40).fill([{ one: 1 }]));
    await untilRunning(SLEEP, 8);
    leaving.abort(new Error('gone'));
    expect((await floods).filter(({ status }) => status === 'fulfilled')).toEqual([]);
    await untilRunning(SLEEP, 0);
    expect(await query(db.forClient({ account: 'flood' }), 'select 1 as one')).toEqual([{ one: 1 }]);
  });

  test('whose account has too many waiting statements, or waits too long, `overloaded` is thrown', async () => {
    const leaving = manyListenersController();
    const flood = db.forClient({ account: 'flood', signal: leaving.signal });
    const floods = Array.from({ length: 509 }, () => query(flood, SLEEP));
    await expect(floods[508]).rejects.toMatchObject({ name: 'DomainError', code: 'overloaded' });
    await expect(floods[507]).rejects.toMatchObject({ name: 'DomainError', code: 'overloaded' });
    leaving.abort(new Error('gone'));
    await Promise.allSettled(floods);
  });

  test('all accounts together have at most 2000 waiting statements', async () => {
    const leaving = manyListenersController();
    const floods = Array.from({ length: 2017 }, (_, number) =>
      query(db.forClient({ account: `flood ${number % 10}`, signal: leaving.signal }), SLEEP),
    );
    await expect(floods.at(-1)).rejects.toMatchObject({ name: 'DomainError', code: 'overloaded' });
    leaving.abort(new Error('gone'));
    await Promise.allSettled(floods);
  });
});

import { setMaxListeners } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import {
  ConcurrentChange,
  type Database,
  type DatabasePool,
  openDatabase,
  type Queryable,
} from '../../src/database/database.ts';
import { type DatabaseProxy, openDatabaseProxy } from '../support/database-proxy.ts';
import { useDatabase } from '../support/test-database.ts';

const database = useDatabase('template0');
let proxy: DatabaseProxy;
/** Reaches PostgreSQL through the proxy. */
let db: DatabasePool;
let warnings: string[];

beforeEach(async () => {
  warnings = [];
  proxy = await openDatabaseProxy(database().connection);
  db = openDatabase(proxy.connection, { warn: (_details, message) => void warnings.push(message) });
  await ask(database().db, 'drop table if exists notes');
  await ask(database().db, 'create table notes (id integer primary key, words text not null)');
  await ask(database().db, `insert into notes values (1, 'one'), (2, 'two')`);
});
afterEach(async () => {
  await db.close();
  await proxy.cut();
});

function ask<Row = Record<string, unknown>>(on: Queryable, text: string, ...values: unknown[]): Promise<Row[]> {
  return on.query<Row>({ name: '', text, values });
}

const notes = () => ask(database().db, 'select * from notes order by id');
const NOTES = [
  { id: 1, words: 'one' },
  { id: 2, words: 'two' },
];

/** Lets everybody go on once so many have come. */
function meetingOf(count: number): () => Promise<void> {
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

test('a transaction answers what its work answers, and its changes stay', async () => {
  const answer = await db.transaction(async (transaction) => {
    await ask(transaction, `insert into notes values (3, 'three')`);
    expect(await notes()).toEqual(NOTES);
    return 'done';
  });
  expect(answer).toBe('done');
  expect(await notes()).toHaveLength(3);
});

test('a transaction whose work throws leaves nothing, and passes the error on', async () => {
  const bug = new TypeError('a bug');
  const work = db.transaction(async (transaction) => {
    await ask(transaction, 'delete from notes');
    throw bug;
  });
  await expect(work).rejects.toBe(bug);
  expect(await notes()).toEqual(NOTES);
});

test('a transaction in which PostgreSQL refuses a statement leaves nothing', async () => {
  const work = db.transaction(async (transaction) => {
    await ask(transaction, 'delete from notes where id = 2');
    await ask(transaction, `insert into notes values (1, 'again')`);
  });
  await expect(work).rejects.toMatchObject({ code: '23505', constraint: 'notes_pkey' });
  expect(await notes()).toEqual(NOTES);
});

test('a connection on which a statement was refused is used again', async () => {
  const backend = async () => (await ask<{ pid: number }>(db, 'select pg_backend_pid() as pid'))[0]?.pid;
  const before = await backend();
  await expect(ask(db, 'select * from nothing')).rejects.toMatchObject({ code: '42P01' });
  const work = db.transaction((transaction) => ask(transaction, 'select 1 / 0'));
  await expect(work).rejects.toMatchObject({ code: '22012' });
  expect(await backend()).toBe(before);
});

test('of two transactions that lock each other out, the one that PostgreSQL ends runs again', async () => {
  const meet = meetingOf(2);
  const runs = [0, 0];
  const update = (mine: number, first: number, second: number) =>
    db.transaction(async (transaction) => {
      runs[mine] = (runs[mine] ?? 0) + 1;
      await ask(transaction, `update notes set words = words || $2 where id = $1`, first, `+${mine}`);
      await meet();
      await ask(transaction, `update notes set words = words || $2 where id = $1`, second, `+${mine}`);
    });
  await Promise.all([update(0, 1, 2), update(1, 2, 1)]);

  // The one that was ended may meet the other once more before that one wakes up.
  const [fewer, more] = runs.toSorted();
  expect(fewer).toBe(1);
  expect(more).toBeGreaterThan(1);
  const [one, two] = await notes();
  expect(one?.['words']).toMatch(/^one(\+0\+1|\+1\+0)$/);
  expect(String(two?.['words']).slice(3)).toBe(String(one?.['words']).slice(3));
});

test('a transaction that meets a change half way runs again, and in the end is unavailable', async () => {
  let runs = 0;
  const twice = db.transaction(async (transaction) => {
    runs += 1;
    await ask(transaction, 'insert into notes values ($1, $2)', 10 + runs, 'ten');
    if (runs === 1) throw new ConcurrentChange();
    return runs;
  });
  expect(await twice).toBe(2);
  expect(await notes()).toEqual([...NOTES, { id: 12, words: 'ten' }]);

  runs = 0;
  const always = db.transaction(async (transaction) => {
    runs += 1;
    await ask(transaction, 'delete from notes');
    throw new ConcurrentChange();
  });
  await expect(always).rejects.toMatchObject({ name: 'DomainError', code: 'unavailable' });
  expect(runs).toBe(5);
  expect(await notes()).toHaveLength(3);
});

test('a transaction within a transaction joins it: all of it stays, or none', async () => {
  const insert = (on: Database, id: number) =>
    on.transaction((transaction) => ask(transaction, 'insert into notes values ($1, $2)', id, 'joined'));
  const failing = db.transaction(async (transaction) => {
    await insert(transaction, 3);
    expect(await ask(transaction, 'select id from notes where id = 3')).toHaveLength(1);
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

test('a joined transaction is repeated with the one that it joined', async () => {
  let runs = 0;
  await db.transaction(async (transaction) => {
    runs += 1;
    await ask(transaction, 'insert into notes values (3, $1)', `run ${runs}`);
    await transaction.transaction(() => (runs === 1 ? Promise.reject(new ConcurrentChange()) : Promise.resolve()));
  });
  expect(await notes()).toEqual([...NOTES, { id: 3, words: 'run 2' }]);
});

test('a connection that breaks between two statements rolls back, is unavailable, and does not run again', async () => {
  let runs = 0;
  const work = db.transaction(async (transaction) => {
    runs += 1;
    await ask(transaction, 'delete from notes');
    await proxy.cut();
    await ask(transaction, 'select 1');
  });
  await expect(work).rejects.toMatchObject({ name: 'DomainError', code: 'unavailable' });
  expect(runs).toBe(1);
  expect(await notes()).toEqual(NOTES);

  await expect(ask(db, 'select 1')).rejects.toMatchObject({ code: 'unavailable' });
  await proxy.restore();
  expect(await ask(db, 'select 1 as one')).toEqual([{ one: 1 }]);
});

test('a connection that breaks during the work, and is noticed at the commit, is unavailable as well', async () => {
  const work = db.transaction(async (transaction) => {
    await ask(transaction, 'delete from notes');
    await proxy.cut();
  });
  await expect(work).rejects.toMatchObject({ name: 'DomainError', code: 'unavailable' });
  expect(await notes()).toEqual(NOTES);
});

test('a backend that an administrator ends is unavailable, and its connection is replaced', async () => {
  const work = db.transaction(async (transaction) => {
    await ask(transaction, 'delete from notes');
    const [row] = await ask<{ pid: number }>(transaction, 'select pg_backend_pid() as pid');
    await ask(database().db, 'select pg_terminate_backend($1, 5000)', row?.pid);
    await ask(transaction, 'select 1');
  });
  await expect(work).rejects.toMatchObject({ name: 'DomainError', code: 'unavailable' });
  expect(await notes()).toEqual(NOTES);
  expect(await ask(db, 'select 1 as one')).toEqual([{ one: 1 }]);
});

test('idle connections that PostgreSQL closes are a warning and no more', async () => {
  await Promise.all([ask(db, 'select 1'), ask(db, 'select 1')]);
  await ask(
    database().db,
    `select pg_terminate_backend(pid, 5000) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()`,
  );
  while (warnings.length < 2) await sleep(5);
  expect(new Set(warnings)).toEqual(new Set(['PostgreSQL closed an idle connection']));
  expect(await ask(db, 'select 1 as one')).toEqual([{ one: 1 }]);
});

test('a statement that takes longer than it may is unavailable', async () => {
  const work = db.transaction(async (transaction) => {
    await ask(transaction, `set local statement_timeout = '10ms'`);
    await ask(transaction, 'select pg_sleep(60)');
  });
  await expect(work).rejects.toMatchObject({ name: 'DomainError', code: 'unavailable' });
  expect(await ask(db, 'select 1 as one')).toEqual([{ one: 1 }]);
});

test('numbers of 64 bits are numbers, and dates are dates', async () => {
  const [row] = await ask(db, `select 9007199254740991::bigint as big, timestamptz '2017-06-11 05:16:01.421+00' as at`);
  expect(row).toEqual({ big: 9007199254740991, at: new Date('2017-06-11T05:16:01.421Z') });
});

test('a database that is closed is unavailable', async () => {
  const closed = openDatabase(proxy.connection, { warn: () => undefined });
  await closed.close();
  await expect(ask(closed, 'select 1')).rejects.toMatchObject({ name: 'DomainError', code: 'unavailable' });
});

const SLEEP = 'select pg_sleep(60)';

/** Aborts many statements at once, which is a leak elsewhere. */
function leavingClient(): AbortController {
  const leaving = new AbortController();
  setMaxListeners(0, leaving.signal);
  return leaving;
}

/** Until PostgreSQL runs that many statements with these words. */
async function untilRunning(text: string, count: number): Promise<void> {
  const running = `select from pg_stat_activity where datname = current_database() and state = 'active' and query = $1`;
  while ((await ask(database().db, running, text)).length !== count) await sleep(5);
}

describe('for a client', () => {
  test('that leaves, the running statement is cancelled and none follows', async () => {
    const gone = new Error('gone');
    const leaving = new AbortController();
    const client = db.forClient({ signal: leaving.signal });
    const work = expect(ask(client, SLEEP)).rejects.toBe(gone);
    await untilRunning(SLEEP, 1);
    leaving.abort(gone);
    await work;
    await untilRunning(SLEEP, 0);
    await expect(ask(client, 'delete from notes')).rejects.toBe(gone);
    await expect(client.transaction((transaction) => ask(transaction, 'delete from notes'))).rejects.toBe(gone);
    expect(await notes()).toEqual(NOTES);
    expect(await ask(db, 'select 1 as one')).toEqual([{ one: 1 }]);
  });

  test('that leaves during a transaction, it is rolled back', async () => {
    const leaving = new AbortController();
    const work = db.forClient({ signal: leaving.signal }).transaction(async (transaction) => {
      await ask(transaction, 'delete from notes');
      leaving.abort(new Error('gone'));
    });
    await expect(work).rejects.toThrow('gone');
    expect(await notes()).toEqual(NOTES);
  });

  test('that leaves while a statement waits for a lock, the lock is not waited for any longer', async () => {
    const leaving = new AbortController();
    const update = 'update notes set words = words where id = 1';
    await db.transaction(async (transaction) => {
      await ask(transaction, 'update notes set words = words');
      const work = db.forClient({ signal: leaving.signal }).transaction((other) => ask(other, update));
      const refused = expect(work).rejects.toThrow('gone');
      await untilRunning(update, 1);
      leaving.abort(new Error('gone'));
      await refused;
      await untilRunning(update, 0);
    });
  });

  test('that leaves once the commit has been sent, the commit stands', async () => {
    await ask(
      database().db,
      `create or replace function slow() returns trigger language plpgsql as 'begin perform pg_sleep(0.5); return null; end'`,
    );
    await ask(
      database().db,
      `create constraint trigger slow after delete on notes deferrable initially deferred for each row execute function slow()`,
    );
    const leaving = new AbortController();
    const work = db.forClient({ signal: leaving.signal }).transaction(async (transaction) => {
      await ask(transaction, 'delete from notes where id = 1');
      return 'done';
    });
    await untilRunning('commit', 1);
    leaving.abort(new Error('gone'));
    expect(await work).toBe('done');
    expect(await notes()).toEqual(NOTES.slice(1));
  });

  test('whose result is larger than it may be, the statement is cancelled', async () => {
    const tooLarge = new Error('too large');
    let bytes = 0;
    const client = db.forClient({
      countBytes: (more) => {
        bytes += more;
        if (bytes > 100_000) throw tooLarge;
      },
    });
    const endless = `select repeat('x', 10000), generate_series(1, 1000000000)`;
    await expect(ask(client, endless)).rejects.toBe(tooLarge);
    expect(bytes).toBeLessThan(120_000);
    await untilRunning(endless, 0);
  });

  test('whose account holds its share of the connections, others are served, and it waits', async () => {
    const leaving = leavingClient();
    const flood = db.forClient({ account: 'flood', signal: leaving.signal });
    const floods = Promise.allSettled(Array.from({ length: 40 }, () => ask(flood, SLEEP)));
    await untilRunning(SLEEP, 8);
    const other = db.forClient({ account: 'other' });
    const answers = await Promise.all(Array.from({ length: 40 }, () => ask(other, 'select 1 as one')));
    expect(answers).toEqual(Array(40).fill([{ one: 1 }]));
    await untilRunning(SLEEP, 8);
    leaving.abort(new Error('gone'));
    expect((await floods).filter(({ status }) => status === 'fulfilled')).toEqual([]);
    await untilRunning(SLEEP, 0);
    expect(await ask(db.forClient({ account: 'flood' }), 'select 1 as one')).toEqual([{ one: 1 }]);
  });

  test('whose account waits with more than it may, or too long, is overloaded', async () => {
    const leaving = leavingClient();
    const flood = db.forClient({ account: 'flood', signal: leaving.signal });
    const floods = Array.from({ length: 509 }, () => ask(flood, SLEEP));
    await expect(floods[508]).rejects.toMatchObject({ name: 'DomainError', code: 'overloaded' });
    await expect(floods[507]).rejects.toMatchObject({ name: 'DomainError', code: 'overloaded' });
    leaving.abort(new Error('gone'));
    await Promise.allSettled(floods);
  });
});

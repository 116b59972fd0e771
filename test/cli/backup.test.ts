import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough, Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { pipeline } from 'node:stream/promises';
import { createGzip, gunzipSync, gzipSync } from 'node:zlib';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { restoreBackup, takeBackup } from '../../src/database/backup.ts';
import { BackupReader, writeBackup } from '../../src/database/backup-file.ts';
import type { Database } from '../../src/database/database.ts';
import { isSchemaCurrent, listAppliedMigrations, migrate } from '../../src/database/migrations.ts';
import { openDatabase } from '../../src/database/open-database.ts';
import { selectSequences } from '../../src/database/tables.ts';
import { prepareDemo } from '../../src/demo/demo.ts';
import { startEmbeddedPostgres } from '../../src/embedded-postgres/embedded-postgres.ts';
import { StartError } from '../../src/errors.ts';
import { givenOrganisation } from '../support/builders.ts';
import { runCommand } from '../support/command-line.ts';
import { contents, snapshot, unchanged } from '../support/snapshot.ts';
import { createTestDatabase, isOnCitus, type TestDatabase } from '../support/test-database.ts';

// The databases of a cluster have no snapshot in common, so that there is nothing to back up; one test shows the refusal.
const onOneServer = isOnCitus ? test.skip : test;
const silent = { info: () => undefined, warn: () => undefined, error: () => undefined };

let folder: string;
let source: TestDatabase;
/** Without a schema: what a refused restore leaves as it is. */
let empty: TestDatabase;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'issue-links-backup-'));
  source = await createTestDatabase('template_issue_links');
  await prepareDemo(source.db, { demo: 'on', host: '127.0.0.1' }, { isEmbedded: false, reset: false });
  const { orgId } = await givenOrganisation(source.db);
  const name = 'tab\t, line\n, \\N, \\. and 😀';
  await source.db.query({
    name: '',
    text: 'update organisations set name = $1 where org_id = $2',
    values: [name, orgId],
  });
  // Numbers that no server is behind, whatever other tests have run: only the last test renumbers.
  await source.db.query({ name: '', text: `update events set transaction_id = '0'`, values: [] });
  empty = await createTestDatabase('template0');
});
afterAll(async () => {
  await source.drop();
  await empty.drop();
  await rm(folder, { recursive: true, force: true });
});

/** All rows, except those that each database has for itself, and where the sequences are. */
async function contentsOf(db: Database): Promise<object> {
  const tables = Object.entries(await contents(db)).filter(([table]) => !table.startsWith('schema_migrations'));
  return { tables: Object.fromEntries(tables), sequences: await selectSequences(db) };
}

/** A backup of the source, taken in this process. */
async function backup(): Promise<Buffer> {
  const file = new PassThrough();
  const [content] = await Promise.all([
    buffer(file),
    takeBackup(source.connection, (chunks) => pipeline(chunks, createGzip(), file)),
  ]);
  return content;
}

function readerOf(content: Buffer): BackupReader {
  return new BackupReader(Readable.from([content]));
}

/** The names of the tables of the empty database. */
async function tablesOfEmpty(): Promise<string[]> {
  return Object.keys(await snapshot(empty.db));
}

onOneServer('a backup goes from a database into the embedded one and back, and nothing is lost', async () => {
  const file = join(folder, 'backup.gz');
  const first = await runCommand(['backup', '--out', file, '--json'], { DATABASE_URL: source.url });
  expect(first).toMatchObject({ code: 0, stderr: '' });
  const { rows } = JSON.parse(first.stdout) as { rows: Record<string, number> };
  expect(rows).toMatchObject({ organisations: 2 });
  expect((await stat(file)).mode & 0o777).toBe(0o600);
  expect(await readdir(folder)).toEqual(['backup.gz']);

  const dataDir = join(folder, 'data');
  const restored = await runCommand(['restore', file, '--json'], { DATA_DIR: dataDir });
  expect(restored).toMatchObject({ code: 0, stderr: '' });
  expect(JSON.parse(restored.stdout)).toEqual({ rows });

  // Attached, so that the commands need not start it again.
  const embedded = await startEmbeddedPostgres({ dataDir, create: false, durability: 'disposable', log: silent });
  const db = openDatabase(embedded.connection, silent);
  try {
    const original = await contentsOf(source.db);
    expect(await contentsOf(db)).toEqual(original);
    expect(await runCommand('check', { DATA_DIR: dataDir })).toMatchObject({ code: 0 });

    const back = await createTestDatabase('template0');
    const second = join(folder, 'second.gz');
    await runCommand(['backup', '--out', second], { DATA_DIR: dataDir });
    expect(await runCommand(['restore', second], { DATABASE_URL: back.url })).toMatchObject({ code: 0 });
    expect(await contentsOf(back.db)).toEqual(original);
    await back.drop();
  } finally {
    await db.close();
    await embedded.stop();
  }
});

onOneServer('a backup is written to standard output and restored from standard input', async () => {
  const target = await createTestDatabase('template0');
  const shell = `'${process.execPath}' bin/issue-links.js`;
  const { code, stderr } = await runPiped(
    `DATABASE_URL='${source.url}' ${shell} backup | DATABASE_URL='${target.url}' ${shell} restore -`,
  );
  expect(stderr).toMatch(/^Backed up \d+ rows of \d+ tables\.$/m);
  expect(code).toBe(0);
  expect(await contentsOf(target.db)).toEqual(await contentsOf(source.db));
  await target.drop();
});

async function runPiped(line: string): Promise<{ code: number; stderr: string }> {
  const child = spawn('sh', ['-c', line], { stdio: ['ignore', 'ignore', 'pipe'] });
  const [stderr, [code]] = await Promise.all([buffer(child.stderr), once(child, 'close')]);
  return { code: code as number, stderr: stderr.toString() };
}

onOneServer('a backup shows one moment: what is written while it is taken is not in it', async () => {
  const before = await contentsOf(source.db);
  const file = new PassThrough();
  const content = buffer(file);
  let org: { orgId: string } | undefined;
  await takeBackup(source.connection, async (chunks) => {
    // Its header has been written, and no table read.
    const [header] = (await once(chunks, 'data')) as [Buffer];
    chunks.pause();
    org = await givenOrganisation(source.db);
    chunks.unshift(header);
    await pipeline(chunks, createGzip(), file);
  });
  const target = await createTestDatabase('template0');
  await restoreBackup(target.connection, readerOf(await content));
  const { tables } = (await contentsOf(target.db)) as { tables: object };
  expect(tables).toEqual((before as { tables: object }).tables);
  await target.drop();
  await source.db.query({ name: '', text: 'delete from organisations where org_id = $1', values: [org?.orgId] });
  await source.db.query({
    name: '',
    text: 'delete from organisation_directory where org_id = $1',
    values: [org?.orgId],
  });
});

onOneServer('a backup is not restored into a database that is not empty', async () => {
  const file = join(folder, 'occupied.gz');
  await writeFile(file, await backup());
  await unchanged(source.db, async () => {
    expect(await runCommand(['restore', file], { DATABASE_URL: source.url })).toMatchObject({
      code: 1,
      stdout: '',
      stderr: expect.stringMatching(/^The database is not empty, .*\n$/),
    });
  });
});

onOneServer('a truncated or altered file is refused, and nothing is written', async () => {
  const content = await backup();
  const middle = Math.floor(content.length / 2);
  const altered = Buffer.from(content);
  altered.writeUInt8(altered.readUInt8(middle) ^ 1, middle);
  // Correctly compressed, but with other values.
  const other = gzipSync(Buffer.from(gunzipSync(content).toString().replace('Иван Иванов', 'Иван Петров')));
  const shortened = gzipSync(gunzipSync(content).subarray(0, -2000));
  const damagedFiles = {
    truncated: content.subarray(0, middle),
    altered,
    'with other values': other,
    'without its end': shortened,
    'of another kind': Buffer.from('{}'),
  };
  for (const [name, file] of Object.entries(damagedFiles)) {
    await expect(restoreBackup(empty.connection, readerOf(file))).rejects.toThrow(StartError);
    const rows = Object.entries(await contents(empty.db)).filter(([table]) => !table.startsWith('schema_migrations'));
    expect({ name, rows: rows.flatMap(([, values]) => values) }).toEqual({ name, rows: [] });
  }
  const dataDir = join(folder, 'refused');
  const appended = Buffer.concat([content, Buffer.from('more')]);
  for (const file of [damagedFiles.truncated, appended]) {
    await writeFile(join(folder, 'damaged.gz'), file);
    expect(await runCommand(['restore', join(folder, 'damaged.gz')], { DATA_DIR: dataDir })).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/^The backup is damaged \(.*\)\. Nothing was restored\.\n$/),
    });
  }
  expect(existsSync(dataDir)).toBe(false);
});

onOneServer('a backup of a newer schema is refused, and nothing is written', async () => {
  const before = await tablesOfEmpty();
  const migrations = [...(await listAppliedMigrations(source.db)), '9999_future'];
  const content = { takenAt: '', migrations, sequences: [], tables: noTables(), countRows: () => ({}) };
  const file = await buffer(Readable.from(writeBackup(content)).pipe(createGzip()));
  await expect(restoreBackup(empty.connection, readerOf(file))).rejects.toThrow('its schema includes 9999_future');
  expect(await tablesOfEmpty()).toEqual(before);
});

test('a backup without migrations is refused, and nothing is written', async () => {
  const before = await tablesOfEmpty();
  const content = { takenAt: '', migrations: [], sequences: [], tables: noTables(), countRows: () => ({}) };
  const file = await buffer(Readable.from(writeBackup(content)).pipe(createGzip()));
  await expect(restoreBackup(empty.connection, readerOf(file))).rejects.toThrow('its header names no migrations');
  expect(await tablesOfEmpty()).toEqual(before);
});

onOneServer('a restore that fails before its last step leaves no rows', async () => {
  const failure = () => Promise.reject(new Error('interrupted'));
  await expect(restoreBackup(empty.connection, readerOf(await backup()), failure)).rejects.toThrow('interrupted');
  expect((await contents(empty.db))['organisations']).toEqual([]);
});

async function* noTables() {
  // A file without tables is enough.
}

onOneServer('a backup of an older schema is restored and then migrated', async () => {
  const target = await createTestDatabase('template_issue_links');
  const old = await createTestDatabase('template_issue_links');
  await givenOrganisation(old.db);
  for (let step = 0; step < 3; step += 1) await migrate(old.connection, 'down');
  const file = new PassThrough();
  const [content] = await Promise.all([
    buffer(file),
    takeBackup(old.connection, (chunks) => pipeline(chunks, createGzip(), file)),
  ]);
  await migrate(old.connection);
  // The target has the newest schema, and goes back to that of the backup first.
  await restoreBackup(target.connection, readerOf(content));
  expect(await isSchemaCurrent(target.db)).toBe(true);
  expect(await contentsOf(target.db)).toEqual(await contentsOf(old.db));
  await target.drop();
  await old.drop();
});

test('backup and restore refuse a file that cannot be written or read, and a place that holds no database', async () => {
  const missing = join(folder, 'missing', 'backup.gz');
  const none = { DATA_DIR: join(folder, 'none') };
  expect(await runCommand(['backup', '--out', missing], none)).toMatchObject({
    code: 1,
    stderr: expect.stringContaining('There is no database'),
  });
  expect(await runCommand(['restore', missing], none)).toMatchObject({
    code: 1,
    stderr: expect.stringContaining('ENOENT'),
  });
  expect(existsSync(none.DATA_DIR)).toBe(false);
  const outcome = await runCommand(['backup', '--out', missing], { DATABASE_URL: source.url });
  expect(outcome).toMatchObject({ code: 1, stdout: '' });
  expect(outcome.stderr).toContain(isOnCitus ? 'citus' : 'ENOENT');
});

onOneServer('events of a server that was ahead are in order in the new one', async () => {
  const move = (transaction: string) =>
    source.db.query({ name: '', text: `update events set transaction_id = ${transaction}`, values: [] });
  await move(`(pg_current_xact_id()::text::bigint + 1000000000)::text::xid8`);
  const file = join(folder, 'ahead.gz');
  await writeFile(file, await backup());
  await move(`'0'`);
  const target = await createTestDatabase('template0');
  expect(await runCommand(['restore', file], { DATABASE_URL: target.url })).toMatchObject({ code: 0 });
  expect(await contentsOf(target.db)).toEqual(await contentsOf(source.db));
  await target.drop();
});

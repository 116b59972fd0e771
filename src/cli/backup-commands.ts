import { createReadStream, createWriteStream } from 'node:fs';
import { rename, rm, stat } from 'node:fs/promises';
import type { Readable, Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import type { Command } from 'commander';
import { renumberTransactions } from '../core/check/repair.store.ts';
import { invalidateOrganisations, selectOrganisationIds } from '../core/organisations/directory.store.ts';
import { restoreBackup, takeBackup, verifyBackup } from '../database/backup.ts';
import { BackupReader, damaged, type RowCounts } from '../database/backup-file.ts';
import { openDatabase } from '../database/database.ts';
import type { Postgres } from '../database/postgres.ts';
import { StartError } from '../errors.ts';
import { createLog } from '../log.ts';
import { connectDatabase, print, UsageError } from './command.ts';

/** The name of standard input or output. */
const STANDARD_STREAM = '-';

export function addBackupCommands(program: Command, environment: NodeJS.ProcessEnv): void {
  program
    .command('backup')
    .description('write the whole database to a file, as it is at one moment, while servers may run')
    .option('--out <file>', 'the file; it holds hashes of secrets, and is readable by its owner only', STANDARD_STREAM)
    .option('--json', 'print JSON')
    .action(async ({ out, json }: { readonly out: string; readonly json?: true }) => {
      if (out === STANDARD_STREAM && process.stdout.isTTY) {
        throw new UsageError('A backup is not readable in a terminal: name a file with --out.');
      }
      const postgres = await connectDatabase(environment);
      try {
        const rows = await takeBackup(postgres.connection, (content) =>
          out === STANDARD_STREAM ? compress(content, process.stdout) : writeFile(out, content),
        );
        const sentence = `Backed up ${summary(rows)}.`;
        if (out === STANDARD_STREAM) process.stderr.write(`${sentence}\n`);
        else print({ ...(json && { json }) }, { file: out, rows }, sentence);
      } finally {
        await postgres.close();
      }
    });

  program
    .command('restore')
    .description(
      'restore a backup into an empty database; without DATABASE_URL, create one in DATA_DIR if there is none',
    )
    .argument('<file>', 'the file, or - for standard input')
    .option('--json', 'print JSON')
    .action(async (file: string, options: { readonly json?: true }) => {
      if (file !== STANDARD_STREAM) await verifyFile(file);
      const reader = new BackupReader(file === STANDARD_STREAM ? process.stdin : createReadStream(file));
      const postgres = await connectDatabase(environment, { create: true });
      try {
        const rows = await restoreBackup(postgres.connection, reader);
        await adopt(postgres);
        print(options, { rows }, `Restored ${summary(rows)}.`);
      } finally {
        reader.close();
        await postgres.close();
      }
    });
}

/** Makes what was restored fit this PostgreSQL, and known to servers that are running. */
async function adopt({ db, connection }: Postgres): Promise<void> {
  const orgIds = await selectOrganisationIds(db);
  const untimed = openDatabase(connection, createLog('silent'), { hasTimeouts: false });
  try {
    // The numbers of transactions are those of the server that was backed up.
    for (const orgId of orgIds) await renumberTransactions(untimed, orgId);
  } finally {
    await untimed.close();
  }
  await db.transaction((transaction) => invalidateOrganisations(transaction, orgIds));
}

function summary(rows: RowCounts): string {
  const total = Object.values(rows).reduce((sum, count) => sum + count, 0);
  return `${total} rows of ${Object.keys(rows).length} tables`;
}

async function compress(content: Readable, destination: Writable): Promise<void> {
  await pipeline(content, createGzip(), destination);
}

/** Replaces the file once the new one is complete. */
async function writeFile(file: string, content: Readable): Promise<void> {
  const unfinished = `${file}.${process.pid}.unfinished`;
  try {
    await compress(content, createWriteStream(unfinished, { flags: 'wx', mode: 0o600, flush: true }));
    await rename(unfinished, file);
  } catch (error) {
    await rm(unfinished, { force: true });
    throw fileError(file, error);
  }
}

/** Before anything is written: a damaged file must not leave an empty database behind. */
async function verifyFile(file: string): Promise<void> {
  const { size } = await stat(file).catch((error: unknown) => {
    throw fileError(file, error);
  });
  const reader = new BackupReader(createReadStream(file));
  try {
    await verifyBackup(reader);
  } finally {
    reader.close();
  }
  if (reader.bytesRead !== size) throw damaged('it goes on after its end');
}

/** An error of the file system is the operator's to solve. */
function fileError(file: string, error: unknown): unknown {
  const isOfFileSystem = error instanceof Error && 'syscall' in error;
  return isOfFileSystem ? new StartError(`${file}: ${error.message}`, { cause: error }) : error;
}

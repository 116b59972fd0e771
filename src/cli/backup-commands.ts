import { createReadStream } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import type { Command } from 'commander';
import { renumberTransactions } from '../core/check/repair.store.ts';
import { invalidateOrganisations, selectOrganisationIds } from '../core/organisations/directory.store.ts';
import { BackupReader, damaged, type RowCounts } from '../database/backup-file.ts';
import type { Reader } from '../database/tables.ts';
import { connectDatabase, print, UsageError } from './command.ts';
import { STANDARD_STREAM, sizeOf, withOutput } from './files.ts';

/** Imported lazily: no other command needs it. */
const importBackup = () => import('../database/backup.ts');

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
        const { takeBackup } = await importBackup();
        const rows = await takeBackup(postgres.connection, (content) =>
          withOutput(out, (write) =>
            pipeline(content, createGzip(), async (chunks: AsyncIterable<Buffer>) => {
              for await (const chunk of chunks) await write(chunk);
            }),
          ),
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
        const { restoreBackup } = await importBackup();
        const rows = await restoreBackup(postgres.connection, reader, renumber);
        const { db } = postgres;
        const orgIds = await selectOrganisationIds(db);
        await db.transaction((transaction) => invalidateOrganisations(transaction, orgIds));
        print(options, { rows }, `Restored ${summary(rows)}.`);
      } finally {
        reader.close();
        await postgres.close();
      }
    });
}

/** In the transaction: the numbers of transactions are those of the server that was backed up. */
async function renumber(session: Reader): Promise<void> {
  for (const orgId of await selectOrganisationIds(session)) {
    await renumberTransactions({ query: session.query, execute: session.query }, orgId);
  }
}

function summary(rows: RowCounts): string {
  const total = Object.values(rows).reduce((sum, count) => sum + count, 0);
  return `${total} rows of ${Object.keys(rows).length} tables`;
}

/** Before anything is written: a damaged file must not leave an empty database behind. */
async function verifyFile(file: string): Promise<void> {
  const size = await sizeOf(file);
  const reader = new BackupReader(createReadStream(file));
  try {
    const { verifyBackup } = await importBackup();
    await verifyBackup(reader);
  } finally {
    reader.close();
  }
  if (reader.bytesRead !== size) throw damaged('it continues after its end');
}

import { createReadStream } from 'node:fs';
import type { Command } from 'commander';
import { linesOf } from '../lines.ts';
import { exportOrganisation } from '../transfer/export.service.ts';
import { type LoadReport, loadOrganisation, tryToLoad } from '../transfer/load.service.ts';
import { LoadError } from '../transfer/load-error.ts';
import { print, table, withUntimedDatabase } from './command.ts';
import { STANDARD_STREAM, sizeOf, withOutput } from './files.ts';
import { showProgress } from './progress.ts';

/** The longest record is assembled from a few request bodies of 1 MiB. */
const LINE_LENGTH_MAX = 67_108_864;

interface ExportOptions {
  readonly org: string;
  readonly out: string;
  readonly withSecrets?: boolean;
}

interface LoadOptions {
  readonly org?: string;
  readonly dryRun?: true;
  readonly json?: true;
}

export function addTransferCommands(program: Command, environment: NodeJS.ProcessEnv): void {
  program
    .command('export')
    .description('write an organisation as NDJSON, one state of it, also while servers run')
    .requiredOption('--org <org-id>', 'the organisation')
    .option('--out <file>', 'the file to write', STANDARD_STREAM)
    .option('--with-secrets', 'include the hashes of passwords and tokens')
    .action(async ({ org, out, withSecrets = false }: ExportOptions) => {
      const count = await withUntimedDatabase(environment, (db) =>
        withOutput(out, async (write) => {
          const progress = showProgress('records');
          try {
            return await exportOrganisation(db, org, { withSecrets, write, ...progress.callbacks });
          } finally {
            progress.end();
          }
        }),
      );
      process.stderr.write(`Exported ${count} records.\n`);
    });

  program
    .command('load <file>')
    .description('load an export (- for standard input) into its organisation; repeat it to continue where it stopped')
    .option('--org <org-id>', 'the organisation to create (default: the one in the file)')
    .option('--dry-run', 'load in a transaction that is rolled back')
    .option('--json', 'print JSON')
    .action(async (file: string, options: LoadOptions) => {
      const { org: orgId, dryRun } = options;
      const progress = showProgress('bytes');
      const size = file === STANDARD_STREAM ? undefined : await sizeOf(file);
      const lines = linesOf(chunksOf(file, size, progress.callbacks.onProgress), {
        lengthMax: LINE_LENGTH_MAX,
        errorFor: lineTooLong,
      });
      try {
        const load = dryRun ? tryToLoad : loadOrganisation;
        const report = await withUntimedDatabase(environment, (db) => load(db, lines, { orgId }));
        progress.end();
        print(options, report, describeLoad(report, dryRun));
      } finally {
        progress.end();
      }
    });
}

export function describeLoad(report: LoadReport, isDryRun = false): string {
  const rows = Object.entries(report).map(([kind, { written, present }]) => [kind, written, present]);
  return table(['kind', isDryRun ? 'to write' : 'written', 'already there'], rows);
}

async function* chunksOf(
  name: string,
  size: number | undefined,
  onProgress: ((done: number, total: number) => void) | undefined,
): AsyncGenerator<string> {
  const stream: AsyncIterable<string> =
    name === STANDARD_STREAM ? process.stdin.setEncoding('utf8') : createReadStream(name, 'utf8');
  let done = 0;
  for await (const chunk of stream) {
    yield chunk;
    done += Buffer.byteLength(chunk);
    if (size !== undefined) onProgress?.(done, size);
  }
}

function lineTooLong(number: number): LoadError {
  return new LoadError([`line ${number}: it exceeds ${LINE_LENGTH_MAX} characters, the limit for a record.`]);
}

import { rm } from 'node:fs/promises';
import { type Command, InvalidArgumentError, Option } from 'commander';
import type { Reader, ReaderOptions } from '../import/base.ts';
import type { Source, SourceOptions } from '../import/source.ts';
import { LANGUAGES, type Language } from '../texts.ts';
import { loadOrganisation, tryToLoad } from '../transfer/load.service.ts';
import { parsePositiveInteger, print, readSecret, UsageError, withUntimedDatabase } from './command.ts';
import { STANDARD_STREAM, withOutput } from './files.ts';
import { describeLoad } from './transfer-commands.ts';

interface ImportOptions {
  readonly url: string;
  readonly org: string;
  readonly token?: string;
  readonly tokenStdin?: true;
  readonly bearer?: true;
  readonly fromOrg?: string;
  readonly fromCloudOrg?: string;
  readonly user?: string;
  readonly language: Language;
  readonly state?: string;
  readonly rate: number;
  readonly out?: string;
  readonly dryRun?: true;
  readonly json?: true;
}

interface Original {
  readonly description: string;
  readonly options: readonly Option[];
  readonly connect: (options: ImportOptions, token: string) => Pick<SourceOptions, 'url' | 'headers' | 'identity'>;
  /** Imported lazily, as the source is: no other command needs them. */
  readonly createReader: (options: ReaderOptions) => Promise<Reader>;
}

const ORIGINALS: Readonly<Record<string, Original>> = {
  tracker: {
    description: 'import the issues that a token of a running Tracker can read',
    options: [
      new Option('--bearer', 'the token is an IAM token'),
      new Option('--from-org <id>', 'the X-Org-ID of the original'),
      new Option('--from-cloud-org <id>', 'the X-Cloud-Org-ID of the original').conflicts('fromOrg'),
    ],
    connect: ({ url, bearer, fromOrg, fromCloudOrg }, token) => ({
      url: /\/v[23]\/?$/.test(url) ? url.replace(/\/$/, '') : `${url.replace(/\/$/, '')}/v3`,
      headers: {
        Authorization: `${bearer ? 'Bearer' : 'OAuth'} ${token}`,
        ...(fromOrg !== undefined && { 'X-Org-ID': fromOrg }),
        ...(fromCloudOrg !== undefined && { 'X-Cloud-Org-ID': fromCloudOrg }),
      },
      identity: {
        ...(fromOrg !== undefined && { 'X-Org-ID': fromOrg }),
        ...(fromCloudOrg !== undefined && { 'X-Cloud-Org-ID': fromCloudOrg }),
      },
    }),
    createReader: async (options) => new (await import('../import/tracker-reader.ts')).TrackerReader(options),
  },
  kanboard: {
    description: 'import the projects of a running Kanboard',
    options: [new Option('--user <login>', 'the account that the token belongs to').default('jsonrpc')],
    connect: ({ url, user = '' }, token) => ({
      url: url.endsWith('.php') ? url : `${url.replace(/\/$/, '')}/jsonrpc.php`,
      headers: { Authorization: `Basic ${Buffer.from(`${user}:${token}`).toString('base64')}` },
      identity: { user },
    }),
    createReader: async (options) => new (await import('../import/kanboard-reader.ts')).KanboardReader(options),
  },
};

export function addImportCommand(program: Command, environment: NodeJS.ProcessEnv): void {
  const parent = program
    .command('import')
    .description('create an organisation from a running original, through its API; repeat to continue');
  for (const [name, original] of Object.entries(ORIGINALS)) {
    const command = parent
      .command(name)
      .description(original.description)
      .requiredOption('--url <url>', 'where the original is', parseUrl)
      .requiredOption('--org <org-id>', 'the organisation to create')
      .addOption(new Option('--token <token>', 'its token; other users of this machine can see it').env('IMPORT_TOKEN'))
      .option('--token-stdin', 'read the token from standard input');
    for (const option of original.options) command.addOption(option);
    command
      .addOption(new Option('--language <language>', 'the language of messages').choices(LANGUAGES).default('ru'))
      .option('--rate <number>', 'how many requests per second to send at most', parsePositiveInteger, 20)
      .option('--state <file>', 'keeps what was read until the import is complete (default: import-<org-id>.ndjson)')
      .option('--out <file>', 'write an export to load later, instead of writing to the database')
      .addOption(new Option('--dry-run', 'load in a transaction that is rolled back').conflicts('out'))
      .option('--json', 'print JSON')
      .action((options: ImportOptions) => runImport(environment, original, options));
  }
}

async function runImport(environment: NodeJS.ProcessEnv, original: Original, options: ImportOptions): Promise<void> {
  const { org: orgId, language, rate, out, dryRun, json, state = `import-${orgId}.ndjson` } = options;
  const token = options.tokenStdin ? await readSecret('token') : options.token;
  if (token === undefined) throw new UsageError('Set IMPORT_TOKEN, or use --token-stdin or --token.');
  const withReader = async <Result>(work: (reader: Reader, source: Source) => Promise<Result>): Promise<Result> => {
    const { Source } = await import('../import/source.ts');
    const source = await Source.open({ ...original.connect(options, token), state, requestsPerSecond: rate });
    try {
      const reader = await original.createReader({ source, orgId, language, startedAt: source.startedAt });
      return await work(reader, source);
    } finally {
      await source.close();
    }
  };
  await withReader(async (reader, { isContinued, startedAt }) => {
    if (isContinued)
      process.stderr.write(`Continuing what was read since ${startedAt}; delete ${state} to read it again.\n`);
    // A transaction must not stay open for as long as the original is read. The second reader reads the file only.
    if (dryRun) for await (const _ of reader.read());
  });
  const notes = await withReader(async (reader) => {
    const notKept = () => Object.fromEntries(reader.buffer.notes);
    if (out !== undefined) {
      await withOutput(out, async (write) => {
        for await (const line of reader.read()) await write(`${line}\n`);
      });
      if (json && out !== STANDARD_STREAM) print(options, { notKept: notKept() }, '');
    } else {
      const load = dryRun ? tryToLoad : loadOrganisation;
      const report = await withUntimedDatabase(environment, (db) =>
        load(db, reader.read(), { orgId, namesRecords: true }),
      );
      print(options, { report, notKept: notKept() }, describeLoad(report, dryRun));
    }
    return reader.buffer.notes;
  });
  if (!json || out === STANDARD_STREAM) {
    const lines = [...notes].map(([what, count]) => `- ${what}${count > 1 ? ` (${count})` : ''}\n`);
    process.stderr.write(`Not kept:\n${lines.join('')}`);
  }
  if (dryRun) process.stderr.write(`What was read is kept in ${state}, for the import; delete it to read it again.\n`);
  else await rm(state);
}

/** Parses an option that is the URL of a server. Credentials in it would be kept in files and messages. */
function parseUrl(value: string): string {
  const url = URL.canParse(value) ? new URL(value) : undefined;
  if (!url || !['http:', 'https:'].includes(url.protocol) || url.username || url.password || url.search || url.hash)
    throw new InvalidArgumentError('It must be an http or https URL, without credentials, query and fragment.');
  return value;
}

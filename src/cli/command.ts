import { createInterface } from 'node:readline';
import { text as readText } from 'node:stream/consumers';
import { styleText } from 'node:util';
import { InvalidArgumentError } from 'commander';
import { readConfig } from '../config.ts';
import type { Viewer } from '../core/access/viewer.ts';
import { APPLICATION_LOGIN, requireOrganisation } from '../core/organisations/organisations.service.ts';
import { getUserId } from '../core/users/users.service.ts';
import type { Database } from '../database/database.ts';
import { openDatabase } from '../database/open-database.ts';
import { connectPostgres, type Postgres, updateSchema } from '../database/postgres.ts';
import { createLog } from '../log.ts';

/** Shorter secrets cause a warning only: people bring tokens that already exist. */
const SECRET_LENGTH_SAFE = 12;

const silent = createLog('silent');

/** Connects to the configured database and names it on standard error. Only `serve` and `restore` may create one. */
export async function connectDatabase(
  environment: NodeJS.ProcessEnv,
  { create }: { readonly create: boolean } = { create: false },
): Promise<Postgres> {
  const postgres = await connectPostgres(readConfig(environment), {
    create,
    log: silent,
    onWait: (reason) => {
      process.stderr.write(`Waiting for the database (${reason}).\n`);
    },
  });
  process.stderr.write(`Database: ${postgres.name}\n`);
  return postgres;
}

/** Runs `work` on the configured database with the schema up to date, whether or not the server is running. */
export async function withDatabase<Result>(
  environment: NodeJS.ProcessEnv,
  work: (db: Database) => Promise<Result>,
): Promise<Result> {
  const postgres = await connectDatabase(environment);
  try {
    await updateSchema(postgres, silent);
    return await work(postgres.db);
  } finally {
    await postgres.close();
  }
}

/** As withDatabase, for work on whole organisations: its statements may take as long as they need. */
export async function withUntimedDatabase<Result>(
  environment: NodeJS.ProcessEnv,
  work: (db: Database) => Promise<Result>,
): Promise<Result> {
  const postgres = await connectDatabase(environment);
  const db = openDatabase(postgres.connection, silent, { hasTimeouts: false });
  try {
    await updateSchema(postgres, silent);
    return await work(db);
  } finally {
    await db.close();
    await postgres.close();
  }
}

/** Prints a result: one line of JSON with `--json`, otherwise `sentence`. */
export function print(options: { readonly json?: true }, result: object, sentence: string): void {
  process.stdout.write(`${options.json ? JSON.stringify(result) : sentence}\n`);
}

/** Lines of fields under their names: in columns on a terminal, otherwise separated by tabs. */
export function table(names: readonly string[], rows: readonly (readonly (string | number)[])[]): string {
  const lines = [names, ...rows].map((row) => row.map((field) => oneLine(String(field))));
  if (!process.stdout.isTTY) return lines.map((row) => row.join('\t')).join('\n');
  const widths = names.map((_name, column) =>
    lines.reduce((width, row) => Math.max(width, row[column]?.length ?? 0), 0),
  );
  const [head = '', ...others] = lines.map((row) =>
    row
      .map((field, column) => field.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd(),
  );
  return [styleText('bold', head), ...others].join('\n');
}

/** Without control characters, which could move the cursor or break a table. */
export function oneLine(text: string): string {
  return text.replaceAll(/[\p{Cc}\p{Zl}\p{Zp}]+/gu, ' ');
}

/** Asks in the terminal. The end of the input counts as an empty line. */
export async function ask(question: string): Promise<string> {
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  try {
    return await new Promise<string>((resolve) => {
      terminal.once('close', () => {
        resolve('');
      });
      terminal.question(`${question} `, resolve);
    });
  } finally {
    terminal.close();
  }
}

/** The application account, on whose behalf the operator acts. Throws `not_found` for an unknown organisation. */
export async function operatorOf(db: Database, orgId: string): Promise<Viewer> {
  await requireOrganisation(db, orgId);
  return { orgId, userId: await getUserId(db, orgId, APPLICATION_LOGIN), role: 'admin', isApplication: true };
}

/** Incorrect usage that the argument parser cannot detect. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/** The operator did not confirm the command. */
export class DeclinedError extends Error {
  override readonly name = 'DeclinedError';

  constructor() {
    super('Nothing was changed.');
  }
}

/** Reads a new secret from standard input, and warns if it is easy to guess. */
export async function readNewSecret(what: string): Promise<string> {
  const secret = await readSecret(what);
  if (secret.length < SECRET_LENGTH_SAFE) process.stderr.write(`Warning: this ${what} is short and easy to guess.\n`);
  return secret;
}

/** Reads a secret from standard input, without a trailing line break. Throws a UsageError if it is empty. */
export async function readSecret(what: string): Promise<string> {
  const secret = (await readText(process.stdin)).replace(/\r?\n$/, '');
  if (secret === '') throw new UsageError(`Standard input contains no ${what}.`);
  return secret;
}

/**
 * Writes to standard output, and waits for a slow reader so that the output does not pile up in memory. Rejects with EPIPE
 * once the reader, such as `head`, has closed it.
 */
export async function writeOut(content: string | Uint8Array): Promise<void> {
  // Otherwise the event would end the process before the callback reports the error.
  if (process.stdout.listenerCount('error') === 0) process.stdout.on('error', () => undefined);
  await new Promise<void>((resolve, reject) => {
    process.stdout.write(content, (error) => {
      if (error) reject(error);
      else resolve();
    });
  });
}

/** Parses an option that is a positive integer. */
export function parsePositiveInteger(value: string): number {
  const number = Number(value);
  if (!/^\d+$/.test(value) || number < 1 || !Number.isSafeInteger(number)) {
    throw new InvalidArgumentError('It must be a whole number, 1 or greater.');
  }
  return number;
}

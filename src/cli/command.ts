import { text as readText } from 'node:stream/consumers';
import { InvalidArgumentError } from 'commander';
import { readConfig } from '../config.ts';
import type { Database } from '../database/database.ts';
import { migratedPostgres } from '../database/postgres.ts';
import { createLog } from '../log.ts';

/** A value this short can be guessed; it is taken all the same, since people take over what they have. */
const SHORT_SECRET = 12;

/** Runs `work` on the server's database, beside the server or without it, with the schema up to date. */
export async function withDatabase<Result>(
  environment: NodeJS.ProcessEnv,
  work: (db: Database) => Promise<Result>,
): Promise<Result> {
  const config = readConfig(environment);
  const postgres = await migratedPostgres(config, createLog('silent'));
  try {
    return await work(postgres.db);
  } finally {
    await postgres.close();
  }
}

/** Prints a result: with `--json` one JSON line for scripts, else a sentence for people. */
export function print(options: { readonly json?: true }, result: object, sentence: string): void {
  process.stdout.write(`${options.json ? JSON.stringify(result) : sentence}\n`);
}

/** A command that was given wrongly, where the parser could not know. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/** A new secret from standard input; people are told of one that can be guessed. */
export async function readNewSecret(what: string): Promise<string> {
  const secret = await readSecret(what);
  if (secret.length < SHORT_SECRET) process.stderr.write(`Warning: this ${what} is short, and easy to guess.\n`);
  return secret;
}

/** A secret from standard input, without the line break at its end. */
export async function readSecret(what: string): Promise<string> {
  const secret = (await readText(process.stdin)).replace(/\r?\n$/, '');
  if (secret === '') throw new UsageError(`Standard input holds no ${what}.`);
  return secret;
}

/** Parses an option that is a whole number from 1. */
export function wholeNumber(value: string): number {
  const number = Number(value);
  if (!/^\d+$/.test(value) || number < 1 || !Number.isSafeInteger(number)) {
    throw new InvalidArgumentError('It must be a whole number from 1.');
  }
  return number;
}

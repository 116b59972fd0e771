import { CommanderError } from 'commander';
import { UsageError } from './cli/command.ts';
import { createProgram } from './cli/program.ts';
import { DomainError, StartError } from './errors.ts';

const FAILURE = 1;
const USAGE = 2;

try {
  await createProgram(process.env).parseAsync();
} catch (error) {
  process.exitCode = report(error);
}

/** Says on stderr what a person can act on, and answers the exit code. */
function report(error: unknown): number {
  // Commander has printed its own message, or the help that was asked for.
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : USAGE;
  process.stderr.write(`${isExpected(error) ? error.message : describe(error)}\n`);
  return error instanceof UsageError ? USAGE : FAILURE;
}

function isExpected(error: unknown): error is Error {
  return [UsageError, DomainError, StartError].some((kind) => error instanceof kind);
}

function describe(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}

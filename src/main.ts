import { CommanderError } from 'commander';
import { DeclinedError, UsageError } from './cli/command.ts';
import { CommandAudit } from './cli/command-audit.ts';
import { createProgram } from './cli/program.ts';
import { DomainError, StartError } from './errors.ts';
import { ImportError } from './import/import-error.ts';
import { LoadError } from './transfer/load-error.ts';

const EXIT_FAILURE = 1;
const EXIT_USAGE = 2;

const audit = new CommandAudit(process.env);
try {
  const program = createProgram(process.env);
  program.hook('preAction', (_program, command) => {
    audit.start(command);
  });
  await program.parseAsync();
  audit.end('done');
} catch (error) {
  process.exitCode = report(error);
  audit.end(isExpected(error) ? 'refused' : 'failed');
}

/** Prints the error to stderr, with a stack trace only if it is a bug. Returns the exit code. */
function report(error: unknown): number {
  // Commander has already printed its message, or the requested help.
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : EXIT_USAGE;
  // The reader of standard output, such as `head`, has seen enough.
  if (error instanceof Error && 'code' in error && error.code === 'EPIPE') return EXIT_FAILURE;
  process.stderr.write(`${isExpected(error) ? error.message : describe(error)}\n`);
  return error instanceof UsageError ? EXIT_USAGE : EXIT_FAILURE;
}

function isExpected(error: unknown): error is Error {
  return [UsageError, DeclinedError, DomainError, StartError, LoadError, ImportError].some(
    (kind) => error instanceof kind,
  );
}

function describe(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}

import { type Environment, type Outcome, PROGRAM, run } from './server-process.ts';

const DATABASE_LINE = /^Database: (.*)\n/m;

export interface CommandOutcome extends Outcome {
  /** The database that the command named on standard error. `stderr` holds the rest. */
  readonly database: string | undefined;
}

/** Runs `issue-links`; a string is split at its spaces. */
export async function runCommand(
  args: string | readonly string[],
  environment: Environment,
  input?: string,
): Promise<CommandOutcome> {
  const words = typeof args === 'string' ? args.split(' ') : args;
  const outcome = await run([...PROGRAM, ...words], environment, input);
  const [, database] = DATABASE_LINE.exec(outcome.stderr) ?? [];
  return { ...outcome, stderr: outcome.stderr.replace(DATABASE_LINE, ''), database };
}

/** Whether `inTerminal` works here. */
export const hasTerminal = await run(['script', '--version'], {}).then(
  ({ stdout }) => stdout.includes('util-linux'),
  () => false,
);

const QUESTION = /\[y\/N\]|to confirm:/;

/** Runs `issue-links` in a terminal, which merges standard output and standard error, and answers its question. */
export function inTerminal(args: string, environment: Environment, typed?: string): Promise<Outcome> {
  const command = [...PROGRAM, ...args.split(' ')].join(' ');
  return run(
    ['script', '--quiet', '--return', '--command', command, '/dev/null'],
    environment,
    typed,
    typed === undefined ? undefined : QUESTION,
  );
}

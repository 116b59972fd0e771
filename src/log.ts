import { writeSync } from 'node:fs';
import { type DestinationStream, type Logger, pino } from 'pino';
import { StartError } from './errors.ts';

export type Log = Logger;

const STDOUT = 1;
const STDERR = 2;
/** Lines are written together: a system call for each costs more than the rest of its logging. */
const BUFFER_CHARACTERS = 16_384;
/** The bytes that several processes can write to a pipe at once without mixing them. */
const PIPE_BUF = 4_096;
/** Of a process that shares its standard output with others: a character takes up to three bytes. */
const SHARED_BUFFER_CHARACTERS = Math.floor(PIPE_BUF / 3);
const BUFFER_MS = 100;
/** A warning or an error is written at once, with the lines before it. */
const IS_URGENT = /^\{"level":[456]0/;
const LAST_WRITE_ATTEMPTS = 100;
const LAST_WRITE_PAUSE_MS = 10;

/**
 * A log of JSON lines on standard output. Warnings and errors appear there at once, others within a tenth of a second. The
 * lines of a worker, which shares the output with others, have its number.
 */
export function createLog(level: string, worker?: number): Log {
  const base = worker === undefined ? null : { worker };
  const stdout =
    worker === undefined ? bufferedStdout(BUFFER_CHARACTERS) : bufferedStdout(SHARED_BUFFER_CHARACTERS, PIPE_BUF);
  return pino({ level, base, timestamp: pino.stdTimeFunctions.isoTime }, stdout);
}

/**
 * The stream of administrative acts: lines with `audit: true` in the log, whatever its level if the target is `-`, or in a
 * file of their own, which is appended to. Throws a StartError if the file cannot be written.
 */
export function createAuditLog(target: string | undefined, log: Log): Log {
  if (target === undefined) return log.child({ audit: true });
  if (target === '-') return log.child({ audit: true }, { level: 'info' });
  return auditTo(target, (err) => {
    log.error({ err }, 'an audit entry could not be written');
  });
}

/** As `createAuditLog`, for a command, whose standard output is its result: `-` is standard error. */
export function createCommandAuditLog(target: string | undefined): Log | undefined {
  if (target === undefined) return undefined;
  return auditTo(target === '-' ? STDERR : target, (error) => {
    throw auditFailure(target, error);
  });
}

function auditTo(dest: string | number, onError: (error: Error) => void): Log {
  try {
    const file = pino.destination({ dest, append: true, mode: 0o600, sync: true });
    file.on('error', onError);
    return pino({ base: { audit: true }, timestamp: pino.stdTimeFunctions.isoTime }, file);
  } catch (error) {
    throw auditFailure(dest, error);
  }
}

function auditFailure(target: string | number, error: unknown): StartError {
  return new StartError(
    `AUDIT_LOG=${target} cannot be written: ${error instanceof Error ? error.message : String(error)}`,
  );
}

function bufferedStdout(charactersMax: number, maxWrite?: number): DestinationStream & { flushSync(): void } {
  // Writes in the background, so that a reader that is slow or gone does not stop the server.
  const stdout = pino.destination({ dest: STDOUT, ...(maxWrite && { maxWrite }) });
  let lines = '';
  let timer: NodeJS.Timeout | undefined;
  const take = () => {
    clearTimeout(timer);
    timer = undefined;
    const taken = lines;
    lines = '';
    return taken;
  };
  const flush = () => stdout.write(take());
  const flushSync = () => writeLast(take());
  // Also after an uncaught exception. Only a signal that nothing handles, such as SIGKILL, loses the buffered lines.
  process.on('exit', flushSync);
  return {
    write(line) {
      if (lines.length > 0 && lines.length + line.length > charactersMax) flush();
      lines += line;
      if (lines.length >= charactersMax || IS_URGENT.test(line)) flush();
      else timer ??= setTimeout(flush, BUFFER_MS).unref();
    },
    flushSync,
  };
}

/** Waits for a slow reader for a second at most. */
function writeLast(text: string): void {
  let rest = Buffer.from(text);
  for (let attempt = 0; rest.length > 0 && attempt < LAST_WRITE_ATTEMPTS; attempt += 1) {
    try {
      rest = rest.subarray(writeSync(STDOUT, rest));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') return;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, LAST_WRITE_PAUSE_MS);
    }
  }
}

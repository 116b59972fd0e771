import pg from 'pg';
import { DomainError } from '../errors.ts';
import { texts } from '../texts.ts';

/** read_only_sql_transaction: PostgreSQL is a standby, or was set to refuse writes. */
const READ_ONLY_STATE = '25006';
/** disk_full. As with the former, reading may go on. */
const DISK_FULL_STATE = '53100';
/** SQLSTATEs of connection and resource failures, shutdowns and statement timeouts. */
const UNAVAILABLE_STATES = /^(08(?!P01)|53|57P|57014)/;
/** The messages of pg's errors without a code. */
const UNAVAILABLE_MESSAGES =
  /^(Connection terminated|Client has encountered a connection error|Client was closed|Query read timeout)/;

/** lock_not_available: the lock_timeout has passed. */
const LOCK_TIMEOUT_STATE = '55P03';

/**
 * Translates the error of a statement: to `unavailable` if PostgreSQL is unavailable or does not accept the write, and to
 * `contended` if the statement has waited too long for a lock. Returns all other errors unchanged.
 */
export function databaseError(error: unknown): unknown {
  if (error instanceof pg.DatabaseError && error.code === LOCK_TIMEOUT_STATE) return contended(error);
  if (error instanceof pg.DatabaseError && (error.code === READ_ONLY_STATE || error.code === DISK_FULL_STATE)) {
    return new DomainError('unavailable', texts.databaseReadOnly, {}, { cause: error });
  }
  return isUnavailable(error) ? unavailable(error) : error;
}

/** Whether the server refuses all writes, so that another one may be the primary. */
export function isReadOnlyError(error: unknown): boolean {
  const cause = error instanceof DomainError ? error.cause : error;
  return cause instanceof pg.DatabaseError && cause.code === READ_ONLY_STATE;
}

/** PostgreSQL is there, but other transactions are in the way. */
export function contended(cause: unknown): DomainError {
  return new DomainError('contended', texts.contended, {}, { cause });
}

export function unavailable(cause: unknown): DomainError {
  return new DomainError('unavailable', texts.databaseUnavailable, {}, { cause });
}

/** Awaits a write. If one of the named constraints rejects it, throws the error that is made for that constraint. */
export async function onConstraint<Result>(
  write: Promise<Result>,
  errors: Readonly<Record<string, () => Error>>,
): Promise<Result> {
  try {
    return await write;
  } catch (error) {
    const constraint = error instanceof pg.DatabaseError ? constraintOf(error) : undefined;
    const translated = constraint === undefined ? undefined : errors[constraint]?.();
    if (translated === undefined) throw error;
    translated.cause = error;
    throw translated;
  }
}

/** The violated constraint. Citus passes only the message on, in which the name ends with the number of the shard. */
function constraintOf({ constraint, message }: pg.DatabaseError): string | undefined {
  return constraint ?? / constraint "(.+?)(_\d+)?"/.exec(message)?.[1];
}

/** integrity_constraint_violation and its subclasses */
export function isConstraintError(error: unknown): boolean {
  return error instanceof pg.DatabaseError && error.code?.startsWith('23') === true;
}

/** Whether one of several writes that share a statement may have caused its error, which undid all of them. */
export function isRefusedTogether(error: unknown): boolean {
  const cause = error instanceof DomainError && error.code === 'contended' ? error.cause : error;
  // data_exception, integrity_constraint_violation, transaction_rollback (such as a deadlock) and lock_not_available
  return cause instanceof pg.DatabaseError && /^(2[23]|40|55P03)/.test(cause.code ?? '');
}

/** Why PostgreSQL refused the values of a statement: the constraint, and its message. Undefined for other errors. */
export function refusalOf(error: unknown): { constraint: string | undefined; message: string } | undefined {
  // data_exception, integrity_constraint_violation and their subclasses
  if (!(error instanceof pg.DatabaseError) || !/^2[23]/.test(error.code ?? '')) return undefined;
  return { constraint: constraintOf(error), message: [error.message, error.detail].filter(Boolean).join(': ') };
}

function isUnavailable(error: unknown): boolean {
  if (error instanceof pg.DatabaseError) return UNAVAILABLE_STATES.test(error.code ?? '');
  if (typeof error !== 'object' || error === null) return false;
  // System errors have a `syscall`; here they come from the connection.
  return 'syscall' in error || ('message' in error && UNAVAILABLE_MESSAGES.test(String(error.message)));
}

import pg from 'pg';
import { DomainError } from '../errors.ts';
import { texts } from '../texts.ts';

/** Connection and resource failures, shutdowns, and statements that took longer than they may. */
const AWAY_STATES = /^(08(?!P01)|53|57P|57014)/;
/** pg gives these no code. */
const AWAY_MESSAGES =
  /^(Connection terminated|Client has encountered a connection error|Client was closed|Query read timeout)/;

/** A statement's failure as callers should see it: `unavailable` when PostgreSQL is away, else what pg said. */
export function databaseError(error: unknown): unknown {
  return isAway(error) ? unavailable(error) : error;
}

export function unavailable(cause: unknown): DomainError {
  return new DomainError('unavailable', texts.databaseAway, {}, { cause });
}

/** Waits for a write and, when one of the named constraints refuses it, throws what that means to the caller. */
export async function onConstraint<Result>(
  write: Promise<Result>,
  meanings: Readonly<Record<string, Error>>,
): Promise<Result> {
  try {
    return await write;
  } catch (error) {
    const constraint = error instanceof pg.DatabaseError ? error.constraint : undefined;
    const meaning = constraint === undefined ? undefined : meanings[constraint];
    if (meaning === undefined) throw error;
    meaning.cause = error;
    throw meaning;
  }
}

function isAway(error: unknown): boolean {
  if (error instanceof pg.DatabaseError) return AWAY_STATES.test(error.code ?? '');
  if (typeof error !== 'object' || error === null) return false;
  // Only the system's own failures name a system call; here they come from the connection.
  return 'syscall' in error || ('message' in error && AWAY_MESSAGES.test(String(error.message)));
}

import pg from 'pg';
import { DomainError } from '../errors.ts';
import { texts } from '../texts.ts';

/** Connection and resource failures of PostgreSQL (classes 08, 53, 57P) and of the way to it. */
const AWAY_STATES = /^(08|53|57P)/;
const AWAY_SYSTEM_ERRORS = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'ENOENT',
  'EPIPE',
  'ETIMEDOUT',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'EAI_AGAIN',
  'ENOTFOUND',
  'EACCES',
]);
/** query_canceled: the statement took longer than it may. */
const TIMED_OUT = '57014';
/** pg gives these no code. */
const AWAY_MESSAGES =
  /^(Connection terminated|timeout exceeded when trying to connect|Client has encountered a connection error|Client was closed|Query read timeout)/;

/** The failure as callers should see it: `unavailable` when PostgreSQL is away, else what pg said. */
export function databaseError(error: unknown): unknown {
  return isAway(error) ? new DomainError('unavailable', texts.databaseAway, {}, { cause: error }) : error;
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
  if (error instanceof AggregateError) return error.errors.some(isAway);
  if (!(error instanceof Error)) return false;
  const code = 'code' in error && typeof error.code === 'string' ? error.code : undefined;
  if (code === undefined) return AWAY_MESSAGES.test(error.message);
  return error instanceof pg.DatabaseError
    ? AWAY_STATES.test(code) || code === TIMED_OUT
    : AWAY_SYSTEM_ERRORS.has(code);
}

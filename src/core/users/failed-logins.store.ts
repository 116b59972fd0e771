import { createHash } from 'node:crypto';
import type { Database, Queryable } from '../../database/database.ts';
import { statement } from '../../database/statement.ts';

/** How many wrong passwords in a row lock a login for an address. */
export const FAILED_LOGINS_MAX = 7;

/** A login, existing or not, and the address of a client that tries its password. */
export interface LoginAttempt {
  readonly orgId: string;
  readonly login: string;
  readonly address: string;
}

/** The columns of failed_logins that identify the attempt. */
export function loginKey({ orgId, login, address }: LoginAttempt) {
  return { orgId, loginHash: createHash('sha256').update(login).digest(), address };
}

const SELECT_LOGIN_FAILURES = statement<'orgId' | 'loginHash' | 'address', { failures: number }>(
  'select_login_failures',
  `
  select failures from failed_logins
  where org_id = :orgId and login_hash = :loginHash and address = :address and expires_at > now()`,
);

/** How many wrong passwords in a row the login got from the address. */
export async function selectLoginFailures(db: Queryable, attempt: LoginAttempt): Promise<number> {
  const [row] = await db.query(SELECT_LOGIN_FAILURES(loginKey(attempt)));
  return row?.failures ?? 0;
}

/** Expired rows that one failure deletes at most: enough to keep up with those that failures add. */
const EXPIRED_ROWS_MAX = 100;

const DELETE_EXPIRED_FAILURES = statement<'orgId'>(
  'delete_expired_failures',
  `
  delete from failed_logins
  where org_id = :orgId and (login_hash, address) in (
    select login_hash, address from failed_logins
    where org_id = :orgId and expires_at <= now()
    order by expires_at
    limit ${EXPIRED_ROWS_MAX}
    for update skip locked)`,
);

/** SQL: whether the count has not expired. Only differences of times are the same whenever they are computed (for Citus). */
const IS_KNOWN = `excluded.expires_at - known.expires_at < interval '15 minutes'`;

const COUNT_LOGIN_FAILURE = statement<'orgId' | 'loginHash' | 'address'>(
  'count_login_failure',
  `
  insert into failed_logins as known (org_id, login_hash, address, failures, expires_at)
  values (:orgId, :loginHash, :address, 1, now() + interval '15 minutes')
  on conflict (org_id, login_hash, address) do update
  set failures = case when ${IS_KNOWN} then known.failures + 1 else 1 end, expires_at = excluded.expires_at
  where not (${IS_KNOWN}) or known.failures < ${FAILED_LOGINS_MAX}`,
);

/**
 * Counts a wrong password. FAILED_LOGINS_MAX of them lock the login for 15 minutes, which nothing extends; fewer are
 * forgotten 15 minutes after the last.
 */
export async function countLoginFailure(db: Database, attempt: LoginAttempt): Promise<void> {
  await db.execute(COUNT_LOGIN_FAILURE(loginKey(attempt)));
  await db.execute(DELETE_EXPIRED_FAILURES({ orgId: attempt.orgId }));
}

const DELETE_LOGIN_FAILURES = statement<'orgId' | 'loginHash' | 'address'>(
  'delete_login_failures',
  'delete from failed_logins where org_id = :orgId and login_hash = :loginHash and address = :address',
);

/** Starts the count again, after a right password. */
export async function deleteLoginFailures(db: Database, attempt: LoginAttempt): Promise<void> {
  await db.execute(DELETE_LOGIN_FAILURES(loginKey(attempt)));
}

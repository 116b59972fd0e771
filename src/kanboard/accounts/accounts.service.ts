import { createHash } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import type { Viewer } from '../../core/access/viewer.ts';
import { APPLICATION_LOGIN } from '../../core/organisations/organisations.service.ts';
import { hashToken } from '../../core/tokens/tokens.service.ts';
import { hashPassword, passwordMatches } from '../../core/users/password-hash.ts';
import type { Database, Queryable } from '../../database/database.ts';
import { DomainError } from '../../errors.ts';
import { texts } from '../../texts.ts';
import {
  type AccountRow,
  countFailedLogin,
  resetFailedLogins,
  selectApplicationAccounts,
  selectFailedLogins,
  selectUserAccounts,
} from './accounts.store.ts';

/** What Kanboard's clients send with HTTP Basic. */
export interface Credentials {
  readonly login: string;
  /** The token of the application account; a user's password or personal token. */
  readonly secret: string;
}

/** About two seconds' work on two processors. */
const COMPARISONS_MAX = 16;

/** The wrong password after which an account is locked for a quarter of an hour. */
const FAILED_LOGINS_MAX = 7;

/**
 * Right passwords of late, by a digest of the stored hash and of the password: clients send it with every call, and to
 * hash it takes longer than all else that a call does.
 */
const rightPasswords = new LRUCache<string, true>({ max: 1000, ttl: 5 * 60_000 });

/** What passwords of nobody are compared with, so that the time does not tell who has an account. */
let nobodysHash: Promise<string> | undefined;

/**
 * The account that the credentials belong to (Kanboard contract, section 2). Without `orgId` a login is looked up in the
 * only organisation, and a token in the one that it belongs to. Throws `unauthenticated`, whatever is wrong, and `busy`.
 */
export async function authenticateAccount(
  db: Database,
  { login, secret }: Credentials,
  orgId: string | undefined,
  isLoopback: boolean,
): Promise<Viewer> {
  const isStorable = ![orgId, login].some((text) => text?.includes('\0')) && secret !== '';
  const accounts = isStorable ? await selectAccounts(db, orgId, login, hashToken(secret)) : [];
  const usable = accounts.filter((account) => account.is_active && (isLoopback || !account.loopback_only));
  const owners = usable.filter((account) => account.has_token);
  const isToken = owners.length > 0 || login === APPLICATION_LOGIN;
  const owner = isToken ? onlyOne(owners) : await passwordOwner(db, usable[0], secret);
  if (owner === undefined || owner.is_locked) throw new DomainError('unauthenticated', texts.credentialsWrong);
  return { orgId: owner.org_id, userId: owner.user_id, role: owner.role, isApplication: owner.is_application };
}

function selectAccounts(db: Queryable, orgId: string | undefined, login: string, tokenHash: Buffer) {
  return login === APPLICATION_LOGIN
    ? selectApplicationAccounts(db, orgId, tokenHash)
    : selectUserAccounts(db, orgId, login, tokenHash);
}

/** The same token in several organisations is nobody's where none is named. */
function onlyOne(owners: readonly AccountRow[]): AccountRow | undefined {
  return owners.length === 1 ? owners[0] : undefined;
}

/** The account, if the password is its own and it is not locked. */
async function passwordOwner(
  db: Database,
  account: AccountRow | undefined,
  password: string,
): Promise<AccountRow | undefined> {
  const passwordHash = account?.password_hash ?? undefined;
  if (account === undefined || passwordHash === undefined || account.is_locked) {
    nobodysHash ??= hashPassword('nobody');
    await verifyPassword(await nobodysHash, password);
    return undefined;
  }
  const key = createHash('sha256').update(passwordHash).update('\0').update(password).digest('base64');
  if (rightPasswords.get(key)) {
    if (account.failed_logins > 0) await forgetFailedLogins(db, account.org_id, account.user_id);
    return account;
  }
  const attempt = () => attemptPassword(db, account, passwordHash, password, key);
  return (await inTurn(`${account.org_id} ${account.user_id}`, attempt)) ? account : undefined;
}

/**
 * Whether the password is right. Guesses that come at once are compared one after the other, each only if those before it
 * have not locked the account.
 */
async function attemptPassword(
  db: Database,
  { org_id: orgId, user_id: userId }: AccountRow,
  passwordHash: string,
  password: string,
  key: string,
): Promise<boolean> {
  // Found right while this call waited for its turn.
  if (rightPasswords.get(key)) return true;
  const { isLocked, failedLogins } = await selectFailedLogins(db, orgId, userId);
  if (isLocked) return false;
  if (!(await verifyPassword(passwordHash, password))) {
    await db.transaction((transaction) => countFailedLogin(transaction, orgId, userId, FAILED_LOGINS_MAX));
    return false;
  }
  rightPasswords.set(key, true);
  if (failedLogins > 0) await forgetFailedLogins(db, orgId, userId);
  return true;
}

function forgetFailedLogins(db: Database, orgId: string, userId: number): Promise<void> {
  return db.transaction((transaction) => resetFailedLogins(transaction, orgId, userId));
}

/** Passwords that are being compared, or wait for it. */
let comparisons = 0;

/** Throws `busy` rather than let everybody wait behind somebody who guesses: a comparison is slow by design. */
async function verifyPassword(passwordHash: string, password: string): Promise<boolean> {
  if (comparisons >= COMPARISONS_MAX) throw new DomainError('busy', texts.busy);
  comparisons += 1;
  try {
    return await passwordMatches(password, passwordHash);
  } finally {
    comparisons -= 1;
  }
}

/** The last attempt of each account that somebody waits for. */
const turns = new Map<string, Promise<unknown>>();

/** One attempt at a time and account, so that guesses at once are not more than guesses in a row. */
async function inTurn<Result>(account: string, work: () => Promise<Result>): Promise<Result> {
  const turn = (turns.get(account) ?? Promise.resolve()).then(work, work);
  turns.set(account, turn);
  try {
    return await turn;
  } finally {
    if (turns.get(account) === turn) turns.delete(account);
  }
}

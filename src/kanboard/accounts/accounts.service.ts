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
  cachedApplicationAccounts,
  countFailedLogin,
  resetFailedLogins,
  selectFailedLogins,
  selectUserAccounts,
} from './accounts.store.ts';

/** The user name and password of HTTP Basic authentication. */
export interface Credentials {
  readonly login: string;
  /** The application account's token, or a user's password or personal token. */
  readonly secret: string;
}

/** Passwords that may be compared or queued at once: about two seconds of work on two cores. */
const COMPARISONS_MAX = 16;

/** How many wrong passwords in a row lock an account for 15 minutes. */
const FAILED_LOGINS_MAX = 7;

/**
 * Recently verified passwords, keyed by a digest of the stored hash and the password. Clients send the password with every
 * call, and hashing it takes longer than the rest of the call.
 */
const verifiedPasswords = new LRUCache<string, true>({ max: 1000, ttl: 5 * 60_000 });

/** Compared with the password of an unknown login, so that the response time does not reveal which logins exist. */
let dummyHash: Promise<string> | undefined;

/**
 * The account that the credentials belong to (Kanboard contract, section 2). Without `orgId`, a login is looked up if there
 * is only one organisation, and a token in the organisation that it belongs to. Throws `unauthenticated` for any invalid
 * credentials, and `busy` if too many passwords are being compared.
 */
export async function authenticateAccount(
  db: Database,
  { login, secret }: Credentials,
  orgId: string | undefined,
  isLoopback: () => boolean,
): Promise<Viewer> {
  const isStorable = ![orgId, login].some((value) => value?.includes('\0')) && secret !== '';
  const accounts = isStorable ? await selectAccounts(db, orgId, login, hashToken(secret)) : [];
  const usable = accounts.filter((account) => account.is_active && (!account.loopback_only || isLoopback()));
  const owners = usable.filter((account) => account.has_token);
  const isToken = owners.length > 0 || login === APPLICATION_LOGIN;
  // Several organisations may have the same token; without an organisation in the request it identifies no account.
  const tokenOwner = owners.length === 1 ? owners[0] : undefined;
  const owner = isToken ? tokenOwner : await passwordOwner(db, usable[0], secret);
  if (owner === undefined || owner.is_locked) throw new DomainError('unauthenticated', texts.credentialsWrong);
  return { orgId: owner.org_id, userId: owner.user_id, role: owner.role, isApplication: owner.is_application };
}

function selectAccounts(db: Queryable, orgId: string | undefined, login: string, tokenHash: Buffer) {
  return login === APPLICATION_LOGIN
    ? cachedApplicationAccounts(db, orgId, tokenHash)
    : selectUserAccounts(db, orgId, login, tokenHash);
}

/** The account, if it has this password and is not locked. */
async function passwordOwner(
  db: Database,
  account: AccountRow | undefined,
  password: string,
): Promise<AccountRow | undefined> {
  const passwordHash = account?.password_hash ?? undefined;
  if (account === undefined || passwordHash === undefined || account.is_locked) {
    dummyHash ??= hashPassword('dummy');
    await verifyPassword(await dummyHash, password);
    return undefined;
  }
  const key = createHash('sha256').update(passwordHash).update('\0').update(password).digest('base64');
  if (verifiedPasswords.get(key)) {
    if (account.failed_logins > 0) await forgetFailedLogins(db, account.org_id, account.user_id);
    return account;
  }
  const attempt = () => attemptPassword(db, account, passwordHash, password, key);
  return (await inTurn(`${account.org_id} ${account.user_id}`, attempt)) ? account : undefined;
}

/**
 * Whether the password is right. Re-reads the failed logins, since an earlier attempt in the queue may have locked the
 * account.
 */
async function attemptPassword(
  db: Database,
  { org_id: orgId, user_id: userId }: AccountRow,
  passwordHash: string,
  password: string,
  key: string,
): Promise<boolean> {
  // Another call verified it while this one was queued.
  if (verifiedPasswords.get(key)) return true;
  const { isLocked, failedLogins } = await selectFailedLogins(db, orgId, userId);
  if (isLocked) return false;
  if (!(await verifyPassword(passwordHash, password))) {
    await db.transaction((transaction) => countFailedLogin(transaction, orgId, userId, FAILED_LOGINS_MAX));
    return false;
  }
  verifiedPasswords.set(key, true);
  if (failedLogins > 0) await forgetFailedLogins(db, orgId, userId);
  return true;
}

function forgetFailedLogins(db: Database, orgId: string, userId: number): Promise<void> {
  return db.transaction((transaction) => resetFailedLogins(transaction, orgId, userId));
}

/** How many passwords are being compared or queued. */
let comparisons = 0;

/** Throws `busy` if the queue is full: comparisons are slow by design, and guesses must not hold up other clients. */
async function verifyPassword(passwordHash: string, password: string): Promise<boolean> {
  if (comparisons >= COMPARISONS_MAX) throw new DomainError('busy', texts.busy);
  comparisons += 1;
  try {
    return await passwordMatches(password, passwordHash);
  } finally {
    comparisons -= 1;
  }
}

/** The last queued attempt of each account. */
const turns = new Map<string, Promise<unknown>>();

/** Runs the attempts of an account one at a time, so that parallel guesses cannot outrun its lock. */
async function inTurn<Result>(account: string, work: () => Promise<Result>): Promise<Result> {
  const turn = (turns.get(account) ?? Promise.resolve()).then(work, work);
  turns.set(account, turn);
  try {
    return await turn;
  } finally {
    if (turns.get(account) === turn) turns.delete(account);
  }
}

import { createHash } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import { failedRequests, wrongPasswords } from '../../core/access/failed-requests.ts';
import type { Viewer } from '../../core/access/viewer.ts';
import { APPLICATION_LOGIN } from '../../core/organisations/organisations.service.ts';
import { noteTokenUse } from '../../core/tokens/token-uses.ts';
import { hashToken } from '../../core/tokens/tokens.service.ts';
import {
  countLoginFailure,
  deleteLoginFailures,
  FAILED_LOGINS_MAX,
  type LoginAttempt,
  selectLoginFailures,
} from '../../core/users/failed-logins.store.ts';
import { passwordMatches, UNMATCHED_HASH } from '../../core/users/password-hash.ts';
import type { Database } from '../../database/database.ts';
import { DomainError } from '../../errors.ts';
import { texts } from '../../texts.ts';
import {
  type AccountRow,
  cachedApplicationAccounts,
  type LoginRow,
  selectUserAccounts,
  type TokenAccountRow,
} from './accounts.store.ts';

/** The user name and password of HTTP Basic authentication. */
export interface Credentials {
  readonly login: string;
  /** The application account's token, or a user's password or personal token. */
  readonly secret: string;
}

/** Where a request comes from. */
export interface Origin {
  readonly address: string;
  readonly isLoopback: () => boolean;
}

/** Requests of one address that may wait for the comparison of a password. */
const ADDRESS_QUEUE_MAX = 32;

/**
 * Recently verified passwords, keyed by a digest of the stored hash and the password. Clients send the password with every
 * call, and hashing it takes longer than the rest of the call.
 */
const verifiedPasswords = new LRUCache<string, true>({ max: 1000, ttl: 5 * 60_000 });

/** The addresses from which a password was right, keyed by a digest of its hash and the address. */
const knownAddresses = new LRUCache<string, true>({ max: 10_000 });

/**
 * The account that the credentials belong to, and the token unless they are a password (Kanboard contract, section 2). Without `orgId`, a login is looked up if there
 * is only one organisation, and a token in the organisation that it belongs to. Throws `unauthenticated` for any invalid
 * credentials, and `busy` for too many of them (decision 15).
 */
export async function authenticateAccount(
  db: Database,
  { login, secret }: Credentials,
  orgId: string | undefined,
  { address, isLoopback }: Origin,
): Promise<{ viewer: Viewer; tokenId: number | undefined }> {
  const isStorable = ![orgId, login].some((value) => value?.includes('\0')) && secret !== '';
  const tokenHash = hashToken(secret);
  const isUsable = (account: AccountRow) => account.is_active && (!account.loopback_only || isLoopback());
  let tokenOwner: TokenAccountRow | undefined;
  let owner: AccountRow | undefined;
  if (login === APPLICATION_LOGIN) {
    const accounts = isStorable ? await cachedApplicationAccounts(db, orgId, tokenHash) : [];
    tokenOwner = only(accounts.filter(isUsable));
  } else {
    const accounts = isStorable ? await selectUserAccounts(db, orgId, { login, tokenHash, address }) : [];
    const tokenOwners = accounts.filter((account) => account.has_token).filter(isUsable);
    const found = accounts.find((account) => !account.has_token);
    // Guesses from other machines do not lock a demo account.
    const isCounted = found !== undefined && (!found.loopback_only || isLoopback());
    const attempt = isCounted ? { orgId: found.org_id, login, address } : undefined;
    const account = found && isUsable(found) ? found : undefined;
    if (tokenOwners.length > 0) tokenOwner = only(tokenOwners);
    else if (await isPasswordRight(db, { account, attempt, address, password: secret })) owner = account;
  }
  if (tokenOwner) noteTokenUse(db, tokenOwner.org_id, tokenOwner.token_id);
  owner ??= tokenOwner;
  if (owner === undefined) {
    failedRequests.take(address);
    throw new DomainError('unauthenticated', texts.credentialsWrong);
  }
  const { role } = owner;
  return {
    viewer: { orgId: owner.org_id, userId: owner.user_id, role, isApplication: owner.is_application },
    tokenId: tokenOwner?.token_id,
  };
}

/** Several organisations may have the same token; without an organisation in the request it identifies no account. */
function only<Row>(rows: readonly Row[]): Row | undefined {
  return rows.length === 1 ? rows[0] : undefined;
}

interface PasswordAttempt {
  /** Undefined for a login that does not exist, or may not be used: the attempt then takes the same path and fails. */
  readonly account: LoginRow | undefined;
  /** Where it is counted; undefined if it is not. */
  readonly attempt: LoginAttempt | undefined;
  readonly address: string;
  readonly password: string;
}

async function isPasswordRight(db: Database, given: PasswordAttempt): Promise<boolean> {
  const { account, attempt, address, password } = given;
  const passwordHash = account?.password_hash ?? undefined;
  const verified = passwordHash === undefined ? undefined : digestOf(passwordHash, password);
  if (verified !== undefined && account?.is_locked === false && verifiedPasswords.get(verified)) {
    if (attempt && account.failures > 0) await deleteLoginFailures(db, attempt);
    return true;
  }
  const known = passwordHash === undefined ? undefined : digestOf(passwordHash, address);
  const login = attempt && digestOf(attempt.orgId, attempt.login);
  failedRequests.check(address);
  if (login !== undefined && !(known !== undefined && knownAddresses.get(known))) wrongPasswords.check(login);

  return await inTurn(address, async () => {
    // An earlier attempt in the queue may have locked the login.
    const failures = attempt ? await selectLoginFailures(db, attempt) : 0;
    if (failures >= FAILED_LOGINS_MAX) return false;
    const isVerified = verified !== undefined && verifiedPasswords.get(verified) === true;
    // Without a hash it takes as long, so that the time does not reveal which logins exist.
    const isRight = isVerified || (await passwordMatches(password, passwordHash ?? UNMATCHED_HASH));
    if (!isRight) {
      if (login !== undefined) wrongPasswords.count(login);
      if (attempt) await countLoginFailure(db, attempt);
      return false;
    }
    if (verified !== undefined) verifiedPasswords.set(verified, true);
    if (known !== undefined) knownAddresses.set(known, true);
    if (attempt && failures > 0) await deleteLoginFailures(db, attempt);
    return true;
  });
}

function digestOf(...parts: readonly string[]): string {
  return createHash('sha256').update(parts.join('\0')).digest('base64');
}

/** The last queued attempt of each address, and the number of its attempts. */
const turns = new Map<string, { last: Promise<unknown>; length: number }>();

/**
 * Runs the attempts of an address one at a time, so that parallel guesses cannot outrun a lock and delay other addresses
 * by one comparison at most. Throws `busy` if its queue is full.
 */
async function inTurn<Result>(address: string, work: () => Promise<Result>): Promise<Result> {
  const queue = turns.get(address) ?? { last: Promise.resolve(), length: 0 };
  if (queue.length >= ADDRESS_QUEUE_MAX) throw new DomainError('busy', texts.busy);
  const turn = queue.last.then(work, work);
  queue.last = turn;
  queue.length += 1;
  turns.set(address, queue);
  try {
    return await turn;
  } finally {
    queue.length -= 1;
    if (queue.length === 0) turns.delete(address);
  }
}

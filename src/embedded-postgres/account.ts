import { readFile } from 'node:fs/promises';
import { StartError } from '../errors.ts';

/** Spread into the options of a spawn. Undefined when we are not root, and PostgreSQL runs as ourselves. */
export interface Account {
  readonly uid: number;
  readonly gid: number;
}

/** In order: the account made for PostgreSQL, the one in Node's images, the one that every system has. */
const ACCOUNT_NAMES = ['postgres', '_postgres', 'node', 'nobody'];

export function isRoot(): boolean {
  return process.getuid?.() === 0;
}

/** The account to run PostgreSQL as, since PostgreSQL refuses to run as root. */
export async function findAccount(): Promise<Account | undefined> {
  if (!isRoot()) return undefined;
  const accounts = parsePasswd(await readFile('/etc/passwd', 'utf8').catch(() => ''));
  for (const name of ACCOUNT_NAMES) {
    const account = accounts.get(name);
    if (account) return account;
  }
  throw new StartError(
    `PostgreSQL refuses to run as root, and none of the accounts ${ACCOUNT_NAMES.join(', ')} exists: start this service as another user, or set DATABASE_URL.`,
  );
}

function parsePasswd(text: string): Map<string, Account> {
  const accounts = new Map<string, Account>();
  for (const line of text.split('\n')) {
    const [name = '', , uid, gid] = line.split(':');
    // On macOS `nobody` has the uid -2, which setuid() rejects.
    if (Number(uid) > 0 && Number(gid) > 0) accounts.set(name, { uid: Number(uid), gid: Number(gid) });
  }
  return accounts;
}

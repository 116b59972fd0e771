import { parseId } from '../ids/id.ts';

/** How paths and bodies name a user: a number is a uid; a string is a login, or a uid if it has the form of one. */
export interface UserName {
  readonly uid: number | undefined;
  readonly login: string | undefined;
}

/** Returns undefined for a value that can be neither, which needs no query. */
export function parseUserName(name: string | number): UserName | undefined {
  if (typeof name === 'number') return Number.isSafeInteger(name) ? { uid: name, login: undefined } : undefined;
  if (name.includes('\0')) return undefined;
  return { uid: parseId(name), login: name };
}

/** SQL: the user_id of a UserName, or null; a uid takes precedence over another user's equal login. */
export function userIdNamed(uid: string, login: string): string {
  return `coalesce(
    (select user_id from users where org_id = :orgId and uid = ${uid}),
    (select user_id from users where org_id = :orgId and login = ${login} and removed_at is null))`;
}

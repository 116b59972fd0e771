import { parseId } from '../ids/id.ts';

/** The way a user is named in a path or a body: a number is a uid; a text is a login, and a uid as well if it looks like one. */
export interface UserName {
  readonly uid: number | undefined;
  readonly login: string | undefined;
}

/** Undefined for what can be neither, so that no statement need look for it. */
export function parseUserName(name: string | number): UserName | undefined {
  if (typeof name === 'number') return Number.isSafeInteger(name) ? { uid: name, login: undefined } : undefined;
  if (name.includes('\0')) return undefined;
  return { uid: parseId(name), login: name };
}

/** SQL: the user_id behind a name in two parameters; where a login looks like another's uid, the uid counts. Null for none. */
export function userIdNamed(uid: string, login: string): string {
  return `coalesce(
    (select user_id from users where org_id = :orgId and uid = ${uid}),
    (select user_id from users where org_id = :orgId and login = ${login} and removed_at is null))`;
}

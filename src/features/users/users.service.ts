import { hash } from 'argon2';
import type { Queryable } from '../../database/database.ts';
import { onConstraint } from '../../database/database-error.ts';
import { DomainError } from '../../errors.ts';
import { texts } from '../../texts.ts';
import { insertUser, type NewUserRow, selectUserId, selectUserIdNamed } from './users.store.ts';

export type NewUser = Omit<NewUserRow, 'passwordHash' | 'isApplication'> & { readonly password?: string | undefined };

/**
 * Adds a user and answers the user_id. Throws `conflict` when the login or the uid is taken, and `not_found` when there
 * is no such organisation.
 */
export async function createUser(db: Queryable, orgId: string, { password, ...user }: NewUser): Promise<number> {
  const passwordHash = password === undefined ? undefined : await hash(password);
  return onConstraint(insertUser(db, orgId, { ...user, passwordHash }), {
    users_login_key: new DomainError('conflict', texts.loginTaken(user.login)),
    users_uid_key: new DomainError('conflict', texts.uidTaken(String(user.uid))),
    users_uid_check: new DomainError('invalid', texts.uidInvalid),
    users_login_check: new DomainError('invalid', texts.loginEmpty),
    users_org_id_fkey: new DomainError('not_found', texts.organisationNotFound(orgId)),
  });
}

/** The user_id behind a login. Throws `not_found`. */
export async function getUserId(db: Queryable, orgId: string, login: string): Promise<number> {
  const userId = await selectUserId(db, orgId, login);
  if (userId === undefined) throw new DomainError('not_found', texts.loginNotFound(login, orgId));
  return userId;
}

/** The user_id of a user named by login or uid, as clients of Tracker do; a login of digits gives way to a uid. */
export async function findUserIdNamed(
  db: Queryable,
  orgId: string,
  name: string | number,
): Promise<number | undefined> {
  const uid = /^\d{1,16}$/.test(String(name)) ? Number(name) : undefined;
  return await selectUserIdNamed(db, orgId, typeof name === 'string' ? name : undefined, uid);
}

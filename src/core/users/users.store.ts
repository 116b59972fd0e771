import { cachedMap, cacheKey } from '../../database/cache.ts';
import type { Queryable, Transaction } from '../../database/database.ts';
import { type Statement, statement } from '../../database/statement.ts';
import type { OrganisationRole } from '../access/viewer.ts';
import { FAILED_LOGINS_MAX } from './failed-logins.store.ts';
import { isPerson } from './person.ts';
import { type UserName, userIdNamed } from './user-name.ts';
import type { UserSummary } from './user-summary.ts';

export interface NewUserRow {
  readonly login: string;
  readonly role: OrganisationRole;
  readonly uid?: number | undefined;
  readonly display?: string | undefined;
  readonly email?: string | undefined;
  readonly passportUid?: number | undefined;
  readonly cloudUid?: string | undefined;
  readonly passwordHash?: string | undefined;
  readonly isApplication?: boolean;
  readonly loopbackOnly?: boolean;
}

/** The defaults of the optional members of NewUserRow. */
const UNSET = {
  uid: undefined,
  display: undefined,
  email: undefined,
  passportUid: undefined,
  cloudUid: undefined,
  passwordHash: undefined,
  isApplication: false,
  loopbackOnly: false,
};

/** Uids below this value were supplied by the caller; a generated uid is this value plus the user_id. */
const GENERATED_UID_BASE = 8_000_000_000_000_000;

const INSERT_USER = statement<'orgId' | keyof NewUserRow, { user_id: number }>(
  'insert_user',
  `
  insert into users (org_id, user_id, uid, login, role, display, email, passport_uid, cloud_uid, password_hash,
    is_application, loopback_only)
  overriding system value
  select :orgId, next.user_id, coalesce(:uid, ${GENERATED_UID_BASE} + next.user_id), :login, :role, :display, :email, :passportUid, :cloudUid, :passwordHash, :isApplication, :loopbackOnly
  from nextval(pg_get_serial_sequence('users', 'user_id')) as next (user_id)
  returning user_id`,
);

/** Returns the user_id. Without a uid, generates one that no other tracker assigns. */
export async function insertUser(db: Transaction, orgId: string, user: NewUserRow): Promise<number> {
  const [row] = await db.query(INSERT_USER({ orgId, ...UNSET, ...user }));
  return (row as { user_id: number }).user_id;
}

const SELECT_USER_ID = statement<'orgId' | 'login', { user_id: number }>(
  'select_user_id',
  'select user_id from users where org_id = :orgId and login = :login and removed_at is null',
);

/** The user_id of a login, unless that user was removed. */
export async function selectUserId(db: Queryable, orgId: string, login: string): Promise<number | undefined> {
  const [row] = await db.query(SELECT_USER_ID({ orgId, login }));
  return row?.user_id;
}

export interface UserRow {
  user_id: number;
  uid: number;
  login: string;
  display: string | null;
  email: string | null;
  passport_uid: number | null;
  cloud_uid: string | null;
  role: OrganisationRole;
  is_active: boolean;
  /** The most wrong passwords in a row from one address, and the last end of a lock. */
  failed_logins: number;
  locked_until: Date | null;
  created_at: Date;
  removed_at: Date | null;
}

/** Whether a row of failed_logins counts for the user. */
const IS_OF_USER = `failed.org_id = :orgId and failed.login_hash = sha256(convert_to(users.login, 'UTF8'))
    and failed.expires_at > now()`;

const COLUMNS = `users.user_id, users.uid, users.login, users.display, users.email, users.passport_uid, users.cloud_uid,
  users.role, users.is_active, users.created_at, users.removed_at,
  (select coalesce(max(failures), 0) from failed_logins failed where ${IS_OF_USER}) as failed_logins,
  (select max(expires_at) from failed_logins failed
    where ${IS_OF_USER} and failures >= ${FAILED_LOGINS_MAX}) as locked_until`;

const SELECT_USER = statement<'orgId' | 'userId', UserRow>(
  'select_user',
  `select ${COLUMNS} from users where users.org_id = :orgId and users.user_id = :userId`,
);

export async function selectUser(db: Queryable, orgId: string, userId: number): Promise<UserRow | undefined> {
  const [row] = await db.query(SELECT_USER({ orgId, userId }));
  return row;
}

const SELECT_USER_NAMED = statement<'orgId' | 'uid' | 'login', UserRow>(
  'select_user_named',
  `
  select ${COLUMNS}
  from users
  where users.org_id = :orgId and users.user_id = ${userIdNamed(':uid', ':login')}`,
);

export async function selectUserNamed(db: Queryable, orgId: string, name: UserName): Promise<UserRow | undefined> {
  const [row] = await db.query(SELECT_USER_NAMED({ orgId, uid: name.uid, login: name.login }));
  return row;
}

export interface FoundUser {
  readonly userId: number;
  readonly isRemoved: boolean;
}

const SELECT_USERS_NAMED = statement<'orgId' | 'uids' | 'logins', FoundUser & { place: number }>(
  'select_users_named',
  `
  select named.place, users.user_id as "userId", users.removed_at is not null as "isRemoved"
  from unnest(:uids::bigint[], :logins::text[]) with ordinality as named (uid, login, place)
  join users on users.org_id = :orgId and users.user_id = ${userIdNamed('named.uid', 'named.login')}`,
);

const SELECT_USERS_WITH_FULL_NAMES = statement<'orgId' | 'names', { userId: number; place: number }>(
  'select_users_with_full_names',
  `
  select named.place, users.user_id as "userId"
  from unnest(:names::text[]) with ordinality as named (name, place)
  join users on users.org_id = :orgId and users.removed_at is null
    and lower(users.display collate "default") = lower(btrim(named.name))`,
);

/** The users with these full names, ignoring case, each with the place of its name, which begins with 1. */
export function selectUsersWithFullNames(
  db: Queryable,
  orgId: string,
  names: readonly (string | null)[],
): Promise<{ userId: number; place: number }[]> {
  return db.query(SELECT_USERS_WITH_FULL_NAMES({ orgId, names }));
}

/** The users with these names, each with the place of its name, which begins with 1. */
export function selectUsersNamed(
  db: Queryable,
  orgId: string,
  names: readonly (UserName | undefined)[],
): Promise<(FoundUser & { place: number })[]> {
  return db.query(
    SELECT_USERS_NAMED({
      orgId,
      uids: names.map((name) => name?.uid ?? null),
      logins: names.map((name) => name?.login ?? null),
    }),
  );
}

const SELECT_USERS_PAGE = statement<'orgId' | 'limit' | 'offset', (UserRow | { user_id: null }) & { total: number }>(
  'select_users_page',
  `
  select counted.total, page.*
  from (select count(*) as total from users where org_id = :orgId and ${isPerson('users')}) counted
  left join (
    select ${COLUMNS} from users where org_id = :orgId and ${isPerson('users')} order by user_id limit :limit offset :offset
  ) page on true
  order by page.user_id`,
);

/** A page of the organisation's people, by user_id, and their total number. */
export async function selectUsersPage(
  db: Queryable,
  orgId: string,
  { limit, offset }: { readonly limit: number; readonly offset: number },
): Promise<{ rows: UserRow[]; total: number }> {
  const rows = await db.query(SELECT_USERS_PAGE({ orgId, limit, offset }));
  return { rows: rows.filter((row) => row.user_id !== null), total: rows[0]?.total ?? 0 };
}

const SELECT_PEOPLE = statement<'orgId', UserRow>(
  'select_people',
  `select ${COLUMNS} from users where users.org_id = :orgId and ${isPerson('users')} order by users.login`,
);

/** All people of the organisation, by login. */
export function selectPeople(db: Queryable, orgId: string): Promise<UserRow[]> {
  return db.query(SELECT_PEOPLE({ orgId }));
}

const SELECT_PEOPLE_FROM = statement<'orgId' | 'from' | 'limit', UserRow>(
  'select_people_from',
  `
  select ${COLUMNS} from users
  where users.org_id = :orgId and ${isPerson('users')} and users.login >= :from
  order by users.login
  limit :limit`,
);

/** People by login, from that login on. */
export function selectPeopleFrom(
  db: Queryable,
  orgId: string,
  { from, limit }: { readonly from: string; readonly limit: number },
): Promise<UserRow[]> {
  return db.query(SELECT_PEOPLE_FROM({ orgId, from, limit }));
}

const SELECT_PERSON = statement<'orgId' | 'userId' | 'login', UserRow>(
  'select_person',
  `
  select ${COLUMNS} from users
  where users.org_id = :orgId and (users.user_id = :userId or users.login = :login) and ${isPerson('users')}`,
);

/** A person of the organisation by user_id or by login. */
export async function selectPerson(
  db: Queryable,
  orgId: string,
  {
    userId,
    login,
  }: { readonly userId: number; readonly login?: never } | { readonly userId?: never; readonly login: string },
): Promise<UserRow | undefined> {
  const [row] = await db.query(SELECT_PERSON({ orgId, userId, login }));
  return row;
}

/** The names of a user, as issues and links refer to them. */
export interface UserNames extends UserSummary {
  readonly userId: number;
  readonly login: string;
  /** Null if it is unset; `display` is the login then. */
  readonly name: string | null;
}

const SELECT_USER_NAMES = statement<'orgId' | 'userIds', UserNames>(
  'select_user_names',
  `
  select user_id as "userId", uid, login, display as name, coalesce(display, login) as display,
    passport_uid as "passportUid", cloud_uid as "cloudUid"
  from users
  where org_id = :orgId and user_id = any(:userIds::bigint[])`,
);

/** Maps user_ids, the given ones at least, to names; from the cache. */
export function cachedUserNames(
  db: Queryable,
  orgId: string,
  userIds: readonly number[],
): Promise<ReadonlyMap<number, UserNames>> {
  return cachedMap(db.cache, cacheKey<Map<number, UserNames>>('users', orgId), [orgId], userIds, async (missing) => {
    const users = await db.primary.query(SELECT_USER_NAMES({ orgId, userIds: missing }));
    return new Map(users.map((user) => [user.userId, user]));
  });
}

const LOCK_ADMINISTRATORS = statement<'orgId', { user_id: number }>(
  'lock_administrators',
  `
  select user_id from users
  where org_id = :orgId and role = 'admin' and is_active and ${isPerson('users')}
  order by user_id
  for no key update`,
);

/** Locks the administrators who can log in against concurrent changes, and returns their user_ids. */
export async function lockAdministrators(db: Transaction, orgId: string): Promise<number[]> {
  const rows = await db.query(LOCK_ADMINISTRATORS({ orgId }));
  return rows.map((row) => row.user_id);
}

/** Runs a statement that changes a person. Returns whether they exist. */
async function changePerson(db: Transaction, orgId: string, change: Statement<unknown>): Promise<boolean> {
  await db.invalidate(orgId);
  const rows = await db.query(change);
  return rows.length > 0;
}

const UPDATE_USER_ACTIVE = statement<'orgId' | 'userId' | 'isActive'>(
  'update_user_active',
  `update users set is_active = :isActive where org_id = :orgId and user_id = :userId and ${isPerson('users')} returning user_id`,
);

/** Returns whether the person exists. */
export function updateUserActive(db: Transaction, orgId: string, userId: number, isActive: boolean): Promise<boolean> {
  return changePerson(db, orgId, UPDATE_USER_ACTIVE({ orgId, userId, isActive }));
}

/**
 * Changed fields of a user; undefined keeps the current value, an empty string unsets it. The role `member` leaves a reader a
 * reader: Kanboard's clients cannot tell them apart, and send back what they read.
 */
export interface UserChange {
  readonly login: string | undefined;
  readonly display: string | undefined;
  readonly email: string | undefined;
  readonly role: OrganisationRole | undefined;
}

const UPDATE_USER = statement<'orgId' | 'userId' | keyof UserChange>(
  'update_user',
  `
  update users
  set login = coalesce(:login, login),
    role = case when :role = 'member' and role = 'reader' then role else coalesce(:role, role) end,
    display = nullif(coalesce(:display, display), ''), email = nullif(coalesce(:email, email), '')
  where org_id = :orgId and user_id = :userId and ${isPerson('users')}
  returning user_id`,
);

/** Returns whether the person exists. */
export function updateUserFields(db: Transaction, orgId: string, userId: number, change: UserChange): Promise<boolean> {
  return changePerson(db, orgId, UPDATE_USER({ orgId, userId, ...change }));
}

const UPDATE_USER_ROLE = statement<'orgId' | 'userId' | 'role'>(
  'update_user_role',
  `update users set role = :role where org_id = :orgId and user_id = :userId and ${isPerson('users')} returning user_id`,
);

/** Unlike `updateUserFields`, it can make a reader a member. Returns whether the person exists. */
export function updateUserRole(
  db: Transaction,
  orgId: string,
  userId: number,
  role: OrganisationRole,
): Promise<boolean> {
  return changePerson(db, orgId, UPDATE_USER_ROLE({ orgId, userId, role }));
}

const UPDATE_USER_PASSWORD = statement<'orgId' | 'userId' | 'passwordHash'>(
  'update_user_password',
  `
  update users set password_hash = :passwordHash
  where org_id = :orgId and user_id = :userId and ${isPerson('users')}
  returning user_id`,
);

/** Returns whether the person exists. */
export function updateUserPassword(
  db: Transaction,
  orgId: string,
  userId: number,
  passwordHash: string,
): Promise<boolean> {
  return changePerson(db, orgId, UPDATE_USER_PASSWORD({ orgId, userId, passwordHash }));
}

const UPDATE_USER_REMOVED = statement<'orgId' | 'userId'>(
  'update_user_removed',
  `
  update users set removed_at = now(), is_active = false, password_hash = null
  where org_id = :orgId and user_id = :userId and ${isPerson('users')}
  returning user_id`,
);

/** Marks a person as removed, and returns whether they existed. The row stays because issues and links reference it. */
export function updateUserRemoved(db: Transaction, orgId: string, userId: number): Promise<boolean> {
  return changePerson(db, orgId, UPDATE_USER_REMOVED({ orgId, userId }));
}

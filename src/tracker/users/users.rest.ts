import type { Schemas } from '../../contract/types.ts';
import { getMyself, getUser, listUsers, type User } from '../../core/users/users.service.ts';
import type { Caller, Handlers } from '../rest/caller.ts';
import { pageOf, pagingHeaders } from '../rest/paging.ts';
import { userReference } from '../rest/references.ts';
import { timestamp } from '../rest/timestamps.ts';

export const userHandlers: Handlers<'getMyself' | 'getUser' | 'listUsers'> = {
  async getMyself({ db, caller }) {
    return { body: serializeUser(caller, await getMyself(db, caller.viewer)) };
  },
  async listUsers({ db, query, caller }) {
    const page = pageOf(query);
    const { users, total } = await listUsers(db, caller.viewer, page);
    return { body: users.map((user) => serializeUser(caller, user)), headers: pagingHeaders(caller, page, total) };
  },
  async getUser({ db, path, caller }) {
    return { body: serializeUser(caller, await getUser(db, caller.viewer, path.userId)) };
  },
};

function serializeUser(caller: Caller, user: User): Schemas['User'] {
  const { self, display, passportUid, cloudUid } = userReference(caller, user);
  const [firstName = '', ...otherNames] = user.name?.trim().split(/\s+/) ?? [];
  const addedAt = timestamp(user.createdAt);
  return {
    self,
    uid: user.uid,
    login: user.login,
    trackerUid: user.uid,
    ...(passportUid !== undefined && { passportUid }),
    ...(cloudUid !== undefined && { cloudUid }),
    firstName,
    lastName: otherNames.join(' '),
    display,
    email: user.email ?? '',
    external: false,
    hasLicense: user.isActive && user.role !== 'reader',
    dismissed: !user.isActive,
    useNewFilters: true,
    disableNotifications: false,
    firstLoginDate: addedAt,
    lastLoginDate: addedAt,
    welcomeMailSent: false,
  };
}

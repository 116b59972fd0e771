import { lengthOf } from '../../text-length.ts';

export const LOGIN_LENGTH_MAX = 255;

/** Whether both APIs can carry the login: HTTP Basic authentication ends a user name at the first colon. */
export function isLogin(login: string): boolean {
  return login !== '' && lengthOf(login) <= LOGIN_LENGTH_MAX && login.trim() === login && !/[:\p{Cc}]/u.test(login);
}

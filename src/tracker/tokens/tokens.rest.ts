import type { Schemas } from '../../contract/types.ts';
import { requireAdministrator } from '../../core/access/viewer.ts';
import { getToken, revokeToken, type UserToken } from '../../core/tokens/tokens.service.ts';
import type { Caller, Handlers } from '../rest/caller.ts';
import { idInPath, referenceIn } from '../rest/names.ts';
import { cursorHeaders, pageOf } from '../rest/paging.ts';
import { userReference } from '../rest/references.ts';
import { parseTimestamp, timestamp } from '../rest/timestamps.ts';
import { created } from '../rest/version.ts';
import { createTokenFor, listTokensFrom, type NewUserToken, replaceToken } from './tokens.service.ts';

export const tokenHandlers: Handlers<'listTokens' | 'createToken' | 'getToken' | 'revokeToken' | 'rotateToken'> = {
  async listTokens({ db, query, caller }) {
    requireAdministrator(caller.viewer);
    const { perPage } = pageOf(query);
    const { tokens, next } = await listTokensFrom(db, caller.viewer, {
      after: query.id,
      userName: query.user,
      limit: perPage,
    });
    return {
      body: tokens.map((token) => serializeToken(caller, token)),
      headers: cursorHeaders(caller, perPage, { next }),
    };
  },
  async createToken({ db, body, caller }) {
    requireAdministrator(caller.viewer);
    const token = await createTokenFor(db, caller, {
      user: referenceIn(body.user),
      scopes: [...new Set(body.scopes ?? caller.scopes)],
      expiresAt: momentIn('expiresAt', body.expiresAt),
    });
    return shownOnce(caller, token, { tokenId: token.id });
  },
  async getToken({ db, path, caller }) {
    requireAdministrator(caller.viewer);
    return { body: serializeToken(caller, await getToken(db, caller.viewer.orgId, idInPath(path.tokenId))) };
  },
  async revokeToken({ db, path, caller }) {
    requireAdministrator(caller.viewer);
    await revokeToken(db, caller.viewer.orgId, idInPath(path.tokenId));
    return { body: undefined };
  },
  async rotateToken({ db, path, body, caller }) {
    requireAdministrator(caller.viewer);
    const oldExpiresAt = momentIn('oldExpiresAt', body?.oldExpiresAt);
    const token = await replaceToken(db, caller, idInPath(path.tokenId), oldExpiresAt);
    return shownOnce(caller, token, { newTokenId: token.id });
  },
};

function momentIn(field: string, value: string | undefined): Date | undefined {
  return value === undefined ? undefined : parseTimestamp(field, value);
}

/** The only response with the value of a token. The audit shows whose it is and what it permits. */
function shownOnce(caller: Caller, token: NewUserToken, ids: Readonly<Record<string, number>>) {
  const { body, headers } = created({ ...serializeToken(caller, token), token: token.value });
  const noted = { ...ids, user: token.login, scopes: body.scopes, expiresAt: body.expiresAt };
  return { body, headers: { ...headers, 'Cache-Control': 'no-store' }, noted };
}

function serializeToken(caller: Caller, token: UserToken): Schemas['Token'] {
  return {
    self: `${caller.base}/tokens/${token.id}`,
    id: token.id,
    user: userReference(caller, token.user),
    kind: token.kind,
    scopes: [...token.scopes],
    state: token.state,
    createdAt: timestamp(token.createdAt),
    ...(token.expiresAt !== null && { expiresAt: timestamp(token.expiresAt) }),
    ...(token.lastUsedAt !== null && { lastUsedAt: timestamp(token.lastUsedAt) }),
  };
}

import type { Request } from 'express';
import type { Viewer } from '../../core/access/viewer.ts';
import type { Database } from '../../database/database.ts';
import { DomainError } from '../../errors.ts';
import { isLoopbackRequest } from '../../http/loopback.ts';
import { texts } from '../../texts.ts';
import { authenticateAccount, type Credentials } from '../accounts/accounts.service.ts';

export interface AuthenticationOptions {
  /** A header whose value counts before `Authorization`: base64 of `user:password`, without a scheme. */
  readonly header: string | undefined;
  /** The organisation that the path or the configuration names. */
  readonly orgId: string | undefined;
}

/** The account that makes the call (Kanboard contract, section 2). Throws `unauthenticated`. */
export async function authenticate(
  db: Database,
  request: Request,
  { header, orgId }: AuthenticationOptions,
): Promise<Viewer> {
  const own = header === undefined ? undefined : request.get(header);
  const encoded = own || /^basic\s+(.+)$/i.exec(request.headers.authorization?.trim() ?? '')?.[1];
  const credentials = encoded === undefined ? undefined : decode(encoded);
  if (credentials === undefined) throw new DomainError('unauthenticated', texts.credentialsWrong);
  return await authenticateAccount(db, credentials, orgId, isLoopbackRequest(request));
}

function decode(encoded: string): Credentials | undefined {
  const text = Buffer.from(encoded, 'base64').toString();
  const colon = text.indexOf(':');
  return colon < 0 ? undefined : { login: text.slice(0, colon), secret: text.slice(colon + 1) };
}

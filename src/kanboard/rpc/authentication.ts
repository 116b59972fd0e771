import type { Request } from 'express';
import type { Database } from '../../database/database.ts';
import { DomainError } from '../../errors.ts';
import { clientAddress } from '../../http/client-address.ts';
import { isLoopbackRequest } from '../../http/loopback.ts';
import { texts } from '../../texts.ts';
import { authenticateAccount, type Credentials } from '../accounts/accounts.service.ts';

export interface AuthenticationOptions {
  /** A header that takes precedence over `Authorization`: base64 of `user:password`, without a scheme. */
  readonly header: string | undefined;
  /** The organisation named in the path or the configuration. */
  readonly orgId: string | undefined;
}

/** The viewer that the credentials belong to, and the token unless they are a password (Kanboard contract, section 2). Throws `unauthenticated` and `busy`. */
export async function authenticate(
  db: Database,
  request: Request,
  { header, orgId }: AuthenticationOptions,
): ReturnType<typeof authenticateAccount> {
  const encoded = credentialsOf(request, header);
  const credentials = encoded === undefined ? undefined : decode(encoded);
  if (credentials === undefined) throw new DomainError('unauthenticated', texts.credentialsWrong);
  return await authenticateAccount(db, credentials, orgId, {
    address: clientAddress(request),
    isLoopback: () => isLoopbackRequest(request),
  });
}

/** The base64 of `user:password` in the configured header or in `Authorization`. */
export function credentialsOf(request: Request, header: string | undefined): string | undefined {
  const custom = header === undefined ? undefined : request.get(header);
  return custom || /^basic\s+(.+)$/i.exec(request.headers.authorization?.trim() ?? '')?.[1];
}

function decode(encoded: string): Credentials | undefined {
  const [, login, secret] = /^([^:]*):(.*)$/s.exec(Buffer.from(encoded, 'base64').toString()) ?? [];
  return login === undefined || secret === undefined ? undefined : { login, secret };
}

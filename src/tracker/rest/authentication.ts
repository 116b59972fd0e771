import type { IncomingHttpHeaders } from 'node:http';
import type { Request } from 'express';
import { failedRequests } from '../../core/access/failed-requests.ts';
import { authenticateToken, type OrganisationName, type TokenOwner } from '../../core/tokens/tokens.service.ts';
import type { Queryable } from '../../database/database.ts';
import { DomainError } from '../../errors.ts';
import { clientAddress } from '../../http/client-address.ts';
import { isLoopbackRequest } from '../../http/loopback.ts';
import { texts } from '../../texts.ts';

/** Clients in cloud mode send this as X-Org-ID, next to X-Cloud-Org-ID. */
const ABSENT = 'not provided';

/**
 * The owner of the request's token (Tracker contract, section 0). Throws `unauthenticated`, `forbidden`, and `busy` for a
 * wrong token from an address that sent too many. A valid one is always accepted: it is looked up first.
 */
export async function authenticate(db: Queryable, request: Request): Promise<TokenOwner> {
  const token = bearerToken(request.headers.authorization);
  try {
    return await authenticateToken(db, token, organisationNamed(request.headers), () => isLoopbackRequest(request));
  } catch (error) {
    if (error instanceof DomainError && error.code === 'unauthenticated') failedRequests.take(clientAddress(request));
    throw error;
  }
}

function bearerToken(header: string | undefined): string {
  const [scheme = '', ...words] = header?.trim().split(/\s+/) ?? [];
  if (scheme === '') throw new DomainError('unauthenticated', texts.authorizationMissing);
  const token = words.join(' ');
  if (!/^(oauth|bearer)$/i.test(scheme)) throw new DomainError('unauthenticated', texts.authorizationScheme);
  if (token === '') throw new DomainError('unauthenticated', texts.authorizationMissing);
  return token;
}

function organisationNamed(headers: IncomingHttpHeaders): OrganisationName {
  const orgId = presentValue(headers['x-org-id']);
  const cloudId = presentValue(headers['x-cloud-org-id']);
  // Some clients send the cloud id in both headers.
  if (orgId !== undefined) return { orgId, ...(orgId === cloudId && { cloudId }) };
  return cloudId === undefined ? undefined : { cloudId };
}

function presentValue(header: string | string[] | undefined): string | undefined {
  const value = (Array.isArray(header) ? header[0] : header)?.trim();
  return value === undefined || value === '' || value.toLowerCase() === ABSENT ? undefined : value;
}

import { hash } from 'node:crypto';
import type { Request, Response } from 'express';
import { MinuteLimit, type Quota } from '../minute-limit.ts';
import { clientAddress } from './client-address.ts';

/** Counts the requests of an organisation's clients on all servers. */
export interface SharedLimit {
  /** Throws `busy` if one of the keys has nothing left. */
  take(orgId: string, keys: readonly string[]): Promise<void>;
  quota(orgId: string, key: string): Quota;
}

/** A request that this server has counted. */
export interface Counted {
  /** Counts it on all servers, once its organisation is known, and sets the headers again. Throws `busy`. */
  share(orgId: string): Promise<void>;
}

/** Limits the requests per minute, of an address and of the same credentials. */
export class RateLimit {
  readonly #limit: MinuteLimit | undefined;
  readonly #shared: SharedLimit | undefined;

  /** Without `shared`, it counts the requests to this server only. */
  constructor(perMinute: number | false, shared?: SharedLimit) {
    this.#limit = perMinute === false ? undefined : new MinuteLimit(perMinute);
    this.#shared = shared;
  }

  /**
   * Counts the request, whose credentials may be wrong or missing. Sets the headers of the IETF's draft
   * (draft-ietf-httpapi-ratelimit-headers-10). Throws `busy` if the address or the credentials have nothing left. Returns
   * undefined if there is nothing to share with other servers.
   */
  take(request: Request, response: Response, credentials = request.headers.authorization): Counted | undefined {
    const limit = this.#limit;
    // A request that one route leaves to another is counted once.
    if (limit === undefined || response.hasHeader('RateLimit')) return undefined;
    const keys = new Map([['address', `address ${clientAddress(request)}`]]);
    if (credentials !== undefined) keys.set('token', `token ${hash('sha256', credentials, 'base64url')}`);
    try {
      // All are checked before one is counted: a refused request costs nothing.
      for (const key of keys.values()) limit.check(key);
      for (const key of keys.values()) limit.count(key);
    } finally {
      const policies = [...keys.keys()].map((name) => `"${name}";q=${limit.max};w=60`);
      response.setHeader('RateLimit-Policy', policies.join(', '));
      setQuotas(response, keys, (key) => limit.quota(key));
    }
    const shared = this.#shared;
    return shared && { share: (orgId) => share(shared, response, keys, orgId) };
  }
}

async function share(
  shared: SharedLimit,
  response: Response,
  keys: ReadonlyMap<string, string>,
  orgId: string,
): Promise<void> {
  try {
    await shared.take(orgId, [...keys.values()]);
  } finally {
    setQuotas(response, keys, (key) => shared.quota(orgId, key));
  }
}

function setQuotas(response: Response, keys: ReadonlyMap<string, string>, quotaOf: (key: string) => Quota): void {
  const quotas = [...keys].map(([name, key]) => {
    const { remaining, resetSeconds } = quotaOf(key);
    return `"${name}";r=${remaining};t=${resetSeconds}`;
  });
  response.setHeader('RateLimit', quotas.join(', '));
}

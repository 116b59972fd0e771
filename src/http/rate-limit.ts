import { hash } from 'node:crypto';
import type { Request, Response } from 'express';
import { MinuteLimit } from '../minute-limit.ts';
import { clientAddress } from './client-address.ts';

/** Limits the requests per minute, of an address and of the same credentials, to this process. */
export class RateLimit {
  readonly #limit: MinuteLimit | undefined;

  constructor(perMinute: number | false) {
    this.#limit = perMinute === false ? undefined : new MinuteLimit(perMinute);
  }

  /**
   * Counts the request, whose credentials may be wrong or missing. Sets the headers of the IETF's draft
   * (draft-ietf-httpapi-ratelimit-headers-10). Throws `busy` if the address or the credentials have nothing left.
   */
  take(request: Request, response: Response, credentials = request.headers.authorization): void {
    const limit = this.#limit;
    // A request that one route leaves to another is counted once.
    if (limit === undefined || response.hasHeader('RateLimit')) return;
    const keys = new Map([['address', `address ${clientAddress(request)}`]]);
    if (credentials !== undefined) keys.set('token', `token ${hash('sha256', credentials, 'base64url')}`);
    try {
      // All are checked before one is counted: a refused request costs nothing.
      for (const key of keys.values()) limit.check(key);
      for (const key of keys.values()) limit.count(key);
    } finally {
      const policies = [...keys.keys()].map((name) => `"${name}";q=${limit.max};w=60`);
      const quotas = [...keys].map(([name, key]) => {
        const { remaining, resetSeconds } = limit.quota(key);
        return `"${name}";r=${remaining};t=${resetSeconds}`;
      });
      response.setHeader('RateLimit-Policy', policies.join(', '));
      response.setHeader('RateLimit', quotas.join(', '));
    }
  }
}

import { hash } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import type { Database } from '../../database/database.ts';
import { DomainError } from '../../errors.ts';
import type { Quota } from '../../minute-limit.ts';
import { texts } from '../../texts.ts';
import { addRequests, deleteRequestCounts } from './request-counts.store.ts';

const WINDOW_MS = 60_000;
/** Beyond this number, the keys that were not used for longest are forgotten. */
const KEYS_MAX = 100_000;
/** A server reports a key whenever it has used up another such part of the limit. */
const PARTS = 30;
/** How long the server counts for itself after a failed report. */
const PAUSE_MS = 1_000;

interface Count {
  /** In this minute, as far as this server knows. */
  requests: number;
  /** Those that the database does not know yet. */
  unreported: number;
  running: Promise<void> | undefined;
  /** Starts when the running one ends, and reports all requests that have been counted by then. */
  next: Promise<void> | undefined;
}

interface Log {
  warn(details: object, message: string): void;
}

/**
 * Counts the requests of an organisation's clients in windows of a minute, together with the other servers of the
 * database. Requests are counted in memory; only a key that has used up another thirtieth of the limit costs a statement,
 * for which its request waits. So each server can exceed the limit by a tenth at most: the requests counted before a
 * report, those during it, and those left over from a minute that ended earlier by its own clock.
 */
export class SharedLimit {
  readonly max: number;
  readonly #db: Database;
  readonly #log: Log;
  readonly #reportAt: number;
  #pausedUntil = -Infinity;
  readonly #counts = new LRUCache<string, Count>({ maxSize: KEYS_MAX, sizeCalculation: () => 1, ttl: WINDOW_MS });

  constructor(db: Database, max: number, log: Log) {
    this.#db = db;
    this.max = max;
    this.#log = log;
    this.#reportAt = Math.ceil(max / PARTS);
  }

  quota(orgId: string, key: string): Quota {
    const counted = this.#counts.get(cacheKey(orgId, key));
    const resetMs = counted ? this.#counts.getRemainingTTL(cacheKey(orgId, key)) : WINDOW_MS;
    return { remaining: Math.max(this.max - (counted?.requests ?? 0), 0), resetSeconds: Math.ceil(resetMs / 1000) };
  }

  /** Counts a request for each key. Throws `busy` if one of them has nothing left. */
  async take(orgId: string, keys: readonly string[]): Promise<void> {
    // All are checked before one is counted: a request that is refused here costs nothing.
    for (const key of keys) this.#check(orgId, key, this.max - 1);
    const isPaused = performance.now() < this.#pausedUntil;
    const reports = keys.flatMap((key) => {
      const count = this.#count(orgId, key);
      return count.unreported >= this.#reportAt && !isPaused ? [this.#report(orgId, key, count)] : [];
    });
    if (reports.length === 0) return;
    await Promise.all(reports);
    for (const key of keys) this.#check(orgId, key, this.max);
  }

  #check(orgId: string, key: string, requestsMax: number): void {
    if ((this.#counts.get(cacheKey(orgId, key))?.requests ?? 0) <= requestsMax) return;
    throw new DomainError('busy', texts.busy, {}, { retryAfterSeconds: this.quota(orgId, key).resetSeconds });
  }

  #count(orgId: string, key: string): Count {
    let count = this.#counts.get(cacheKey(orgId, key));
    if (count === undefined) {
      count = { requests: 0, unreported: 0, running: undefined, next: undefined };
      this.#counts.set(cacheKey(orgId, key), count);
    }
    count.requests += 1;
    count.unreported += 1;
    return count;
  }

  #report(orgId: string, key: string, count: Count): Promise<void> {
    count.next ??= (count.running ?? Promise.resolve()).then(() => {
      count.next = undefined;
      count.running = this.#exchange(orgId, key, count);
      return count.running;
    });
    return count.next;
  }

  /** Adds what is unreported to the count of all servers, and takes over that count. */
  async #exchange(orgId: string, key: string, count: Count): Promise<void> {
    const reported = count.unreported;
    count.unreported = 0;
    try {
      const row = { orgId, keyHash: hash('sha256', key, 'buffer'), requests: reported, windowMs: WINDOW_MS };
      const { requests, elapsed_ms } = await addRequests(this.#db, row);
      count.requests = requests + count.unreported;
      this.#counts.set(cacheKey(orgId, key), count, { ttl: Math.max(WINDOW_MS - elapsed_ms, 1) });
      if (elapsed_ms === 0) await deleteRequestCounts(this.#db, orgId, WINDOW_MS);
    } catch (error) {
      count.unreported += reported;
      this.#pausedUntil = performance.now() + PAUSE_MS;
      this.#log.warn({ err: error }, 'requests could not be counted together with other servers');
    }
  }
}

function cacheKey(orgId: string, key: string): string {
  return `${orgId} ${key}`;
}

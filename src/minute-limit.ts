import { LRUCache } from 'lru-cache';
import { DomainError } from './errors.ts';
import { texts } from './texts.ts';

const WINDOW_MS = 60_000;
/** Beyond this number, the keys that were not used for longest are forgotten, so that an attack cannot fill the memory. */
const KEYS_MAX = 100_000;

/** Of a divided limit, for each process: a client that errs once or twice must not be locked out. */
const PART_MIN = 3;

/** What a key has left until its window ends. */
export interface Quota {
  readonly remaining: number;
  readonly resetSeconds: number;
}

/** Counts by key, such as an address, in windows of a minute, in this process. */
export class MinuteLimit {
  #max: number;
  readonly #counts = new LRUCache<string, { count: number }>({
    // Unlike `max`, this reserves no memory for keys that are not there.
    maxSize: KEYS_MAX,
    sizeCalculation: () => 1,
    ttl: WINDOW_MS,
  });

  constructor(max: number) {
    this.#max = max;
  }

  get max(): number {
    return this.#max;
  }

  /** Leaves this process its part of the limit, which others count for themselves as well. */
  divide(processes: number): void {
    this.#max = Math.max(Math.ceil(this.#max / processes), PART_MIN);
  }

  quota(key: string): Quota {
    const used = this.#counts.get(key)?.count ?? 0;
    const resetMs = used === 0 ? WINDOW_MS : this.#counts.getRemainingTTL(key);
    return { remaining: Math.max(this.#max - used, 0), resetSeconds: Math.ceil(resetMs / 1000) };
  }

  /** Throws `busy`, with the time until the window ends, if the key has nothing left. */
  check(key: string): void {
    const { remaining, resetSeconds } = this.quota(key);
    if (remaining === 0) throw new DomainError('busy', texts.busy, {}, { retryAfterSeconds: resetSeconds });
  }

  /** Counts one more. Throws `busy` if the key has nothing left. */
  take(key: string): void {
    this.check(key);
    this.count(key);
  }

  count(key: string): void {
    const counted = this.#counts.get(key);
    if (counted) counted.count += 1;
    else this.#counts.set(key, { count: 1 });
  }
}

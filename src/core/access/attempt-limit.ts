import { LRUCache } from 'lru-cache';
import { DomainError } from '../../errors.ts';
import { texts } from '../../texts.ts';

const WINDOW_MS = 60_000;
/** Beyond this number, the keys that were not used for longest are forgotten: memory is bounded, whoever attacks. */
const KEYS_MAX = 100_000;

/** Counts failed attempts by key, such as an address, in windows of a minute, in this process. */
export class AttemptLimit {
  readonly #max: number;
  readonly #attempts = new LRUCache<string, { count: number }>({
    // Unlike `max`, this reserves no memory for keys that are not there.
    maxSize: KEYS_MAX,
    sizeCalculation: () => 1,
    ttl: WINDOW_MS,
  });

  constructor(maxPerMinute: number) {
    this.#max = maxPerMinute;
  }

  /** Throws `busy`, with the time until the window ends, if the key has no attempts left. */
  check(key: string): void {
    const attempts = this.#attempts.get(key);
    if (attempts === undefined || attempts.count < this.#max) return;
    const retryAfterSeconds = Math.ceil(this.#attempts.getRemainingTTL(key) / 1000);
    throw new DomainError('busy', texts.busy, {}, { retryAfterSeconds });
  }

  /** Counts an attempt. Throws `busy` if the key has none left. */
  take(key: string): void {
    this.check(key);
    this.count(key);
  }

  count(key: string): void {
    const attempts = this.#attempts.get(key);
    if (attempts) attempts.count += 1;
    else this.#attempts.set(key, { count: 1 });
  }
}

const FAILURES_PER_MINUTE = 300;

/** Requests with wrong credentials, by the address of the client (decision 12). */
export const failedRequests = new AttemptLimit(FAILURES_PER_MINUTE);

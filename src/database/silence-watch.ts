import type { Address } from './connection.ts';

/**
 * The silence that a healthy PostgreSQL may keep, in terms of the longest one of late. Heartbeats arrive every 250 ms, so this
 * is less than a second. On a machine without a free processor they arrive seconds apart now and then: no reason to fail
 * requests.
 */
const TOLERANCE = 2.5;
const SILENCE_MIN_MS = 700;
const SILENCE_MAX_MS = 4000;
/** A silence is remembered for one to two periods. Until the first one has passed, the longest silence is tolerated. */
const PERIOD_MS = 15_000;
/** Work that began during the silence gets this long to hear from PostgreSQL. */
const PATIENCE_MS = 250;
const CHECK_MS = 50;

/** Work that waits for PostgreSQL. `fail` ends it with an error; it is replaced as the work proceeds. */
export interface PendingWork {
  readonly since: number;
  /** Where its statements run; undefined until it has a connection. */
  server?: Address;
  fail: () => void;
}

/**
 * Fails the work that waits for a PostgreSQL that has stopped responding without closing its connections, as a frozen machine
 * or a broken network does. Clients get their 503 within a second, or four on a busy machine, not after the timeouts of
 * connections and statements.
 * Silence means that no connection at all hears from PostgreSQL, so one long statement does not count as silence.
 */
export class SilenceWatch {
  readonly #pending = new Set<PendingWork>();
  readonly #onSilence: () => void;
  #heardAt = 0;
  #longestMs = 0;
  #longestBeforeMs = SILENCE_MAX_MS;
  #periodFrom = 0;
  #timer: NodeJS.Timeout | undefined;

  /** `onSilence` is called again and again while the silence lasts. */
  constructor(onSilence: () => void) {
    this.#onSilence = onSilence;
  }

  /** Starts the watch. Without heartbeats there must be none: a single long statement would count as silence. */
  start(): void {
    this.#heardAt = this.#periodFrom = performance.now();
    let checkedAt = performance.now();
    this.#timer = setInterval(() => {
      const now = performance.now();
      // This process was busy itself: what PostgreSQL has sent meanwhile is read before the next check.
      const isLate = now - checkedAt > 2 * CHECK_MS;
      checkedAt = now;
      if (now - this.#periodFrom > PERIOD_MS) this.#startPeriod(now);
      if (isLate || now - this.#heardAt < this.#toleratedMs()) return;
      this.#onSilence();
      for (const work of this.#pending) if (now - work.since > PATIENCE_MS) work.fail();
    }, CHECK_MS).unref();
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  /** Fails the work that runs on such a server. */
  abandon(isGone: (server: Address) => boolean): void {
    for (const { server, fail } of this.#pending) if (server && isGone(server)) fail();
  }

  /** PostgreSQL has responded, if only with an error. */
  heard(): void {
    const now = performance.now();
    this.#longestMs = Math.max(this.#longestMs, now - this.#heardAt);
    this.#heardAt = now;
  }

  begin(): PendingWork {
    const work = { since: performance.now(), fail: () => undefined };
    this.#pending.add(work);
    return work;
  }

  end(work: PendingWork): void {
    this.#pending.delete(work);
  }

  #startPeriod(now: number): void {
    this.#periodFrom = now;
    this.#longestBeforeMs = this.#longestMs;
    this.#longestMs = 0;
  }

  #toleratedMs(): number {
    const longest = Math.max(this.#longestMs, this.#longestBeforeMs);
    return Math.min(Math.max(longest * TOLERANCE, SILENCE_MIN_MS), SILENCE_MAX_MS);
  }
}

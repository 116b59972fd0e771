import { DomainError } from './errors.ts';
import type { Signal } from './signal.ts';
import { texts } from './texts.ts';

interface Waiter {
  readonly account: string | undefined;
  readonly amount: number;
  readonly start: () => void;
  readonly fail: (error: Error) => void;
}

/**
 * Divides a scarce resource of the process among accounts. No account holds more than its share, so one that floods the
 * server leaves room for the others. The undefined account (callers not yet authenticated) is not limited to a share.
 */
export class Shares {
  #free: number;
  readonly #share: number;
  readonly #waitersMax: number;
  readonly #allWaitersMax: number;
  readonly #waitMs: number;
  readonly #held = new Map<string | undefined, number>();
  readonly #waiters: Waiter[] = [];

  /**
   * An account may hold `share` of `total` and queue `waitersMax` requests, all accounts together `allWaitersMax`, each for
   * at most `waitMs`. By default, nothing waits.
   */
  constructor({
    total,
    share,
    waitersMax = 0,
    allWaitersMax = 0,
    waitMs = 0,
  }: {
    readonly total: number;
    readonly share: number;
    readonly waitersMax?: number;
    readonly allWaitersMax?: number;
    readonly waitMs?: number;
  }) {
    this.#free = total;
    this.#share = share;
    this.#waitersMax = waitersMax;
    this.#allWaitersMax = allWaitersMax;
    this.#waitMs = waitMs;
  }

  /** How many wait. */
  get waiting(): number {
    return this.#waiters.length;
  }

  /** Takes the amount if it is free and within the account's share. Returns whether it did. */
  tryTake(account: string | undefined, amount: number): boolean {
    const held = this.#held.get(account) ?? 0;
    if (amount > this.#free || (account !== undefined && held + amount > this.#share)) return false;
    this.#free -= amount;
    this.#held.set(account, held + amount);
    return true;
  }

  /**
   * Takes the amount, waiting its turn, or ahead of all others if it is urgent. Throws `overloaded` if the queue is full or
   * the wait too long.
   */
  async take(
    account: string | undefined,
    amount: number,
    {
      signal,
      isUrgent = false,
    }: { readonly signal?: Signal | undefined; readonly isUrgent?: boolean | undefined } = {},
  ): Promise<void> {
    if (this.tryTake(account, amount)) return;
    const ahead = this.#waiters.filter((waiter) => waiter.account === account).length;
    if (ahead >= this.#waitersMax || this.#waiters.length >= this.#allWaitersMax) throw overloaded();
    await new Promise<void>((resolve, reject) => {
      const end = (settle: () => void) => {
        clearTimeout(timer);
        signal?.removeEventListener('abort', leave);
        const place = this.#waiters.indexOf(waiter);
        if (place >= 0) this.#waiters.splice(place, 1);
        settle();
      };
      const leave = () => {
        if (signal === undefined) return;
        waiter.fail(signal.reason);
      };
      const waiter: Waiter = {
        account,
        amount,
        start: () => {
          end(resolve);
        },
        fail: (error) => {
          end(() => {
            reject(error);
          });
        },
      };
      const timer = setTimeout(() => {
        waiter.fail(overloaded());
      }, this.#waitMs);
      signal?.addEventListener('abort', leave);
      if (isUrgent) this.#waiters.unshift(waiter);
      else this.#waiters.push(waiter);
    });
  }

  /** Rejects all who wait with this error. */
  dismiss(error: Error): void {
    for (const waiter of [...this.#waiters]) waiter.fail(error);
  }

  /** Gives the amount back and starts the waiters, in order, that now fit. */
  give(account: string | undefined, amount: number): void {
    this.#free += amount;
    const held = (this.#held.get(account) ?? 0) - amount;
    if (held > 0) this.#held.set(account, held);
    else this.#held.delete(account);
    for (const waiter of [...this.#waiters]) {
      if (this.#free <= 0) return;
      if (this.tryTake(waiter.account, waiter.amount)) waiter.start();
    }
  }
}

function overloaded(): DomainError {
  return new DomainError('overloaded', texts.overloaded);
}

import { MinuteLimit } from '../../minute-limit.ts';

const FAILURES_PER_MINUTE = 300;

/** Requests with wrong credentials, by the address of the client (decision 15). */
export const failedRequests = new MinuteLimit(FAILURES_PER_MINUTE);

const WRONG_PASSWORDS_PER_MINUTE = 20;

/** Wrong passwords by login, from all addresses: thousands of addresses have thousands of times the guesses of one. */
export const wrongPasswords = new MinuteLimit(WRONG_PASSWORDS_PER_MINUTE);

/** For workers that share a port: together they allow about as many failures as one process does. */
export function divideFailures(workers: number): void {
  failedRequests.divide(workers);
  wrongPasswords.divide(workers);
}

import { MinuteLimit } from '../../minute-limit.ts';

const FAILURES_PER_MINUTE = 300;

/** Requests with wrong credentials, by the address of the client (decision 15). */
export const failedRequests = new MinuteLimit(FAILURES_PER_MINUTE);

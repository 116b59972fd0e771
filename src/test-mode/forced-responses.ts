import { DomainError } from '../errors.ts';
import { texts } from '../texts.ts';

/** What happens to a request instead of, or before, its usual response. */
export interface Forced {
  /** An error status; unset for the usual response. */
  readonly status?: number | undefined;
  /** How long the request waits before it is carried out or refused, in milliseconds. */
  readonly delayMs?: number | undefined;
  /** The value of the header Retry-After, in seconds. */
  readonly retryAfter?: number | undefined;
}

/** Which requests are affected, and how many of them. */
export interface ForcedResponse extends Forced {
  readonly method?: string | undefined;
  /** The path without the query; `*` stands for any characters. */
  readonly path?: string | undefined;
  /** How many more requests; 1 by default. */
  readonly times?: number | undefined;
}

const RULES_MAX = 1000;
const DELAY_MS_MAX = 60_000;
/** `Prefer: code=503, delay=250` (RFC 7240, section 2), quoted or not. */
const PREFERENCE = /(?:^|[,;])\s*(code|delay)\s*=\s*"?([^\s,;"]*)/gi;

/** The responses that tests have requested in advance. */
export class ForcedResponses {
  #rules: (ForcedResponse & { pattern: RegExp; times: number })[] = [];

  get rules(): readonly ForcedResponse[] {
    return this.#rules.map(({ pattern: _pattern, ...rule }) => rule);
  }

  clear(): void {
    this.#rules = [];
  }

  /** Adds a rule after those that there are. Throws `refused` if there are too many. */
  add(rule: ForcedResponse): void {
    if (this.#rules.length >= RULES_MAX) throw new DomainError('refused', texts.forcedResponsesTooMany);
    this.#rules.push({ ...rule, times: rule.times ?? 1, pattern: patternOf(rule.path ?? '*') });
  }

  /** Takes the first rule that the request matches. */
  take(method: string, path: string): Forced | undefined {
    const rule = this.#rules.find(
      (candidate) => (candidate.method ?? method) === method && candidate.pattern.test(path),
    );
    if (rule === undefined) return undefined;
    rule.times -= 1;
    if (rule.times === 0) this.#rules = this.#rules.filter((other) => other !== rule);
    return rule;
  }
}

/** What a Prefer header asks for. Throws `invalid` for a code that is not an error and for a delay out of range. */
export function forcedByHeader(header: string | undefined): Forced | undefined {
  if (header === undefined) return undefined;
  const wanted = Object.fromEntries(
    [...header.matchAll(PREFERENCE)].map(([, name = '', value]) => [name.toLowerCase(), value]),
  );
  const { code, delay } = wanted;
  if (code === undefined && delay === undefined) return undefined;
  const forced = { status: numberOf(code), delayMs: numberOf(delay) };
  if (!isForced(forced)) throw new DomainError('invalid', texts.preferInvalid);
  return forced;
}

function numberOf(value: string | undefined): number | undefined {
  if (value === undefined) return undefined;
  return /^\d{1,6}$/.test(value) ? Number(value) : NaN;
}

/** Whether the status and the delay are in range. */
export function isForced({ status = 400, delayMs = 0 }: Forced): boolean {
  return status >= 400 && status <= 599 && delayMs >= 0 && delayMs <= DELAY_MS_MAX;
}

function patternOf(path: string): RegExp {
  const literals = path.split('*').map((part) => part.replaceAll(/[.+?^${}()|[\]\\]/g, '\\$&'));
  return new RegExp(`^${literals.join('.*')}$`);
}

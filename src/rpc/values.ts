/**
 * Parameters are of any type; what cannot be meant is a thing not found (contract of the Kanboard face, sections 1 and 4).
 */

/** No thing has this id. */
const NO_ID = 0;

/** The id of a thing: a number, or its digits in a text. 0, which nothing has, for everything else. */
export function idFrom(value: unknown): number {
  const number = numberFrom(value);
  return number !== undefined && Number.isSafeInteger(number) && number > 0 ? number : NO_ID;
}

/** A number, or its digits in a text; `true` is 1, as in PHP. */
export function numberFrom(value: unknown): number | undefined {
  if (typeof value === 'number') return value;
  if (typeof value === 'boolean') return Number(value);
  if (typeof value !== 'string' || !/^\s*[+-]?\d+(\.\d+)?\s*$/.test(value)) return undefined;
  return Number(value);
}

/** A text that PostgreSQL can hold; a number counts as its digits. Undefined for everything else. */
export function textFrom(value: unknown): string | undefined {
  if (typeof value === 'number') return String(value);
  return typeof value === 'string' && !value.includes('\0') ? value : undefined;
}

/** A parameter that may be left out: null for null, else what `read` makes of it. */
export function optional<Value>(value: unknown, read: (value: unknown) => Value): Value | null {
  return value === null ? null : read(value);
}

/** Seconds since 1970, as Kanboard writes times. */
export function secondsFrom(time: Date): number {
  return Math.floor(time.getTime() / 1000);
}

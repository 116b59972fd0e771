import { momentOf } from '../../calendar.ts';

/** Parameters may have any JSON type; an invalid id is treated as not found (Kanboard contract, sections 1 and 4). */

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
  return Number.isFinite(Number(value)) ? Number(value) : undefined;
}

/** A whole number, or its digits in a text; 0 for an empty one. Undefined for everything else. */
export function integerFrom(value: unknown): number | undefined {
  if (value === '') return 0;
  const number = typeof value === 'string' && /^-?\d+$/.test(value) ? Number(value) : value;
  return Number.isSafeInteger(number) ? (number as number) : undefined;
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

/** A day, and perhaps a time in it; UTC unless it says otherwise. */
const ISO_TIME = /^(\d{4}-\d\d-\d\d)(?:[ T](\d\d:\d\d(?::\d\d(?:\.\d{1,6})?)?)(Z|[+-]\d\d:?\d\d)?)?$/i;
const AMERICAN_TIME = /^(\d\d)\/(\d\d)\/(\d{4})(?: (\d\d:\d\d))?$/;
const SECONDS_MAX = 253_402_300_799;

/**
 * A moment as Kanboard's clients write it: seconds since 1970, or a date in one of its forms. Null for an empty text and
 * for 0, which stand for none; undefined for everything else.
 */
export function timeFrom(value: unknown): Date | null | undefined {
  const seconds = integerFrom(value);
  if (seconds === 0) return null;
  if (seconds !== undefined) return seconds > 0 && seconds <= SECONDS_MAX ? new Date(seconds * 1000) : undefined;
  if (typeof value !== 'string') return undefined;
  const iso = value
    .trim()
    .replace(AMERICAN_TIME, (_, month: string, day: string, year: string, time = '00:00') =>
      [`${year}-${month}-${day}`, time].join(' '),
    );
  const [, day = '', time, offset] = ISO_TIME.exec(iso) ?? [];
  const moment = momentOf(day, time, offset);
  return moment !== undefined && moment.getTime() > 0 ? moment : undefined;
}

/** Seconds since 1970, as Kanboard writes times. */
export function secondsFrom(time: Date): number {
  return Math.floor(time.getTime() / 1000);
}

import { momentOf } from '../../calendar.ts';
import { DomainError } from '../../errors.ts';
import { texts } from '../../texts.ts';

/** Parameters may have any JSON type; an invalid id is treated as not found (Kanboard contract, sections 1 and 4). */

/** No object has this id. */
const NO_ID = 0;

/** An id, from a positive integer or a string of its digits; `NO_ID` for any other value. */
export function idFrom(value: unknown): number {
  const number = numberFrom(value);
  return number !== undefined && Number.isSafeInteger(number) && number > 0 ? number : NO_ID;
}

/** A number, from a number or a decimal string; `true` is 1, as in PHP. Undefined for any other value. */
export function numberFrom(value: unknown): number | undefined {
  if (typeof value === 'number') return value;
  if (typeof value === 'boolean') return Number(value);
  if (typeof value !== 'string' || !/^\s*[+-]?\d+(\.\d+)?\s*$/.test(value)) return undefined;
  return Number.isFinite(Number(value)) ? Number(value) : undefined;
}

/** A boolean, from itself, 0 or 1. Undefined for any other value. */
export function booleanFrom(value: unknown): boolean | undefined {
  const number = numberFrom(value);
  return number === 0 || number === 1 ? number === 1 : undefined;
}

/** A safe integer, from an integer or a string of its digits; an empty string is 0. Undefined for any other value. */
export function integerFrom(value: unknown): number | undefined {
  if (value === '') return 0;
  const number = typeof value === 'string' && /^-?\d+$/.test(value) ? Number(value) : value;
  return Number.isSafeInteger(number) ? (number as number) : undefined;
}

/** A string that PostgreSQL can store; a number becomes its digits. Undefined for any other value. */
export function stringFrom(value: unknown): string | undefined {
  if (typeof value === 'number') return String(value);
  return typeof value === 'string' && !value.includes('\0') ? value : undefined;
}

/** An array of strings, empty ones dropped (as Kanboard does). Undefined for any other value. */
export function stringsFrom(value: unknown): string[] | undefined {
  const strings = Array.isArray(value) ? value.map(stringFrom) : [undefined];
  return strings.every((one) => one !== undefined) ? strings.filter((one) => one !== '') : undefined;
}

/** Null for null, which means that the parameter was omitted; otherwise the result of `read`. */
export function optional<Value>(value: unknown, read: (value: unknown) => Value): Value | null {
  return value === null ? null : read(value);
}

/** A date with an optional time, in UTC unless it has an offset. */
const ISO_TIME = /^(\d{4}-\d\d-\d\d)(?:[ T](\d\d:\d\d(?::\d\d(?:\.\d{1,6})?)?)(Z|[+-]\d\d:?\d\d)?)?$/i;
const AMERICAN_TIME = /^(\d\d)\/(\d\d)\/(\d{4})(?: (\d\d:\d\d))?$/;
const SECONDS_MAX = 253_402_300_799;

/**
 * A time, from Unix seconds or a string in one of the date formats of Kanboard. Null for 0 and an empty string, which
 * unset it; undefined for any other value.
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

/** A user's name or e-mail address in results: empty if it is unset, null if there is no user. */
export function nameOf(login: string | null, name: string | null): string | null {
  return login === null ? null : (name ?? '');
}

/** Unix time in seconds, the format of times in results. */
export function secondsFrom(time: Date): number {
  return Math.floor(time.getTime() / 1000);
}

/** Null for 0, which removes the owner. */
export function ownerFrom(value: unknown): number | null | undefined {
  return numberFrom(value) === 0 ? null : idFrom(value) || undefined;
}

type Read<Value> = (value: unknown) => Value | undefined;

/** Throws `invalid` with the name of the parameter if `read` rejects its value. */
export function required<Name extends string, Value>(
  params: Readonly<Record<Name, unknown>>,
  name: Name,
  read: Read<Value>,
): Value {
  const result = read(params[name]);
  if (result === undefined) throw new DomainError('invalid', undefined, { [name]: texts.formInvalid });
  return result;
}

/** Undefined for null, which means that the parameter was omitted. Throws as `required` does. */
export function given<Name extends string, Value>(
  params: Readonly<Record<Name, unknown>>,
  name: Name,
  read: Read<Value>,
): Value | undefined {
  return params[name] === null ? undefined : required(params, name, read);
}

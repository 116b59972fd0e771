import { momentOf } from '../../calendar.ts';
import { DomainError } from '../../errors.ts';
import { texts } from '../../texts.ts';

const TIMESTAMP = /^(\d{4}-\d\d-\d\d)T(\d\d:\d\d(?::\d\d(?:\.\d+)?)?)(Z|[+-]\d\d(?::?\d\d)?)$/i;

/** Formats a date as `2017-06-11T05:16:01.421+0000` (Tracker contract, section 0). */
export function timestamp(date: Date): string {
  return date.toISOString().replace('Z', '+0000');
}

/** Parses a date with any offset, with or without a colon. Throws `invalid` under the field's name. */
export function parseTimestamp(field: string, value: string): Date {
  const [, day = '', time, offset] = TIMESTAMP.exec(value.trim()) ?? [];
  const date = momentOf(day, time, offset);
  // In UTC, as `timestamp` formats it, the year has four digits.
  if (date === undefined || date.getUTCFullYear() < 1 || date.getUTCFullYear() > 9999) {
    throw new DomainError('invalid', undefined, { [field]: texts.timestampUnreadable });
  }
  return date;
}

import { DAY_MS, momentOf, startOfDay } from '../../calendar.ts';

/** A time as written in a search: a date, or the name of a function, moved by a duration. */
export interface Time {
  readonly base: { readonly is: 'text'; readonly text: string } | { readonly is: 'function'; readonly name: string };
  readonly shiftMs: number;
}

/** From `from`, inclusive, to `until`, exclusive. */
export interface Span {
  readonly from: Date;
  readonly until: Date;
}

const MINUTE_MS = 60_000;
const UNITS_MS: Readonly<Record<string, number>> = {
  w: 7 * DAY_MS,
  d: DAY_MS,
  h: 3_600_000,
  m: MINUTE_MS,
  s: 1000,
};

/** The milliseconds of a duration such as `1w 1d`; undefined for any other string. */
export function durationMs(text: string): number | undefined {
  if (!/^\s*(?:\d{1,9}\s*[wdhms]\s*)+$/i.test(text)) return undefined;
  const parts = [...text.matchAll(/(\d+)\s*([wdhms])/gi)];
  return parts.reduce((sum, [, count, unit = '']) => sum + Number(count) * (UNITS_MS[unit.toLowerCase()] ?? 0), 0);
}

const FUNCTIONS: Readonly<Record<string, (now: Date) => Span>> = {
  /** To the minute, as in Tracker. */
  now: (now) => lasting(new Date(Math.floor(now.getTime() / MINUTE_MS) * MINUTE_MS), MINUTE_MS),
  today: (now) => lasting(startOfDay(now), DAY_MS),
  /** Begins on Monday. */
  week: (now) => lasting(new Date(startOfDay(now).getTime() - ((now.getUTCDay() + 6) % 7) * DAY_MS), 7 * DAY_MS),
  month: (now) => months(now.getUTCFullYear(), now.getUTCMonth(), 1),
  quarter: (now) => months(now.getUTCFullYear(), now.getUTCMonth() - (now.getUTCMonth() % 3), 3),
  year: (now) => months(now.getUTCFullYear(), 0, 12),
};

export function isTimeFunction(name: string): boolean {
  return Object.hasOwn(FUNCTIONS, name);
}

/** The span of a time, in UTC: a day, a millisecond if it has a time of day, or that of the function. Undefined if invalid. */
export function spanOf({ base, shiftMs }: Time, now: Date): Span | undefined {
  const span = base.is === 'function' ? FUNCTIONS[base.name]?.(now) : spanOfText(base.text);
  if (span === undefined) return undefined;
  const moved = {
    from: new Date(span.from.getTime() + shiftMs),
    until: new Date(span.until.getTime() + shiftMs),
  };
  return isStorable(moved.from) && isStorable(moved.until) ? moved : undefined;
}

function spanOfText(text: string): Span | undefined {
  const [, day = '', time, offset] =
    /^(\S+?)(?:[T ](\d\d:\d\d(?::\d\d(?:\.\d{1,3})?)?)(Z|[+-]\d\d:?\d\d)?)?$/i.exec(text.trim()) ?? [];
  const from = momentOf(isoDay(day), time, offset);
  return from && lasting(from, time === undefined ? DAY_MS : 1);
}

const DAY_FORMS = [
  /^(?<year>\d{4})-(?<month>\d\d)-(?<day>\d\d)$/,
  /^(?<day>\d\d)\.(?<month>\d\d)\.(?<year>\d{4})$/,
  /^(?<day>\d\d)-(?<month>\d\d)-(?<year>\d{4})$/,
  /^(?<month>\d\d)\/(?<day>\d\d)\/(?<year>\d{4})$/,
];

/** The day as `2017-04-30`, from any of the four forms; anything else is returned as it is. */
function isoDay(text: string): string {
  const form = DAY_FORMS.find((one) => one.test(text));
  return form ? text.replace(form, '$<year>-$<month>-$<day>') : text;
}

function months(year: number, month: number, count: number): Span {
  return { from: new Date(Date.UTC(year, month)), until: new Date(Date.UTC(year, month + count)) };
}

function lasting(from: Date, ms: number): Span {
  return { from, until: new Date(from.getTime() + ms) };
}

const FIRST_MS = Date.parse('0001-01-01T00:00:00Z');
const LAST_MS = Date.UTC(10_000, 0);

/** Whether the year has one to four digits: PostgreSQL stores all of those. */
function isStorable(moment: Date): boolean {
  return moment.getTime() >= FIRST_MS && moment.getTime() <= LAST_MS;
}

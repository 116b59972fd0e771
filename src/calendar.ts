export const DAY_MS = 86_400_000;

/**
 * The moment that `2017-06-11`, `05:16:01.421` and `+0300` make; without an offset in UTC. The caller has checked the form
 * of each. Undefined if the calendar has no such day, or the day no such time.
 */
export function momentOf(day: string, time = '00:00', offset = 'Z'): Date | undefined {
  // `Date` reads 30 February as 2 March.
  const midnight = new Date(day);
  if (Number.isNaN(midnight.getTime()) || !midnight.toISOString().startsWith(day)) return undefined;
  const [, hours, minutes = '00'] = /^([+-]\d\d):?(\d\d)?$/.exec(offset) ?? [];
  const moment = new Date(`${day}T${time}${hours === undefined ? 'Z' : `${hours}:${minutes}`}`);
  return Number.isNaN(moment.getTime()) ? undefined : moment;
}

/** The first moment of a day, in UTC. */
export function startOfDay(moment: Date): Date {
  return new Date(Math.floor(moment.getTime() / DAY_MS) * DAY_MS);
}

export const DAY_MS = 86_400_000;

/**
 * Combines `2017-06-11`, `05:16:01.421` and `+0300` (UTC by default) into a Date. The caller has checked their syntax.
 * Returns undefined if no such day or time exists.
 */
export function momentOf(day: string, time = '00:00', offset = 'Z'): Date | undefined {
  // `Date` accepts 30 February as 2 March.
  const midnight = new Date(day);
  if (Number.isNaN(midnight.getTime()) || !midnight.toISOString().startsWith(day)) return undefined;
  const [, hours, minutes = '00'] = /^([+-]\d\d):?(\d\d)?$/.exec(offset) ?? [];
  const moment = new Date(`${day}T${time}${hours === undefined ? 'Z' : `${hours}:${minutes}`}`);
  return Number.isNaN(moment.getTime()) ? undefined : moment;
}

/** Midnight UTC at the start of the day that contains `moment`. */
export function startOfDay(moment: Date): Date {
  return new Date(Math.floor(moment.getTime() / DAY_MS) * DAY_MS);
}

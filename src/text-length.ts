/** Maximum length, in characters, of fields that have no limit of their own in Kanboard. */
export const TEXT_LENGTH_MAX = 65_535;

/** The length of a string in code points, not UTF-16 units. */
export function lengthOf(value: string): number {
  return Array.from(value).length;
}

/** The longest string that Kanboard's fields without a limit of their own accept. */
export const TEXT_LENGTH_MAX = 65_535;

/** How long a text is in characters as people count them, not in UTF-16 units. */
export function lengthOf(text: string): number {
  return Array.from(text).length;
}

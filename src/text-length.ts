/** How long a text is in characters as people count them, not in UTF-16 units. */
export function lengthOf(text: string): number {
  return Array.from(text).length;
}

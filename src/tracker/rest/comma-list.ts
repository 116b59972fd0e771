/** Splits a comma-separated string into trimmed items and drops empty ones. */
export function commaList(list: string): string[] {
  return list
    .split(',')
    .map((item) => item.trim())
    .filter((item) => item !== '');
}

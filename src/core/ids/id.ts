/** The number behind an id as paths and bodies write it; undefined for a string that is none. */
export function parseId(text: string): number | undefined {
  return /^[1-9]\d{0,15}$/.test(text) ? Number(text) : undefined;
}

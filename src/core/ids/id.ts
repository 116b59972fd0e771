/** Parses an id of a path or a body; returns undefined if it is not a positive integer of at most 16 digits. */
export function parseId(text: string): number | undefined {
  return /^[1-9]\d{0,15}$/.test(text) ? Number(text) : undefined;
}

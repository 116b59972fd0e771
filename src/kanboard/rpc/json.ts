import { isSafeNumber, LosslessNumber, parse, stringify } from 'lossless-json';

/** The nesting depth that PHP accepts (Kanboard contract, section 1). */
const DEPTH_MAX = 512;
/** With the flag u, only a surrogate without its pair is one. */
const HALF_CHARACTER = /\p{Surrogate}/u;

/**
 * The JSON in a request's bytes, or undefined for what is none. Numbers that JavaScript would round stay texts in a
 * LosslessNumber: clients send ids of 63 bits.
 */
export function parseLossless(bytes: Buffer): unknown {
  try {
    const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
    const value = parse(text, null, { parseNumber, onDuplicateKey: ({ newValue }) => newValue });
    return isStorable(value, 0) ? value : undefined;
  } catch {
    // Also a RangeError, from nesting that no stack holds.
    return undefined;
  }
}

/** The inverse of `parseLossless`. */
export function stringifyLossless(value: unknown): string {
  return stringify(value) ?? 'null';
}

function parseNumber(text: string): unknown {
  return isSafeNumber(text) && Number.isFinite(Number(text)) ? Number(text) : new LosslessNumber(text);
}

/** No half characters, which UTF-8 has not, and no bottomless nesting. */
function isStorable(value: unknown, depth: number): boolean {
  if (typeof value === 'string') return !HALF_CHARACTER.test(value);
  if (typeof value !== 'object' || value === null || value instanceof LosslessNumber) return true;
  return (
    depth < DEPTH_MAX &&
    Object.entries(value).every(([key, member]) => isStorable(key, depth) && isStorable(member, depth + 1))
  );
}

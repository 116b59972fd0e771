import { isSafeNumber, LosslessNumber, parse, stringify } from 'lossless-json';
import { requireStorable } from '../../http/json-value.ts';

/** The nesting depth that PHP accepts (Kanboard contract, section 1). */
const DEPTH_MAX = 512;

/** Whether a text may contain a number that JavaScript would round. A digit after a quotation mark begins a string. */
const MAY_ROUND = /\d[\d.eE]{15}|(?<!")\d[.eE]/;

/**
 * Parses a request body as JSON; returns undefined if it is invalid. Numbers that JavaScript would round become
 * LosslessNumbers: clients send 63-bit ids, and expect them back unchanged.
 */
export function parseLossless(bytes: Buffer): unknown {
  try {
    const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
    // Without a long or a fractional number, the built-in parser loses nothing, and is several times as fast.
    const value: unknown = MAY_ROUND.test(text)
      ? parse(text, null, { parseNumber, onDuplicateKey: ({ newValue }) => newValue })
      : JSON.parse(text);
    requireStorable(value, DEPTH_MAX);
    return value;
  } catch {
    // This includes the RangeError of nesting that overflows the stack.
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

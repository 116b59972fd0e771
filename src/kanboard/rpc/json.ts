import { isSafeNumber, LosslessNumber, parse, stringify } from 'lossless-json';
import { requireStorable } from '../../http/json-value.ts';

/** The nesting depth that PHP accepts (Kanboard contract, section 1). */
const DEPTH_MAX = 512;

/**
 * Parses a request body as JSON; undefined for an invalid one. Numbers that JavaScript would round are kept as strings in
 * a LosslessNumber: clients send ids of 63 bits.
 */
export function parseLossless(bytes: Buffer): unknown {
  try {
    const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
    const value = parse(text, null, { parseNumber, onDuplicateKey: ({ newValue }) => newValue });
    requireStorable(value, DEPTH_MAX);
    return value;
  } catch {
    // Also a RangeError, from nesting that overflows the stack.
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

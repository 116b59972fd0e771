import { LosslessNumber } from 'lossless-json';
import { texts } from '../texts.ts';
import { HttpError } from './error-response.ts';

/**
 * Throws a 400 if parsed JSON nests arrays and objects deeper than `depthMax`, or contains a string with a lone surrogate,
 * which UTF-8 cannot encode. `refuse` may throw for any string it does not accept.
 */
export function requireStorable(value: unknown, depthMax: number, refuse?: (text: string) => void): void {
  if (typeof value === 'string') {
    refuse?.(value);
    if (!value.isWellFormed()) throw new HttpError(400, texts.halfCharacter);
  }
  if (typeof value !== 'object' || value === null || value instanceof LosslessNumber) return;
  if (depthMax === 0) throw new HttpError(400, texts.bodyTooDeep);
  for (const [key, member] of Object.entries(value)) {
    requireStorable(key, depthMax, refuse);
    requireStorable(member, depthMax - 1, refuse);
  }
}

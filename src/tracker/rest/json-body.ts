import { HttpError } from '../../http/error-response.ts';
import { texts } from '../../texts.ts';

/**
 * Parses a request body as JSON, whatever its Content-Type (Tracker contract, section 0). Returns undefined for an empty
 * body and for `null`, which both count as absent. Throws a 400 that says where the JSON is invalid.
 */
export function parseJson(bytes: unknown): unknown {
  if (!Buffer.isBuffer(bytes) || bytes.length === 0) return undefined;
  const value = parse(bytes);
  refuseUnstorable(value, 0);
  return value ?? undefined;
}

function parse(bytes: Buffer): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes)) as unknown;
  } catch (error) {
    throw new HttpError(400, texts.bodyNotJson(error instanceof Error ? error.message : String(error)));
  }
}

const DEPTH_MAX = 100;
/** With the flag u, only a surrogate without its pair is one. */
const HALF_CHARACTER = /\p{Surrogate}/u;

/** PostgreSQL's text holds every character but U+0000, its JSON none but whole ones; and deep nesting is never meant well. */
function refuseUnstorable(value: unknown, depth: number): void {
  if (typeof value === 'string') {
    if (value.includes('\0')) throw new HttpError(400, texts.nulCharacter);
    if (HALF_CHARACTER.test(value)) throw new HttpError(400, texts.halfCharacter);
  }
  if (typeof value !== 'object' || value === null) return;
  if (depth > DEPTH_MAX) throw new HttpError(400, texts.bodyTooDeep);
  for (const [key, member] of Object.entries(value)) {
    refuseUnstorable(key, depth);
    refuseUnstorable(member, depth + 1);
  }
}

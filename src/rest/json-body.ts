import { texts } from '../texts.ts';
import { HttpError } from './error-response.ts';

/**
 * The JSON in a request's bytes, whatever the Content-Type said (contract, section 0). Undefined for an empty body and
 * for `null`, which count as absent. Throws a 400 that says where the text stops being JSON.
 */
export function parseJson(bytes: unknown): unknown {
  if (!Buffer.isBuffer(bytes) || bytes.length === 0) return undefined;
  const value = parse(bytes);
  if (containsNul(value)) throw new HttpError(400, texts.nulCharacter);
  return value ?? undefined;
}

function parse(bytes: Buffer): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes)) as unknown;
  } catch (error) {
    throw new HttpError(400, texts.bodyNotJson(error instanceof Error ? error.message : String(error)));
  }
}

/** PostgreSQL's text holds every character but this one. */
function containsNul(value: unknown): boolean {
  if (typeof value === 'string') return value.includes('\0');
  if (typeof value !== 'object' || value === null) return false;
  return Object.entries(value).some(([key, member]) => key.includes('\0') || containsNul(member));
}

import { HttpError } from '../../http/error-response.ts';
import { requireStorable } from '../../http/json-value.ts';
import { texts } from '../../texts.ts';

/** No client needs deeper nesting. */
const DEPTH_MAX = 101;

/**
 * Parses a request body as JSON, whatever its Content-Type (Tracker contract, section 0). Returns undefined for an empty
 * body and for `null`, which both count as absent. Throws a 400 that says where the JSON is invalid.
 */
export function parseJson(bytes: Buffer | undefined): unknown {
  if (bytes === undefined || bytes.length === 0) return undefined;
  const value = parse(bytes);
  requireStorable(value, DEPTH_MAX, refuseNul);
  return value ?? undefined;
}

function parse(bytes: Buffer): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes)) as unknown;
  } catch (error) {
    throw new HttpError(400, texts.bodyNotJson(error instanceof Error ? error.message : String(error)));
  }
}

/** Throws HttpError for parameters of a query that PostgreSQL could not compare with its text. */
export function requireStorableQuery(query: unknown): void {
  requireStorable(query, DEPTH_MAX, refuseNul);
}

/** PostgreSQL's text cannot contain U+0000. */
function refuseNul(value: string): void {
  if (value.includes('\0')) throw new HttpError(400, texts.nulCharacter);
}

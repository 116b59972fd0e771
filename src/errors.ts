import { type Text, texts } from './texts.ts';

/** What went wrong, in words that belong to no protocol; each face has a table from these to its own. */
export type ErrorCode =
  | 'invalid'
  | 'unauthenticated'
  | 'forbidden'
  | 'not_found'
  | 'conflict'
  | 'stale'
  | 'refused'
  | 'too_large'
  | 'busy'
  | 'overloaded'
  | 'unavailable';

/** A failure that the caller can act on. Anything else that is thrown is a bug, and becomes a 500. */
export class DomainError extends Error {
  override readonly name = 'DomainError';
  readonly code: ErrorCode;
  /** About the request as a whole; absent when `fields` says it all. */
  readonly text: Text | undefined;
  /** About single fields of the request, by their names. */
  readonly fields: Readonly<Record<string, Text>>;

  constructor(code: ErrorCode, text: Text | undefined, fields: Record<string, Text> = {}, options?: ErrorOptions) {
    super(
      text?.en ??
        Object.entries(fields)
          .map(([field, { en }]) => `${field}: ${en}`)
          .join(' '),
      options,
    );
    this.code = code;
    this.text = text;
    this.fields = fields;
  }
}

/** Throws `invalid`, under the name of each field that does not fit. */
export function refuseUnfit(fits: Readonly<Record<string, boolean>>): void {
  const unfit = Object.keys(fits).filter((field) => !fits[field]);
  if (unfit.length === 0) return;
  throw new DomainError('invalid', undefined, Object.fromEntries(unfit.map((field) => [field, texts.formUnfit])));
}

/** A start that failed for a reason that the operator can fix; the message says how. */
export class StartError extends Error {
  override readonly name = 'StartError';
}

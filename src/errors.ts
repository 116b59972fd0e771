import { type Text, texts } from './texts.ts';

/** What went wrong, independent of the protocol. Each API has a table from these to its own codes. */
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
  | 'contended'
  | 'overloaded'
  | 'unavailable';

/** A failure that the caller can act on. Any other error is a bug and becomes a 500. */
export class DomainError extends Error {
  override readonly name = 'DomainError';
  readonly code: ErrorCode;
  /** Message about the request as a whole; undefined if `fields` suffices. */
  readonly text: Text | undefined;
  /** Messages about single fields of the request, by field name. */
  readonly fields: Readonly<Record<string, Text>>;
  /** When to try again, if it is known. */
  readonly retryAfterSeconds: number | undefined;

  constructor(
    code: ErrorCode,
    text: Text | undefined,
    fields: Record<string, Text> = {},
    options: ErrorOptions & { readonly retryAfterSeconds?: number } = {},
  ) {
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
    this.retryAfterSeconds = options.retryAfterSeconds;
  }
}

/** Throws `invalid` if any value is false, with a message for each of those fields. */
export function requireValid(fits: Readonly<Record<string, boolean>>): void {
  const unfit = Object.keys(fits).filter((field) => !fits[field]);
  if (unfit.length === 0) return;
  throw new DomainError('invalid', undefined, Object.fromEntries(unfit.map((field) => [field, texts.formInvalid])));
}

/** The service cannot start, for a reason that the operator can fix; the message says how. */
export class StartError extends Error {
  override readonly name = 'StartError';
}

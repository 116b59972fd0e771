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

/** The reasons that are more specific than the code of their error; docs/errors.md explains each. */
type SpecificReason =
  | 'already_linked'
  | 'self_link'
  | 'cycle'
  | 'second_parent'
  | 'second_epic'
  | 'second_link'
  | 'issue_not_found'
  | 'link_not_found'
  | 'link_type_not_found'
  | 'label_not_found'
  | 'relationship_unknown'
  | 'import_only'
  | 'user_not_found'
  | 'time_invalid'
  | 'not_supported'
  | 'not_served';

/** Why a request failed, for programs: `errorsData.code` of link writes, and the reason in the log of JSON-RPC calls. */
export type Reason = ErrorCode | SpecificReason;

interface IssueId {
  readonly id: string;
  readonly key: string;
}

/** What a program can act on besides the reason, as far as the caller may see it. */
export interface ErrorDetails {
  /** Where the request names the issues that were not found: `path`, `body`, or the parameters of a JSON-RPC call. */
  readonly missing?: readonly string[];
  readonly issue?: IssueId;
  /** The link that is in the way, from the point of view of `issue`. */
  readonly link?: {
    readonly id: number;
    readonly type: { readonly id: string };
    readonly direction: 'inward' | 'outward';
    readonly object: IssueId;
  };
  /** The issues of a cycle; null for issues that are not shown. */
  readonly cycle?: readonly (IssueId | null)[];
  /** The values that would be accepted. */
  readonly accepted?: readonly string[];
}

/** The link that a refused one conflicts with, to be looked up after the refused transaction has been rolled back. */
export interface LinkConflict {
  readonly issueId: number;
  /** Unset if no link is in the way. */
  readonly link?: {
    readonly linkTypeId: string;
    readonly linkId?: number | undefined;
    /** The issue at the other end; unset for the only link at an end. */
    readonly objectId?: number;
    readonly direction?: 'inward' | 'outward';
  };
}

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
  readonly reason: Reason;
  /** `explainConflict` adds what `conflict` stands for. */
  details: ErrorDetails;
  readonly conflict: LinkConflict | undefined;

  constructor(
    code: ErrorCode,
    text: Text | undefined,
    fields: Record<string, Text> = {},
    options: ErrorOptions & {
      readonly retryAfterSeconds?: number;
      readonly reason?: SpecificReason;
      readonly details?: ErrorDetails;
      readonly conflict?: LinkConflict;
    } = {},
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
    this.reason = options.reason ?? code;
    this.details = options.details ?? {};
    this.conflict = options.conflict;
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

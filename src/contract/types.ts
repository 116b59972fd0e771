import type { components, operations } from './openapi.generated.ts';

/** The named schemas of openapi.yaml, such as `Schemas['IssueLink']`. */
export type Schemas = components['schemas'];

/** The operations of the REST API. */
export type OperationId = keyof operations;

type Part<Operation, Name extends string> = Operation extends { parameters: infer Parameters }
  ? Name extends keyof Parameters
    ? NonNullable<Parameters[Name]>
    : object
  : never;

/** Ids in a path are not parsed, since an invalid one is not found rather than invalid. */
type Unparsed<Path> = { readonly [Name in keyof Path]: Path[Name] extends number ? string : Path[Name] };

type Json<Message> = Message extends { content: { 'application/json': infer Body } } ? Body : undefined;

type RequestBody<Operation> = Operation extends { requestBody: infer Body }
  ? Json<Body>
  : Operation extends { requestBody?: infer Body }
    ? Json<NonNullable<Body>> | undefined
    : undefined;

type SuccessStatus = 200 | 201 | 204;

type SuccessBody<Operation> = Operation extends { responses: infer Responses }
  ? { [Status in keyof Responses & SuccessStatus]: Json<Responses[Status]> }[keyof Responses & SuccessStatus]
  : never;

/** The argument of a handler: the validated parts of a request, and the context in which the API serves it. */
export type Call<Id extends OperationId, Context> = Context & {
  readonly path: Unparsed<Part<operations[Id], 'path'>>;
  readonly query: Part<operations[Id], 'query'>;
  /** Keyed by name as the contract spells it, such as `If-Match`. */
  readonly headers: Part<operations[Id], 'header'>;
  readonly body: RequestBody<operations[Id]>;
};

/**
 * Sends a JSON body in pieces. While the promise that `write` returns is pending, the client lags behind, and no more
 * should be written.
 */
export type StreamedBody = (write: (json: Buffer) => Promise<void> | undefined) => Promise<void>;

/** A body that is not JSON. */
export interface OtherContent {
  readonly content: string;
  readonly mediaType: string;
}

/**
 * The result of a handler: the body of the success response, as a value, as JSON or as other content, and headers beyond the
 * usual ones.
 */
export type Reply<Id extends OperationId> = ReplyDetails &
  ({ readonly body: SuccessBody<operations[Id]> | StreamedBody } | { readonly json: string } | OtherContent);

export interface ReplyDetails {
  /** The version of the resource in the body, for `If-Match`. */
  readonly version?: number | undefined;
  /** What only the result tells and the audit shows, in addition to the parameters or in place of the same name. */
  readonly noted?: Readonly<Record<string, unknown>>;
  /** An array is sent as a header line for each value. */
  readonly headers?: Readonly<Record<string, string | readonly string[]>>;
}

/** One handler per operation; a missing one does not compile. */
export type Handlers<Id extends OperationId, Context> = {
  readonly [Key in Id]: (call: Call<Key, Context>) => Promise<Reply<Key>>;
};

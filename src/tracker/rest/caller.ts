import type { Request, Response } from 'express';
import type { Scope } from '../../contract/contract.ts';
import type { Handlers as ContractHandlers, OperationId } from '../../contract/types.ts';
import type { Viewer } from '../../core/access/viewer.ts';
import type { ClientDatabase, Queryable } from '../../database/database.ts';
import { languageOf } from '../../http/error-response.ts';
import { originOf } from '../../http/own-origin.ts';
import type { Language } from '../../texts.ts';
import { authenticate } from './authentication.ts';

/** The authenticated client, and how its response is to be written. */
export interface Caller {
  readonly viewer: Viewer;
  /** The token of the request; 0, which is the id of none, for a seed. */
  readonly tokenId: number;
  readonly scopes: readonly Scope[];
  readonly language: Language;
  /** Prefix of every `self`: scheme, host and version, such as `https://links.example/v2`. */
  readonly base: string;
  /** The URL of the request, from which links to other pages are derived. */
  readonly url: string;
}

/** What a handler gets besides the validated request. */
export interface Context {
  /** Stops work when the client disconnects, and counts what it reads. */
  readonly db: ClientDatabase;
  readonly caller: Caller;
  /** Counts what the handler itself holds for the response, in bytes. Throws `too_large` and `overloaded`. */
  readonly hold: (bytes: number) => void;
  /**
   * The one of these media types that the request's `Accept` prefers; the first if it accepts that as much as others, or
   * none. The response then varies by `Accept`.
   */
  readonly preferred: <MediaType extends string>(mediaTypes: readonly MediaType[]) => MediaType;
}

/** As `Context.preferred`, for a caller that accepts everything. */
export const preferFirst: Context['preferred'] = ([first]) => first as never;

export type Handlers<Id extends OperationId> = ContractHandlers<Id, Context>;

/**
 * The client that sent the request for `url` to the API at `path`, such as `/v2`. Throws `unauthenticated`, `forbidden`, and a 400
 * for an invalid Host.
 */
export async function callerOf(
  db: Queryable,
  request: Request,
  response: Response,
  { publicUrl, path, url }: { readonly publicUrl: string | undefined; readonly path: string; readonly url: string },
): Promise<Caller> {
  const { viewer, tokenId, scopes, language } = await authenticate(db, request);
  response.credentials = { orgId: viewer.orgId, userId: viewer.userId, tokenId };
  response.language = language;
  const origin = originOf(request, publicUrl);
  return {
    viewer,
    tokenId,
    scopes,
    language: languageOf(request, response),
    base: `${origin}${path}`,
    url: `${origin}${url}`,
  };
}

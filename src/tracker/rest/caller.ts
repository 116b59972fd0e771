import type { Scope } from '../../contract/contract.ts';
import type { Handlers as ContractHandlers, OperationId } from '../../contract/types.ts';
import type { Viewer } from '../../core/access/viewer.ts';
import type { Database } from '../../database/database.ts';
import type { Language } from '../../texts.ts';

/** The authenticated client, and how its response is to be written. */
export interface Caller {
  readonly viewer: Viewer;
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
  readonly db: Database;
  readonly caller: Caller;
}

export type Handlers<Id extends OperationId> = ContractHandlers<Id, Context>;

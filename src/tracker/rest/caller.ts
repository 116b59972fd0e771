import type { Scope } from '../../contract/contract.ts';
import type { Handlers as ContractHandlers, OperationId } from '../../contract/types.ts';
import type { Viewer } from '../../core/access/viewer.ts';
import type { Language } from '../../texts.ts';

/** Who asks, and how the answer is to be written for them. */
export interface Caller {
  readonly viewer: Viewer;
  readonly scopes: readonly Scope[];
  readonly language: Language;
  /** What every `self` starts with: scheme, host and version, such as `https://links.example/v2`. */
  readonly base: string;
  /** The URL of the request, for links to other pages of its answer. */
  readonly url: string;
}

export type Handlers<Id extends OperationId> = ContractHandlers<Id, Caller>;

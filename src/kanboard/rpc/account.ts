import type { Methods as ContractMethods, MethodName } from '../../contract/types.ts';
import type { Viewer } from '../../core/access/viewer.ts';

/** Whose call it is; the application account is the one whose viewer sees all. */
export interface Account {
  readonly viewer: Viewer;
  /** Scheme and host, for the URLs in answers. */
  readonly origin: string;
}

export type Methods<Name extends MethodName> = ContractMethods<Name, Account>;

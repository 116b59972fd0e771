import type { MethodName, MethodParams, MethodResult } from '../../contract/openrpc.ts';
import type { Viewer } from '../../core/access/viewer.ts';

/** The account that makes the call. */
export interface Account {
  readonly viewer: Viewer;
  /** Scheme and host, for URLs in results. */
  readonly origin: string;
}

/**
 * One handler per method; a missing one does not compile. Parameters are passed by name, with their defaults filled in.
 * They may have any JSON type: an invalid value is treated as not found.
 */
export type Methods<Name extends MethodName> = {
  readonly [Key in Name]: (
    params: Readonly<Record<keyof MethodParams<Key>, unknown>>,
    account: Account,
  ) => Promise<MethodResult<Key>>;
};

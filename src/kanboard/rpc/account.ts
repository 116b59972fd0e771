import type { MethodName, MethodParams, MethodResult } from '../../contract/openrpc.ts';
import type { Viewer } from '../../core/access/viewer.ts';
import type { ClientDatabase } from '../../database/database.ts';
import type { WrittenResult } from './written-result.ts';

/** The account that makes the call, with its database handle. */
export interface Account {
  /** Stops work when the client disconnects, and counts what it reads. */
  readonly db: ClientDatabase;
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
  ) => Promise<MethodResult<Key> | WrittenResult>;
};

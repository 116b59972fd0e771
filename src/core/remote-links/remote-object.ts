import { createHash } from 'node:crypto';

/** The id of an object in another application: a hash of its key with a fixed length, safe in URLs. */
export function remoteObjectId(key: string): string {
  return createHash('sha256').update(key).digest('hex').slice(0, 32);
}

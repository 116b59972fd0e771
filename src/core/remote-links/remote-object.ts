import { createHash } from 'node:crypto';

/** The id of an object in another application: of one length and fit for a URL, whatever its key is. */
export function remoteObjectId(key: string): string {
  return createHash('sha256').update(key).digest('hex').slice(0, 32);
}

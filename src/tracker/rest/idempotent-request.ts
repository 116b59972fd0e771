import { createHash } from 'node:crypto';
import type { Viewer } from '../../core/access/viewer.ts';
import { findIssuesNamed } from '../../core/issues/issue-access.ts';
import { getQueue } from '../../core/queues/queues.service.ts';
import type { Queryable } from '../../database/database.ts';

/** SHA-256 of what makes two requests the same: the URL and the bytes of the body. */
export function hashOfRequest(url: string, bytes: Buffer = Buffer.alloc(0)): Buffer {
  return createHash('sha256').update(url).update('\0').update(bytes).digest();
}

/** The hexadecimal ids of issues in JSON. A string cannot contain this: there, quotation marks are escaped. */
const ISSUE_ID = /"id":"([0-9a-f]{24})"/g;
const ISSUE_KEY = /\b[A-Z][A-Z0-9_]*-\d+\b/g;

/**
 * Whether the viewer may see what the stored response to a request shows: the issue in the path, those in the body, and
 * those that the message of an error names. Throws `not_found` for a queue.
 */
export async function mayStillSee(
  db: Queryable,
  viewer: Viewer,
  { operation, issueId }: { readonly operation: string; readonly issueId: string | undefined },
  body: string,
): Promise<boolean> {
  const isError = body.startsWith('{"errors"');
  if (operation === 'createQueue' && !isError) await getQueue(db, viewer, (JSON.parse(body) as { key: string }).key);
  const shown = isError ? (body.match(ISSUE_KEY) ?? []) : [...body.matchAll(ISSUE_ID)].map(([, id = '']) => id);
  const names = [...new Set(issueId === undefined ? shown : [issueId, ...shown])];
  const issues = names.length === 0 ? [] : await findIssuesNamed(db, viewer, names);
  return !issues.includes(undefined);
}

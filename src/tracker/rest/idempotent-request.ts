import { createHash } from 'node:crypto';
import type { Viewer } from '../../core/access/viewer.ts';
import { findIssuesNamed, issueNotFound } from '../../core/issues/issue-access.ts';
import { getQueue } from '../../core/queues/queues.service.ts';
import type { Queryable } from '../../database/database.ts';

/** SHA-256 of what makes two requests the same: the URL and the bytes of the body. */
export function hashOfRequest(url: string, bytes: Buffer = Buffer.alloc(0)): Buffer {
  return createHash('sha256').update(url).update('\0').update(bytes).digest();
}

/** The hexadecimal ids of issues in JSON. A string cannot contain this: there, quotation marks are escaped. */
const ISSUE_ID = /"id":"([0-9a-f]{24})"/g;
/** In the text of an error. */
export const ISSUE_KEY = /\b[A-Z][A-Z0-9_]*-\d+\b/g;

/**
 * Whether the viewer may see what the stored response to a request shows: the issue in the path, those in the body, and
 * those that an error names. Throws the `not_found` of the request itself if the response is a success.
 */
export async function mayStillSee(
  db: Queryable,
  viewer: Viewer,
  { operation, issueId }: { readonly operation: string; readonly issueId: string | undefined },
  body: string,
): Promise<boolean> {
  const isError = body.startsWith('{"errors"');
  const queue = isError ? undefined : QUEUE_OF[operation]?.(JSON.parse(body) as CreatedBody);
  if (queue !== undefined) await getQueue(db, viewer, queue);
  const shown = isError ? (body.match(ISSUE_KEY) ?? []) : [...body.matchAll(ISSUE_ID)].map(([, id = '']) => id);
  const names = [issueId ?? [], ...new Set(shown)].flat();
  const issues = names.length === 0 ? [] : await findIssuesNamed(db, viewer, names);
  if (!issues.includes(undefined)) return true;
  if (isError) return false;
  const [path, ...others] = issueId === undefined ? [true, ...issues] : issues;
  throw issueNotFound([...(path ? [] : ['path']), ...(others.includes(undefined) ? ['body'] : [])]);
}

interface CreatedBody {
  readonly key: string;
  readonly queue: { readonly key: string };
}

/** The key of the queue that a response shows besides issues. */
const QUEUE_OF: Readonly<Record<string, (body: CreatedBody) => string>> = {
  createQueue: ({ key }) => key,
  createIssue: ({ queue }) => queue.key,
  importIssue: ({ queue }) => queue.key,
  cloneIssue: ({ queue }) => queue.key,
};

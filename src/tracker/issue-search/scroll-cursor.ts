import { createHash } from 'node:crypto';
import { deflateSync, inflateSync } from 'node:zlib';
import type { Viewer } from '../../core/access/viewer.ts';
import type { IssueSearch } from './issue-search.ts';

/**
 * The position of a scroll. It travels in the client's `scrollId`, so that every server can continue it, also after a
 * restart (decision 21).
 */
export interface ScrollCursor {
  readonly orgId: string;
  readonly userId: number;
  /** What is searched, unless it is too long: then the client sends it with every request. */
  readonly search: IssueSearch | undefined;
  readonly searchHash: string;
  readonly isSorted: boolean;
  readonly perScroll: number;
  readonly ttlMs: number;
  /** The time that functions such as `now()` refer to. */
  readonly startedMs: number;
  readonly expiresMs: number;
  readonly total: number;
  /** The last issue so far, and what it was sorted by. */
  readonly lastIssueId: number;
  readonly sortValues: readonly (string | null)[];
}

/** A longer `scrollId` would not fit into a URL, so it leaves the search out. */
const SCROLL_ID_LENGTH_MAX = 3000;
/** Bounds what a forged `scrollId` can inflate to. */
const CURSOR_BYTES_MAX = 64 * 1024;

/** The `scrollId` of a cursor. */
export function encodeCursor(cursor: ScrollCursor): string {
  const whole = encoded(cursor);
  return whole.length <= SCROLL_ID_LENGTH_MAX ? whole : encoded({ ...cursor, search: undefined });
}

function encoded(cursor: ScrollCursor): string {
  return deflateSync(JSON.stringify(cursor)).toString('base64url');
}

/** The cursor that `encodeCursor` has encoded for this user; undefined for anything else. */
export function decodeCursor(scrollId: string, { orgId, userId }: Viewer): ScrollCursor | undefined {
  const cursor = decoded(scrollId);
  return cursor?.orgId === orgId && cursor.userId === userId ? cursor : undefined;
}

function decoded(scrollId: string): ScrollCursor | undefined {
  try {
    const bytes = inflateSync(Buffer.from(scrollId, 'base64url'), { maxOutputLength: CURSOR_BYTES_MAX });
    const value = JSON.parse(bytes.toString()) as unknown;
    return isCursor(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

/** A client could forge a cursor. It sees no more than a search would show it, but that must not be an internal error. */
function isCursor(value: unknown): value is ScrollCursor {
  if (!isRecord(value)) return false;
  const { perScroll, ttlMs, startedMs, expiresMs, total, lastIssueId, sortValues, isSorted, searchHash, search } =
    value as Partial<Record<keyof ScrollCursor, unknown>>;
  return (
    [perScroll, ttlMs, startedMs, expiresMs, total, lastIssueId].every(isCount) &&
    (perScroll as number) >= 1 &&
    (perScroll as number) <= 1000 &&
    (startedMs as number) <= Date.now() &&
    typeof isSorted === 'boolean' &&
    isList(sortValues, (one) => one === null || isString(one)) &&
    (search === undefined || (isSearch(search) && hashOfSearch(search) === searchHash))
  );
}

function isSearch(value: unknown): value is IssueSearch {
  if (!isRecord(value)) return false;
  const { queue, query, keys, order, filter } = value;
  return (
    [queue, query].every((part) => part === undefined || typeof part === 'string') &&
    [keys, order].every((part) => part === undefined || isList(part, isString)) &&
    (filter === undefined ||
      (isRecord(filter) && Object.values(filter).every((values) => isList(values, isFilterValue))))
  );
}

function isFilterValue(value: unknown): boolean {
  return (
    isString(value) ||
    (isRecord(value) && [value['from'], value['to']].every((one) => one === undefined || isString(one)))
  );
}

function isList(value: unknown, isItem: (item: unknown) => boolean): boolean {
  return Array.isArray(value) && value.every(isItem);
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** A string that PostgreSQL can store. */
function isString(value: unknown): value is string {
  return typeof value === 'string' && !value.includes('\0');
}

function isCount(value: unknown): boolean {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

/** Certifies that the `scrollId` was issued to this user; a checksum, since the id alone gives no access to anything. */
export function scrollToken(scrollId: string, { orgId, userId }: Viewer): string {
  return createHash('sha256').update(`${scrollId} ${orgId} ${userId}`).digest('base64url').slice(0, 32);
}

export function hashOfSearch(search: IssueSearch): string {
  return createHash('sha256').update(JSON.stringify(search)).digest('base64url').slice(0, 16);
}

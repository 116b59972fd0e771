import { parseId } from '../../core/ids/id.ts';

/**
 * The name in a value of a body: the value itself, or a member of it that names things, as references in our own replies
 * have them. Undefined if there is no such member.
 */
export function nameIn(value: unknown): string | number | undefined {
  if (isName(value)) return value;
  if (typeof value !== 'object' || value === null) return undefined;
  const { key, login, uid, id } = value as Readonly<Record<string, unknown>>;
  return [key, login, uid, id].find(isName);
}

/** The same for an issue, which is named by strings only. Empty, which names no issue, if there is no name. */
export function issueNameIn(value: string | object): string {
  return String(nameIn(value) ?? '');
}

/** The id at the end of a path; 0, which no row has, for anything else, so that it is not found like an unused id. */
export function idInPath(text: string): number {
  return parseId(text) ?? 0;
}

function isName(value: unknown): value is string | number {
  return typeof value === 'string' || typeof value === 'number';
}

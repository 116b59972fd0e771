import { parseId } from '../../core/ids/id.ts';
import type { Reference } from '../../core/ids/reference.ts';

/**
 * The name in a value of a request body: the value itself, or its `key`, `login`, `uid` or `id`, so that references from
 * responses are accepted. Undefined if it has none of these.
 */
export function nameIn(value: unknown): string | number | undefined {
  if (isName(value)) return value;
  if (typeof value !== 'object' || value === null) return undefined;
  const { key, login, uid, id } = value as Readonly<Record<string, unknown>>;
  return [key, login, uid, id].find(isName);
}

/** As `nameIn`, or a reference by the member `name`. */
export function referenceIn(value: unknown): Reference | undefined {
  const name = nameIn(value);
  if (name !== undefined || typeof value !== 'object' || value === null) return name;
  const { name: called } = value as Readonly<Record<string, unknown>>;
  return typeof called === 'string' ? { name: called } : undefined;
}

/** As `nameIn` for an issue, whose names are strings. Returns the empty string, which matches no issue, if there is no name. */
export function issueNameIn(value: string | object): string {
  return String(nameIn(value) ?? '');
}

/** Parses an id in a path. Returns 0, which no row has, for anything else, so that it is treated as not found. */
export function idInPath(parameter: string): number {
  return parseId(parameter) ?? 0;
}

export function isName(value: unknown): value is string | number {
  return typeof value === 'string' || typeof value === 'number';
}

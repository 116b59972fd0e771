import { isDeepStrictEqual } from 'node:util';
import { DomainError } from '../../errors.ts';
import { texts } from '../../texts.ts';
import { parseTimestamp } from './timestamps.ts';

/** Whether the body has one of the members. */
export function hasAny(body: object, members: readonly string[]): boolean {
  return members.some((member) => Object.hasOwn(body, member));
}

/**
 * Throws `refused` if a member that cannot be changed comes with another value than the stored one. Equal values are
 * accepted, since clients send back whole objects. References are equal if they have the same name.
 */
export function refuseReadOnly(body: object, stored: object, members: readonly string[]): void {
  const values = body as Readonly<Record<string, unknown>>;
  const storedValues = stored as Readonly<Record<string, unknown>>;
  const differing = members.filter(
    (member) => values[member] !== undefined && !isSame(member, values[member], storedValues[member] ?? null),
  );
  if (differing.length === 0) return;
  const fields = Object.fromEntries(differing.map((member) => [member, texts.fieldReadOnly]));
  throw new DomainError('refused', undefined, fields);
}

function isSame(member: string, given: unknown, stored: unknown): boolean {
  if (Array.isArray(stored)) {
    return (
      Array.isArray(given) &&
      given.length === stored.length &&
      stored.every((one, at) => isSame(member, given[at], one))
    );
  }
  if (typeof stored === 'object' && stored !== null) {
    const names = namesOf(stored);
    if (Object.keys(names).length === 0) return isDeepStrictEqual(given, stored);
    if (typeof given !== 'object' || given === null) return Object.values(names).includes(String(given));
    const shared = Object.entries(namesOf(given)).filter(([kind]) => kind in names);
    return shared.length > 0 && shared.every(([kind, name]) => name === names[kind]);
  }
  if (typeof given === 'string' && typeof stored === 'string') {
    if (member === 'self') return pathOf(given) === pathOf(stored);
    if (member.endsWith('At'))
      return parseTimestamp(member, given).getTime() === parseTimestamp(member, stored).getTime();
  }
  return (typeof given === 'number' ? String(given) : given) === (typeof stored === 'number' ? String(stored) : stored);
}

/** The members of a reference that name its object, as strings. */
function namesOf(reference: object): Record<string, string> {
  const names = Object.entries(reference).filter(
    ([member, name]) => ['id', 'key'].includes(member) && ['string', 'number'].includes(typeof name),
  );
  return Object.fromEntries(names.map(([member, name]) => [member, String(name)]));
}

/** The path of a `self` below its version: objects that were read from `/v2` may be sent to `/v3`. */
function pathOf(self: string): string {
  return self.replace(/^.*\/v[23]\//, '').replace(/\/+$/, '');
}

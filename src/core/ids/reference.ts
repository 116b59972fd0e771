import { DomainError } from '../../errors.ts';
import { texts } from '../../texts.ts';

/** How a body refers to an object: by its key or login, by its id, or by a name, which several objects may have. */
export type Reference = string | number | { readonly name: string };

export function ambiguous(field: string, name: string): DomainError {
  return new DomainError('refused', undefined, { [field]: texts.nameAmbiguous(name) });
}

/** A reference as a client wrote it, for messages. */
export function textOf(reference: Reference): string {
  return typeof reference === 'object' ? reference.name : String(reference);
}

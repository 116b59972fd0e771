import { parseId } from '../ids/id.ts';

/** The way a queue is named in a path or a body: by its key, or by its id. */
export type QueueName =
  | { readonly key: string; readonly id: undefined }
  | { readonly id: number; readonly key: undefined };

/** Undefined for what can be neither. Keys start with a letter, so no key looks like an id; `june` is JUNE. */
export function parseQueueName(name: string | number): QueueName | undefined {
  const text = String(name);
  if (/^[A-Za-z][A-Za-z0-9]{0,49}$/.test(text)) return { key: text.toUpperCase(), id: undefined };
  const id = parseId(text);
  return id === undefined ? undefined : { id, key: undefined };
}

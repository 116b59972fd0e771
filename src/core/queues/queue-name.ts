import { parseId } from '../ids/id.ts';

/** How paths and bodies name a queue: by its key or by its id. */
export type QueueName =
  | { readonly key: string; readonly id: undefined }
  | { readonly id: number; readonly key: undefined };

/**
 * Returns undefined for an invalid name. White space around it is ignored. Keys are case-insensitive and start with a letter, so they differ from ids.
 */
export function parseQueueName(name: string | number): QueueName | undefined {
  const text = String(name).trim();
  if (/^[A-Za-z][A-Za-z0-9]{0,49}$/.test(text)) return { key: text.toUpperCase(), id: undefined };
  const id = parseId(text);
  return id === undefined ? undefined : { id, key: undefined };
}

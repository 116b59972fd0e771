import type { Schemas } from '../../contract/types.ts';
import type { UserSummary } from '../../core/users/user-summary.ts';
import type { Language, Text } from '../../texts.ts';

/** What references depend on besides the resource: the prefix of every `self`, and the language of names. */
export interface ReferenceStyle {
  readonly base: string;
  readonly language: Language;
}

export function issueReference(
  { base }: ReferenceStyle,
  issue: { readonly id: string; readonly key: string; readonly summary: string },
): Schemas['IssueReference'] {
  return { self: `${base}/issues/${issue.key}`, id: issue.id, key: issue.key, display: issue.summary };
}

export function userReference({ base }: ReferenceStyle, user: UserSummary): Schemas['UserReference'] {
  const id = String(user.uid);
  return {
    self: `${base}/users/${id}`,
    id,
    display: user.display,
    ...(user.passportUid !== null && { passportUid: user.passportUid }),
    ...(user.cloudUid !== null && { cloudUid: user.cloudUid }),
  };
}

export function statusReference(
  { base, language }: ReferenceStyle,
  status: { readonly id: number; readonly key: string; readonly name: Text },
): Schemas['StatusReference'] {
  const id = String(status.id);
  return { self: `${base}/statuses/${id}`, id, key: status.key, display: status.name[language] };
}

/** A reference to an issue type, a priority or a resolution; `path` is the path of its collection. */
export function entryReference(
  { base, language }: ReferenceStyle,
  path: 'issuetypes' | 'priorities' | 'resolutions',
  { id, key, name }: { readonly id: number; readonly key: string; readonly name: Text },
): Schemas['EntryReference'] {
  return { self: `${base}/${path}/${id}`, id: String(id), key, display: name[language] };
}

export function linkTypeReference(
  { base, language }: ReferenceStyle,
  { id, inward, outward }: { readonly id: string; readonly inward: Text; readonly outward: Text },
): Schemas['LinkTypeReference'] {
  return { self: `${base}/linktypes/${id}`, id, inward: inward[language], outward: outward[language] };
}

export function queueReference(
  { base }: ReferenceStyle,
  { id, key, name }: { readonly id: number; readonly key: string; readonly name: string },
): Schemas['QueueReference'] {
  return { self: `${base}/queues/${key}`, id: String(id), key, display: name };
}

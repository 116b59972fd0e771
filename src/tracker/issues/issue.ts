import type { StatusRow } from '../../core/dictionaries/dictionaries.store.ts';
import type { IssueRow } from '../../core/issues/issue-rows.store.ts';
import { deadlineOf } from '../../core/issues/shared-fields.ts';
import { type UserSummary, userFrom } from '../../core/users/user-summary.ts';
import type { Text } from '../../texts.ts';

interface Entry {
  readonly id: number;
  readonly key: string;
  readonly name: Text;
}

interface IssueSummary {
  readonly id: string;
  readonly key: string;
  readonly summary: string;
}

export interface Issue extends IssueSummary {
  /** The internal issue id; `id` is the hex id of the API. */
  readonly number: number;
  readonly version: number;
  readonly description: string | undefined;
  readonly tags: readonly string[];
  readonly aliases: readonly string[];
  readonly parent: IssueSummary | undefined;
  readonly epic: IssueSummary | undefined;
  readonly queue: { readonly id: number; readonly key: string; readonly name: string };
  readonly type: Entry;
  readonly priority: Entry;
  readonly status: Entry & { readonly type: StatusRow['type'] };
  readonly previousStatus: Entry | undefined;
  readonly resolution: (Entry & { readonly setAt: Date; readonly setBy: UserSummary | undefined }) | undefined;
  readonly assignee: UserSummary | undefined;
  /** Undefined if it is the creator. */
  readonly author: UserSummary | undefined;
  readonly followers: readonly UserSummary[];
  readonly deadline: string | undefined;
  readonly storyPoints: number | undefined;
  readonly createdBy: UserSummary;
  readonly updatedBy: UserSummary;
  readonly createdAt: Date;
  readonly updatedAt: Date;
}

export function toIssue(row: IssueRow): Issue {
  return {
    number: row.issue_id,
    id: row.hex_id,
    key: row.key,
    version: row.version,
    summary: row.summary,
    description: row.description ?? undefined,
    tags: row.tags,
    aliases: row.aliases,
    parent:
      row.parent_key === null ? undefined : { id: row.parent_hex_id, key: row.parent_key, summary: row.parent_summary },
    epic: row.epic_key === null ? undefined : { id: row.epic_hex_id, key: row.epic_key, summary: row.epic_summary },
    queue: { id: row.queue_id, key: row.queue_key, name: row.queue_name },
    type: { id: row.type_id, key: row.type_key, name: { ru: row.type_ru, en: row.type_en } },
    priority: { id: row.priority_id, key: row.priority_key, name: { ru: row.priority_ru, en: row.priority_en } },
    status: {
      id: row.status_id,
      key: row.status_key,
      name: { ru: row.status_ru, en: row.status_en },
      type: row.status_type,
    },
    previousStatus:
      row.previous_id === null
        ? undefined
        : { id: row.previous_id, key: row.previous_key, name: { ru: row.previous_ru, en: row.previous_en } },
    resolution:
      row.resolution_id === null
        ? undefined
        : {
            id: row.resolution_id,
            key: row.resolution_key,
            name: { ru: row.resolution_ru, en: row.resolution_en },
            setAt: row.resolved_at,
            setBy: row.resolved_by_uid === null ? undefined : userFrom(row, 'resolved_by'),
          },
    assignee: row.assignee_uid === null ? undefined : userFrom(row, 'assignee'),
    author: row.author_uid === null ? undefined : userFrom(row, 'author'),
    followers: row.followers,
    deadline: deadlineOf(row.due_at) ?? undefined,
    storyPoints: row.story_points ?? undefined,
    createdBy: userFrom(row, 'created_by'),
    updatedBy: userFrom(row, 'updated_by'),
    createdAt: row.created_at,
    updatedAt: row.updated_at,
  };
}

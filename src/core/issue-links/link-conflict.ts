import type { Queryable } from '../../database/database.ts';
import { lookup } from '../../database/lookup.ts';
import { statement } from '../../database/statement.ts';
import type { DomainError } from '../../errors.ts';
import { type Viewer, visibleQueue } from '../access/viewer.ts';
import { visibleIssues } from '../issues/visible-issues.ts';
import type { Direction } from '../labels/direction.ts';
import { linkEnds } from './link-ends.ts';

interface ConflictRow {
  readonly issue_hex_id: string;
  readonly issue_key: string;
  /** Null if there is no such link, or the viewer may not see the issue at the other end. */
  readonly link_id: number | null;
  readonly link_type_id: string;
  readonly direction: Direction;
  readonly object_hex_id: string;
  readonly object_key: string;
}

const SELECT_CONFLICT = statement<
  keyof Viewer | 'issueId' | 'linkTypeId' | 'linkId' | 'objectId' | 'direction',
  ConflictRow
>(
  'select_conflict',
  `
  select issue.hex_id as issue_hex_id, issue.key as issue_key, link.*
  from (${visibleIssues('issues.issue_id, issues.hex_id, issues.key', 'issues.issue_id = :issueId')}) issue
  left join lateral (
    select ends.link_id, ends.link_type_id, ends.direction, object.hex_id as object_hex_id, object.key as object_key
    from ${linkEnds('issue')} ends
    cross join ${lookup('object', 'issues', 'issues.issue_id = ends.object_id')}
    join queues object_queue on object_queue.org_id = :orgId and object_queue.queue_id = object.queue_id
    where ${visibleQueue('object_queue')} and :linkTypeId::text is not null
      and (:linkId::bigint is null or ends.link_id = :linkId)
      and (:objectId::bigint is null or ends.object_id = :objectId)
      and (:direction::text is null or (ends.direction = :direction and ends.link_type_id = :linkTypeId))
    order by ends.link_type_id = :linkTypeId desc, ends.link_id
    limit 1
  ) link on true`,
);

/** Adds to the details of a refused link write which link it conflicts with, as far as the viewer may see it. */
export async function explainConflict(db: Queryable, viewer: Viewer, error: DomainError): Promise<void> {
  if (error.conflict === undefined) return;
  const { issueId, link: { linkTypeId, linkId, objectId, direction } = {} } = error.conflict;
  const [row] = await db.query(SELECT_CONFLICT({ ...viewer, issueId, linkTypeId, linkId, objectId, direction }));
  if (row === undefined) return;
  error.details = {
    ...error.details,
    issue: { id: row.issue_hex_id, key: row.issue_key },
    ...(row.link_id !== null && {
      link: {
        id: row.link_id,
        type: { id: row.link_type_id },
        direction: row.direction,
        object: { id: row.object_hex_id, key: row.object_key },
      },
    }),
  };
}

import { type Viewer, visibleQueue } from '../../core/access/viewer.ts';
import { IS_SELECTED_END, linkEnds } from '../../core/issue-links/link-ends.ts';
import {
  LINK_END_COLUMNS,
  type LinkEnd,
  linkEndFrom,
  selectedLinkEnd,
} from '../../core/issue-links/link-reads.store.ts';
import { issueIdNamed } from '../../core/issues/issue-name.ts';
import type { Direction } from '../../core/labels/direction.ts';
import { Columns, type DataRow } from '../../database/data-row.ts';
import type { ClientDatabase } from '../../database/database.ts';
import { lookup } from '../../database/lookup.ts';
import { statement } from '../../database/statement.ts';

/** Selects links by their type and end, and by the issue at the other end. Undefined members select all. */
export interface LinkCondition {
  readonly ends: readonly { readonly linkTypeId: string; readonly direction: Direction }[] | undefined;
  readonly direction: Direction | undefined;
  readonly statusId: number | undefined;
  readonly queue: { readonly key: string | undefined; readonly id: number | undefined } | undefined;
}

/** A link of one of the issues, or an issue without links. */
export interface FoundLinkRow {
  /** The position of the issue in the search, from 1. */
  readonly place: number;
  /** Whether the viewer may see the queue of the condition. */
  readonly isQueueKnown: boolean;
  /** Undefined for an issue that the viewer may not see. */
  readonly issue: { readonly id: string; readonly key: string; readonly summary: string } | undefined;
  readonly link: LinkEnd | undefined;
}

/**
 * The issues arrive in order, so only the links of one issue need sorting, and PostgreSQL sends the first rows before it
 * has found the last.
 */
const RECEIVE_LINKS = statement<
  keyof Viewer | 'issueNames' | 'linkTypeIds' | 'directions' | 'direction' | 'statusId' | 'queueKey' | 'queueId'
>(
  'receive_links',
  `
  with far_queue as materialized (
    select queue_id from queues
    where org_id = :orgId and (key = :queueKey or queue_id = :queueId) and ${visibleQueue('queues')}
  )
  select wanted.place, exists (select from far_queue), issue.hex_id, issue.key, issue.summary,
    ${selectedLinkEnd('issue')}
  from unnest(:issueNames::text[]) with ordinality as wanted (issue_name, place)
  left join lateral (
    select issues.*
    from ${lookup('issues', 'issues', `issues.issue_id = ${issueIdNamed('wanted.issue_name')}`)}
    cross join ${lookup('queue', 'queues', `queues.queue_id = issues.queue_id and ${visibleQueue('queues')}`)}
  ) issue on true
  left join lateral (
    select ${LINK_END_COLUMNS}
    from ${linkEnds('issue')} ends
    cross join ${lookup('object', 'issues', 'issues.issue_id = ends.object_id')}
    cross join ${lookup('queue', 'queues', `queues.queue_id = object.queue_id and ${visibleQueue('queues')}`)}
    where (:direction::text is null or ends.direction = :direction)
      and ${IS_SELECTED_END}
      and (:statusId::bigint is null or object.status_id = :statusId)
      and ((:queueKey::text is null and :queueId::bigint is null) or object.queue_id = (select queue_id from far_queue))
  ) link on true
  order by wanted.place, link.link_id`,
);

/**
 * Receives a row for each link of the named issues that meets the condition and that the viewer may see, in the order of
 * the names and then by link_id, and a row for each issue without one.
 */
export function receiveLinks(
  db: ClientDatabase,
  viewer: Viewer,
  issueNames: readonly (string | undefined)[],
  { ends, direction, statusId, queue }: LinkCondition,
  onRow: (row: FoundLinkRow) => Promise<void> | undefined,
): Promise<void> {
  const found = RECEIVE_LINKS({
    ...viewer,
    issueNames,
    linkTypeIds: ends?.map(({ linkTypeId }) => linkTypeId),
    directions: ends?.map((end) => end.direction),
    direction,
    statusId,
    queueKey: queue?.key,
    queueId: queue?.id,
  });
  return db.receive(found, (row) => onRow(rowFrom(row)));
}

function rowFrom({ bytes, start, end }: DataRow): FoundLinkRow {
  const columns = new Columns(bytes, start);
  const place = columns.number() as number;
  const isQueueKnown = columns.text() === 't';
  const [id, key, summary] = [columns.text(), columns.text(), columns.text()];
  const issue = id === null ? undefined : { id, key: key as string, summary: summary as string };
  return { place, isQueueKnown, issue, link: linkEndFrom(columns, end) };
}

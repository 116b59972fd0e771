import type { Viewer } from '../../core/access/viewer.ts';
import { cachedStatuses } from '../../core/dictionaries/dictionaries.store.ts';
import { parseId } from '../../core/ids/id.ts';
import { type LinkReferences, readLinkReferences } from '../../core/issue-links/link-reads.store.ts';
import { parseIssueName } from '../../core/issues/issue-name.ts';
import type { Direction } from '../../core/labels/direction.ts';
import { parseQueueName } from '../../core/queues/queue-name.ts';
import type { ClientDatabase } from '../../database/database.ts';
import { DomainError } from '../../errors.ts';
import { type Text, texts } from '../../texts.ts';
import { linkEndsNamed } from './issue-links.service.ts';
import { type FoundLinkRow, receiveLinks } from './link-search.store.ts';

/** The links of these issues; the other members select links by their type, end, and far issue. */
export interface LinkSearch {
  readonly issues: readonly string[];
  /** Relationships of the issue to the far one. */
  readonly phrases?: readonly string[] | undefined;
  /** The end at which the issue itself is. */
  readonly direction?: Direction | undefined;
  readonly status?: string | number | undefined;
  readonly queue?: string | number | undefined;
}

/**
 * Passes on each link that is found, in the order of the issues and then by id, and each issue without one. While the
 * promise that `onRow` returns is pending, no more are read. Throws `invalid` for an unknown phrase, and `refused` for an
 * unknown status or queue, before it calls `onRow`.
 */
export async function searchLinks(
  db: ClientDatabase,
  viewer: Viewer,
  { issues, phrases, direction, status, queue }: LinkSearch,
  onRow: (row: FoundLinkRow, references: LinkReferences) => Promise<void> | undefined,
): Promise<void> {
  const condition = {
    ends: phrases && (await linkEndsNamed(db, viewer, phrases)),
    direction,
    statusId: status === undefined ? undefined : statusNamed(await cachedStatuses(db, viewer.orgId, []), status),
    queue: queue === undefined ? undefined : (parseQueueName(queue) ?? unknown('queue', texts.queueNotFound)),
  };

  const received: FoundLinkRow[] = [];
  const passOn = async () => {
    while (received.length > 0) {
      const rows = received.splice(0);
      // What the cache lacks is read on a second connection. Some are always left for that, whatever bulk reads hold.
      const references = await readLinkReferences(
        db,
        viewer,
        rows.flatMap(({ link }) => link ?? []),
      );
      for (const row of rows) {
        const busy = onRow(row, references);
        if (busy) await busy;
      }
    }
  };
  // PostgreSQL's rows arrive many at a time; they are passed on together.
  let passing: Promise<void> | undefined;
  await receiveLinks(db, viewer, issues.map(parseIssueName), condition, (row) => {
    if (queue !== undefined && !row.isQueueKnown) unknown('queue', texts.queueNotFound);
    received.push(row);
    passing ??= Promise.resolve()
      .then(passOn)
      .finally(() => {
        passing = undefined;
      });
    return passing;
  });
}

/** The status with that id or key; as in paths, an id takes precedence. */
function statusNamed(statuses: LinkReferences['statuses'], name: string | number): number {
  const key = String(name).trim();
  const status = statuses.get(parseId(key) ?? 0) ?? [...statuses.values()].find((one) => one.key === key);
  return status?.id ?? unknown('status', texts.statusNotFound);
}

function unknown(field: string, text: Text): never {
  throw new DomainError('refused', undefined, { [field]: text });
}

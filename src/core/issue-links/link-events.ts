import type { LinkChange, NewEvent } from '../events/events.store.ts';
import type { Direction } from '../labels/direction.ts';
import type { StoredLink } from './link-writes.store.ts';

/** One event for each issue that a change of a link affects, by issue_id. */
export function linkEvents(before: StoredLink | undefined, after: StoredLink | undefined): NewEvent[] {
  const issues = new Set(
    [before, after].flatMap((link) => (link ? [link.inward_issue_id, link.outward_issue_id] : [])),
  );
  return [...issues]
    .sort((left, right) => left - right)
    .flatMap((issueId) => {
      const from = changeAt(before, issueId);
      const to = changeAt(after, issueId);
      if (JSON.stringify(from) === JSON.stringify(to)) return [];
      const type = from && to ? 'IssueLinkChanged' : to ? 'IssueLinked' : 'IssueUnlinked';
      return [{ issueId, type, changes: { links: [{ from, to }] } } as const];
    });
}

/** The end of a stored link that the issue is at. */
export function directionAt(link: StoredLink, issueId: number): Direction {
  return link.inward_issue_id === issueId ? 'inward' : 'outward';
}

/** The issue_id at the other end of a stored link. */
export function objectAt(link: StoredLink, issueId: number): number {
  return link.inward_issue_id === issueId ? link.outward_issue_id : link.inward_issue_id;
}

function changeAt(link: StoredLink | undefined, issueId: number): LinkChange | null {
  if (link === undefined || (link.inward_issue_id !== issueId && link.outward_issue_id !== issueId)) return null;
  return {
    link_id: link.link_id,
    link_type_id: link.link_type_id,
    direction: directionAt(link, issueId),
    object_id: objectAt(link, issueId),
  };
}

import type { Columns } from '../../database/data-row.ts';
import type { Direction } from '../labels/direction.ts';

/**
 * SQL: the links of the issue in the row `issue`, each with the end that the issue is at (`direction`) and the issue_id at
 * the other end (`object_id`).
 */
export function linkEnds(issue: string): string {
  return `(
      select 'inward' as direction, outward_issue_id as object_id, links.*
      from links where links.org_id = :orgId and links.inward_issue_id = ${issue}.issue_id
      union all
      select 'outward', inward_issue_id, links.*
      from links where links.org_id = :orgId and links.outward_issue_id = ${issue}.issue_id
    )`;
}

/** SQL: whether the row `ends` has one of the types and directions in :linkTypeIds and :directions; null selects all. */
export const IS_SELECTED_END = `(:linkTypeIds::text[] is null
        or (ends.link_type_id, ends.direction) in (select * from unnest(:linkTypeIds::text[], :directions::text[])))`;

const INWARD_INITIAL = 'i'.charCodeAt(0);

/** Reads the next column, which holds a direction. */
export function directionIn(columns: Columns): Direction {
  columns.skip();
  return columns.bytes[columns.at] === INWARD_INITIAL ? 'inward' : 'outward';
}

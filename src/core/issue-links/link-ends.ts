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

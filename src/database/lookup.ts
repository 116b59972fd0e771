/**
 * SQL: the rows of the table that the condition selects by a key. `offset 0` makes it a look-up by index: otherwise, on a
 * table that PostgreSQL has not analysed, the planner prefers to read all issues of a queue for each link.
 */
export function lookup(alias: string, table: 'issues' | 'queues' | 'links', condition: string): string {
  return `lateral (select * from ${table} where ${table}.org_id = :orgId and ${condition} offset 0) ${alias}`;
}

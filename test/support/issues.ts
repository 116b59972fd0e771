import type { Database } from '../../src/database/database.ts';
import type { GivenOrganisation } from './builders.ts';

export async function getIssueId(db: Database, { orgId }: GivenOrganisation, key: string): Promise<number> {
  const [row] = await db.query<{ issue_id: number }>({
    name: '',
    text: 'select issue_id from issues where org_id = $1 and key = $2',
    values: [orgId, key],
  });
  return (row as { issue_id: number }).issue_id;
}

/** The events of an issue in order, without their ids, times and authors. */
export async function listEvents(
  db: Database,
  { orgId }: GivenOrganisation,
  issueId: number,
): Promise<{ type: string; changes: unknown }[]> {
  return await db.query({
    name: '',
    text: 'select type, changes from events where org_id = $1 and issue_id = $2 order by event_id',
    values: [orgId, issueId],
  });
}

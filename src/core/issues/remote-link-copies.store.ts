import type { Transaction } from '../../database/database.ts';
import { statement } from '../../database/statement.ts';

const COPY_REMOTE_LINKS = statement<'orgId' | 'fromId' | 'toId'>(
  'copy_remote_links',
  `
  insert into remote_links
    (org_id, issue_id, application_id, object_id, object_key, link_type_id, direction, created_by, updated_by,
    title, dependency, may_repeat)
  select org_id, :toId, application_id, object_id, object_key, link_type_id, direction, created_by, created_by, title,
    dependency, may_repeat
  from remote_links
  where org_id = :orgId and issue_id = :fromId
  order by remote_link_id`,
);

/** Gives an issue the remote links of another. */
export async function copyRemoteLinks(
  db: Transaction,
  orgId: string,
  issues: { readonly fromId: number; readonly toId: number },
): Promise<void> {
  await db.query(COPY_REMOTE_LINKS({ orgId, ...issues }));
}

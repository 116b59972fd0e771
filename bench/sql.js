// The leanest statements for what the API reads and writes, for pgbench.
import { ORG_ID, pairsInBlocksSql, randomKeySql } from './dataset.js';

/** The links of a random issue that the viewer sees, and of each far issue what a link shows. */
export function readLinksScript(plan, viewerId) {
  const { variables, key } = randomKeySql(plan);
  const visible = `(queues.access = 'organisation' or exists (
    select from queue_members where queue_members.org_id = '${ORG_ID}'
      and queue_members.queue_id = queues.queue_id and queue_members.user_id = ${viewerId}))`;
  return `${variables}
with issue as materialized (
  select issues.issue_id
  from issues
  join queues on queues.org_id = '${ORG_ID}' and queues.queue_id = issues.queue_id
  where issues.org_id = '${ORG_ID}' and issues.key = ${key} and ${visible}
)
select link.link_id, link.link_type_id, link.direction, link.created_by, link.updated_by, link.created_at,
  link.updated_at, object.hex_id, object.key, object.summary, object.status_id, object.assignee_id
from issue
cross join lateral (
  select link_id, link_type_id, 'inward' as direction, created_by, updated_by, created_at, updated_at,
    outward_issue_id as object_id
  from links where links.org_id = '${ORG_ID}' and links.inward_issue_id = issue.issue_id
  union all
  select link_id, link_type_id, 'outward', created_by, updated_by, created_at, updated_at, inward_issue_id
  from links where links.org_id = '${ORG_ID}' and links.outward_issue_id = issue.issue_id
) link
join issues object on object.org_id = '${ORG_ID}' and object.issue_id = link.object_id
join queues on queues.org_id = '${ORG_ID}' and queues.queue_id = object.queue_id
where ${visible}
order by link.link_id;
`;
}

/** Inserts the row of a \`relates\` link in a transaction of its own. */
export function insertLinkScript(plan, viewerId, clients) {
  const { variables, inward, outward } = pairsInBlocksSql(plan, clients);
  return `${variables}
insert into links (org_id, link_type_id, inward_issue_id, outward_issue_id, first_end, is_symmetric, is_antisymmetric,
  is_acyclic, single_end, one_link_per_pair, created_by, updated_by)
values ('${ORG_ID}', 'relates', ${inward}, ${outward}, 'inward', true, false, false, 'none', true, ${viewerId}, ${viewerId});
`;
}

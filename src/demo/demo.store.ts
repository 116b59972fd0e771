import type { Queryable, Transaction } from '../database/database.ts';
import { statement } from '../database/statement.ts';
import type { DemoIssue, DemoLink } from './demo-data.ts';

const EXISTS_ORGANISATION = statement<never>('exists_organisation', 'select from organisations limit 1');

export async function existsOrganisation(db: Queryable): Promise<boolean> {
  const rows = await db.query(EXISTS_ORGANISATION({}));
  return rows.length > 0;
}

/** Blocks the creation of organisations until the transaction ends. */
export async function lockOrganisations(transaction: Transaction): Promise<void> {
  await transaction.query({ name: '', text: 'lock table organisations in access exclusive mode', values: [] });
}

const LIST_ORGANISATIONS_BESIDE_DEMO = statement<'demoOrgId', { org_id: string }>(
  'list_organisations_beside_demo',
  `
  select org_id from organisations
  where org_id <> :demoOrgId
    or org_id not in (select org_id from tokens where loopback_only union all select org_id from users where loopback_only)
  order by org_id`,
);

/** The ids of all organisations except the demo. An organisation with the demo's id but without its credentials counts. */
export async function listOrganisationsBesideDemo(db: Queryable, demoOrgId: string): Promise<string[]> {
  const rows = await db.query(LIST_ORGANISATIONS_BESIDE_DEMO({ demoOrgId }));
  return rows.map((row) => row.org_id);
}

/** Deletes the organisation, which must be the only one, with its data. Ids restart, so that a fresh demo always has the same ids. */
export async function deleteEverything(transaction: Transaction, orgId: string): Promise<void> {
  await transaction.invalidate(orgId);
  await transaction.query({ name: '', text: 'truncate organisations restart identity cascade', values: [] });
}

const EXISTS_LOOPBACK_CREDENTIAL = statement<never>(
  'exists_loopback_credential',
  `
  select from tokens where loopback_only
  union all
  select from users where loopback_only
  limit 1`,
);

/** Whether the demo's credentials are stored: only they are limited to loopback requests. */
export async function existsLoopbackCredential(db: Queryable): Promise<boolean> {
  const rows = await db.query(EXISTS_LOOPBACK_CREDENTIAL({}));
  return rows.length > 0;
}

const UPDATE_DEMO_QUEUE_COUNTERS = statement<'orgId'>(
  'update_demo_queue_counters',
  `
  update queues set last_issue_number = numbers.last
  from (
    select queue_id, max(split_part(key, '-', 2)::bigint) as last from issues where org_id = :orgId group by queue_id
  ) as numbers
  where queues.org_id = :orgId and queues.queue_id = numbers.queue_id`,
);

const INSERT_DEMO_ISSUES = statement<'orgId' | 'issues'>(
  'insert_demo_issues',
  `
  insert into issues (org_id, hex_id, key, queue_id, summary, issue_type_id, priority_id, status_id, is_open,
    assignee_id, created_by, updated_by, created_at, updated_at, moved_at, closed_at, position)
  select :orgId, coalesce(given."hexId", left(md5(given.key), 24)), given.key, queues.queue_id, given.summary,
    issue_types.issue_type_id, priorities.priority_id, statuses.status_id, statuses.type <> 'done',
    assignee.user_id, author.user_id, author.user_id, given.at, given.at, given.at,
    case when statuses.type = 'done' then given.at end,
    row_number() over (partition by queues.queue_id, statuses.status_id order by given.at)
  from (
    select *, timestamptz '2017-06-01 09:00+00' + make_interval(hours => ordinality::integer) as at
    from rows from (jsonb_to_recordset(:issues)
      as (key text, summary text, "issueType" text, priority text, status text, assignee text, author text, "hexId" text)
    ) with ordinality
  ) as given
  join queues on queues.org_id = :orgId and queues.key = split_part(given.key, '-', 1)
  join issue_types on issue_types.org_id = :orgId and issue_types.key = given."issueType"
  join priorities on priorities.org_id = :orgId and priorities.key = given.priority
  join statuses on statuses.org_id = :orgId and statuses.key = given.status
  join users author on author.org_id = :orgId and author.login = given.author
  left join users assignee on assignee.org_id = :orgId and assignee.login = given.assignee
  order by given.at`,
);

/** Inserts issues under predefined keys and advances the counters of their queues. */
export async function insertDemoIssues(db: Transaction, orgId: string, issues: readonly DemoIssue[]): Promise<void> {
  await db.query(INSERT_DEMO_ISSUES({ orgId, issues: JSON.stringify(issues) }));
  await db.query(UPDATE_DEMO_QUEUE_COUNTERS({ orgId }));
}

const RAISE_LINK_SEQUENCE = statement<never>(
  'raise_link_sequence',
  `select setval(pg_get_serial_sequence('links', 'link_id'), (select max(link_id) from links))`,
);

const INSERT_DEMO_LINKS = statement<'orgId' | 'links' | 'firstLinkId'>(
  'insert_demo_links',
  `
  with written as (
    insert into links (org_id, link_id, link_type_id, inward_issue_id, outward_issue_id, first_end, is_symmetric,
      is_antisymmetric, is_acyclic, single_end, shares_label, one_link_per_pair, created_by, updated_by, created_at, updated_at)
    select :orgId, :firstLinkId + given.ordinality - 1, given.type, inward.issue_id, outward.issue_id, given."firstEnd",
      link_types.is_symmetric, link_types.is_antisymmetric, link_types.is_acyclic, link_types.single_end,
      link_types.shares_label, organisations.one_link_per_pair,
      author.user_id, author.user_id, given."createdAt", given."createdAt"
    from rows from (jsonb_to_recordset(:links)
      as (type text, inward text, outward text, "firstEnd" text, author text, "createdAt" timestamptz)
    ) with ordinality as given
    join organisations on organisations.org_id = :orgId
    join link_types on link_types.org_id = :orgId and link_types.link_type_id = given.type
    join issues inward on inward.org_id = :orgId and inward.key = given.inward
    join issues outward on outward.org_id = :orgId and outward.key = given.outward
    join users author on author.org_id = :orgId and author.login = given.author
    returning link_id, link_type_id, inward_issue_id, outward_issue_id, created_by, created_at
  )
  insert into events (org_id, user_id, issue_id, type, created_at, changes)
  select :orgId, written.created_by, ends.issue_id, 'IssueLinked', written.created_at,
    jsonb_build_object('links', jsonb_build_array(jsonb_build_object('from', null, 'to', jsonb_build_object(
      'link_id', written.link_id, 'link_type_id', written.link_type_id, 'direction', ends.direction,
      'object_id', ends.object_id))))
  from written
  cross join lateral (values (written.inward_issue_id, 'inward', written.outward_issue_id),
    (written.outward_issue_id, 'outward', written.inward_issue_id)) as ends (issue_id, direction, object_id)
  order by written.link_id, ends.issue_id`,
);

/** Inserts links with consecutive ids from `firstLinkId`, and their events. Links created later get higher ids. */
export async function insertDemoLinks(
  db: Transaction,
  orgId: string,
  links: readonly DemoLink[],
  firstLinkId: number,
): Promise<void> {
  await db.query(INSERT_DEMO_LINKS({ orgId, links: JSON.stringify(links), firstLinkId }));
  await db.query(RAISE_LINK_SEQUENCE({}));
}

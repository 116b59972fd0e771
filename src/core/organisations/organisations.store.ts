import type { Queryable, Transaction } from '../../database/database.ts';
import { statement } from '../../database/statement.ts';
import type { Language } from '../../texts.ts';
import type { Profile } from './defaults.ts';
import { insertOrganisationEntry } from './directory.store.ts';

export interface NewOrganisation {
  readonly orgId: string;
  readonly cloudId: string | undefined;
  readonly name: string;
  readonly language: Language;
  readonly profile: Profile;
}

const INSERT_ORGANISATION = statement<
  'orgId' | 'cloudId' | 'name' | 'language' | 'profile' | 'oneLinkPerPair' | 'lastLabelId'
>(
  'insert_organisation',
  `
  insert into organisations (org_id, cloud_id, name, language, profile, one_link_per_pair, last_label_id)
  values (:orgId, :cloudId, :name, :language, :profile, :oneLinkPerPair, :lastLabelId)`,
);

export async function insertOrganisation(
  db: Transaction,
  organisation: NewOrganisation,
  rules: { oneLinkPerPair: boolean; lastLabelId: number },
): Promise<void> {
  await insertOrganisationEntry(db, organisation.orgId, organisation.cloudId);
  await db.query(INSERT_ORGANISATION({ ...organisation, ...rules }));
}

export const insertStatuses = inserterOf('statuses', 'status_id, key, name_ru, name_en, type, position');
export const insertIssueTypes = inserterOf('issue_types', 'issue_type_id, key, name_ru, name_en, position');
export const insertPriorities = inserterOf('priorities', 'priority_id, key, name_ru, name_en, position');
export const insertResolutions = inserterOf('resolutions', 'resolution_id, key, name_ru, name_en, position');
export const insertApplications = inserterOf('applications', 'application_id, type, name_ru, name_en, position');
export const insertLabels = inserterOf('labels', 'label_id, label, name_ru, name_en, phrase, opposite_id');
export const insertLinkTypes = inserterOf(
  'link_types',
  `link_type_id, inward_label_id, outward_label_id, is_symmetric, is_antisymmetric, is_acyclic, single_end, import_only`,
);

/** Returns a function that inserts rows of an organisation in one statement, so that two labels can refer to each other. */
function inserterOf(table: string, columns: string) {
  const insert = statement<'orgId' | 'rows'>(
    `insert_${table}`,
    `
  insert into ${table} (org_id, ${columns})
  select :orgId, ${columns}
  from jsonb_populate_recordset(null::${table}, :rows)`,
  );
  return async (db: Transaction, orgId: string, rows: readonly object[]): Promise<void> => {
    await db.query(insert({ orgId, rows: JSON.stringify(rows) }));
  };
}

export interface OrganisationRow {
  org_id: string;
  cloud_id: string | null;
  name: string;
  language: Language;
  profile: Profile;
  one_link_per_pair: boolean;
}

const SELECT_ORGANISATION = statement<'orgId', OrganisationRow>(
  'select_organisation',
  'select org_id, cloud_id, name, language, profile, one_link_per_pair from organisations where org_id = :orgId',
);

export async function selectOrganisation(db: Queryable, orgId: string): Promise<OrganisationRow | undefined> {
  const [row] = await db.query(SELECT_ORGANISATION({ orgId }));
  return row;
}

/**
 * SQL: the gate of the organisation's links. Its writers pass it together, a switch of a rule alone. Waiters are
 * let through in turn, unlike those of a row lock: a stream of `for key share` locks would keep a stronger
 * one waiting for ever. The key comes from the row, so that Citus takes the lock on the node of the organisation.
 */
const gate = (lock: 'pg_advisory_xact_lock' | 'pg_advisory_xact_lock_shared') =>
  `gate as materialized (
    select ${lock}(${GATE_KEY})::text from organisations where organisations.org_id = :orgId
  )`;

const GATE_KEY = 'hashtextextended(organisations.org_id, 0)';

/** SQL: the gate as a writer of links passes it. */
export const SHARED_GATE = gate('pg_advisory_xact_lock_shared');

/**
 * SQL: the gate, then the locked organisation. PostgreSQL locks a row only once the whole FROM clause has produced it,
 * and reads it again if it has changed since the statement began.
 */
export const ORGANISATION_OF_LINKS = `
  ${SHARED_GATE}, organisation as materialized (
    select organisations.one_link_per_pair
    from gate
    cross join organisations
    where organisations.org_id = :orgId
    for key share of organisations
  )`;

/** SQL: the same, but no row `organisation` if one of the two cannot be locked at once. */
export const OPEN_ORGANISATION_OF_LINKS = `
  gate as materialized (
    select pg_try_advisory_xact_lock_shared(${GATE_KEY}) as is_passed
    from organisations
    where organisations.org_id = :orgId
  ), organisation as materialized (
    select organisations.one_link_per_pair
    from gate
    cross join organisations
    where gate.is_passed and organisations.org_id = :orgId
    for key share of organisations skip locked
  )`;

const LOCK_ORGANISATION = {
  rules: statement<'orgId'>(
    'lock_organisation_rules',
    `
  with ${gate('pg_advisory_xact_lock')}
  select from gate cross join organisations where organisations.org_id = :orgId for no key update of organisations`,
  ),
  labels: statement<'orgId'>(
    'lock_organisation_labels',
    'select from organisations where org_id = :orgId for no key update',
  ),
  links: statement<'orgId'>('lock_organisation_links', `with ${ORGANISATION_OF_LINKS} select from organisation`),
};

/**
 * Locks the organisation in one of three strengths, before anything else (decision 8): `links`, which writers of links
 * take, excludes changes of the rules; `labels` excludes other changes of labels and link types; `rules` excludes all of
 * these.
 */
export async function lockOrganisation(
  db: Transaction,
  orgId: string,
  what: keyof typeof LOCK_ORGANISATION,
): Promise<void> {
  await db.query(LOCK_ORGANISATION[what]({ orgId }));
}

const UPDATE_ORGANISATION_ROW = statement<'orgId' | 'name' | 'language' | 'oneLinkPerPair', OrganisationRow>(
  'update_organisation_row',
  `
  with organisation as (
    update organisations set name = :name, language = :language, one_link_per_pair = :oneLinkPerPair where org_id = :orgId
    returning org_id, cloud_id, name, language, profile, one_link_per_pair
  ), copies as (
    update links set one_link_per_pair = :oneLinkPerPair where org_id = :orgId and one_link_per_pair <> :oneLinkPerPair
  )
  select * from organisation`,
);

/** Changes the row, and the copy of its rule in every link. */
export async function updateOrganisationRow(
  db: Transaction,
  orgId: string,
  organisation: { name: string; language: Language; oneLinkPerPair: boolean },
): Promise<OrganisationRow> {
  await db.invalidate(orgId);
  const [row] = await db.query(UPDATE_ORGANISATION_ROW({ orgId, ...organisation }));
  return row as OrganisationRow;
}

const SELECT_SECOND_LINKS_OF_PAIRS = statement<
  'orgId',
  { link_id: number; inward_issue_id: number; outward_issue_id: number }
>(
  'select_second_links_of_pairs',
  `
  select link_id, inward_issue_id, outward_issue_id
  from (
    select link_id, inward_issue_id, outward_issue_id,
      count(*) over (partition by least(inward_issue_id, outward_issue_id), greatest(inward_issue_id, outward_issue_id))
    from links
    where org_id = :orgId
  ) as counted
  where count > 1
  order by least(inward_issue_id, outward_issue_id), greatest(inward_issue_id, outward_issue_id), link_id
  limit 20`,
);

/** Links between issues that have more than one link; at most 20. */
export function selectSecondLinksOfPairs(
  db: Queryable,
  orgId: string,
): Promise<{ link_id: number; inward_issue_id: number; outward_issue_id: number }[]> {
  return db.query(SELECT_SECOND_LINKS_OF_PAIRS({ orgId }));
}

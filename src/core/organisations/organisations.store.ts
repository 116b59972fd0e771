import type { Queryable, Transaction } from '../../database/database.ts';
import { statement } from '../../database/statement.ts';
import type { Language } from '../../texts.ts';
import type { LabelDefault, LinkTypeDefault, Profile } from './defaults.ts';

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
  await db.query(INSERT_ORGANISATION({ ...organisation, ...rules }));
}

const INSERT_STATUSES = statement<'orgId' | 'statuses'>(
  'insert_statuses',
  `
  insert into statuses (org_id, status_id, key, name_ru, name_en, type, position)
  select :orgId, status_id, key, name_ru, name_en, type, position
  from jsonb_to_recordset(:statuses)
    as given (status_id bigint, key text, name_ru text, name_en text, type text, position integer)`,
);

export async function insertStatuses(db: Transaction, orgId: string, statuses: readonly object[]): Promise<void> {
  await db.query(INSERT_STATUSES({ orgId, statuses: JSON.stringify(statuses) }));
}

const INSERT_ISSUE_TYPES = statement<'orgId' | 'issueTypes'>(
  'insert_issue_types',
  `
  insert into issue_types (org_id, issue_type_id, key, name_ru, name_en, position)
  select :orgId, issue_type_id, key, name_ru, name_en, position
  from jsonb_to_recordset(:issueTypes)
    as given (issue_type_id bigint, key text, name_ru text, name_en text, position integer)`,
);

export async function insertIssueTypes(db: Transaction, orgId: string, issueTypes: readonly object[]): Promise<void> {
  await db.query(INSERT_ISSUE_TYPES({ orgId, issueTypes: JSON.stringify(issueTypes) }));
}

const INSERT_PRIORITIES = statement<'orgId' | 'priorities'>(
  'insert_priorities',
  `
  insert into priorities (org_id, priority_id, key, name_ru, name_en, position)
  select :orgId, priority_id, key, name_ru, name_en, position
  from jsonb_to_recordset(:priorities)
    as given (priority_id bigint, key text, name_ru text, name_en text, position integer)`,
);

export async function insertPriorities(db: Transaction, orgId: string, priorities: readonly object[]): Promise<void> {
  await db.query(INSERT_PRIORITIES({ orgId, priorities: JSON.stringify(priorities) }));
}

const INSERT_APPLICATIONS = statement<'orgId' | 'applications'>(
  'insert_applications',
  `
  insert into applications (org_id, application_id, type, name_ru, name_en, position)
  select :orgId, application_id, type, name_ru, name_en, position
  from jsonb_to_recordset(:applications)
    as given (application_id text, type text, name_ru text, name_en text, position integer)`,
);

export async function insertApplications(
  db: Transaction,
  orgId: string,
  applications: readonly object[],
): Promise<void> {
  await db.query(INSERT_APPLICATIONS({ orgId, applications: JSON.stringify(applications) }));
}

const INSERT_LABELS = statement<'orgId' | 'labels'>(
  'insert_labels',
  `
  insert into labels (org_id, label_id, label, name_ru, name_en, phrase, opposite_id)
  select :orgId, label_id, label, name_ru, name_en, phrase, opposite_id
  from jsonb_to_recordset(:labels)
    as given (label_id integer, label text, name_ru text, name_en text, phrase text, opposite_id integer)`,
);

/** One statement, so that two labels can point at each other. */
export async function insertLabels(db: Transaction, orgId: string, labels: readonly LabelDefault[]): Promise<void> {
  await db.query(INSERT_LABELS({ orgId, labels: JSON.stringify(labels) }));
}

const INSERT_LINK_TYPES = statement<'orgId' | 'linkTypes'>(
  'insert_link_types',
  `
  insert into link_types
    (org_id, link_type_id, inward_label_id, outward_label_id, is_symmetric, is_antisymmetric, is_acyclic, single_end, import_only)
  select :orgId, link_type_id, inward_label_id, outward_label_id, is_symmetric, is_antisymmetric, is_acyclic, single_end, import_only
  from jsonb_to_recordset(:linkTypes)
    as given (link_type_id text, inward_label_id integer, outward_label_id integer, is_symmetric boolean,
      is_antisymmetric boolean, is_acyclic boolean, single_end text, import_only boolean)`,
);

export async function insertLinkTypes(
  db: Transaction,
  orgId: string,
  linkTypes: readonly LinkTypeDefault[],
): Promise<void> {
  await db.query(INSERT_LINK_TYPES({ orgId, linkTypes: JSON.stringify(linkTypes) }));
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

const LOCK_ORGANISATION = {
  rules: lockOrganisationFor('lock_organisation_rules', 'update'),
  labels: lockOrganisationFor('lock_organisation_labels', 'no key update'),
  key: lockOrganisationFor('lock_organisation_key', 'key share'),
};

function lockOrganisationFor(name: string, lock: string) {
  return statement<'orgId'>(name, `select from organisations where org_id = :orgId for ${lock}`);
}

/**
 * Locks the organisation in one of three strengths: `key`, which writers of links take, excludes changes of the rules;
 * `labels` excludes other changes of labels and link types; `rules` excludes all of these.
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
  update organisations set name = :name, language = :language, one_link_per_pair = :oneLinkPerPair where org_id = :orgId
  returning org_id, cloud_id, name, language, profile, one_link_per_pair`,
);

/** The foreign key copies `oneLinkPerPair` into every link. */
export async function updateOrganisationRow(
  db: Transaction,
  orgId: string,
  organisation: { name: string; language: Language; oneLinkPerPair: boolean },
): Promise<OrganisationRow> {
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

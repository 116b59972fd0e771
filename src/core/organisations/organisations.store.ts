import type { Queryable, Transaction } from '../../database/database.ts';
import type { Language } from '../../texts.ts';
import type { LabelDefault, LinkTypeDefault, Profile } from './defaults.ts';

export interface NewOrganisation {
  readonly orgId: string;
  readonly cloudId: string | undefined;
  readonly name: string;
  readonly language: Language;
  readonly profile: Profile;
}

export async function insertOrganisation(
  db: Transaction,
  organisation: NewOrganisation,
  rules: { oneLinkPerPair: boolean; lastLabelId: number },
): Promise<void> {
  await db.query({
    name: 'insert_organisation',
    text: `
      insert into organisations (org_id, cloud_id, name, language, profile, one_link_per_pair, last_label_id)
      values ($1, $2, $3, $4, $5, $6, $7)`,
    values: [
      organisation.orgId,
      organisation.cloudId,
      organisation.name,
      organisation.language,
      organisation.profile,
      rules.oneLinkPerPair,
      rules.lastLabelId,
    ],
  });
}

export async function insertStatuses(db: Transaction, orgId: string, statuses: readonly object[]): Promise<void> {
  await db.query({
    name: 'insert_statuses',
    text: `
      insert into statuses (org_id, status_id, key, name_ru, name_en, type, position)
      select $1, status_id, key, name_ru, name_en, type, position
      from jsonb_to_recordset($2)
        as given (status_id bigint, key text, name_ru text, name_en text, type text, position integer)`,
    values: [orgId, JSON.stringify(statuses)],
  });
}

export async function insertIssueTypes(db: Transaction, orgId: string, issueTypes: readonly object[]): Promise<void> {
  await db.query({
    name: 'insert_issue_types',
    text: `
      insert into issue_types (org_id, issue_type_id, key, name_ru, name_en, position)
      select $1, issue_type_id, key, name_ru, name_en, position
      from jsonb_to_recordset($2)
        as given (issue_type_id bigint, key text, name_ru text, name_en text, position integer)`,
    values: [orgId, JSON.stringify(issueTypes)],
  });
}

export async function insertPriorities(db: Transaction, orgId: string, priorities: readonly object[]): Promise<void> {
  await db.query({
    name: 'insert_priorities',
    text: `
      insert into priorities (org_id, priority_id, key, name_ru, name_en, position)
      select $1, priority_id, key, name_ru, name_en, position
      from jsonb_to_recordset($2)
        as given (priority_id bigint, key text, name_ru text, name_en text, position integer)`,
    values: [orgId, JSON.stringify(priorities)],
  });
}

export async function insertApplications(
  db: Transaction,
  orgId: string,
  applications: readonly object[],
): Promise<void> {
  await db.query({
    name: 'insert_applications',
    text: `
      insert into applications (org_id, application_id, type, name_ru, name_en, position)
      select $1, application_id, type, name_ru, name_en, position
      from jsonb_to_recordset($2)
        as given (application_id text, type text, name_ru text, name_en text, position integer)`,
    values: [orgId, JSON.stringify(applications)],
  });
}

/** One statement, so that two labels can point at each other. */
export async function insertLabels(db: Transaction, orgId: string, labels: readonly LabelDefault[]): Promise<void> {
  await db.query({
    name: 'insert_labels',
    text: `
      insert into labels (org_id, label_id, label, name_ru, name_en, phrase, opposite_id)
      select $1, label_id, label, name_ru, name_en, phrase, opposite_id
      from jsonb_to_recordset($2)
        as given (label_id integer, label text, name_ru text, name_en text, phrase text, opposite_id integer)`,
    values: [orgId, JSON.stringify(labels)],
  });
}

export async function insertLinkTypes(
  db: Transaction,
  orgId: string,
  linkTypes: readonly LinkTypeDefault[],
): Promise<void> {
  await db.query({
    name: 'insert_link_types',
    text: `
      insert into link_types
        (org_id, link_type_id, inward_label_id, outward_label_id, is_symmetric, is_antisymmetric, is_acyclic, single_end, import_only)
      select $1, link_type_id, inward_label_id, outward_label_id, is_symmetric, is_antisymmetric, is_acyclic, single_end, import_only
      from jsonb_to_recordset($2)
        as given (link_type_id text, inward_label_id integer, outward_label_id integer, is_symmetric boolean,
          is_antisymmetric boolean, is_acyclic boolean, single_end text, import_only boolean)`,
    values: [orgId, JSON.stringify(linkTypes)],
  });
}

export interface OrganisationRow {
  org_id: string;
  cloud_id: string | null;
  name: string;
  language: Language;
  profile: Profile;
  one_link_per_pair: boolean;
}

export async function selectOrganisation(db: Queryable, orgId: string): Promise<OrganisationRow | undefined> {
  const [row] = await db.query<OrganisationRow>({
    name: 'select_organisation',
    text: 'select org_id, cloud_id, name, language, profile, one_link_per_pair from organisations where org_id = $1',
    values: [orgId],
  });
  return row;
}

/** Makes others wait who change the organisation, its labels or its links. */
export async function lockOrganisation(db: Transaction, orgId: string): Promise<void> {
  await db.query({
    name: 'lock_organisation',
    text: 'select from organisations where org_id = $1 for update',
    values: [orgId],
  });
}

/** The rule is copied into every link by the foreign key. */
export async function updateOrganisationRow(
  db: Transaction,
  orgId: string,
  organisation: { name: string; language: Language; oneLinkPerPair: boolean },
): Promise<OrganisationRow> {
  const [row] = await db.query<OrganisationRow>({
    name: 'update_organisation',
    text: `
      update organisations set name = $2, language = $3, one_link_per_pair = $4 where org_id = $1
      returning org_id, cloud_id, name, language, profile, one_link_per_pair`,
    values: [orgId, organisation.name, organisation.language, organisation.oneLinkPerPair],
  });
  return row as OrganisationRow;
}

/** Links of pairs that have more than one; a few of them. */
export function selectSecondLinksOfPairs(
  db: Queryable,
  orgId: string,
): Promise<{ link_id: number; inward_issue_id: number; outward_issue_id: number }[]> {
  return db.query({
    name: 'select_second_links_of_pairs',
    text: `
      select link_id, inward_issue_id, outward_issue_id
      from (
        select link_id, inward_issue_id, outward_issue_id,
          count(*) over (partition by least(inward_issue_id, outward_issue_id), greatest(inward_issue_id, outward_issue_id))
        from links
        where org_id = $1
      ) as counted
      where count > 1
      order by least(inward_issue_id, outward_issue_id), greatest(inward_issue_id, outward_issue_id), link_id
      limit 20`,
    values: [orgId],
  });
}

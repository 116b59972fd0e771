import type { Database, Queryable } from '../../database/database.ts';
import { onConstraint } from '../../database/database-error.ts';
import { DomainError } from '../../errors.ts';
import { type Language, texts } from '../../texts.ts';
import { insertUser } from '../users/users.store.ts';
import {
  DEFAULT_APPLICATIONS,
  DEFAULT_ISSUE_TYPES,
  DEFAULT_PRIORITIES,
  DEFAULT_RESOLUTIONS,
  DEFAULT_STATUSES,
  PROFILES,
} from './defaults.ts';
import { selectOrganisationIds } from './directory.store.ts';
import {
  insertApplications,
  insertIssueTypes,
  insertLabels,
  insertLinkTypes,
  insertOrganisation,
  insertPriorities,
  insertResolutions,
  insertStatuses,
  type NewOrganisation,
  selectOrganisation,
} from './organisations.store.ts';

/** The login of Kanboard's application account, which every organisation has. */
export const APPLICATION_LOGIN = 'jsonrpc';

export interface Organisation {
  readonly orgId: string;
  readonly name: string;
  readonly language: Language;
  readonly cloudId: string | undefined;
}

/** All organisations, by id. */
export async function listOrganisations(db: Queryable): Promise<Organisation[]> {
  const organisations: Organisation[] = [];
  for (const orgId of await selectOrganisationIds(db)) {
    const row = await selectOrganisation(db, orgId);
    if (row) organisations.push({ orgId, name: row.name, language: row.language, cloudId: row.cloud_id ?? undefined });
  }
  return organisations;
}

/** Throws `not_found` for an unknown organisation. */
export async function requireOrganisation(db: Queryable, orgId: string): Promise<void> {
  if (!(await selectOrganisation(db, orgId))) throw new DomainError('not_found', texts.organisationNotFound(orgId));
}

/**
 * Creates an organisation with everything that its first issue and link need. Throws `conflict` when the id or the
 * cloud id is taken, and `invalid` for a malformed id.
 */
export function createOrganisation(db: Database, organisation: NewOrganisation): Promise<void> {
  const { orgId } = organisation;
  const { oneLinkPerPair, labels, linkTypes } = PROFILES[organisation.profile];
  return db.transaction(async (transaction) => {
    const insert = insertOrganisation(transaction, organisation, { oneLinkPerPair, lastLabelId: labels.length });
    await onConstraint(insert, {
      organisation_directory_pkey: () => new DomainError('conflict', texts.organisationExists(orgId)),
      organisation_directory_cloud_id_key: () =>
        new DomainError('conflict', texts.cloudIdTaken(organisation.cloudId ?? '')),
      organisations_org_id_check: () => new DomainError('invalid', texts.organisationIdInvalid(orgId)),
    });
    await insertStatuses(transaction, orgId, DEFAULT_STATUSES);
    await insertIssueTypes(transaction, orgId, DEFAULT_ISSUE_TYPES);
    await insertPriorities(transaction, orgId, DEFAULT_PRIORITIES);
    await insertResolutions(transaction, orgId, DEFAULT_RESOLUTIONS);
    await insertLabels(transaction, orgId, labels);
    await insertLinkTypes(transaction, orgId, linkTypes);
    await insertApplications(transaction, orgId, DEFAULT_APPLICATIONS);
    await insertUser(transaction, orgId, { login: APPLICATION_LOGIN, role: 'admin', isApplication: true });
  });
}

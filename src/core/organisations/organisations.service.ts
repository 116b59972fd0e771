import type { Database, Queryable } from '../../database/database.ts';
import { onConstraint } from '../../database/database-error.ts';
import { DomainError } from '../../errors.ts';
import { texts } from '../../texts.ts';
import { insertUser } from '../users/users.store.ts';
import {
  DEFAULT_APPLICATIONS,
  DEFAULT_ISSUE_TYPES,
  DEFAULT_PRIORITIES,
  DEFAULT_STATUSES,
  PROFILES,
} from './defaults.ts';
import {
  insertApplications,
  insertIssueTypes,
  insertLabels,
  insertLinkTypes,
  insertOrganisation,
  insertPriorities,
  insertStatuses,
  type NewOrganisation,
} from './organisations.store.ts';

/** The login of Kanboard's application account, which every organisation has. */
export const APPLICATION_LOGIN = 'jsonrpc';

/**
 * Makes an organisation with everything that its first issue and link need. Throws `conflict` when the id or the cloud
 * id is taken, and `invalid` for an id that cannot be one.
 */
export function createOrganisation(db: Database, organisation: NewOrganisation): Promise<void> {
  return db.transaction((transaction) => createOrganisationIn(transaction, organisation));
}

/** The same inside a transaction that does more. */
export async function createOrganisationIn(db: Queryable, organisation: NewOrganisation): Promise<void> {
  const { orgId } = organisation;
  const { oneLinkPerPair, labels, linkTypes } = PROFILES[organisation.profile];
  const insert = insertOrganisation(db, organisation, { oneLinkPerPair, lastLabelId: labels.length });
  await onConstraint(insert, {
    organisations_pkey: new DomainError('conflict', texts.organisationExists(orgId)),
    organisations_cloud_id_key: new DomainError('conflict', texts.cloudIdTaken(organisation.cloudId ?? '')),
    organisations_org_id_check: new DomainError('invalid', texts.organisationIdInvalid(orgId)),
  });
  await insertStatuses(db, orgId, DEFAULT_STATUSES);
  await insertIssueTypes(db, orgId, DEFAULT_ISSUE_TYPES);
  await insertPriorities(db, orgId, DEFAULT_PRIORITIES);
  await insertLabels(db, orgId, labels);
  await insertLinkTypes(db, orgId, linkTypes);
  await insertApplications(db, orgId, DEFAULT_APPLICATIONS);
  await insertUser(db, orgId, { login: APPLICATION_LOGIN, role: 'admin', isApplication: true });
}

import type { Database, Queryable } from '../../database/database.ts';
import { DomainError } from '../../errors.ts';
import { type Language, texts } from '../../texts.ts';
import type { Viewer } from '../access/viewer.ts';
import {
  lockOrganisation,
  type OrganisationRow,
  selectOrganisation,
  selectSecondLinksOfPairs,
  updateOrganisationRow,
} from '../organisations/organisations.store.ts';
import { linkNames } from './link-types.service.ts';

/** What is undefined stays. */
export interface OrganisationChange {
  readonly name: string | undefined;
  readonly language: Language | undefined;
  readonly oneLinkPerPair: boolean | undefined;
}

export async function getOrganisation(db: Queryable, orgId: string): Promise<OrganisationRow> {
  const row = await selectOrganisation(db, orgId);
  if (row === undefined) throw new DomainError('not_found', texts.organisationNotFound(orgId));
  return row;
}

/**
 * Changes what holds for all of the organisation. Throws `refused`, naming the links, when one link a pair is to be the rule
 * and there are pairs with more.
 */
export function updateOrganisation(db: Database, viewer: Viewer, change: OrganisationChange): Promise<OrganisationRow> {
  return db.transaction(async (transaction) => {
    // Writers of links hold the row by their foreign key: they have ended, or wait for us.
    await lockOrganisation(transaction, viewer.orgId);
    const before = await getOrganisation(transaction, viewer.orgId);
    if (change.oneLinkPerPair && !before.one_link_per_pair) {
      const links = await selectSecondLinksOfPairs(transaction, viewer.orgId);
      if (links.length > 0) {
        const names = await linkNames(transaction, viewer, links);
        throw new DomainError('refused', texts.brokenByPairs(names));
      }
    }
    return await updateOrganisationRow(transaction, viewer.orgId, {
      name: change.name ?? before.name,
      language: change.language ?? before.language,
      oneLinkPerPair: change.oneLinkPerPair ?? before.one_link_per_pair,
    });
  });
}

import { ConcurrentChange, type Database, type Queryable } from '../../database/database.ts';
import { onConstraint } from '../../database/database-error.ts';
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
    // Every writer of links holds the row: from here on none is left.
    await lockOrganisation(transaction, viewer.orgId, 'rules');
    const before = await getOrganisation(transaction, viewer.orgId);
    if (change.oneLinkPerPair) {
      const links = await selectSecondLinksOfPairs(transaction, viewer.orgId);
      if (links.length > 0) {
        const names = await linkNames(transaction, viewer, links);
        throw new DomainError('refused', texts.brokenByPairs(names));
      }
    }
    const update = updateOrganisationRow(transaction, viewer.orgId, {
      name: change.name ?? before.name,
      language: change.language ?? before.language,
      oneLinkPerPair: change.oneLinkPerPair ?? before.one_link_per_pair,
    });
    // Should a link have escaped the look above, the next attempt names it.
    return await onConstraint(update, { links_pair_key: new ConcurrentChange() });
  });
}

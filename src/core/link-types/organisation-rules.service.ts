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

/** `undefined` keeps the current value. */
export interface OrganisationChange {
  readonly name: string | undefined;
  readonly language: Language | undefined;
  readonly oneLinkPerPair: boolean | undefined;
}

/** Throws `not_found`. */
export async function getOrganisation(db: Queryable, orgId: string): Promise<OrganisationRow> {
  const row = await selectOrganisation(db, orgId);
  if (row === undefined) throw new DomainError('not_found', texts.organisationNotFound(orgId));
  return row;
}

/**
 * Changes an organisation. Throws `refused` with the offending links if `oneLinkPerPair` is switched on while issues
 * have more than one link between them.
 */
export function updateOrganisation(db: Database, viewer: Viewer, change: OrganisationChange): Promise<OrganisationRow> {
  return db.transaction(async (transaction) => {
    // With `rules`, no writer of links is active from here on.
    await lockOrganisation(transaction, viewer.orgId, change.oneLinkPerPair === undefined ? 'labels' : 'rules');
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
    // If a link was written after the check above, the next attempt reports it.
    return await onConstraint(update, { links_pair_key: () => new ConcurrentChange() });
  });
}

import type { Database } from '../../database/database.ts';
import { isConstraintError } from '../../database/database-error.ts';
import { insertEvents } from '../events/events.store.ts';
import { linkEvents } from '../issue-links/link-events.ts';
import {
  lockLinkTypeRow,
  lockTypesOfLabels,
  selectLinkTypes,
  updateSharesLabel,
} from '../link-types/link-types.store.ts';
import { insertTokenEntry } from '../organisations/directory.store.ts';
import { APPLICATION_LOGIN } from '../organisations/organisations.service.ts';
import { lockOrganisation } from '../organisations/organisations.store.ts';
import { computeOrder } from '../topological-order/topological-order.service.ts';
import { deleteOrder } from '../topological-order/topological-order.store.ts';
import { getUserId } from '../users/users.service.ts';
import { selectIssueKeys } from './check.store.ts';
import {
  deleteOrphanedLinks,
  deleteOrphanedRemoteLinks,
  deleteSurplusPositions,
  raiseIssueNumbers,
  raiseLabelId,
  raiseSequences,
  renumberTransactions,
  selectTokensToEnter,
  selectWrongCopies,
  updateCopies,
} from './repair.store.ts';

/**
 * Repairs of damage that has one right answer, each in transactions under the global lock order (decision 8), so that
 * servers may run meanwhile. What a repair cannot put right stays as it is, and the next check finds it again.
 */
export type Repair = (db: Database, orgId: string, linkTypeIds: ReadonlySet<string>) => Promise<void>;

/** Deletes links without one of their issues; the other issue records that, on behalf of the application account. */
export const deleteOrphans: Repair = async (db, orgId) => {
  const userId = await getUserId(db, orgId, APPLICATION_LOGIN);
  for (let hasMore = true; hasMore; ) {
    hasMore = await db.transaction(async (transaction) => {
      await lockOrganisation(transaction, orgId, 'links');
      const deleted = await deleteOrphanedLinks(transaction, orgId);
      const events = deleted.flatMap((link) => linkEvents(link, undefined));
      const issueIds = events.map(({ issueId }) => issueId);
      const existing = await selectIssueKeys(transaction, orgId, issueIds);
      await insertEvents(
        transaction,
        orgId,
        userId,
        events.filter(({ issueId }) => existing.has(issueId)),
      );
      return deleted.length > 0;
    });
  }
  await deleteOrphanedRemoteLinks(db, orgId);
};

/** Marks types that share a label, and thereby their links. */
export const markSharedLabels: Repair = (db, orgId, linkTypeIds) =>
  db.transaction(async (transaction) => {
    await lockOrganisation(transaction, orgId, 'rules');
    const types = await selectLinkTypes(transaction, orgId);
    const marked = types.filter(({ link_type_id }) => linkTypeIds.has(link_type_id));
    const labelIds = marked.flatMap(({ inward_label_id, outward_label_id }) => [inward_label_id, outward_label_id]);
    await lockTypesOfLabels(transaction, orgId, labelIds);
    await updateSharesLabel(transaction, orgId, [...linkTypeIds]);
  });

/** Copies rules into links, except where the link breaks the rule: a person has to decide which link stays. */
export const copyRules: Repair = async (db, orgId) => {
  let linkIds = await selectWrongCopies(db, orgId, 0);
  while (linkIds.length > 0) {
    for (const linkId of linkIds) {
      const work = db.transaction(async (transaction) => {
        await lockOrganisation(transaction, orgId, 'rules');
        await updateCopies(transaction, orgId, linkId);
      });
      await work.catch((error: unknown) => {
        if (!isConstraintError(error)) throw error;
      });
    }
    linkIds = await selectWrongCopies(db, orgId, linkIds.at(-1) ?? 0);
  }
};

/** Thrown to roll back: links of a type form a cycle, so they have no order. */
class Cyclic extends Error {
  override readonly name = 'Cyclic';
}

/** Recomputes the order of each type, unless its links form a cycle. */
export const orderAgain: Repair = async (db, orgId, linkTypeIds) => {
  for (const linkTypeId of linkTypeIds) {
    const work = db.transaction(async (transaction) => {
      await lockOrganisation(transaction, orgId, 'rules');
      await lockLinkTypeRow(transaction, orgId, linkTypeId);
      await deleteOrder(transaction, orgId, linkTypeId);
      if ((await computeOrder(transaction, orgId, linkTypeId)).length > 0) throw new Cyclic();
    });
    await work.catch((error: unknown) => {
      if (!(error instanceof Cyclic)) throw error;
    });
  }
};

export const deletePositions: Repair = (db, orgId) =>
  db.transaction(async (transaction) => {
    await lockOrganisation(transaction, orgId, 'rules');
    await deleteSurplusPositions(transaction, orgId);
  });

export const raiseCounters: Repair = async (db, orgId) => {
  await db.transaction(async (transaction) => {
    await lockOrganisation(transaction, orgId, 'labels');
    await raiseLabelId(transaction, orgId);
  });
  await raiseIssueNumbers(db, orgId);
  await raiseSequences(db, orgId);
};

export const enterTokens: Repair = (db, orgId) =>
  db.transaction(async (transaction) => {
    for (const token of await selectTokensToEnter(transaction, orgId)) {
      await insertTokenEntry(transaction, orgId, { tokenHash: token.token_hash, kind: token.kind });
    }
  });

export const renumberEvents: Repair = (db, orgId) => renumberTransactions(db, orgId);

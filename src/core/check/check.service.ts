import type { Database, Queryable, Transaction } from '../../database/database.ts';
import { DomainError } from '../../errors.ts';
import { texts } from '../../texts.ts';
import { selectTransactionHorizon } from '../events/events.store.ts';
import { selectOrganisationIds } from '../organisations/directory.store.ts';
import { selectOrganisation } from '../organisations/organisations.store.ts';
import { selectLinksOfType } from '../topological-order/topological-order.store.ts';
import { sortTopologically } from '../topological-order/topological-sort.ts';
import {
  CHECK_COPIES,
  CHECK_COUNTERS,
  CHECK_DIRECTORY,
  CHECK_DUPLICATES,
  CHECK_MISSING_EVENTS,
  CHECK_ORDER,
  CHECK_ORPHANS,
  CHECK_PAIRS,
  CHECK_POSITIONS,
  CHECK_SAME_LABELS,
  CHECK_SHARED_LABELS,
  CHECK_SINGLES,
  CHECK_SURPLUS_EVENTS,
  CHECK_TRANSACTIONS,
  type CheckStatement,
  type FindingRow,
  readOneState,
  selectInBatches,
  selectIssueKeys,
} from './check.store.ts';
import {
  copyRules,
  deleteOrphans,
  deletePositions,
  enterTokens,
  markSharedLabels,
  orderAgain,
  type Repair,
  raiseCounters,
  renumberEvents,
} from './repair.service.ts';

/** Damage that the rules forbid, which only a defect, a change in SQL or a broken disk can have left. */
export interface Finding {
  readonly kind: string;
  readonly orgId: string;
  readonly problem: string;
  readonly linkType: string | undefined;
  readonly links: readonly number[];
  /** Keys, or `#<issue_id>` of an issue that does not exist. */
  readonly issues: readonly string[];
  readonly detail: string | undefined;
  /** Whether `repairOrganisation` repairs damage of this kind. */
  readonly isRepairable: boolean;
}

interface Check {
  readonly kind: string;
  readonly problem: string;
  readonly statement: CheckStatement;
  readonly repair?: Repair;
}

/** In the order of their repairs: each presumes that the ones before have been made. */
const CHECKS: readonly Check[] = [
  { kind: 'duplicate', problem: 'links of one type between the same issues', statement: CHECK_DUPLICATES },
  { kind: 'pair', problem: 'more than one link between two issues', statement: CHECK_PAIRS },
  { kind: 'single', problem: 'more than one link of an issue that may have one', statement: CHECK_SINGLES },
  { kind: 'same-label', problem: 'links with the same label between the same issues', statement: CHECK_SAME_LABELS },
  { kind: 'orphan', problem: 'a link without an issue', statement: CHECK_ORPHANS, repair: deleteOrphans },
  {
    kind: 'shared-label',
    problem: 'a type that shares a label but is not marked so',
    statement: CHECK_SHARED_LABELS,
    repair: markSharedLabels,
  },
  {
    kind: 'copied-rule',
    problem: 'a link whose copies of rules differ from its type or organisation',
    statement: CHECK_COPIES,
    repair: copyRules,
  },
  { kind: 'order', problem: 'a link that is out of order', statement: CHECK_ORDER, repair: orderAgain },
  { kind: 'position', problem: 'a position in no order', statement: CHECK_POSITIONS, repair: deletePositions },
  { kind: 'missing-event', problem: 'a link that the changelog tells wrongly or not', statement: CHECK_MISSING_EVENTS },
  { kind: 'surplus-event', problem: 'a link that only the changelog has', statement: CHECK_SURPLUS_EVENTS },
  { kind: 'counter', problem: 'a counter that is behind', statement: CHECK_COUNTERS, repair: raiseCounters },
  {
    kind: 'directory',
    problem: 'a token that does not lead to its organisation',
    statement: CHECK_DIRECTORY,
    repair: enterTokens,
  },
  {
    kind: 'transaction',
    problem: 'events of transactions that are still to come',
    statement: CHECK_TRANSACTIONS,
    repair: renumberEvents,
  },
];

/** The cycles that are looked for in the links of a type. */
const CYCLES_MAX = 100;

/** The findings of a check, by kind: how many, and the link types that they concern. */
export type Report = ReadonlyMap<string, { readonly count: number; readonly linkTypeIds: ReadonlySet<string> }>;

/** The ids of all organisations, or the given one. Throws `not_found`. */
export async function listOrganisations(db: Queryable, orgId: string | undefined): Promise<string[]> {
  if (orgId === undefined) return await selectOrganisationIds(db);
  if ((await selectOrganisation(db, orgId)) === undefined) {
    throw new DomainError('not_found', texts.organisationNotFound(orgId));
  }
  return [orgId];
}

/**
 * Reads one state of the organisation and passes each finding on. Memory does not depend on its size, except that the
 * links of a type are sorted as a whole if one of them is out of order.
 */
export function checkOrganisation(
  db: Database,
  orgId: string,
  onFinding: (finding: Finding) => Promise<void>,
): Promise<Report> {
  return db.transaction(async (transaction) => {
    await readOneState(transaction);
    const { next: nextTransaction } = await selectTransactionHorizon(transaction);
    const report = new Map<string, { count: number; linkTypeIds: Set<string> }>();
    const add = async (check: Omit<Check, 'statement'>, rows: readonly FindingRow[]) => {
      const found = report.get(check.kind) ?? { count: 0, linkTypeIds: new Set() };
      report.set(check.kind, found);
      found.count += rows.length;
      const keys = await selectIssueKeys(
        transaction,
        orgId,
        rows.flatMap((row) => row.issue_ids),
      );
      for (const row of rows) {
        if (row.link_type_id !== null) found.linkTypeIds.add(row.link_type_id);
        await onFinding({
          kind: check.kind,
          orgId,
          problem: check.problem,
          linkType: row.link_type_id ?? undefined,
          links: row.link_ids,
          issues: row.issue_ids.map((issueId) => keys.get(issueId) ?? `#${issueId}`),
          detail: row.detail ?? undefined,
          isRepairable: check.repair !== undefined,
        });
      }
    };
    for (const check of CHECKS) {
      for await (const rows of selectInBatches(transaction, check.statement({ orgId, nextTransaction })))
        await add(check, rows);
    }
    // A cycle has at least one link that is out of order.
    for (const linkTypeId of report.get('order')?.linkTypeIds ?? []) {
      const cycles = await findCycles(transaction, orgId, linkTypeId);
      if (cycles.length > 0) await add({ kind: 'cycle', problem: 'links that form a cycle' }, cycles);
    }
    return report;
  });
}

/** Repairs what a check has found, as far as it has one right answer. */
export async function repairOrganisation(db: Database, orgId: string, report: Report): Promise<void> {
  for (const { kind, repair } of CHECKS) {
    const found = report.get(kind);
    if (found && repair) await repair(db, orgId, found.linkTypeIds);
  }
}

/** Cycles of the type's links, without a common link. */
async function findCycles(db: Transaction, orgId: string, linkTypeId: string): Promise<FindingRow[]> {
  const found: FindingRow[] = [];
  let links = await selectLinksOfType(db, orgId, linkTypeId);
  while (found.length < CYCLES_MAX) {
    const { cycle } = sortTopologically(links);
    if (cycle.length === 0) break;
    const link_ids = cycle.map(({ link_id }) => link_id);
    const issue_ids = cycle.map(({ inward_issue_id }) => inward_issue_id);
    found.push({ link_type_id: linkTypeId, link_ids, issue_ids, detail: null });
    const removed = new Set(link_ids);
    links = links.filter(({ link_id }) => !removed.has(link_id));
  }
  return found;
}

import { ConcurrentChange, type Database, type Queryable, type Transaction } from '../../database/database.ts';
import { onConstraint } from '../../database/database-error.ts';
import { DomainError } from '../../errors.ts';
import { type Text, texts } from '../../texts.ts';
import type { Viewer } from '../access/viewer.ts';
import { selectVisibleNames } from '../issues/issue-access.ts';
import type { Direction } from '../labels/direction.ts';
import {
  insertLabel,
  type LabelTexts,
  selectLabel,
  updateLabelTexts,
  updateOpposites,
} from '../labels/labels.store.ts';
import { DEFAULT_LINK_TYPE_IDS } from '../organisations/defaults.ts';
import { lockOrganisation, selectOrganisation } from '../organisations/organisations.store.ts';
import { computeOrder } from '../topological-order/topological-order.service.ts';
import { deleteOrder } from '../topological-order/topological-order.store.ts';
import {
  cachedLinkTypes,
  deleteLinkTypeAndLabels,
  insertLinkType,
  keepLabels,
  type LinkTypeRow,
  type LinkTypeRules,
  lockLinkTypeRow,
  lockTypesOfLabels,
  selectLinkTypes,
  updateLinkTypeRules,
  updateSharesLabel,
} from './link-types.store.ts';
import {
  countLinksOfTypes,
  existsLinkOfType,
  type LinkEndsRow,
  selectOppositeLinks,
  selectSecondSingles,
} from './links-of-types.store.ts';
import { lockForLinks } from './locked-types.store.ts';
import { phraseOf } from './phrases.ts';
import { relationshipsOf } from './relationships.ts';

/** The fields of a type that callers may change; `undefined` keeps the current value. */
export interface LinkTypeChange {
  readonly inward: LabelTexts | undefined;
  readonly outward: LabelTexts | undefined;
  readonly antisymmetric: boolean | undefined;
  readonly acyclic: boolean | undefined;
  readonly single: LinkTypeRow['single_end'] | undefined;
}

export interface NewLinkType extends LinkTypeChange {
  readonly id: string | undefined;
  readonly inward: LabelTexts;
}

/** The maximum number of links in an error message. */
const NAMED_LINKS_MAX = 10;

/** All link types of the organisation, by label_id. */
export function listLinkTypes(db: Queryable, orgId: string): Promise<LinkTypeRow[]> {
  return selectLinkTypes(db, orgId);
}

/** A page of the types by id, from that id on, each with the number of its links, counted up to `countMax`. */
export async function listLinkTypeUses(
  db: Queryable,
  orgId: string,
  { from, limit, countMax }: { readonly from: string; readonly limit: number; readonly countMax: number },
): Promise<{ readonly type: LinkTypeRow; readonly links: number }[]> {
  const types = [...(await cachedLinkTypes(db, orgId)).values()]
    .filter(({ link_type_id }) => link_type_id >= from)
    .sort((left, right) => (left.link_type_id < right.link_type_id ? -1 : 1))
    .slice(0, limit);
  const ids = types.map(({ link_type_id }) => link_type_id);
  const counts = await countLinksOfTypes(db, orgId, ids, countMax);
  return types.map((type) => ({ type, links: counts.get(type.link_type_id) ?? 0 }));
}

/** Throws `not_found`. */
export async function getLinkType(db: Queryable, orgId: string, linkTypeId: string): Promise<LinkTypeRow> {
  const types = await selectLinkTypes(db, orgId);
  const found = types.find(({ link_type_id }) => link_type_id === linkTypeId);
  if (found === undefined) throw new DomainError('not_found', texts.linkTypeNotFound(linkTypeId));
  return found;
}

/**
 * Creates a type with new labels; without `outward` it is symmetric. Throws `refused` for an id, a label or a
 * relationship that is taken, and for rules that a symmetric type cannot have.
 */
export function createLinkType(db: Database, viewer: Viewer, type: NewLinkType): Promise<LinkTypeRow> {
  const { orgId } = viewer;
  return db.transaction(async (transaction) => {
    const { inward, outward } = type;
    const isSymmetric = outward === undefined;
    const rules = rulesOf(type, { is_antisymmetric: !isSymmetric, is_acyclic: false, single_end: 'none' });
    if (isSymmetric) refuseSymmetricRules(rules);
    const linkTypeId = type.id ?? slug(inward.en);
    await lockOrganisation(transaction, orgId, 'labels');
    if (linkTypeId === '') throw new DomainError('refused', undefined, { id: texts.linkTypeIdNeeded });
    await refuseTakenPhrases(transaction, orgId, undefined, outward ? [inward, outward] : [inward]);

    const inwardId = await translateLabelErrors(inward, insertLabel(transaction, orgId, inward));
    const outwardId = outward
      ? await translateLabelErrors(outward, insertLabel(transaction, orgId, outward))
      : inwardId;
    if (!isSymmetric) await updateOpposites(transaction, orgId, inwardId, outwardId);
    const insert = insertLinkType(transaction, orgId, {
      link_type_id: linkTypeId,
      inward_label_id: inwardId,
      outward_label_id: outwardId,
      // The labels are new, so no other type has them.
      shares_label: false,
      ...rules,
    });
    await onConstraint(insert, { link_types_pkey: () => new DomainError('refused', texts.linkTypeTaken(linkTypeId)) });
    return await getLinkType(transaction, orgId, linkTypeId);
  });
}

/**
 * Returns the link type of a label and its opposite, and creates it if it is missing: a pair of labels becomes a type
 * with its first link, which the caller then creates between the two issues.
 */
export async function createLabelType(
  db: Transaction,
  orgId: string,
  labelIds: readonly [number, number],
  issueIds: readonly number[],
): Promise<LinkTypeRow> {
  // Concurrent transactions that create types would not see each other's, and marking a type changes its links.
  await lockOrganisation(db, orgId, 'rules');
  const types = await selectLinkTypes(db, orgId);
  const [inwardId, outwardId] = [Math.min(...labelIds), Math.max(...labelIds)];
  const has = (type: LinkTypeRow, labelId: number) => [type.inward_label_id, type.outward_label_id].includes(labelId);
  const existing = types.find(
    (type) => has(type, inwardId) && has(type, outwardId) && type.is_symmetric === (inwardId === outwardId),
  );
  if (existing) return existing;

  const organisation = await selectOrganisation(db, orgId);
  const label = await selectLabel(db, orgId, inwardId);
  // The label was removed after the caller read it.
  if (organisation === undefined || label === undefined) throw new ConcurrentChange();
  const neighbours = types.filter((type) => has(type, inwardId) || has(type, outwardId));
  if (neighbours.length > 0) {
    // Marking the neighbours locks their links, so types and issues are locked first.
    await lockTypesOfLabels(db, orgId, [inwardId, outwardId]);
    await lockForLinks(db, orgId, [], issueIds);
    await updateSharesLabel(
      db,
      orgId,
      neighbours.map(({ link_type_id }) => link_type_id),
    );
  }
  const linkTypeId = unusedId(label.label, types, `${inwardId}-${outwardId}`);
  const insert = insertLinkType(db, orgId, {
    link_type_id: linkTypeId,
    inward_label_id: inwardId,
    outward_label_id: outwardId,
    is_antisymmetric: organisation.profile === 'tracker' && inwardId !== outwardId,
    is_acyclic: false,
    single_end: 'none',
    shares_label: neighbours.length > 0,
  });
  await onConstraint(insert, {
    link_types_inward_label_id_fkey: () => new ConcurrentChange(),
    link_types_outward_label_id_fkey: () => new ConcurrentChange(),
  });
  return await getLinkType(db, orgId, linkTypeId);
}

/** The label's slug, with the label_ids and then a counter appended if it is empty or taken. */
function unusedId(label: string, types: readonly LinkTypeRow[], numbers: string): string {
  const word = slug(label);
  const taken = new Set(['', ...types.map(({ link_type_id }) => link_type_id)]);
  const numbered = `${word.slice(0, 32) || 'label'}-${numbers}`;
  for (let id = word, more = 1; ; id = more === 1 ? numbered : `${numbered}-${more}`, more += 1) {
    if (!taken.has(id)) return id;
  }
}

/**
 * Changes labels and rules. Throws `not_found`, `stale` when `version` is not current, and `refused` for a label that
 * is taken or a rule that stored links break, with these links.
 */
export function updateLinkType(
  db: Database,
  viewer: Viewer,
  linkTypeId: string,
  change: LinkTypeChange & { readonly version: number | undefined },
): Promise<LinkTypeRow> {
  const { orgId } = viewer;
  return db.transaction(async (transaction) => {
    await getLinkType(transaction, orgId, linkTypeId);
    // No writer of links is active from here on.
    await lockOrganisation(transaction, orgId, 'rules');
    await lockLinkTypeRow(transaction, orgId, linkTypeId);
    const type = await getLinkType(transaction, orgId, linkTypeId);
    if (change.version !== undefined && change.version !== type.version) {
      throw new DomainError('stale', texts.staleVersion);
    }
    const rules = rulesOf(change, type);
    if (type.is_symmetric) {
      refuseSymmetricRules(rules);
      if (change.outward) throw new DomainError('refused', undefined, { outward: texts.symmetricLabels });
    }
    await refuseTakenPhrases(
      transaction,
      orgId,
      {
        linkTypeId,
        ends: [...(change.inward ? ['inward' as const] : []), ...(change.outward ? ['outward' as const] : [])],
      },
      [
        type.inward_phrase === null ? change.inward : undefined,
        type.outward_phrase === null ? change.outward : undefined,
      ].filter((label) => label !== undefined),
    );
    for (const [labelId, label] of [
      [type.inward_label_id, change.inward],
      [type.outward_label_id, change.outward],
    ] as const) {
      if (label) await translateLabelErrors(label, updateLabelTexts(transaction, orgId, labelId, label));
    }
    await refuseBrokenRules(transaction, viewer, linkTypeId, change);
    if (change.acyclic !== undefined) await replaceOrder(transaction, viewer, linkTypeId, change.acyclic);
    // If a link was written after the check above, the next attempt reports it.
    await onConstraint(updateLinkTypeRules(transaction, orgId, linkTypeId, rules), {
      links_unordered_ends_key: () => new ConcurrentChange(),
      links_single_inward_key: () => new ConcurrentChange(),
      links_single_outward_key: () => new ConcurrentChange(),
    });
    return await getLinkType(transaction, orgId, linkTypeId);
  });
}

/** Deletes a type and its labels. Throws `not_found`, and `refused` for a type that is in use or built in. */
export function deleteLinkType(db: Database, { orgId }: Viewer, linkTypeId: string): Promise<void> {
  return db.transaction(async (transaction) => {
    await getLinkType(transaction, orgId, linkTypeId);
    await lockOrganisation(transaction, orgId, 'rules');
    await lockLinkTypeRow(transaction, orgId, linkTypeId);
    if (DEFAULT_LINK_TYPE_IDS.has(linkTypeId)) throw new DomainError('refused', texts.linkTypeBuiltIn(linkTypeId));
    if (await existsLinkOfType(transaction, orgId, linkTypeId)) {
      throw new DomainError('refused', texts.linkTypeInUse(linkTypeId));
    }
    await keepLabels(transaction, orgId, { linkTypeId });
    await deleteLinkTypeAndLabels(transaction, orgId, linkTypeId);
  });
}

function rulesOf(change: Omit<LinkTypeChange, 'inward' | 'outward'>, before: LinkTypeRules): LinkTypeRules {
  return {
    is_antisymmetric: change.antisymmetric ?? before.is_antisymmetric,
    is_acyclic: change.acyclic ?? before.is_acyclic,
    single_end: change.single ?? before.single_end,
  };
}

function refuseSymmetricRules({ is_antisymmetric, is_acyclic, single_end }: LinkTypeRules): void {
  if (is_antisymmetric || is_acyclic || single_end !== 'none') throw new DomainError('refused', texts.symmetricRules);
}

/**
 * Throws `refused` if the relationship of a label is taken, or if both labels have the same one. The caller has locked
 * the organisation: concurrent transactions that create labels would not see each other's.
 */
async function refuseTakenPhrases(
  db: Queryable,
  orgId: string,
  own: { readonly linkTypeId: string; readonly ends: readonly Direction[] } | undefined,
  labels: readonly LabelTexts[],
): Promise<void> {
  if (labels.length === 0) return;
  const others = relationshipsOf(await selectLinkTypes(db, orgId)).filter(
    ({ type, direction }) => type.link_type_id !== own?.linkTypeId || !own.ends.includes(direction),
  );
  // The phrase of a label that consists of spaces, hyphens and underscores is empty, which is invalid.
  const taken = new Set(['', ...others.map(({ phrase }) => phrase)]);
  for (const { en } of labels) {
    const phrase = phraseOf(null, en);
    if (taken.has(phrase)) throw new DomainError('refused', texts.labelTaken(en));
    taken.add(phrase);
  }
}

function translateLabelErrors<Result>({ en }: LabelTexts, write: Promise<Result>): Promise<Result> {
  return onConstraint(write, { labels_label_key: () => new DomainError('refused', texts.labelTaken(en)) });
}

/** Throws `refused` if stored links break a rule that the change switches on or sets again. */
async function refuseBrokenRules(
  db: Queryable,
  viewer: Viewer,
  id: string,
  { antisymmetric, single }: Pick<LinkTypeChange, 'antisymmetric' | 'single'>,
): Promise<void> {
  if (antisymmetric) {
    await refuseLinks(db, viewer, texts.brokenByOpposites, await selectOppositeLinks(db, viewer.orgId, id));
  }
  if (single !== undefined && single !== 'none') {
    const links = await selectSecondSingles(db, viewer.orgId, id, single);
    await refuseLinks(db, viewer, texts.brokenBySeconds, links);
  }
}

/**
 * Computes the topological order of a locked type that becomes acyclic, or deletes that of one that no longer is. Throws
 * `refused` if stored links form a cycle.
 */
async function replaceOrder(db: Transaction, viewer: Viewer, linkTypeId: string, isAcyclic: boolean): Promise<void> {
  await deleteOrder(db, viewer.orgId, linkTypeId);
  if (isAcyclic) {
    await refuseLinks(db, viewer, texts.brokenByCycle, await computeOrder(db, viewer.orgId, linkTypeId));
  }
}

async function refuseLinks(
  db: Queryable,
  viewer: Viewer,
  message: (links: string) => Text,
  links: readonly LinkEndsRow[],
): Promise<void> {
  if (links.length > 0) throw new DomainError('refused', message(await linkNames(db, viewer, links)));
}

/** Formats links as `#5 A-1 → B-2, …`, without the keys of issues that the viewer may not see. */
export async function linkNames(db: Queryable, viewer: Viewer, links: readonly LinkEndsRow[]): Promise<string> {
  const named = links.slice(0, NAMED_LINKS_MAX);
  const issueIds = named.flatMap(({ inward_issue_id, outward_issue_id }) => [inward_issue_id, outward_issue_id]);
  const visible = await selectVisibleNames(db, viewer, issueIds);
  const key = (issueId: number) => visible.get(issueId)?.key ?? '…';
  const names = named.map((link) => `#${link.link_id} ${key(link.inward_issue_id)} → ${key(link.outward_issue_id)}`);
  return [...names, ...(links.length > named.length ? ['…'] : [])].join(', ');
}

/** Converts a label to a slug: `comes before` becomes `comes-before`. Empty for a label without Latin letters. */
function slug(label: string): string {
  return label
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, '-')
    .replaceAll(/^[^a-z]+|-+$/g, '')
    .slice(0, 64);
}

import type { Transaction } from '../../database/database.ts';
import { statement } from '../../database/statement.ts';
import { ORGANISATION_OF_LINKS } from '../organisations/organisations.store.ts';

/** The rules that each link's row copies from its type and its organisation. */
export interface CopiedRules {
  readonly link_type_id: string;
  readonly is_symmetric: boolean;
  readonly is_antisymmetric: boolean;
  readonly is_acyclic: boolean;
  readonly single_end: 'inward' | 'outward' | 'none';
  readonly shares_label: boolean;
  readonly one_link_per_pair: boolean;
}

declare const isLocked: unique symbol;

/** A type whose rules cannot change before the transaction ends; only `lockForLinks` returns one. */
export interface LockedType extends CopiedRules {
  readonly [isLocked]: true;
}

// Each part reads the one before it, and PostgreSQL locks a row only once the whole FROM clause has produced it.
const LOCK_FOR_LINKS = statement<'orgId' | 'linkTypeIds' | 'issueIds', LockedType>(
  'lock_for_links',
  `
  with ${ORGANISATION_OF_LINKS}, types as materialized (
    select link_types.link_type_id, link_types.is_symmetric, link_types.is_antisymmetric, link_types.is_acyclic,
      link_types.single_end, link_types.shares_label, organisation.one_link_per_pair
    from organisation
    cross join link_types
    where link_types.org_id = :orgId and link_types.link_type_id = any(:linkTypeIds::text[])
    order by link_types.link_type_id
    for key share of link_types
  ), ends as materialized (
    select issues.issue_id
    from (select count(*) from types) as locked
    cross join issues
    where issues.org_id = :orgId and issues.issue_id = any(:issueIds::bigint[])
    order by issues.issue_id
    for key share of issues
  )
  select types.* from (select count(*) from ends) as locked left join types on true
  where types.link_type_id is not null`,
);

/**
 * Locks everything that links of these types between these issues depend on, in the global lock order (decision 8): the
 * organisation and the types against changes of their rules, then the issues against removal. The result omits types
 * that do not exist.
 */
export function lockForLinks(
  db: Transaction,
  orgId: string,
  linkTypeIds: readonly string[],
  issueIds: readonly number[],
): Promise<LockedType[]> {
  return db.query(LOCK_FOR_LINKS({ orgId, linkTypeIds, issueIds }));
}

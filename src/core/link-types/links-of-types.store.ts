import type { Queryable } from '../../database/database.ts';
import { statement } from '../../database/statement.ts';

const COUNT_LINKS_OF_TYPES = statement<'orgId' | 'linkTypeIds' | 'countMax', { linkTypeId: string; count: number }>(
  'count_links_of_types',
  `
  select types.id as "linkTypeId", (
    select count(*)
    from (select from links where org_id = :orgId and link_type_id = types.id limit :countMax) as counted
  ) as count
  from unnest(:linkTypeIds::text[]) as types (id)`,
);

/** The number of links of each type, counted up to `countMax`. */
export async function countLinksOfTypes(
  db: Queryable,
  orgId: string,
  linkTypeIds: readonly string[],
  countMax: number,
): Promise<ReadonlyMap<string, number>> {
  const rows = await db.query(COUNT_LINKS_OF_TYPES({ orgId, linkTypeIds, countMax }));
  return new Map(rows.map(({ linkTypeId, count }) => [linkTypeId, count]));
}

const EXISTS_LINK_OF_TYPE = statement<'orgId' | 'linkTypeId'>(
  'exists_link_of_type',
  'select from links where org_id = :orgId and link_type_id = :linkTypeId limit 1',
);

export async function existsLinkOfType(db: Queryable, orgId: string, linkTypeId: string): Promise<boolean> {
  const rows = await db.query(EXISTS_LINK_OF_TYPE({ orgId, linkTypeId }));
  return rows.length > 0;
}

/** A link with its two issues. */
export interface LinkEndsRow {
  link_id: number;
  inward_issue_id: number;
  outward_issue_id: number;
}

const SELECT_OPPOSITE_LINKS = statement<'orgId' | 'linkTypeId', LinkEndsRow>(
  'select_opposite_links',
  `
  select links.link_id, links.inward_issue_id, links.outward_issue_id
  from links
  where links.org_id = :orgId and links.link_type_id = :linkTypeId and exists (
    select from links others
    where others.org_id = :orgId and others.link_type_id = :linkTypeId
      and others.inward_issue_id = links.outward_issue_id and others.outward_issue_id = links.inward_issue_id)
  order by links.link_id
  limit 20`,
);

/** Links of the type whose issues also have a link in the opposite direction; at most 20. */
export function selectOppositeLinks(db: Queryable, orgId: string, linkTypeId: string): Promise<LinkEndsRow[]> {
  return db.query(SELECT_OPPOSITE_LINKS({ orgId, linkTypeId }));
}

const SELECT_SECOND_SINGLES = {
  inward: selectSecondSinglesAt('inward'),
  outward: selectSecondSinglesAt('outward'),
};

function selectSecondSinglesAt(end: 'inward' | 'outward') {
  return statement<'orgId' | 'linkTypeId', LinkEndsRow>(
    `select_second_singles_${end}`,
    `
    select links.link_id, links.inward_issue_id, links.outward_issue_id
    from links
    where links.org_id = :orgId and links.link_type_id = :linkTypeId and exists (
      select from links others
      where others.org_id = :orgId and others.link_type_id = :linkTypeId and others.link_id <> links.link_id
        and others.${end}_issue_id = links.${end}_issue_id)
    order by links.link_id
    limit 20`,
  );
}

/** Links of the type whose issue at that end has another such link; at most 20. */
export function selectSecondSingles(
  db: Queryable,
  orgId: string,
  linkTypeId: string,
  end: 'inward' | 'outward',
): Promise<LinkEndsRow[]> {
  return db.query(SELECT_SECOND_SINGLES[end]({ orgId, linkTypeId }));
}

import type { Queryable } from '../../database/database.ts';
import { DomainError } from '../../errors.ts';
import { type Text, texts } from '../../texts.ts';
import type { Viewer } from '../access/viewer.ts';
import { parseIssueName } from '../issues/issue-name.ts';
import { type LinkTypeSummary, linkTypeFrom } from '../link-types/link-type-summary.ts';
import { cachedLinkTypes } from '../link-types/link-types.store.ts';
import { type GraphLimits, type GraphQuery, selectLinkGraph } from './link-graph.store.ts';

/** The limits of a graph, which docs/limits.md and openapi.yaml name. */
const LIMITS: GraphLimits = { issuesMax: 1000, linksMax: 5000 };

/** The limits of a picture on a page, which must be quick to draw and easy to read. */
export const PAGE_LIMITS: GraphLimits = { issuesMax: 100, linksMax: 300 };

export interface LinkGraph {
  /** The first issues, then the others, nearest first. */
  readonly issues: readonly GraphIssue[];
  readonly links: readonly GraphLink[];
  /** Whether issues or links are missing because there are too many. */
  readonly isTruncated: boolean;
}

export interface GraphIssue {
  readonly id: string;
  readonly key: string;
  readonly summary: string;
  readonly status: { readonly id: number; readonly key: string; readonly name: Text };
}

export interface GraphLink {
  readonly id: number;
  readonly type: LinkTypeSummary;
  /** The keys of its issues. */
  readonly outward: string;
  readonly inward: string;
}

/**
 * The issues that links connect with the named ones, and the links between all of these, without issues that the viewer
 * may not see and whatever only they connect. Throws `not_found` if the viewer may see none of the named issues.
 */
export async function getLinkGraph(
  db: Queryable,
  viewer: Viewer,
  { issueNames, ...query }: GraphQuery,
  limits = LIMITS,
): Promise<LinkGraph> {
  const names = issueNames.map(parseIssueName).filter((name) => name !== undefined);
  const found =
    names.length === 0
      ? { issues: [], links: [] }
      : await selectLinkGraph(db, viewer, { ...query, issueNames: names }, limits);
  if (found.issues.length === 0) throw new DomainError('not_found', texts.issueNotFound);

  const keys = new Map(found.issues.slice(0, limits.issuesMax).map(({ issue_id, key }) => [issue_id, key]));
  const kept = found.links.slice(0, limits.linksMax);
  const types = await cachedLinkTypes(
    db,
    viewer.orgId,
    kept.map(({ link_type_id }) => link_type_id),
  );
  return {
    issues: found.issues.slice(0, limits.issuesMax).map((row) => ({
      id: row.hex_id,
      key: row.key,
      summary: row.summary,
      status: { id: row.status_id, key: row.status_key, name: { ru: row.status_ru, en: row.status_en } },
    })),
    links: kept.flatMap(({ link_id: id, link_type_id, inward_issue_id, outward_issue_id }) => {
      const [outward, inward] = [keys.get(outward_issue_id), keys.get(inward_issue_id)];
      // A link whose type is missing was deleted together with its type after it had been read.
      const type = types.get(link_type_id);
      return type && outward !== undefined && inward !== undefined
        ? [{ id, type: linkTypeFrom(type), outward, inward }]
        : [];
    }),
    isTruncated: found.issues.length > limits.issuesMax || found.links.length > limits.linksMax,
  };
}

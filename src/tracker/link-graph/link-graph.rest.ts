import type { Schemas } from '../../contract/types.ts';
import { getLinkGraph, type LinkGraph } from '../../core/issue-links/link-graph.service.ts';
import type { Markup } from '../../markup.ts';
import { DOT_MEDIA_TYPE, toDot } from '../../pictures/dot.ts';
import type { DrawnGraph } from '../../pictures/link-graph.ts';
import { MERMAID_MEDIA_TYPE, toMermaid } from '../../pictures/mermaid.ts';
import { SVG_CONTENT_SECURITY_POLICY, SVG_MEDIA_TYPE, toSvg } from '../../pictures/svg.ts';
import { type Language, texts } from '../../texts.ts';
import { linkEndsNamed } from '../issue-links/issue-links.service.ts';
import type { Caller, Handlers } from '../rest/caller.ts';
import { commaList } from '../rest/comma-list.ts';
import { issueReference, linkTypeReference, statusReference } from '../rest/references.ts';

/** The formats by media type, in order of preference. */
const FORMATS = {
  'application/json': 'json',
  [SVG_MEDIA_TYPE]: 'svg',
  [DOT_MEDIA_TYPE]: 'dot',
  [MERMAID_MEDIA_TYPE]: 'mermaid',
} as const;

const MEDIA_TYPES = Object.keys(FORMATS) as (keyof typeof FORMATS)[];

export const linkGraphHandlers: Handlers<'getLinkGraph'> = {
  async getLinkGraph({ db, path, query, caller, preferred }) {
    const phrases = query.linkTypes?.flatMap(commaList);
    const found = await getLinkGraph(db, caller.viewer, {
      issueNames: [path.issueId],
      // Validation has filled in the contract's default.
      depth: query.depth as number,
      ends: phrases && (await linkEndsNamed(db, caller.viewer, phrases)),
      direction: query.direction,
    });
    const graph = serializeGraph(caller, found);
    const { language } = caller;
    switch (query.format ?? FORMATS[preferred(MEDIA_TYPES)]) {
      case 'json':
        return { body: graph };
      case 'svg':
        return {
          content: String(await svgAround(graph, language)),
          mediaType: SVG_MEDIA_TYPE,
          headers: { 'Content-Security-Policy': SVG_CONTENT_SECURITY_POLICY },
        };
      case 'dot':
        return { content: toDot(graph, language), mediaType: `${DOT_MEDIA_TYPE}; charset=utf-8` };
      case 'mermaid':
        return { content: toMermaid(graph, language), mediaType: `${MERMAID_MEDIA_TYPE}; charset=utf-8` };
    }
  },
};

/** The picture of the graph around its first issue. */
export function svgAround(graph: DrawnGraph, language: Language): Promise<Markup> {
  const around = graph.nodes[0]?.key ?? '';
  return toSvg(graph, language, { title: texts.graphTitle(around)[language], around });
}

export function serializeGraph(caller: Caller, { issues, links, isTruncated }: LinkGraph): Schemas['LinkGraph'] {
  return {
    nodes: issues.map((issue) => ({ ...issueReference(caller, issue), status: statusReference(caller, issue.status) })),
    edges: links.map(({ id, type, outward, inward }) => ({
      id,
      type: linkTypeReference(caller, type),
      from: outward,
      to: inward,
    })),
    truncated: isTruncated,
  };
}

import type { Language } from '../texts.ts';
import { type DrawnGraph, isSymmetric, labelOf, truncationOf } from './link-graph.ts';

export const MERMAID_MEDIA_TYPE = 'text/vnd.mermaid';

/** The graph in the language of Mermaid, which README files and wikis draw. */
export function toMermaid(graph: DrawnGraph, language: Language): string {
  const places = new Map(graph.nodes.map(({ key }, place) => [key, `n${place}`]));
  const truncation = truncationOf(graph, language);
  const lines = [
    ...graph.nodes.flatMap(({ self, key, display, status }) => {
      const node = places.get(key) ?? '';
      const label = [key, display, status.display].map(escaped).join('<br>');
      return [`${node}["${label}"]`, `click ${node} href "${self}"`];
    }),
    ...graph.edges.map((edge) => {
      const [from = '', to = ''] = [places.get(edge.from), places.get(edge.to)];
      return `${from} ${isSymmetric(edge) ? '---' : '-->'}|"${escaped(labelOf(edge))}"| ${to}`;
    }),
    ...(truncation === undefined ? [] : [`truncated["${escaped(truncation)}"]`]),
  ];
  return `flowchart LR\n${lines.map((line) => `  ${line}\n`).join('')}`;
}

/**
 * Mermaid looks for directives, comments and styles before it parses, also within quotation marks, and takes `\`` for
 * Markdown. So everything that is neither a letter, a digit nor harmless is written by its number.
 */
function escaped(text: string): string {
  return text.replaceAll(/\s+/g, ' ').replaceAll(/[^\p{L}\p{M}\p{N} .,-]/gu, (character) => {
    return `#${character.codePointAt(0) ?? 0};`;
  });
}

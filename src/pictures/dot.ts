import { withoutControls } from '../markup.ts';
import type { Language } from '../texts.ts';
import { type DrawnGraph, isSymmetric, labelOf, truncationOf } from './link-graph.ts';

export const DOT_MEDIA_TYPE = 'text/vnd.graphviz';

/** The graph in the language of Graphviz. */
export function toDot(graph: DrawnGraph, language: Language): string {
  const truncation = truncationOf(graph, language);
  const lines = [
    'rankdir=LR;',
    'node [shape=box];',
    ...(truncation === undefined ? [] : [`label=${quoted(truncation)};`]),
    ...graph.nodes.map(({ self, key, display, status }) => {
      const label = [key, display, status.display].map(escaped).join('\\n');
      return `${quoted(key)} [label="${label}", URL=${quoted(self)}, tooltip=${quoted(display)}];`;
    }),
    ...graph.edges.map((edge) => {
      const { id, from, to } = edge;
      const symmetric = isSymmetric(edge) ? ', dir=none' : '';
      return `${quoted(from)} -> ${quoted(to)} [id="${id}", label=${quoted(labelOf(edge))}${symmetric}];`;
    }),
  ];
  return `digraph links {\n${lines.map((line) => `  ${line}\n`).join('')}}\n`;
}

function quoted(text: string): string {
  return `"${escaped(text)}"`;
}

/** In a quoted string of DOT, a backslash begins an escape such as `\N`, and `&` a reference to a character. */
function escaped(text: string): string {
  return withoutControls(text)
    .replaceAll(/\s+/g, ' ')
    .replaceAll('\\', '\\\\')
    .replaceAll('"', '\\"')
    .replaceAll('&', '&amp;');
}

import { createHash } from 'node:crypto';
import { Markup, markup } from '../markup.ts';
import { type Language, texts } from '../texts.ts';
import { layOut, NODE_HEIGHT, NODE_WIDTH, type Point } from './layout.ts';
import {
  type DrawnEdge,
  type DrawnGraph,
  type DrawnNode,
  isSymmetric,
  labelOf,
  shortened,
  truncationOf,
} from './link-graph.ts';

export const SVG_MEDIA_TYPE = 'image/svg+xml';

const MARGIN = 12;
const PADDING = 10;
/** How many characters of a summary, a status and a label fit. */
const SUMMARY_MAX = 25;
const STATUS_MAX = 14;
const LABEL_MAX = 20;
/** In graphs with more edges, their labels would cover each other. They are still the titles of the edges. */
const LABELLED_EDGES_MAX = 80;
const HUES = 6;

/** The colours of edges repeat. Their contrast with the background is at least 4.5 : 1 in both themes. */
const STYLE = `
.link-graph{--paper:#fff;--ink:#1f2328;--quiet:#59636e;--line:#818b98;--c0:#0969da;--c1:#1a7f37;--c2:#9a6700;--c3:#8250df;--c4:#bc4c00;--c5:#bf3989;background:var(--paper);font:12px system-ui,sans-serif}
@media (prefers-color-scheme:dark){.link-graph{--paper:#0d1117;--ink:#e6edf3;--quiet:#9198a1;--line:#656c76;--c0:#58a6ff;--c1:#3fb950;--c2:#d29922;--c3:#bc8cff;--c4:#ff8b3d;--c5:#ff80bf}}
.link-graph rect{fill:var(--paper);stroke:var(--line)}
.link-graph .first rect{stroke:var(--ink);stroke-width:2}
.link-graph a:hover rect,.link-graph a:focus rect{stroke:var(--c0);stroke-width:2}
.link-graph text{fill:var(--ink)}
.link-graph .key{font-weight:600}
.link-graph .status,.link-graph .marker{fill:var(--quiet)}
.link-graph .status{text-anchor:end}
.link-graph .edge path{fill:none;stroke:currentColor;stroke-width:1.5}
.link-graph .edge .head{fill:currentColor;stroke:none}
.link-graph .edge text{fill:currentColor;text-anchor:middle;stroke:var(--paper);stroke-width:4px;paint-order:stroke}
${Array.from({ length: HUES }, (_, hue) => `.link-graph .c${hue}{color:var(--c${hue})}`).join('\n')}
`;

/** The source in a Content-Security-Policy that allows the style of a picture. */
export const SVG_STYLE_SOURCE = `'sha256-${createHash('sha256').update(STYLE).digest('base64')}'`;

/** For a picture that is opened by itself. */
export const SVG_CONTENT_SECURITY_POLICY = `default-src 'none'; style-src ${SVG_STYLE_SOURCE}; frame-ancestors 'none'`;

/**
 * The graph as a picture. Its nodes are links to the issues; that with the key `around` is emphasised. Throws as `layOut`
 * does.
 */
export async function toSvg(
  graph: DrawnGraph,
  language: Language,
  { title, around }: { readonly title: string; readonly around?: string | undefined },
): Promise<Markup> {
  const { nodes, edges } = graph;
  const places = new Map(nodes.map(({ key }, place) => [key, place]));
  const layout = await layOut(
    nodes.length,
    edges.map(({ from, to }) => ({ from: places.get(from) ?? 0, to: places.get(to) ?? 0 })),
  );
  const truncation = truncationOf(graph, language);
  const width = Math.ceil(Math.max(layout.width, NODE_WIDTH)) + 2 * MARGIN;
  const height = Math.ceil(layout.height) + 2 * MARGIN + (truncation === undefined ? 0 : 20);
  const hasLabels = edges.length <= LABELLED_EDGES_MAX;
  return markup`<svg xmlns="http://www.w3.org/2000/svg" class="link-graph" xml:lang="${language}" role="group" aria-label="${title}" width="${width}" height="${height}" viewBox="${-MARGIN} ${-MARGIN} ${width} ${height}"><title>${title}</title><style>${new Markup(STYLE)}</style>
${list(
  texts.graphLinks[language],
  edges.map((edge, place) => drawnEdge(edge, layout.edges[place] ?? [], hasLabels)),
)}${list(
  texts.graphIssues[language],
  nodes.map((node, place) => drawnNode(node, layout.nodes[place] ?? { x: 0, y: 0 }, node.key === around)),
)}${truncation === undefined ? undefined : markup`<text class="marker" x="0" y="${Math.ceil(layout.height) + 16}">${truncation}</text>\n`}</svg>
`;
}

function list(name: string, items: readonly Markup[]): Markup | undefined {
  return items.length === 0 ? undefined : markup`<g role="list" aria-label="${name}">\n${items}</g>\n`;
}

function drawnNode({ self, key, display, status }: DrawnNode, { x, y }: Point, isFirst: boolean): Markup {
  const [left, top] = [x - NODE_WIDTH / 2, y - NODE_HEIGHT / 2];
  const name = `${key}: ${display} (${status.display})`;
  return markup`<g role="listitem"${isFirst ? markup` class="first"` : undefined}><a href="${self}"><title>${name}</title><rect x="${rounded(left)}" y="${rounded(top)}" width="${NODE_WIDTH}" height="${NODE_HEIGHT}" rx="6"/><text class="key" x="${rounded(left + PADDING)}" y="${rounded(top + 22)}">${key}</text><text class="status" x="${rounded(left + NODE_WIDTH - PADDING)}" y="${rounded(top + 22)}">${shortened(status.display, STATUS_MAX)}</text><text x="${rounded(left + PADDING)}" y="${rounded(top + 42)}">${shortened(display, SUMMARY_MAX)}</text></a></g>
`;
}

function drawnEdge(edge: DrawnEdge, points: readonly Point[], hasLabel: boolean): Markup {
  const [start, ...rest] = points.map(({ x, y }) => `${rounded(x)},${rounded(y)}`);
  const label = labelOf(edge);
  const middle = middleOf(points);
  const head = isSymmetric(edge) ? undefined : arrowHead(points);
  return markup`<g role="listitem" class="edge c${hueOf(edge.type.id)}"><title>${edge.from} ${label} ${edge.to}</title><path d="M${start ?? '0,0'}${rest.length > 0 ? `C${rest.join(' ')}` : undefined}"/>${head && markup`<path class="head" d="${head}"/>`}${hasLabel && middle ? markup`<text x="${rounded(middle.x)}" y="${rounded(middle.y - 4)}">${shortened(label, LABEL_MAX)}</text>` : undefined}</g>
`;
}

/** A triangle at the end of the curve, in its direction. */
function arrowHead(points: readonly Point[]): string | undefined {
  const tip = points.at(-1);
  const before = points.findLast(({ x, y }) => tip && Math.hypot(tip.x - x, tip.y - y) > 1);
  if (!tip || !before) return undefined;
  const distance = Math.hypot(tip.x - before.x, tip.y - before.y);
  const [alongX, alongY] = [(tip.x - before.x) / distance, (tip.y - before.y) / distance];
  const corner = (side: number) =>
    `${rounded(tip.x - 9 * alongX - side * alongY)},${rounded(tip.y - 9 * alongY + side * alongX)}`;
  return `M${rounded(tip.x)},${rounded(tip.y)}L${corner(4)}L${corner(-4)}Z`;
}

/** The middle of the curve in the middle. */
function middleOf(points: readonly Point[]): Point | undefined {
  const at = 3 * Math.floor((points.length - 1) / 6);
  const [a, b, c, d] = points.slice(at, at + 4);
  if (!a || !b || !c || !d) return points[0];
  return { x: (a.x + 3 * b.x + 3 * c.x + d.x) / 8, y: (a.y + 3 * b.y + 3 * c.y + d.y) / 8 };
}

/** The same colour for the same type in every picture. */
function hueOf(typeId: string): number {
  return Buffer.from(typeId).reduce((sum, byte) => sum + byte, 0) % HUES;
}

function rounded(pixels: number): number {
  return Math.round(pixels * 10) / 10;
}

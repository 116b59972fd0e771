import { createRequire } from 'node:module';
import { Threads } from '../threads.ts';

/** Sizes in pixels, of which Graphviz counts 72 to the inch. */
const PIXELS_PER_INCH = 72;
export const NODE_WIDTH = 208;
export const NODE_HEIGHT = 56;
const NODE_DISTANCE = 16;
/** Between columns, so that there is room for the name of a link. */
const RANK_DISTANCE = 132;
/** Graphs with more edges are laid out less well, in a tenth of the time: with straight edges, which may cross nodes. */
const SMALL_GRAPH_EDGES_MAX = 150;
const LARGE_GRAPH = { splines: 'line', mclimit: 0.05, nslimit: 0.2, nslimit1: 0.2, searchsize: 5 };

export interface Point {
  readonly x: number;
  readonly y: number;
}

export interface Layout {
  readonly width: number;
  readonly height: number;
  /** The centre of each node. */
  readonly nodes: readonly Point[];
  /** The Bézier curves of each edge: where it begins, and then two control points and an end for each curve. */
  readonly edges: readonly (readonly Point[])[];
}

/** The places of the nodes that an edge connects. */
export interface EdgeEnds {
  readonly from: number;
  readonly to: number;
}

/** What Graphviz returns: places as `x,y`, and the points of each edge by its id. */
interface Positions {
  readonly bb: string;
  readonly nodes: readonly string[];
  readonly edges: readonly (readonly [string, string])[];
}

/** The text of issues never reaches Graphviz, which gets numbers only. */
const PROGRAM = `
const { parentPort, workerData } = require('node:worker_threads');
const graphviz = require(workerData).instance();
parentPort.on('message', async (graph) => {
  const { status, output, errors } = (await graphviz).render(graph, { format: 'json0', yInvert: true });
  if (status !== 'success') throw new Error(errors.map(({ message }) => message).join());
  const { bb, objects = [], edges = [] } = JSON.parse(output);
  parentPort.postMessage({ bb, nodes: objects.map(({ pos }) => pos), edges: edges.map(({ id, pos }) => [id, pos]) });
});`;

/** One graph at a time: a large one takes most of a second. */
const threads = new Threads<object, Positions>({
  name: 'layout',
  program: PROGRAM,
  workerData: createRequire(import.meta.url).resolve('@viz-js/viz'),
  threadsMax: 1,
  queueMax: 32,
  waitMs: 3_000,
  jobMs: 10_000,
});

/** Places the nodes in columns from left to right. Throws `busy`, and `overloaded` for a graph that waits or takes too long. */
export async function layOut(nodeCount: number, edges: readonly EdgeEnds[]): Promise<Layout> {
  const inches = (pixels: number) => pixels / PIXELS_PER_INCH;
  const {
    bb,
    nodes,
    edges: curves,
  } = await threads.run({
    graphAttributes: {
      rankdir: 'LR',
      nodesep: inches(NODE_DISTANCE),
      ranksep: inches(RANK_DISTANCE),
      ...(edges.length > SMALL_GRAPH_EDGES_MAX && LARGE_GRAPH),
    },
    nodeAttributes: {
      shape: 'box',
      fixedsize: true,
      width: inches(NODE_WIDTH),
      height: inches(NODE_HEIGHT),
      label: '',
    },
    edgeAttributes: { dir: 'none' },
    nodes: Array.from({ length: nodeCount }, (_, place) => ({ name: String(place) })),
    edges: edges.map(({ from, to }, place) => ({
      tail: String(from),
      head: String(to),
      attributes: { id: String(place) },
    })),
  });
  const [, , width = 0, height = 0] = bb.split(',').map(Number);
  const points = new Map(curves);
  return {
    width,
    // Upside down, the box begins at its height.
    height: Math.max(height, Number(bb.split(',')[1])),
    nodes: nodes.map(pointFrom),
    edges: edges.map((_, place) => points.get(String(place))?.split(' ').map(pointFrom) ?? []),
  };
}

function pointFrom(text: string): Point {
  const [x = 0, y = 0] = text.split(',').map(Number);
  return { x, y };
}

// The data that all contestants read and write. Issues are numbered from 1; the number is the issue_id, and determines
// the queue and the key. There are three regions: blocks, inside which the benchmark creates links; issues that it only
// reads, so that their links stay as loaded; and one connected acyclic graph with a quarter of all links, of type
// `depends`. Loaded links of the first two regions cross blocks, so that the pairs inside a block are free.
import { seededRandom } from './random.js';

export const ORG_ID = 'bench';
const OPEN_QUEUES = 20;
/** C1 has the viewer as a member; the issues of C2 are invisible to the viewer. */
export const QUEUES = [...Array.from({ length: OPEN_QUEUES }, (_, index) => `Q${index + 1}`), 'C1', 'C2'];
const UNSEEN_QUEUE = QUEUES.length - 1;

export const LINK_TYPES = ['relates', 'depends', 'subtask', 'epic', 'duplicates'];
const [RELATES, DEPENDS, SUBTASK, EPIC, DUPLICATES] = LINK_TYPES.keys();

const BLOCKS_SHARE = 0.3;
const GRAPH_SHARE = 0.2;

/** Plans the issues and links, without a database. `issueCount` is a multiple of 1 000. */
export function planDataset({ issueCount, linkCount }) {
  const random = seededRandom(9);
  const blockSize = Math.min(500, issueCount / 10);
  const blockCount = Math.floor((issueCount * BLOCKS_SHARE) / blockSize);
  const readStart = blockCount * blockSize + 1;
  const graphStart = issueCount * (1 - GRAPH_SHARE) + 1;
  const graph = planGraph(random, issueCount - graphStart + 1);
  const links = planLinks(random, graph, { issueCount, linkCount, blockSize, graphStart });
  const blockRank = random.permutation(blockSize);
  const counts = countLinks(issueCount, links);
  return { issueCount, blockSize, blockCount, readStart, graphStart, graph, blockRank, links, ...counts };
}

function queueOf(issue) {
  return (issue - 1) % QUEUES.length;
}

export function keyOf(issue) {
  return `${QUEUES[queueOf(issue)]}-${Math.floor((issue - 1) / QUEUES.length) + 1}`;
}

function isSeen(issue) {
  return queueOf(issue) !== UNSEEN_QUEUE;
}

/** How a pgbench script, which knows only integers, chooses a random issue to read in an open queue. */
export function randomKeySql({ readStart, graphStart }) {
  const numbers = [readStart / QUEUES.length + 1, graphStart / QUEUES.length - 1].map(Math.floor);
  return {
    variables: `\\set queue random(1, ${OPEN_QUEUES})\n\\set number random(${numbers.join(', ')})`,
    key: "'Q' || :queue || '-' || :number",
  };
}

/** `count` random issues that the viewer sees and whose links do not change. */
export function randomIssues({ readStart, graphStart }, count, seed) {
  const random = seededRandom(seed);
  return Array.from({ length: count }, () => {
    for (;;) {
      const issue = readStart + random.below(graphStart - readStart);
      if (isSeen(issue)) return issue;
    }
  });
}

/** Divides the free pairs inside the blocks, so that no two contestants create a link between the same issues. */
const BLOCKS_AT_ONCE = 10;
const LINKS_PER_ISSUE = 4;
const SHARES = ['relates', 'depends', 'insert'];

/**
 * Pairs of issues that no loaded link connects; each is yielded once. The ends of a `depends` pair are ordered at random,
 * the same way throughout a block, so that links from the first to the second form no cycle.
 */
export function* pairsInBlocks({ blockSize, blockCount, blockRank }, share) {
  const distances = [];
  for (let distance = 1 + SHARES.indexOf(share); distance < blockSize / 2; distance += SHARES.length) {
    distances.push(distance);
  }
  // Fills some blocks at a time, up to so many links per issue, so that the first links already form graphs.
  while (distances.length > 0) {
    const some = distances.splice(0, LINKS_PER_ISSUE);
    for (let first = 0; first < blockCount; first += BLOCKS_AT_ONCE) {
      const blocks = Array.from({ length: Math.min(BLOCKS_AT_ONCE, blockCount - first) }, (_, index) => first + index);
      for (const distance of some) yield* pairsAtDistance({ blockSize, blockRank }, distance, blocks);
    }
  }
}

function* pairsAtDistance({ blockSize, blockRank }, distance, blocks) {
  for (let one = 0; one < blockSize; one += 1) {
    const other = (one + distance) % blockSize;
    const [from, to] = blockRank[one] < blockRank[other] ? [one, other] : [other, one];
    for (const block of blocks) {
      const pair = [1 + block * blockSize + from, 1 + block * blockSize + to];
      if (pair.every(isSeen)) yield pair;
    }
  }
}

/** The pairs of the share `insert` for pgbench: each client counts its own transactions in `:turn`, from `start`. */
export function pairsInBlocksSql({ blockSize, blockCount }, clients) {
  return {
    variables: [
      '\\set turn :turn + 1',
      `\\set pair :turn * ${clients} + :client_id`,
      `\\set first 1 + (:pair % ${blockCount}) * ${blockSize}`,
      `\\set one (:pair / ${blockCount}) % ${blockSize}`,
      `\\set distance ${1 + SHARES.indexOf('insert')} + ${SHARES.length} * (:pair / ${blockCount * blockSize})`,
      '\\set inward :first + :one',
      `\\set outward :first + (:one + :distance) % ${blockSize}`,
    ].join('\n'),
    inward: ':inward',
    outward: ':outward',
  };
}

/** Unconnected pairs of the connected graph; links from the first to the second form no cycle. */
export function* pairsInGraph({ graph, graphStart }) {
  const taken = new Set();
  // A small graph runs out of pairs.
  for (let failures = 0; failures < 1_000; failures += 1) {
    const pair = graph.freePair().map((node) => graphStart + node);
    if (taken.has(String(pair)) || !pair.every(isSeen)) continue;
    taken.add(String(pair));
    failures = 0;
    yield pair;
  }
}

function planLinks(random, graph, { issueCount, linkCount, blockSize, graphStart }) {
  const links = {
    inward: new Int32Array(linkCount),
    outward: new Int32Array(linkCount),
    type: new Uint8Array(linkCount),
  };
  const pairs = new Set();
  const parents = new Set();
  const epics = new Set();
  let count = 0;
  const add = (type, inward, outward) => {
    const pair = Math.min(inward, outward) * (issueCount + 1) + Math.max(inward, outward);
    if (pairs.has(pair)) return;
    pairs.add(pair);
    links.inward[count] = inward;
    links.outward[count] = outward;
    links.type[count] = type;
    count += 1;
  };
  while (count < linkCount / 4) {
    const [from, to] = graph.loadedPair(count);
    add(DEPENDS, graphStart + from, graphStart + to);
  }
  const blockOf = (issue) => Math.floor((issue - 1) / blockSize);
  while (count < linkCount) {
    const one = 1 + random.below(graphStart - 1);
    const other = 1 + random.below(graphStart - 1);
    if (blockOf(one) === blockOf(other)) continue;
    // From the lower number to the higher one, the links of acyclic types form no cycle.
    const [inward, outward] = [Math.min(one, other), Math.max(one, other)];
    let type = random.pick([RELATES, RELATES, RELATES, DUPLICATES, SUBTASK, EPIC]);
    if (type === SUBTASK && parents.has(inward)) type = RELATES;
    if (type === EPIC && epics.has(outward)) type = RELATES;
    if (type === SUBTASK) parents.add(inward);
    if (type === EPIC) epics.add(outward);
    add(type, inward, outward);
  }
  return links;
}

/**
 * A random acyclic graph over the nodes from 0: links lead up in a random order that the ids do not show. A new node is
 * tied to an earlier one, so the graph is connected. The distance of loaded ends is no multiple of 4, so that the pairs
 * at such a distance are free.
 */
function planGraph(random, size) {
  const rank = random.permutation(size);
  const upwards = (one, other) => (rank[one] < rank[other] ? [one, other] : [other, one]);
  return {
    loadedPair(count) {
      for (;;) {
        const one = count + 1 < size ? count + 1 : random.below(size);
        const other = random.below(count + 1 < size ? one : size);
        if ((one - other) % 4 !== 0) return upwards(one, other);
      }
    },
    freePair() {
      for (;;) {
        const one = random.below(size);
        const other = (one % 4) + 4 * random.below(Math.floor(size / 4));
        if (one !== other && other < size) return upwards(one, other);
      }
    },
  };
}

/** For each issue, how many links it has, and how many of them the viewer sees. */
function countLinks(issueCount, { inward, outward }) {
  const all = new Int32Array(issueCount + 1);
  const seen = new Int32Array(issueCount + 1);
  for (let index = 0; index < inward.length; index += 1) {
    const [one, other] = [inward[index], outward[index]];
    all[one] += 1;
    all[other] += 1;
    if (isSeen(other)) seen[one] += 1;
    if (isSeen(one)) seen[other] += 1;
  }
  return { all, seen };
}

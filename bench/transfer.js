// `npm run bench:transfer -- 100000`: loads a generated organisation with so many issues and four times as many links, exports
// it, loads the export under another id and exports that: seconds, memory, and whether the bytes are the same. It starts an
// embedded PostgreSQL in a temporary folder; with DATABASE_URL, it creates the organisations bench-0 to bench-2 there instead.
import { spawn } from 'node:child_process';
import { createReadStream, createWriteStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { text } from 'node:stream/consumers';
import { pipeline } from 'node:stream/promises';
import { fileURLToPath } from 'node:url';
import { buildIfNeeded, startPostgres } from './environment.js';
import { progress, runInFolder } from './run.js';

const PROGRAM = fileURLToPath(new URL('../bin/issue-links.js', import.meta.url));
/** Makes a command report its largest memory when it ends. */
const REPORT = `data:text/javascript,process.on("exit",()=>process.stderr.write("maxRSS="+process.resourceUsage().maxRSS+"%5Cn"))`;
const QUEUE = 1;
const AT = '2026-01-01T00:00:00+00:00';

const issues = Number(process.argv[2] ?? 100_000);

await runInFolder(async (folder, stopLater) => {
  buildIfNeeded(progress);
  const file = (name) => join(folder, `${name}.ndjson`);
  const dataDir = join(folder, 'data');
  if (!process.env.DATABASE_URL) stopLater((await startPostgres(dataDir)).stop);
  const measured = (...args) => measure(args, dataDir, stopLater);

  const figures = {};
  await measured('org', 'create', 'bench-0');
  await measured('export', '--org', 'bench-0', '--out', file('head'));
  progress('generate');
  await pipeline(records(await text(createReadStream(file('head')))), createWriteStream(file('generated')));
  figures.load = await measured('load', file('generated'), '--org', 'bench-1');
  figures.export = await measured('export', '--org', 'bench-1', '--out', file('first'));
  figures.loadAgain = await measured('load', file('first'), '--org', 'bench-2');
  figures.exportAgain = await measured('export', '--org', 'bench-2', '--out', file('second'));
  figures.megabytes = Math.round((await stat(file('first'))).size / 1e6);
  figures.isSame = await areSame(file('first'), file('second'));
  process.stdout.write(`${JSON.stringify({ issues, links: 4 * issues, ...figures })}\n`);
});

/** The records of a new organisation, then those of its queue. */
function* records(head) {
  const lines = head.trimEnd().split('\n');
  const ofKind = (kind) => lines.flatMap((line) => JSON.parse(line)[kind] ?? []);
  const [{ id: user }] = ofKind('user');
  const line = (kind, value) => `${JSON.stringify({ [kind]: value })}\n`;
  yield `${lines.join('\n')}\n`;
  const queue = { id: QUEUE, key: 'BENCH', name: 'Bench', leadId: user, lastIssueNumber: issues, createdAt: AT };
  yield line('queue', { ...queue, defaultIssueTypeId: 2, defaultPriorityId: 3 });
  for (const { id, nameEn, position } of ofKind('status'))
    yield line('column', { id, queueId: QUEUE, statusId: id, title: nameEn, position });
  for (let id = 1; id <= issues; id += 1) {
    const fields = { issueTypeId: 2, priorityId: 3, statusId: 1, createdBy: user, createdAt: AT, position: id };
    const hexId = id.toString(16).padStart(24, '0');
    yield line('issue', { id, key: `BENCH-${id}`, hexId, queueId: QUEUE, summary: `Issue ${id}`, ...fields });
  }
  for (const { id, ...ends } of links()) yield line('link', { id, ...ends, createdBy: user, createdAt: AT });
  for (let id = 1; id <= issues; id += 1)
    yield line('event', { id, issueId: id, type: 'IssueCreated', userId: user, createdAt: AT, changes: {} });
  for (const link of links()) {
    for (const [place, end, other] of [
      [0, 'inward', 'outward'],
      [1, 'outward', 'inward'],
    ]) {
      const to = {
        link_id: link.id,
        link_type_id: link.linkTypeId,
        direction: end,
        object_id: link[`${other}IssueId`],
      };
      const event = { id: issues + 2 * link.id - 1 + place, issueId: link[`${end}IssueId`], type: 'IssueLinked' };
      yield line('event', { ...event, userId: user, createdAt: AT, changes: { links: [{ from: null, to }] } });
    }
  }
}

/** Chains of depends, a tree of subtasks, and rings of the types that may close them; no two issues have two links. */
function* links() {
  let id = 0;
  for (let issue = 1; issue <= issues; issue += 1) {
    const link = (linkTypeId, inwardIssueId, outwardIssueId) => ({ id, linkTypeId, inwardIssueId, outwardIssueId });
    for (const [type, distance] of [
      ['depends', 1],
      ['relates', 7],
      ['duplicates', 13],
    ]) {
      id += 1;
      const other = type === 'depends' && issue === issues ? 20 : ((issue + distance - 1) % issues) + 1;
      yield type === 'depends' && issue === issues ? link('relates', issue, other) : link(type, issue, other);
    }
    id += 1;
    yield issue > 32 ? link('subtask', issue, Math.floor(issue / 2)) : link('relates', issue, issue + 40);
  }
}

/** Without a `DATABASE_URL`, the command uses the PostgreSQL of `dataDir`. */
async function measure(args, dataDir, stopLater) {
  progress(args.map((arg) => basename(arg)).join(' '));
  const started = performance.now();
  const child = spawn(process.execPath, ['--import', REPORT, PROGRAM, ...args], {
    env: { ...process.env, DATA_DIR: dataDir },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const end = new Promise((resolve) => child.on('close', resolve));
  stopLater(() => {
    child.kill();
    return end;
  });
  const [stderr, code] = await Promise.all([text(child.stderr), end]);
  if (code !== 0) throw new Error(`issue-links ${args.join(' ')}: ${stderr}`);
  const seconds = Math.round((performance.now() - started) / 100) / 10;
  return { seconds, megabytes: Math.round(Number(/maxRSS=(\d+)/.exec(stderr)[1]) / 1024) };
}

/** The first lines differ in the id of the organisation. */
async function areSame(one, other) {
  const [left, right] = [one, other].map((path) => createReadStream(path, { start: 400 })[Symbol.asyncIterator]());
  for (;;) {
    const [first, second] = await Promise.all([left.next(), right.next()]);
    if (first.done || second.done) return first.done === second.done;
    if (!first.value.equals(second.value)) return false;
  }
}

// Checks that every relative link in the Markdown files leads to a file, folder or heading of the repository, and that
// every "section N" in src, test and docs exists in the contract mentioned most recently before it ("Tracker contract,
// section 1"). Sections of an RFC are ignored. An argument names another folder to check.
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { dirname, join, posix } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = process.argv[2] ?? fileURLToPath(new URL('../', import.meta.url));

// A link to a file that git ignores is broken, because clones lack the file. Git lists deleted files until the commit.
const listed = (...options) =>
  execFileSync('git', ['ls-files', '-z', ...options], { cwd: root, encoding: 'utf8' }).split('\0');
const deleted = new Set(listed('--deleted'));
const files = listed('--cached', '--others', '--exclude-standard').filter((file) => file !== '' && !deleted.has(file));
const paths = new Set(files.flatMap(withParents));

const texts = new Map();
const problems = [];

for (const file of files.filter((name) => name.endsWith('.md'))) checkLinks(file);

const contracts = new Map(['tracker', 'kanboard'].map((name) => [name, sectionsOf(`docs/contract/${name}.md`)]));
for (const file of files.filter((name) => /^(src|test|docs)\/.*\.(ts|js|md|sql)$/.test(name))) checkSections(file);

process.stderr.write(problems.map((problem) => `${problem}\n`).join(''));
process.exitCode = problems.length === 0 ? 0 : 1;

function checkLinks(file) {
  const text = withoutCode(read(file));
  for (const { 1: inline, 2: definition, index } of text.matchAll(
    /\]\(\s*<?([^()\s>]+)[^()]*\)|^\[[^\]]+\]:\s*<?([^\s>]+)/gm,
  )) {
    const target = inline ?? definition;
    if (/^([a-z][a-z\d+.-]*:|\/\/)/i.test(target)) continue;
    const [, path, anchor] = /^([^#]*)#?(.*)$/.exec(decodeURI(target));
    const destination = path === '' ? file : posix.join(dirname(file), path).replace(/\/$/, '');
    if (!paths.has(destination)) report(file, index, `${target}: there is no ${destination}`);
    else if (anchor !== '' && destination.endsWith('.md') && !anchorsOf(destination).has(anchor)) {
      report(file, index, `${target}: ${destination} has no heading #${anchor}`);
    }
  }
}

function checkSections(file) {
  const pattern =
    /(tracker|kanboard) contract|(RFC) \d+|\bsections?[\s*/]+(\d+(?:\.\d+)*(?:(?:,| and| to)[\s*/]+\d+(?:\.\d+)*)*)/gi;
  let cited = /^docs\/contract\/(\w+)\.md$/.exec(file)?.[1];
  for (const { 1: contract, 2: rfc, 3: numbers, index } of read(file).matchAll(pattern)) {
    cited = (contract ?? rfc)?.toLowerCase() ?? cited;
    if (numbers === undefined || cited === 'rfc') continue;
    for (const [number] of numbers.matchAll(/\d+(\.\d+)*/g)) {
      if (cited === undefined) report(file, index, `section ${number}: of which contract?`);
      else if (!contracts.get(cited).has(number))
        report(file, index, `docs/contract/${cited}.md has no section ${number}`);
    }
  }
}

/** The numbers of a contract's headings and of the numbered list items below them: 8, 8.1, 8.2, ... */
function sectionsOf(file) {
  const sections = new Set();
  let section = '';
  for (const line of withoutCode(read(file)).split('\n')) {
    const heading = /^#+ (?:(\d+(?:\.\d+)*)\. )?/.exec(line);
    if (heading) section = heading[1] ?? section;
    const item = /^(\d+)\. /.exec(line)?.[1];
    if (heading?.[1]) sections.add(section);
    else if (item) sections.add(`${section}.${item}`);
  }
  return sections;
}

/** The anchors that GitHub generates for headings. */
function anchorsOf(file) {
  const anchors = new Set();
  for (const [, heading] of withoutFences(read(file)).matchAll(/^#{1,6} +(.+?)[ #]*$/gm)) {
    const anchor = heading
      .replaceAll(/\[([^\]]*)\]\([^)]*\)/g, '$1')
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{M}\p{N}\p{Pc} -]/gu, '')
      .replaceAll(' ', '-');
    let unique = anchor;
    for (let count = 1; anchors.has(unique); count += 1) unique = `${anchor}-${count}`;
    anchors.add(unique);
  }
  return anchors;
}

/** Replaces fenced blocks and code spans with blanks, which preserves line numbers. */
function withoutCode(text) {
  return withoutFences(text).replaceAll(/(`+)[^`][\s\S]*?\1/g, blank);
}

function withoutFences(text) {
  return text.replaceAll(/^ *(```+|~~~+)[^\n]*\n[\s\S]*?^ *\1 *$/gm, blank);
}

function blank(text) {
  return text.replaceAll(/[^\n]/g, ' ');
}

function read(file) {
  if (!texts.has(file)) texts.set(file, readFileSync(join(root, file), 'utf8'));
  return texts.get(file);
}

function withParents(file) {
  const parents = file.split('/').map((_, place, steps) => steps.slice(0, place + 1).join('/'));
  return ['.', ...parents];
}

function report(file, index, problem) {
  const line = read(file).slice(0, index).split('\n').length;
  problems.push(`${file}:${line} ${problem}`);
}

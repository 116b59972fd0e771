import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, expect, test } from '@jest/globals';

const SCRIPT = fileURLToPath(new URL('../../scripts/check-links.js', import.meta.url));
const CONTRACTS = {
  'docs/contract/tracker.md': '# Tracker\n\n## 0. Requests\n',
  'docs/contract/kanboard.md': '# Kanboard\n\n## 8. Better\n\n1. One row.\n2. No deadlock.\n',
};
const folders: string[] = [];

afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true });
});

/** Runs the check on a repository with these files and both contracts. */
function problemsIn(files: Readonly<Record<string, string>>) {
  const folder = mkdtempSync(join(tmpdir(), 'links-'));
  folders.push(folder);
  execFileSync('git', ['init', '--quiet'], { cwd: folder });
  for (const [name, text] of Object.entries({ ...CONTRACTS, ...files })) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), text);
  }
  const { status, stderr } = spawnSync(process.execPath, [SCRIPT, folder], { encoding: 'utf8' });
  return { status, problems: stderr.split('\n').filter((line) => line !== '') };
}

test('valid links and sections pass', () => {
  const { status, problems } = problemsIn({
    '.gitignore': 'ignored/\n',
    'README.md': [
      '# The `first` page, "A/B"',
      '## Twice',
      '## Twice',
      '[a](docs/contract/tracker.md#0-requests) [b](docs) [c](#the-first-page-ab) [d](#twice-1) [e](https://a.example/x)',
      '[f]: docs/contract/kanboard.md "Title"',
      'Code is no link: `[g](missing.md)`',
      '```md\n[h](missing.md)\n```',
    ].join('\n'),
    'src/a.ts': '/** Kanboard contract, sections 8 and\n * 8.2; RFC 9110, section 5.6; Tracker contract, section 0. */',
    'test/a.test.ts': "// Kanboard contract\ntest('section 8.1: one row', () => {});",
  });
  expect({ status, problems }).toEqual({ status: 0, problems: [] });
});

test.each([
  ['a link to a missing file', { 'docs/a.md': '\n[a](../b.md)' }, 'docs/a.md:2 ../b.md: there is no b.md'],
  [
    'a link to an ignored file',
    { '.gitignore': 'a.txt', 'a.txt': '', 'a.md': '[a](a.txt)' },
    'a.md:1 a.txt: there is no a.txt',
  ],
  ['a link in another letter case', { 'a.md': '[a](A.md)' }, 'a.md:1 A.md: there is no A.md'],
  ['a missing heading', { 'a.md': '# A\n[b](a.md#b)' }, 'a.md:2 a.md#b: a.md has no heading #b'],
  ['a missing heading of the same page', { 'a.md': '# A\n[b](#b)' }, 'a.md:2 #b: a.md has no heading #b'],
  [
    'a missing section',
    { 'src/a.ts': '// Tracker contract, section 1' },
    'src/a.ts:1 docs/contract/tracker.md has no section 1',
  ],
  [
    'a missing item of a section',
    { 'test/a.ts': '// Kanboard contract, sections 8.1 to 8.3' },
    'test/a.ts:1 docs/contract/kanboard.md has no section 8.3',
  ],
  ['a section of no contract', { 'src/a.ts': '// See section 8.' }, 'src/a.ts:1 section 8: of which contract?'],
])('%s fails', (_name, files, problem) => {
  expect(problemsIn(files)).toEqual({ status: 1, problems: [problem] });
});

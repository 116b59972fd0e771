import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { cp, mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, jest, test } from '@jest/globals';
import { runCommand } from '../support/command-line.ts';
import { type Environment, PROGRAM, run, type ServerProcess, startServer } from '../support/server-process.ts';
import { createTestDatabase, isOnCitus, type TestDatabase } from '../support/test-database.ts';

// Some ninety commands, each a program that starts on a busy machine.
jest.setTimeout(600_000);

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const DOCUMENTED_URL = 'http://127.0.0.1:8080';

interface Page {
  readonly page: string;
  /** The error statuses that it announces. */
  readonly errorStatuses: readonly string[];
}

/** The pages that other pages build on, and that users with either shell read first. */
const FIRST_PAGES: readonly Page[] = [
  { page: 'README.md', errorStatuses: ['422'] },
  { page: 'docs/clients.md', errorStatuses: [] },
];

/**
 * In reading order, but the quick start is last, since it ends without the demo. Organisations of earlier pages are what data.md
 * exports and imports. A Citus cluster has no backups.
 */
const GUIDES: readonly Page[] = [
  ...['from-tracker', 'from-kanboard', 'troubleshooting', 'data'],
  ...(isOnCitus ? [] : ['operations']),
  'quickstart',
].map((name) => ({ page: `docs/${name}.md`, errorStatuses: [] }));

/** What a shell has no part in runs once. */
const RUNS_ONCE = /^npx (newman|openapi-typescript) /m;

/** Shells that read standard input like pasted text and report the exit code of each command. */
const SHELLS = {
  bash: { command: ['bash', '--norc', '-i'], report: `PROMPT_COMMAND='echo "[exit $?]" >&2'` },
  zsh: { command: ['zsh', '-f', '-i', '-v'], report: 'precmd() { echo "[exit $?]" >&2 }' },
} as const;

let folder: string;
let database: TestDatabase;
/** Without a schema, to restore a backup into. */
let emptyDatabase: TestDatabase;
let server: ServerProcess;
let environment: Environment;

beforeAll(async () => {
  database = await createTestDatabase('template_issue_links');
  emptyDatabase = await createTestDatabase('template0');
  environment = { DATABASE_URL: database.url, ...(isOnCitus ? {} : { TEST_MODE: 'on' }) };
  server = await startServer([...PROGRAM, 'serve'], { ...environment, DEMO: 'on', LOG_LEVEL: 'warn' });
  folder = await mkdtemp(join(tmpdir(), 'issue-links-pasted-'));
  await copyClone();
});
afterAll(async () => {
  await server.stop();
  await database.drop();
  await emptyDatabase.drop();
  await rm(folder, { recursive: true });
});

testIn('bash')('in bash, the commands of the README and the guides run unchanged, one after the other', async () => {
  await runPages('bash', [...FIRST_PAGES, ...GUIDES]);
});

// It starts with a reset, which a Citus cluster does not have.
(isOnCitus ? test.skip : testIn('zsh'))('in zsh, those of the README and docs/clients.md run unchanged', async () => {
  expect(await runCommand('reset', environment)).toMatchObject({ code: 0 });
  await runPages('zsh', FIRST_PAGES, RUNS_ONCE);
});

test('npx runs the program of the clone', async () => {
  const outcome = await run(['sh', '-c', 'cd "$0" && npx issue-links --version', `${folder}/clone`], { HOME: folder });
  expect(outcome).toMatchObject({ code: 0, stdout: expect.stringMatching(/^\d+\.\d+\.\d+\n$/) });
});

test("from nothing to the first link of an organisation of one's own, the README takes at most ten commands", () => {
  const blocks = blocksOf('README.md');
  const [start = ''] = blocks;
  const first = blocks.findIndex((block) => block.includes('org create'));
  const commands = `${start}${blocks.slice(first, first + 2).join('')}`
    .split(/\n|&&/)
    .filter((line) => line.trim() !== '');
  expect(commands.findIndex((command) => command.includes('/links'))).toBeLessThan(10);
  expect(commands.find((command) => command.includes('/links'))).toContain('/issues/TEST-2/links');
});

test('no shell command in the documentation has a trailing comment, which zsh would pass as arguments', async () => {
  const files = [
    ...(await readdir(ROOT)),
    ...(await readdir(`${ROOT}docs`, { recursive: true })).map((name) => `docs/${name}`),
  ];
  const pages = files.filter((name) => name.endsWith('.md'));
  expect(pages.length).toBeGreaterThan(8);
  for (const page of pages) {
    const lines = blocksOf(page).join('').split('\n');
    expect({ page, comments: lines.filter((line) => /(^|\s)#/.test(line)) }).toEqual({ page, comments: [] });
  }
});

/** Skips a missing shell, except in CI: zsh is rare elsewhere. */
function testIn(shell: keyof typeof SHELLS) {
  const isMissing = spawnSync(shell, ['--version']).error !== undefined;
  if (!isMissing || process.env['CI']) return test;
  process.stderr.write(`${shell} is not installed, so the documented commands are not tested in it.\n`);
  return test.skip;
}

async function runPages(shell: keyof typeof SHELLS, pages: readonly Page[], omitted?: RegExp): Promise<void> {
  for (const { page, errorStatuses } of pages) {
    const { count, failed, statuses, stdout } = await paste(shell, commandsOf(page, omitted));
    expect({ page, failed }).toEqual({ page, failed: [] });
    expect({ page, statuses: statuses.filter((status) => !status.startsWith('2')) }).toEqual({
      page,
      statuses: errorStatuses,
    });
    expect({ page, stdout }).toEqual({ page, stdout: expect.not.stringContaining('"error":') });
    expect(count).toBeGreaterThan(3);
  }
}

function blocksOf(page: string): string[] {
  const text = readFileSync(`${ROOT}${page}`, 'utf8');
  return [...text.matchAll(/^( *)```sh\n(.*?)^ *```$/gms)].map(([, indent = '', block = '']) =>
    block.replaceAll(new RegExp(`^${indent}`, 'gm'), ''),
  );
}

/** The commands that need no clone; .ci/run tests the others. Other servers are this one, and the other database is empty. */
function commandsOf(page: string, omitted = /^$/): string {
  return blocksOf(page)
    .filter((block) => !/^(\w+=\S* )*(npm (ci|start)|docker)\b/.test(block) && !omitted.test(block))
    .join('\n')
    .replaceAll(DOCUMENTED_URL, server.url)
    .replaceAll('https://api.tracker.yandex.net', server.url)
    .replaceAll('https://kanboard.example.com', `${server.url}/kanboard/team`)
    .replaceAll('postgres://me@db.example/issue_links', `'${emptyDatabase.url}'`);
}

async function paste(shell: keyof typeof SHELLS, commands: string) {
  const { command, report } = SHELLS[shell];
  const settings = {
    PATH: `${folder}/path:${process.env['PATH']}`,
    HOME: folder,
    PS1: '$ ',
    DATABASE_URL: database.url,
  };
  const inFolder = ['sh', '-c', 'cd "$0" && exec "$@"', `${folder}/clone`, ...command];
  const { stdout, stderr } = await run(inFolder, settings, `${report}\n${commands}\n`);
  // The shell repeats each command on standard error, before what the command writes there.
  const parts = stderr.split(/(?<=\[exit \d+\])\n/).filter((part) => /\[exit \d+\]$/.test(part));
  return {
    count: parts.length,
    failed: parts.filter((part) => !part.endsWith('[exit 0]')),
    statuses: [...stderr.matchAll(/\[status (\d+)\]/g)].map(([, status = '']) => status),
    stdout,
  };
}

/**
 * A writable copy of this clone, configured for the server of this test. Its curl reports each status, and its npx runs what
 * npx would find, without starting npm first, which takes longer than most of the commands. For readers, a command without a
 * `DATA_DIR` uses the database of the server; here, that is `DATABASE_URL`. Its ssh runs the command at home.
 */
async function copyClone(): Promise<void> {
  await mkdir(`${folder}/clone`);
  for (const name of ['bin', 'db', 'dist', 'node_modules', 'openapi.yaml', 'openrpc.yaml', 'package.json']) {
    await symlink(`${ROOT}${name}`, `${folder}/clone/${name}`);
  }
  await cp(`${ROOT}postman`, `${folder}/clone/postman`, { recursive: true });
  const environment = `${folder}/clone/postman/issue-links.postman_environment.json`;
  const text = await readFile(environment, 'utf8');
  expect(text).toContain(DOCUMENTED_URL);
  await writeFile(environment, text.replaceAll(DOCUMENTED_URL, server.url));

  const curl = spawnSync('sh', ['-c', 'command -v curl'], { encoding: 'utf8' }).stdout.trim();
  await mkdir(`${folder}/path`);
  const script = `#!/bin/sh\nexec '${curl}' --write-out '%{stderr}[status %{http_code}]\\n' "$@"\n`;
  await writeFile(`${folder}/path/curl`, script, { mode: 0o755 });
  const npx = [
    '#!/bin/sh',
    'program=$1; shift',
    'if [ -n "$DATA_DIR" ]; then unset DATABASE_URL; fi',
    'if [ "$program" = issue-links ]; then exec bin/issue-links.js "$@"; fi',
    'exec "node_modules/.bin/$program" "$@"',
    '',
  ].join('\n');
  await writeFile(`${folder}/path/npx`, npx, { mode: 0o755 });
  await writeFile(`${folder}/path/ssh`, '#!/bin/sh\ncd && exec sh -c "$2"\n', { mode: 0o755 });
}

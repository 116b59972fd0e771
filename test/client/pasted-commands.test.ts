import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { cp, mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { PROGRAM, run, type ServerProcess, startServer } from '../support/server-process.ts';
import { createTestDatabase, type TestDatabase } from '../support/test-database.ts';

// Each npx command starts npm first, which is slow on a busy machine.
jest.setTimeout(600_000);

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const DOCUMENTED_URL = 'http://127.0.0.1:8080';

/** The pages in reading order, with the error statuses that they announce. newman is in the last one. */
const PAGES = [
  { page: 'README.md', errorStatuses: ['422'] },
  { page: 'docs/clients.md', errorStatuses: [] },
];

/** Shells that read standard input like pasted text and report the exit code of each command. */
const SHELLS = {
  bash: { command: ['bash', '--norc', '-i'], report: `PROMPT_COMMAND='echo "[exit $?]" >&2'` },
  zsh: { command: ['zsh', '-f', '-i', '-v'], report: 'precmd() { echo "[exit $?]" >&2 }' },
} as const;

let folder: string;
let database: TestDatabase;
let server: ServerProcess;

describe.each(['bash', 'zsh'] as const)('in %s', (shell) => {
  beforeEach(async () => {
    database = await createTestDatabase('template_issue_links');
    server = await startServer([...PROGRAM, 'serve'], { DATABASE_URL: database.url, DEMO: 'on', LOG_LEVEL: 'warn' });
    folder = await mkdtemp(join(tmpdir(), 'issue-links-pasted-'));
    await copyClone();
  });
  afterEach(async () => {
    await server.stop();
    await database.drop();
    await rm(folder, { recursive: true });
  });

  testIn(shell)('the commands of README.md and docs/clients.md run unchanged, one after the other', async () => {
    for (const { page, errorStatuses } of PAGES) {
      const { exits, statuses, stdout, transcript } = await paste(shell, commandsOf(page));
      const context = { page, transcript };
      expect({ ...context, failed: exits.filter((code) => code !== '0') }).toEqual({ ...context, failed: [] });
      expect({ ...context, errorStatuses: statuses.filter((status) => !status.startsWith('2')) }).toEqual({
        ...context,
        errorStatuses,
      });
      expect(stdout).not.toContain('"error":');
      expect(statuses.length).toBeGreaterThan(3);
    }
  });
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

function blocksOf(page: string): string[] {
  const text = readFileSync(`${ROOT}${page}`, 'utf8');
  return [...text.matchAll(/^```sh\n(.*?)^```$/gms)].map(([, block = '']) => block);
}

/** The commands that need no clone; .ci/run tests the others. */
function commandsOf(page: string): string {
  return blocksOf(page)
    .filter((block) => !/^(npm (ci|start)|docker) /.test(block))
    .join('\n')
    .replaceAll(DOCUMENTED_URL, server.url);
}

async function paste(shell: keyof typeof SHELLS, commands: string) {
  const { command, report } = SHELLS[shell];
  const environment = {
    PATH: `${folder}/path:${process.env['PATH']}`,
    HOME: folder,
    PS1: '$ ',
    DATABASE_URL: database.url,
  };
  const inFolder = ['sh', '-c', 'cd "$0" && exec "$@"', `${folder}/clone`, ...command];
  const { stdout, stderr } = await run(inFolder, environment, `${report}\n${commands}\n`);
  const found = (pattern: RegExp) => [...stderr.matchAll(pattern)].map(([, value = '']) => value);
  return {
    exits: found(/\[exit (\d+)\]/g),
    statuses: found(/\[status (\d+)\]/g),
    stdout,
    transcript: stderr,
  };
}

/** A writable copy of this clone, configured for the server of this test. Its curl reports each status. */
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
}

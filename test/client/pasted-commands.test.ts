import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { cp, mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { PROGRAM, run, type ServerProcess, startServer } from '../support/server-process.ts';
import { createTestDatabase, type TestDatabase } from '../support/test-database.ts';

// Every command that npx runs starts npm first: slow where others work too.
jest.setTimeout(600_000);

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const DOCUMENTED_URL = 'http://127.0.0.1:8080';

/** The pages in the order in which somebody tries them, with the refusals that they promise. newman is in the last one. */
const PAGES = [
  { page: 'README.md', refusals: ['422'] },
  { page: 'docs/clients.md', refusals: [] },
];

/** A shell that reads its standard input as it reads what is pasted, and reports each command's exit code. */
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
    await makeClone();
  });
  afterEach(async () => {
    await server.stop();
    await database.drop();
    await rm(folder, { recursive: true });
  });

  testIn(shell)('the commands of README.md and docs/clients.md run one after the other, as they stand', async () => {
    for (const { page, refusals } of PAGES) {
      const { exits, statuses, stdout, transcript } = await paste(shell, commandsOf(page));
      const shown = { page, transcript };
      expect({ ...shown, failed: exits.filter((code) => code !== '0') }).toEqual({ ...shown, failed: [] });
      expect({ ...shown, refusals: statuses.filter((status) => !status.startsWith('2')) }).toEqual({
        ...shown,
        refusals,
      });
      expect(stdout).not.toContain('"error":');
      expect(statuses.length).toBeGreaterThan(3);
    }
  });
});

test('no shell command in the documentation has a comment behind it, which zsh would pass on as arguments', async () => {
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

/** zsh is rare outside CI, which must have it. */
function testIn(shell: keyof typeof SHELLS) {
  const isMissing = spawnSync(shell, ['--version']).error !== undefined;
  if (!isMissing || process.env['CI']) return test;
  process.stderr.write(`${shell} is not installed, so the documentation's commands are not tried in it.\n`);
  return test.skip;
}

function blocksOf(page: string): string[] {
  const text = readFileSync(`${ROOT}${page}`, 'utf8');
  return [...text.matchAll(/^```sh\n(.*?)^```$/gms)].map(([, block = '']) => block);
}

/** Those that need a clone of their own are tried by .ci/run. */
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

/** What looks like this clone, for the server of this test, and may be written to. curl reports each status in it. */
async function makeClone(): Promise<void> {
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

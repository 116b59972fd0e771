import { spawnSync } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test as jestTest } from '@jest/globals';
import { load } from 'js-yaml';
import { readConfig } from '../../src/config.ts';
import { PROGRAM, run, type ServerProcess, startServer } from '../support/server-process.ts';
import { createTestDatabase, isOnCitus, type TestDatabase } from '../support/test-database.ts';

/** A server with TEST_MODE=on refuses to start there. */
const test = isOnCitus ? jestTest.skip : jestTest;

const JEST = fileURLToPath(new URL('../../node_modules/jest/bin/jest.js', import.meta.url));
const hasPytest = spawnSync('pytest', ['--version']).status === 0;

let guide: string;
let folder: string;
let database: TestDatabase;
let server: ServerProcess;
let environment: Record<string, string>;

beforeAll(async () => {
  guide = await readFile(new URL('../../docs/test-double.md', import.meta.url), 'utf8');
  folder = await mkdtemp(join(tmpdir(), 'issue-links-guide-'));
  database = await createTestDatabase('template_issue_links');
  const [, variables = ''] = /^(INIT_ORG=.*) npm start$/m.exec(guide) ?? [];
  const init = Object.fromEntries(variables.split(' ').map((variable) => variable.split('=')));
  server = await startServer([...PROGRAM, 'serve'], { DATABASE_URL: database.url, ...init });
  environment = { TRACKER_URL: server.url };
});
afterAll(async () => {
  await server.stop();
  await database.drop();
  await rm(folder, { recursive: true, force: true });
});

/** The first block of code in that language. */
function block(language: string): string {
  const [, code = ''] = new RegExp(`\`\`\`${language}\\n([\\s\\S]*?)\`\`\``).exec(guide) ?? [];
  return code;
}

test('the example for Jest passes', async () => {
  await writeFile(join(folder, 'links.test.js'), block('js'));
  const outcome = await run([process.execPath, JEST, '--config', JSON.stringify({ rootDir: folder })], environment);
  expect(outcome.stderr).toContain('1 passed');
  expect(outcome.code).toBe(0);
});

(hasPytest && !isOnCitus ? jestTest : jestTest.skip)('the example for pytest passes', async () => {
  await writeFile(join(folder, 'test_links.py'), block('python'));
  const outcome = await run(['pytest', '-p', 'no:cacheprovider', join(folder, 'test_links.py')], environment);
  expect(outcome.stdout).toContain('1 passed');
});

test('each command of curl succeeds, with the token of this server', async () => {
  const commands = [...guide.matchAll(/^curl (?:[^\n]*\\\n)*[^\n]*/gm)].map(([command]) => command);
  expect(commands).toHaveLength(3);
  for (const command of commands) {
    const local = command.replace('alice-token', 'ci-token').replace('http://127.0.0.1:8080', server.url);
    const outcome = await run(['sh', '-c', `${local} -s -o /dev/null -w '%{http_code}'`], {});
    expect(outcome.stdout).toMatch(/^20[014]$/);
  }
});

test('the workflow starts a server that its configuration accepts', () => {
  const workflow = load(/```yaml\n([\s\S]*?)```/.exec(guide)?.[1] ?? '') as {
    jobs: { test: { steps: { env?: Record<string, string> }[] } };
  };
  const variables = workflow.jobs.test.steps.flatMap(({ env }) => (env?.['INIT_ORG'] === undefined ? [] : [env]));
  expect(readConfig(variables[0] ?? {})).toMatchObject({
    init: { orgId: '1', login: 'admin', token: 'ci-token', queue: 'CI' },
    testMode: true,
  });
});

test('the example for Testcontainers configures the image, and waits for a path that this server has', async () => {
  const example = block('ts');
  const [, variables = ''] = /withEnvironment\((\{\s+DATABASE_URL.*?\})\)/s.exec(example) ?? [];
  const config = readConfig(load(variables) as Record<string, string>);
  expect(config).toMatchObject({ init: { orgId: '1', token: 'ci-token', queue: 'CI' }, testMode: true });
  const [, path = '', port] = /Wait\.forHttp\('(.*)', (\d+)\)/.exec(example) ?? [];
  expect(example).toContain(`.withExposedPorts(${config.port})`);
  expect(port).toBe(String(config.port));
  expect((await fetch(server.url + path)).status).toBe(200);
});

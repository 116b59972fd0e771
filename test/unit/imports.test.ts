import { execFile } from 'node:child_process';
import { cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterEach, beforeEach, expect, test } from '@jest/globals';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const DEPCRUISE = join(ROOT, 'node_modules/dependency-cruiser/bin/dependency-cruise.mjs');

let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'imports-'));
  for (const file of ['.dependency-cruiser.mjs', 'tsconfig.json', 'package.json']) {
    await cp(join(ROOT, file), join(folder, file));
  }
});

afterEach(async () => {
  await rm(folder, { recursive: true });
});

/** The names of the import rules that these files violate. */
async function violatedRules(files: Record<string, string>): Promise<string[]> {
  for (const [file, text] of Object.entries(files)) {
    await mkdir(dirname(join(folder, file)), { recursive: true });
    await writeFile(join(folder, file), text);
  }
  const run = promisify(execFile)(process.execPath, [DEPCRUISE, '--config', '--output-type', 'json', 'src'], {
    cwd: folder,
  });
  const { stdout } = await run.catch((error: unknown) => error as { stdout: string });
  const { summary } = JSON.parse(stdout) as { summary: { violations: { rule: { name: string } }[] } };
  return [...new Set(summary.violations.map(({ rule }) => rule.name))].sort();
}

const leaf = 'export type Leaf = 1;\n';
const importing = (path: string) => `import type { Leaf } from '${path}';\nexport type Own = Leaf;\n`;

test.each([
  ['tracker', '../../kanboard/tasks/b.ts', 'src/tracker/links/a.ts', 'src/kanboard/tasks/b.ts', 'tracker-imports'],
  ['kanboard', '../../tracker/links/b.ts', 'src/kanboard/tasks/a.ts', 'src/tracker/links/b.ts', 'kanboard-imports'],
  ['core', '../../tracker/links/b.ts', 'src/core/links/a.ts', 'src/tracker/links/b.ts', 'core-imports'],
  ['core', '../../http/b.ts', 'src/core/links/a.ts', 'src/http/b.ts', 'core-imports'],
  ['database', '../core/links/b.ts', 'src/database/a.ts', 'src/core/links/b.ts', 'database-imports'],
  ['errors.ts', './core/links/b.ts', 'src/errors.ts', 'src/core/links/b.ts', 'errors-imports'],
])('%s must not import %s, not even a type', async (_folder, path, from, to, rule) => {
  expect(await violatedRules({ [from]: importing(path), [to]: leaf })).toContain(rule);
});

test('folders must not import each other in a cycle, even if no files do', async () => {
  const files = {
    'src/core/links/a.ts': importing('../issues/b.ts'),
    'src/core/issues/b.ts': leaf,
    'src/core/issues/c.ts': importing('../links/d.ts'),
    'src/core/links/d.ts': leaf,
  };
  expect(await violatedRules(files)).toEqual(['no-cycle-of-folders']);
});

test('services must not import contracts, stores no services and handlers no functions of stores', async () => {
  const files = {
    'src/tracker/links/a.service.ts': importing('../../contract/types.ts'),
    'src/contract/types.ts': leaf,
    'src/core/links/a.store.ts': `${importing('./a.service.ts')}export const select = 1;\n`,
    'src/core/links/a.service.ts': leaf,
    'src/tracker/links/a.rest.ts':
      "import { select } from '../../core/links/a.store.ts';\nexport const own = select;\n",
  };
  expect(await violatedRules(files)).toEqual([
    'handlers-call-services',
    'services-know-no-protocol',
    'stores-know-no-service',
  ]);
});

test('files that follow the rules violate none', async () => {
  const files = {
    'src/tracker/links/a.rest.ts': importing('../../core/links/a.store.ts'),
    'src/core/links/a.store.ts': leaf,
  };
  expect(await violatedRules(files)).toEqual([]);
});

import { execFile } from 'node:child_process';
import { cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { beforeAll, expect, test } from '@jest/globals';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const DEPCRUISE = join(ROOT, 'node_modules/dependency-cruiser/bin/dependency-cruise.mjs');

interface Violation {
  readonly rule: { readonly name: string };
  readonly from: string;
  readonly to: string;
}

/** The rules that imports between these files violate, as `rule: from -> to`. */
async function violations(files: Record<string, string>): Promise<string[]> {
  const folder = await mkdtemp(join(tmpdir(), 'imports-'));
  try {
    for (const file of ['.dependency-cruiser.mjs', 'tsconfig.json', 'package.json']) {
      await cp(join(ROOT, file), join(folder, file));
    }
    for (const [file, text] of Object.entries(files)) {
      await mkdir(dirname(join(folder, file)), { recursive: true });
      await writeFile(join(folder, file), text);
    }
    const args = [DEPCRUISE, '--config', '--output-type', 'json', 'src'];
    const { stdout } = await promisify(execFile)(process.execPath, args, { cwd: folder }).catch(
      (error: unknown) => error as { stdout: string },
    );
    const { summary } = JSON.parse(stdout) as { summary: { violations: Violation[] } };
    return summary.violations.map(({ rule, from, to }) => `${rule.name}: ${from} -> ${to}`);
  } finally {
    await rm(folder, { recursive: true });
  }
}

const leaf = 'export type Leaf = 1;\n';
const importing = (path: string) => `import type { Leaf } from '${path}';\nexport type Own = Leaf;\n`;

/** Imports that the rules allow, and those that the tests name. */
const FILES: Readonly<Record<string, string>> = {
  'src/tracker/one/a.ts': importing('../../kanboard/two/b.ts'),
  'src/kanboard/two/b.ts': leaf,
  'src/kanboard/one/a.ts': importing('../../tracker/two/b.ts'),
  'src/tracker/two/b.ts': leaf,
  'src/core/one/a.ts': importing('../../tracker/two/b.ts'),
  'src/core/one/b.ts': importing('../../http/c.ts'),
  'src/http/c.ts': leaf,
  'src/database/a.ts': importing('../core/two/b.ts'),
  'src/core/two/b.ts': leaf,
  'src/errors.ts': importing('./core/two/b.ts'),

  'src/core/left/a.ts': importing('../right/b.ts'),
  'src/core/right/b.ts': leaf,
  'src/core/right/c.ts': importing('../left/d.ts'),
  'src/core/left/d.ts': leaf,

  'src/tracker/links/a.service.ts': importing('../../contract/types.ts'),
  'src/contract/types.ts': leaf,
  'src/core/links/a.store.ts': `${importing('./a.service.ts')}export const select = 1;\n`,
  'src/core/links/a.service.ts': leaf,
  'src/tracker/links/a.rest.ts': "import { select } from '../../core/links/a.store.ts';\nexport const own = select;\n",
  'src/tracker/links/b.rest.ts': importing('../../core/links/b.store.ts'),
  'src/core/links/b.store.ts': leaf,
};

let found: string[];

beforeAll(async () => {
  found = await violations(FILES);
});

test.each([
  ['tracker', 'tracker-imports: src/tracker/one/a.ts -> src/kanboard/two/b.ts'],
  ['kanboard', 'kanboard-imports: src/kanboard/one/a.ts -> src/tracker/two/b.ts'],
  ['core', 'core-imports: src/core/one/a.ts -> src/tracker/two/b.ts'],
  ['core', 'core-imports: src/core/one/b.ts -> src/http/c.ts'],
  ['database', 'database-imports: src/database/a.ts -> src/core/two/b.ts'],
  ['errors.ts', 'errors-imports: src/errors.ts -> src/core/two/b.ts'],
])('%s must not import what is above it, not even a type: %s', (_folder, violation) => {
  expect(found).toContain(violation);
});

test('folders must not import each other in a cycle, even if no files do', () => {
  expect(found.filter((violation) => violation.startsWith('no-cycle')).sort()).toEqual([
    'no-cycle-of-folders: src/core/left -> src/core/right',
    'no-cycle-of-folders: src/core/right -> src/core/left',
  ]);
});

test('services must not import contracts, stores no services and handlers no functions of stores', () => {
  expect(found).toEqual(
    expect.arrayContaining([
      'services-know-no-protocol: src/tracker/links/a.service.ts -> src/contract/types.ts',
      'stores-know-no-service: src/core/links/a.store.ts -> src/core/links/a.service.ts',
      'handlers-call-services: src/tracker/links/a.rest.ts -> src/core/links/a.store.ts',
    ]),
  );
});

test('files that follow the rules violate none', () => {
  // The import of HTTP by the core, above, violates two rules.
  expect(found).toContain('services-know-no-protocol: src/core/one/b.ts -> src/http/c.ts');
  expect(found).toHaveLength(6 + 2 + 3 + 1);
});

import { cp, mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, utimes } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { type Outcome, run } from '../support/server-process.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const NOT_IN_A_CLONE = new Set(['.git', 'data', 'dist', 'node_modules']);

let folder: string;
let clone: string;
let packed: Outcome;

/** Packs a clone without a build. */
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'issue-links-package-'));
  clone = join(folder, 'clone');
  await cp(ROOT, clone, {
    recursive: true,
    filter: (source) => source === ROOT || !NOT_IN_A_CLONE.has(basename(source)),
  });
  await symlink(join(ROOT, 'node_modules'), join(clone, 'node_modules'));
  packed = await inFolder(clone, 'npm pack --json --silent');
});
afterAll(() => rm(folder, { recursive: true, force: true }));

test('npm pack builds first, and packs exactly the files that the program needs', async () => {
  expect(packed).toMatchObject({ code: 0, stderr: '' });
  const [{ files }] = JSON.parse(packed.stdout) as [{ files: { path: string }[] }];
  const paths = files.map(({ path }) => path).sort();
  expect(paths.filter((path) => !/^(db|deploy|dist|docs)\//.test(path))).toEqual([
    'CHANGELOG.md',
    'LICENSE',
    'NOTICE',
    'README.md',
    'SECURITY.md',
    'bin/issue-links.js',
    'llms.txt',
    'openapi.yaml',
    'openrpc.yaml',
    'package.json',
  ]);
  for (const folder of ['db', 'deploy']) {
    expect(paths.filter((path) => path.startsWith(`${folder}/`))).toEqual(await filesIn(folder));
  }
  // The contracts of the originals, the decisions and how to develop the server are for those who change it.
  const guides = (await filesIn('docs')).filter((path) => !/^docs\/(contract|decisions|development)/.test(path));
  expect(paths.filter((path) => path.startsWith('docs/'))).toEqual(guides);
  expect(guides).toEqual(
    expect.arrayContaining(['docs/links.svg', 'docs/quickstart.md', 'docs/test-double/seed.yaml']),
  );
  expect(paths).toEqual(expect.arrayContaining(['dist/bundle/main.js', 'dist/bundle/watchdog.js']));
  // The modules that the bundle consists of are for scripts and tests.
  const others = paths.filter((path) => /^dist\//.test(path) && !/^dist\/(bundle|swagger-ui)\//.test(path));
  const contracts = ['docs.json', 'openapi-3.0.json', 'openapi.json', 'openrpc.json'];
  expect(others).toEqual(contracts.map((name) => `dist/contract/${name}`));
  expect(paths).toContain('dist/swagger-ui/swagger-ui-bundle.js');
});

test('the program of the unpacked package starts', async () => {
  const [{ filename, version }] = JSON.parse(packed.stdout) as [{ filename: string; version: string }];
  const installed = join(folder, 'installed');
  await mkdir(installed);
  await symlink(join(ROOT, 'node_modules'), join(installed, 'node_modules'));
  expect(await inFolder(installed, `tar -xzf ${join(clone, filename)}`)).toMatchObject({ code: 0 });

  const program = [process.execPath, join(installed, 'package', 'bin', 'issue-links.js')];
  expect(await run([...program, '--version'], {})).toMatchObject({ code: 0, stdout: `${version}\n`, stderr: '' });
  const help = await run([...program, 'serve', '--help'], {});
  expect(help).toMatchObject({ code: 0, stdout: expect.stringContaining('--reset'), stderr: '' });
});

test.each(['openapi.yaml', 'openapi-kanboard.yaml', 'openrpc.yaml', 'src/main.ts'])(
  'npm start builds again after a change to %s',
  async (file) => {
    const isBuilt = `node -e "import('./scripts/is-built.js').then(({ isBuilt }) => console.log(isBuilt()))"`;
    const { mtime } = await stat(join(clone, file));
    expect((await inFolder(clone, isBuilt)).stdout).toMatch(/^true$/m);
    await utimes(join(clone, file), new Date(), new Date(Date.now() + 60_000));
    expect((await inFolder(clone, isBuilt)).stdout).toMatch(/^false$/m);
    await utimes(join(clone, file), mtime, mtime);
  },
);

test('npm ci does not build', async () => {
  const { scripts } = JSON.parse(await readFile(join(ROOT, 'package.json'), 'utf8')) as { scripts: object };
  for (const script of ['prepare', 'install', 'preinstall', 'postinstall']) expect(scripts).not.toHaveProperty(script);
});

function inFolder(path: string, command: string): Promise<Outcome> {
  return run(['sh', '-c', `cd "$0" && ${command}`, path], { npm_config_cache: join(folder, 'npm-cache') });
}

async function filesIn(name: string): Promise<string[]> {
  const entries = await readdir(join(ROOT, name), { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(ROOT.length))
    .sort();
}

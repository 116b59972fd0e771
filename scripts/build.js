// Builds a fresh dist, so that no file of an older build remains. The program is in dist/bundle, because Node would take
// 300 ms longer to load each module from a file of its own (docs/decisions/0032-bundle.md). The other code in dist is for
// scripts and tests, which import modules of the server; the package omits it. The contracts become JSON, which the server
// reads at its start. The files of Swagger UI that /docs serves are copied. If swagger-ui-dist were a production dependency,
// it would bring @scarf/scarf, whose install script reports each installation to a third party: the overrides in package.json
// replace it in a clone, but not in an installed package.
import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { buildSync } from 'esbuild';
import swaggerUiFolder from 'swagger-ui-dist/absolute-path.js';
import { contractFiles } from './contracts.js';

/** The files that src/docs.ts serves, and the licences that must accompany them. */
const SWAGGER_UI_FILES = [
  'swagger-ui.css',
  'swagger-ui-bundle.js',
  'favicon-32x32.png',
  'LICENSE',
  'NOTICE',
  'swagger-ui-bundle.js.LICENSE.txt',
];

export function build() {
  const root = new URL('../', import.meta.url);
  rmSync(new URL('dist', root), { recursive: true, force: true });
  const tsc = fileURLToPath(new URL('node_modules/typescript/bin/tsc', root));
  // Checking the types takes three times as long as the build itself, and is done by `npm run check:types`.
  const { status } = spawnSync(process.execPath, [tsc, '-p', 'tsconfig.build.json', '--noCheck'], {
    cwd: fileURLToPath(root),
    stdio: 'inherit',
  });
  if (status !== 0) return false;
  for (const [name, contract] of Object.entries(contractFiles())) {
    writeFileSync(new URL(`dist/contract/${name}`, root), JSON.stringify(contract));
  }
  mkdirSync(new URL('dist/swagger-ui', root));
  for (const file of SWAGGER_UI_FILES) {
    copyFileSync(`${swaggerUiFolder()}/${file}`, new URL(`dist/swagger-ui/${file}`, root));
  }
  bundle(root);
  return true;
}

/** What the program imports lazily stays in files of its own. Dependencies stay packages, which their owners can update. */
function bundle(root) {
  buildSync({
    absWorkingDir: fileURLToPath(root),
    entryPoints: ['src/main.ts', 'src/embedded-postgres/watchdog.ts'],
    outdir: 'dist/bundle',
    entryNames: '[name]',
    bundle: true,
    splitting: true,
    packages: 'external',
    format: 'esm',
    platform: 'node',
    target: 'node20.19',
    sourcemap: true,
    sourcesContent: false,
  });
}

if (process.argv[1] === fileURLToPath(import.meta.url)) process.exitCode = build() ? 0 : 1;

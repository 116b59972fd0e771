// Compiles src to a fresh dist, so that no file of an older build remains, converts the contracts to JSON, which the server
// reads at its start, and copies the files of Swagger UI that /docs serves. If swagger-ui-dist were a production dependency, it would bring @scarf/scarf, whose install script reports each
// installation to a third party: the overrides in package.json replace it in a clone, but not in an installed package.
import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
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
  return true;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) process.exitCode = build() ? 0 : 1;

import { existsSync, readdirSync, statSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../', import.meta.url));

/** Whether the build is at least as new as the sources and the contracts. An installed package is built and has no src. */
export function isBuilt() {
  const built = `${root}dist/bundle/main.js`;
  if (!existsSync(built)) return false;
  if (!existsSync(`${root}src`)) return true;
  const sources = readdirSync(`${root}src`, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => `${entry.parentPath}/${entry.name}`);
  const { mtimeMs } = statSync(built);
  const contracts = ['openapi.yaml', 'openapi-kanboard.yaml', 'openrpc.yaml'].map((name) => `${root}${name}`);
  return [...sources, ...contracts].every((file) => statSync(file).mtimeMs <= mtimeMs);
}

import { existsSync, readdirSync, statSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../', import.meta.url));

/** Whether the build is at least as new as the sources. An installed package is built and has no src. */
export function isBuilt() {
  const built = `${root}dist/main.js`;
  return existsSync(built) && !isNewer(`${root}src`, statSync(built).mtimeMs);
}

function isNewer(folder, time) {
  if (!existsSync(folder)) return false;
  return readdirSync(folder, { recursive: true, withFileTypes: true }).some(
    (entry) => entry.isFile() && statSync(`${entry.parentPath}/${entry.name}`).mtimeMs > time,
  );
}

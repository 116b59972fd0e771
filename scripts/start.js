// `npm start` builds if the sources are newer than the build, then serves in the same process, so that signals reach the
// server. npm signals only the shell it started, and dash exits on SIGTERM without forwarding it. The script in
// package.json therefore defines `node` as a function that replaces the shell and calls it at the end of the line, where
// npm appends arguments. On Windows the first half is an unknown command, and the second half runs node.
import { existsSync, readdirSync, statSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../', import.meta.url));
const built = `${root}dist/main.js`;

if (!existsSync(built) || isNewer(`${root}src`, statSync(built).mtimeMs)) {
  const { build } = await import('./build.js');
  if (!build()) process.exit(1);
}
process.argv.splice(2, 0, 'serve');
await import('../dist/main.js');

/** False for an installed package, which is already built and has no src. */
function isNewer(folder, time) {
  if (!existsSync(folder)) return false;
  return readdirSync(folder, { recursive: true, withFileTypes: true }).some(
    (entry) => entry.isFile() && statSync(`${entry.parentPath}/${entry.name}`).mtimeMs > time,
  );
}

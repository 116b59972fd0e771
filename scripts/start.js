// `npm start`: builds when the sources are newer than the build, then serves in this same process, so that a signal
// to it reaches the server. npm sends signals to the shell that it starts, and some shells die of them alone: `exec`
// puts node in the shell's place, and where the shell has no such word (Windows) the second half of the line starts node.
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

/** An installed package comes built and has no src. */
function isNewer(folder, time) {
  if (!existsSync(folder)) return false;
  return readdirSync(folder, { recursive: true, withFileTypes: true }).some(
    (entry) => entry.isFile() && statSync(`${entry.parentPath}/${entry.name}`).mtimeMs > time,
  );
}

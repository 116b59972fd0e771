// `npm start` builds if the sources are newer than the build, then serves in the same process, so that signals reach the
// server. npm signals only the shell it started, and dash exits on SIGTERM without forwarding it. The script in
// package.json therefore defines `node` as a function that replaces the shell and calls it at the end of the line, where
// npm appends arguments. On Windows the first half is an unknown command, and the second half runs node.
import { isBuilt } from './is-built.js';

if (!isBuilt()) {
  const { build } = await import('./build.js');
  if (!build()) process.exit(1);
}
process.argv.splice(2, 0, 'serve');
await import('../bin/issue-links.js');

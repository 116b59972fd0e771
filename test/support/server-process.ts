import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll } from '@jest/globals';
import { useDatabase } from './test-database.ts';

const PROGRAM = fileURLToPath(new URL('../../bin/issue-links.js', import.meta.url));
const LISTENING = /is listening on (\S+)/;

export interface ServerProcess {
  /** Its base URL. */
  readonly url: string;
  stop(): Promise<void>;
}

/** The real server in a process of its own, over the database at that URL. */
export async function startServer(
  databaseUrl: string,
  environment: Record<string, string> = {},
): Promise<ServerProcess> {
  const server = spawn(process.execPath, [PROGRAM, 'serve'], {
    env: { PATH: process.env['PATH'], PORT: '0', DATABASE_URL: databaseUrl, LOG_LEVEL: 'warn', ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  return {
    url: await urlPrinted(server),
    async stop() {
      if (server.exitCode !== null) return;
      server.kill('SIGTERM');
      await once(server, 'exit');
    },
  };
}

/** A server with the demo, over a database of this file's own; by its base URL. */
export function useDemoServer(): () => string {
  const database = useDatabase();
  let server: ServerProcess | undefined;

  beforeAll(async () => {
    server = await startServer(database().url, { DEMO: 'on' });
  });
  afterAll(async () => {
    await server?.stop();
  });
  return () => {
    if (server === undefined) throw new Error('The server is there once the tests run.');
    return server.url;
  };
}

async function urlPrinted(server: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    let output = '';
    const read = (chunk: Buffer) => {
      output += chunk.toString();
      const [, url] = LISTENING.exec(output) ?? [];
      if (url !== undefined) resolve(url);
    };
    server.stdout?.on('data', read);
    server.stderr?.on('data', read);
    server.once('error', reject);
    server.once('exit', () => {
      reject(new Error(`The server ended before it listened: ${output}`));
    });
  });
}

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll } from '@jest/globals';
import { useDatabase } from './test-database.ts';

const PROGRAM = fileURLToPath(new URL('../../bin/issue-links.js', import.meta.url));
const LISTENING = /is listening on (\S+)/;

/** The real server in a process of its own, with the demo, over a database of this file's own; by its base URL. */
export function useDemoServer(): () => string {
  const database = useDatabase();
  let server: ChildProcess | undefined;
  let url: string | undefined;

  beforeAll(async () => {
    server = spawn(process.execPath, [PROGRAM, 'serve'], {
      env: { PATH: process.env['PATH'], PORT: '0', DATABASE_URL: database().url, DEMO: 'on', LOG_LEVEL: 'warn' },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    url = await urlPrinted(server);
  });
  afterAll(async () => {
    if (server === undefined || server.exitCode !== null) return;
    server.kill('SIGTERM');
    await once(server, 'exit');
  });
  return () => {
    if (url === undefined) throw new Error('The server is there once the tests run.');
    return url;
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

import { spawn } from 'node:child_process';
import { open } from 'node:fs/promises';
import type { Socket } from 'node:net';
import { fileURLToPath } from 'node:url';
import { PACKAGE_ROOT } from '../package/package-root.ts';
import type { Cluster } from './cluster.ts';

export interface Watchdog {
  /** We have left, so there is nothing left to watch. */
  dismiss(): void;
  /** Simulates our death: the watchdog stops the server unless another process is attached. */
  release(): void;
}

/** The compiled program, also when this module runs from `src`: Node 20 does not run TypeScript. */
const PROGRAM = fileURLToPath(new URL('dist/bundle/watchdog.js', PACKAGE_ROOT));

/** A shell waits in 1 MB where node takes 40, and becomes node only when there is work to do. */
const WAIT = 'unset NODE_OPTIONS; read -r line && exit; exec "$@"';

/** Starts watchdog.ts, which learns of our death from a pipe: the system closes our end whatever happens to us. */
export async function startWatchdog({ dataDir, logFile }: Cluster): Promise<Watchdog> {
  const node = [process.execPath, PROGRAM, dataDir];
  const [command = '', ...args] = process.platform === 'win32' ? node : ['/bin/sh', '-c', WAIT, 'sh', ...node];
  const log = await open(logFile, 'a', 0o600);
  try {
    const child = spawn(command, args, {
      cwd: '/',
      detached: true,
      windowsHide: true,
      stdio: ['pipe', log.fd, log.fd],
    });
    // Without a watchdog everything still works, except that a server may outlive us until the next start finds it.
    child.on('error', () => undefined);
    child.unref();
    // `spawn` uses a socket for a pipe, although its type omits that.
    const pipe = child.stdin as Socket;
    pipe.on('error', () => undefined);
    pipe.unref();
    return {
      dismiss: () => pipe.end('left\n'),
      release: () => pipe.end(),
    };
  } finally {
    await log.close();
  }
}

// Starts the servers that are compared, each in a process of its own.
import { fork, spawn } from 'node:child_process';
import { once } from 'node:events';
import { open } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../', import.meta.url));
const START_MS_MAX = 30_000;

/** Starts the build as `npm start` does, with default settings, logging to a file, and waits until it is ready. */
export async function startServer(folder, environment) {
  const { PATH, HOME } = process.env;
  const port = await findFreePort();
  const log = await open(join(folder, 'server.log'), 'a');
  const started = performance.now();
  const child = spawn(process.execPath, [`${ROOT}bin/issue-links.js`, 'serve'], {
    env: { PATH, HOME, DEMO: 'off', ...environment, PORT: String(port) },
    stdio: ['ignore', log.fd, log.fd],
  });
  await log.close();
  const url = `http://127.0.0.1:${port}`;
  while (!(await isReady(url))) {
    if (child.exitCode !== null || performance.now() - started > START_MS_MAX) {
      throw new Error(`The server does not start; see ${join(folder, 'server.log')}`);
    }
    await sleep(10);
  }
  return { ...handleOf(child), url, readyMs: performance.now() - started };
}

/** Starts a program of bench/peers, which sends its port when it listens. */
export async function startPeer(name, options) {
  const child = fork(fileURLToPath(new URL(`peers/${name}.js`, import.meta.url)), {
    env: { ...process.env, NODE_ENV: 'production', BENCH_PEER: JSON.stringify(options) },
  });
  const ended = once(child, 'exit').then(() => {
    throw new Error(`The peer ${name} does not start.`);
  });
  const [port] = await Promise.race([once(child, 'message'), ended]);
  return { ...handleOf(child), url: `http://127.0.0.1:${port}` };
}

function handleOf(child) {
  return {
    pid: child.pid,
    async stop() {
      if (child.exitCode !== null || child.signalCode !== null) return;
      const end = once(child, 'exit');
      child.kill('SIGTERM');
      await end;
    },
  };
}

async function isReady(url) {
  return await fetch(`${url}/readyz`).then(
    (response) => response.ok,
    () => false,
  );
}

async function findFreePort() {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address();
  server.close();
  return port;
}

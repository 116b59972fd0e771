/**
 * A separate program, spawned by start-watchdog.ts. It waits until the service is gone, even by `kill -9`, and then
 * stops the server unless another process is attached. A line on standard input means that the service has
 * exited cleanly; the end of standard input means that it died.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { ALONE_QUERY, type AloneRow } from './attached-lock.ts';
import { clusterIn, readPassword, SUPERUSER } from './cluster.ts';
import { readLockFile, stopServer } from './server.ts';

/** The system needs a moment to close the connection of a process that died. */
const LEAVE_MS = 2_000;
/** A server may still be starting or recovering. */
const START_MS = 30_000;
const ABSENT_MS = 1_000;
const PAUSE_MS = 20;

const cluster = clusterIn(process.argv[2] ?? '');

process.stdin.on('data', exit).on('end', () => {
  // It fails when another process stops the server at the same moment, which is fine.
  stopIfAlone().catch(exit);
});

async function stopIfAlone(): Promise<void> {
  const client = await reachServer();
  const start = Date.now();
  while (Date.now() - start < LEAVE_MS) {
    const { rows } = await client.query<AloneRow>(ALONE_QUERY);
    if (rows[0]?.alone) {
      console.log('The last process that used this server died without stopping it. Stopping it now.');
      await stopServer(rows[0].pid);
      // The server closes our connection when it stops, and we exit too. Until then our lock keeps other processes out.
      await sleep(START_MS);
      break;
    }
    await sleep(PAUSE_MS);
  }
  process.exit();
}

async function reachServer(): Promise<pg.Client> {
  const start = Date.now();
  for (;;) {
    const lock = await readLockFile(cluster);
    const client = lock && (await connect(lock.address).catch(() => undefined));
    if (client) return client;
    if (Date.now() - start > (lock ? START_MS : ABSENT_MS)) process.exit();
    await sleep(PAUSE_MS);
  }
}

async function connect(address: { host: string; port: number }): Promise<pg.Client> {
  const client = new pg.Client({
    ...address,
    database: 'postgres',
    user: SUPERUSER,
    password: await readPassword(cluster),
    connectionTimeoutMillis: 5_000,
  });
  client.on('error', () => undefined);
  await client.connect();
  client.on('end', exit);
  return client;
}

function exit(): void {
  process.exit();
}

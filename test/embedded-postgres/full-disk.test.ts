import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, open, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from '@jest/globals';
import pg from 'pg';
import { useService } from './service.ts';

const execute = promisify(execFile);

const service = useService();

const canMount =
  process.platform === 'linux' &&
  process.getuid?.() === 0 &&
  (await withDisk(await mkdtemp(join(tmpdir(), 'mount-')), () => Promise.resolve()).then(
    () => true,
    () => false,
  ));

(canMount ? test : test.skip)('the service recovers from a full disk as soon as there is space', async () => {
  const { dataDir } = service();
  await mkdir(dataDir);
  await withDisk(dataDir, async () => {
    await service().start();
    await fill(join(dataDir, 'ballast'));
    // PostgreSQL cannot create the next WAL segment, and stops.
    await expect(query('select pg_switch_wal()', 'create table t (n integer)', 'checkpoint')).rejects.toThrow();
    await service().until(() => service().failures().length >= 2);
    expect(await service().status('/readyz')).toBe(503);

    await rm(join(dataDir, 'ballast'));
    await service().until(async () => (await service().status('/readyz')) === 200);
    expect(await service().status('/healthz')).toBe(200);
    const links = await fetch(`${service().url}/v2/issues/JUNE-2/links`, {
      headers: { Authorization: 'OAuth demo-token' },
    });
    expect(links.status).toBe(200);
    await service().stop();
  });
});

async function query(...statements: string[]): Promise<void> {
  const host = join(service().dataDir, 'postgres');
  const password = (await readFile(join(host, 'password'), 'utf8')).trim();
  const client = new pg.Client({ host, port: 5432, user: 'postgres', password, database: 'issue_links' });
  client.on('error', () => undefined);
  await client.connect();
  try {
    for (const statement of statements) await client.query(statement);
  } finally {
    await client.end();
  }
}

/** Runs `work` with a small disk mounted at `path`. */
async function withDisk(path: string, work: () => Promise<void>): Promise<void> {
  await execute('mount', ['-t', 'tmpfs', '-o', 'size=128m,mode=755', 'tmpfs', path]);
  try {
    await work();
  } finally {
    await execute('umount', ['--lazy', path]);
  }
}

async function fill(file: string): Promise<void> {
  const handle = await open(file, 'w');
  try {
    for (let size = 1_048_576; size >= 1; size = Math.floor(size / 2)) {
      const chunk = Buffer.alloc(size);
      while (
        await handle.appendFile(chunk).then(
          () => true,
          () => false,
        )
      );
    }
  } finally {
    await handle.close();
  }
}

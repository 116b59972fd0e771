import { readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { startEmbeddedPostgres } from '../../src/embedded-postgres/embedded-postgres.ts';
import { useService } from './service.ts';

const service = useService();

test('the service restarts PostgreSQL as soon as it can start again', async () => {
  await service().start();
  const settings = join(service().dataDir, 'postgres', 'postgresql.auto.conf');
  const before = await readFile(settings);
  await writeFile(settings, 'shared_buffers = plenty\n');
  await service().crash();
  expect(await service().status('/healthz')).toBe(200);

  // Five rounds of three starts each. Giving up after the first would end the service for good.
  await service().until(async () => (await service().status('/healthz')) === 503);
  expect(await service().status('/readyz')).toBe(503);
  const response = await fetch(`${service().url}/healthz`);
  expect(response.headers.get('retry-after')).toMatch(/^[1-9]\d*$/);
  expect(await response.json()).toEqual({
    status: 'unavailable',
    problem: 'the embedded PostgreSQL is not recovering: see the log',
  });
  expect(service().failures()).toHaveLength(5);
  expect(service().failures()[0]).toContain('invalid value for parameter \\"shared_buffers\\": \\"plenty\\"');

  await writeFile(settings, before);
  await service().until(async () => (await service().status('/readyz')) === 200);
  expect(await service().status('/healthz')).toBe(200);
});

test('a missing data folder makes /healthz fail, and the service recovers once it is back', async () => {
  await service().start();
  await rename(join(service().dataDir, 'postgres'), join(service().folder, 'elsewhere'));
  await service().crash(join(service().folder, 'elsewhere'));
  await service().until(async () => (await service().status('/healthz')) === 503);
  expect(service().failures()).toHaveLength(1);

  await rename(join(service().folder, 'elsewhere'), join(service().dataDir, 'postgres'));
  await service().until(async () => (await service().status('/readyz')) === 200);
  expect(await service().status('/healthz')).toBe(200);
});

test('a service whose PostgreSQL does not restart still shuts down with exit code 0', async () => {
  await service().start();
  await rename(join(service().dataDir, 'postgres'), join(service().folder, 'elsewhere'));
  await service().crash(join(service().folder, 'elsewhere'));
  await service().until(async () => (await service().status('/healthz')) === 503);
  expect(await service().stop()).toEqual({ code: 0, signal: null });
});

test('several users of a PostgreSQL that crashes start it again together, without a failed attempt', async () => {
  let returned = 0;
  const failed: object[] = [];
  const log = {
    info(_details: object, message: string) {
      if (message.includes('is back')) returned += 1;
    },
    warn: () => undefined,
    error: (details: object) => void failed.push(details),
  };
  const options = { dataDir: service().dataDir, create: true, durability: 'disposable', log } as const;
  const users = [
    await startEmbeddedPostgres(options),
    ...(await Promise.all(Array.from({ length: 3 }, () => startEmbeddedPostgres(options)))),
  ];
  for (let crashes = 1; crashes <= 5; crashes += 1) {
    const [pid = ''] = (await readFile(join(service().dataDir, 'postgres', 'postmaster.pid'), 'utf8')).split('\n');
    process.kill(Number(pid), 'SIGKILL');
    await service().until(() => returned === crashes * users.length);
  }
  expect(failed).toEqual([]);
  for (const user of users) await user.stop();
});

import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, expect } from '@jest/globals';
import { PROGRAM, type ServerProcess, startServer } from '../support/server-process.ts';
import { remainingProcesses } from './installation.ts';

/** A service with an embedded PostgreSQL. */
export class Service {
  readonly folder: string;
  readonly dataDir: string;
  #server: ServerProcess | undefined;

  constructor(folder: string) {
    this.folder = folder;
    this.dataDir = join(folder, 'data');
  }

  get url(): string | undefined {
    return this.#server?.url;
  }

  async start(): Promise<void> {
    this.#server = await startServer([...PROGRAM, 'serve'], { DATA_DIR: this.dataDir });
  }

  async stop(): Promise<Awaited<ReturnType<ServerProcess['stop']>> | undefined> {
    const exit = await this.#server?.stop();
    this.#server = undefined;
    return exit;
  }

  async status(path: string): Promise<number> {
    return (await fetch(`${this.url}${path}`)).status;
  }

  /** The log lines of failed restarts. */
  failures(): string[] {
    return (this.#server?.output() ?? '').split('\n').filter((line) => line.includes('could not be brought back'));
  }

  /** Kills PostgreSQL, and waits until the service has noticed. */
  async crash(cluster = join(this.dataDir, 'postgres')): Promise<void> {
    process.kill(Number.parseInt(await readFile(join(cluster, 'postmaster.pid'), 'utf8'), 10), 'SIGKILL');
    await this.until(() => (this.#server?.output() ?? '').includes('The embedded PostgreSQL is gone'));
  }

  async until(condition: () => boolean | Promise<boolean>): Promise<void> {
    for (const deadline = Date.now() + 60_000; !(await condition()); await sleep(50)) {
      if (Date.now() > deadline)
        throw new Error(`The condition did not hold within 60 s. The server wrote: ${this.#server?.output()}`);
    }
  }
}

/** A service for each test of a file, not started yet, in a folder of its own. It must leave no process behind. */
export function useService(): () => Service {
  let service: Service;
  beforeEach(async () => {
    service = new Service(await mkdtemp(join(tmpdir(), 'recovery-')));
  });
  afterEach(async () => {
    await service.stop();
    const left = await remainingProcesses(service.folder, 10_000);
    await rm(service.folder, { recursive: true, force: true });
    expect(left).toEqual([]);
  });
  return () => service;
}

import { readFile } from 'node:fs/promises';
import { totalmem } from 'node:os';
import { join } from 'node:path';
import type { Cluster } from './cluster.ts';

const MIB = 2 ** 20;
const SHARE = 1 / 8;
const MIB_MIN = 128;
const MIB_MAX = 1024;

/**
 * The setting `shared_buffers` for the server of a cluster: undefined if `alter system` has set it, as a setting of the
 * command line would override that. PostgreSQL's default of 128 MB holds less than half of 100 000 issues and their links.
 */
export async function chooseSharedBuffers(cluster: Cluster): Promise<string | undefined> {
  const altered = await readFile(join(cluster.folder, 'postgresql.auto.conf'), 'utf8').catch(() => '');
  if (/^\s*shared_buffers\b/m.test(altered)) return undefined;
  return sharedBuffersFor(totalmem(), process.constrainedMemory());
}

/**
 * A share of the memory of the machine, or of the container if that has less, since other programs need memory as well;
 * in bytes. Without a container, Node.js reports 0 or more than the machine has.
 */
export function sharedBuffersFor(machineMemory: number, containerMemory: number): string {
  const memory = Math.min(machineMemory, containerMemory || Number.POSITIVE_INFINITY);
  const mib = Math.floor((memory * SHARE) / MIB);
  return `${Math.min(Math.max(mib, MIB_MIN), MIB_MAX)}MB`;
}

import { totalmem } from 'node:os';

const MIB = 2 ** 20;
const SHARE = 1 / 8;
const MIB_MIN = 128;
const MIB_MAX = 1024;

/** The memory of this machine, or of the container that this process is in, if that has less; in bytes. */
export function availableMemory(): number {
  return Math.min(totalmem(), process.constrainedMemory() || Number.POSITIVE_INFINITY);
}

/**
 * PostgreSQL's setting `shared_buffers` for a server on a machine with that much memory, which other programs need as
 * well. The default of 128 MB holds less than half of 100 000 issues and their links. A page of it takes memory only once
 * it holds data.
 */
export function sharedBuffersFor(memory: number): string {
  const mib = Math.floor((memory * SHARE) / MIB);
  return `${Math.min(Math.max(mib, MIB_MIN), MIB_MAX)}MB`;
}

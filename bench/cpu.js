// The CPU time of processes, from /proc. On other systems the figures are undefined.
import { existsSync, readFileSync } from 'node:fs';

const hasProc = existsSync('/proc/self/stat');
/** USER_HZ, in which /proc counts; it is 100 on every Linux that Node runs on. */
const TICKS_PER_SECOND = 100;

/** Seconds of CPU that a process has used, with all of its children, ended ones included. */
export function cpuOfFamily(pid) {
  if (!hasProc) return undefined;
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ').filter(Boolean);
  const { own, endedChildren } = ticksOf(pid);
  return children.reduce((sum, child) => sum + ticksOf(child).own, own + endedChildren) / TICKS_PER_SECOND;
}

/** Bytes of resident memory. */
export function residentBytes(pid) {
  if (!hasProc) return undefined;
  return 1024 * Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]);
}

function ticksOf(pid) {
  try {
    // The second field is the name in parentheses, which may contain spaces.
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
      .replace(/^.*\) /s, '')
      .split(' ')
      .map(Number);
    return { own: fields[11] + fields[12], endedChildren: fields[13] + fields[14] };
  } catch {
    return { own: 0, endedChildren: 0 };
  }
}

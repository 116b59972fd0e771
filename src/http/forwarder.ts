import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import type { Socket } from 'node:net';

/** A TCP socket of this machine. */
interface SocketRow {
  readonly localPort: number;
  readonly remotePort: number;
  readonly isListening: boolean;
  readonly uid: number;
  /** Zero once no process holds it. */
  readonly inode: string;
}

/** User ids of people and of root; the others belong to system services (systemd's UIDS-GIDS, useradd's UID_MIN). */
const isPerson = (uid: number) => uid === 0 || (uid >= 1000 && uid <= 60_000);

const verdicts = new WeakMap<Socket, boolean>();

/**
 * Whether the program at the other end of a loopback connection forwards the connections of others: it runs as a system
 * service, such as nginx, or holds a connection that it has accepted. Found out once for each connection, where /proc is
 * that of Linux; elsewhere, and for processes that we may not inspect, false.
 */
export function isForwarded(socket: Socket): boolean {
  let verdict = verdicts.get(socket);
  if (verdict === undefined) {
    verdict = findForwarder(socket);
    verdicts.set(socket, verdict);
  }
  return verdict;
}

function findForwarder({ localPort, remotePort }: Socket): boolean {
  const isPeer = (row: SocketRow) => row.localPort === remotePort && row.remotePort === localPort && row.inode !== '0';
  // One look serves all connections that were open then.
  if (performance.now() > seen.at + LOOK_AGE_MAX_MS || !seen.rows.some(isPeer)) seen = look();
  const peer = seen.rows.find(isPeer);
  if (peer === undefined) return false;
  if (!isPerson(peer.uid) && peer.uid !== process.getuid?.()) return true;
  const inodes = inodesBesides(peer.inode, seen.inodes);
  return seen.rows.some((row) => !row.isListening && inodes.has(row.inode) && seen.listening.has(row.localPort));
}

const LOOK_AGE_MAX_MS = 1000;

/** The sockets of this machine at a moment. */
interface Look {
  readonly at: number;
  readonly rows: readonly SocketRow[];
  readonly listening: ReadonlySet<number>;
  /** The inodes of the sockets of processes, by pid, as far as they were needed. */
  readonly inodes: Map<string, ReadonlySet<string>>;
}

let seen: Look = { at: -Infinity, rows: [], listening: new Set(), inodes: new Map() };

function look(): Look {
  const rows = socketRows();
  const listening = new Set(rows.filter((row) => row.isListening).map((row) => row.localPort));
  return { at: performance.now(), rows, listening, inodes: new Map() };
}

function socketRows(): SocketRow[] {
  return ['/proc/self/net/tcp', '/proc/self/net/tcp6'].flatMap((file) =>
    orNothing(() => readFileSync(file, 'latin1'), '')
      .split('\n')
      .slice(1)
      .filter((line) => line !== '')
      .map((line) => {
        const [, local = '', remote = '', state, , , , uid, , inode = '0'] = line.trim().split(/\s+/);
        const portOf = (address: string) => Number.parseInt(address.slice(address.indexOf(':') + 1), 16);
        return {
          localPort: portOf(local),
          remotePort: portOf(remote),
          isListening: state === '0A',
          uid: Number(uid),
          inode,
        };
      }),
  );
}

/** The process that was found last: it often opens more connections. */
let lastPid = '';

/** The inodes of all sockets of the process that holds this one; none if it is not found, or is this process. */
function inodesBesides(inode: string, known: Look['inodes']): ReadonlySet<string> {
  const pids = function* () {
    yield lastPid;
    yield* orNothing(() => readdirSync('/proc'), []).filter((name) => /^\d+$/.test(name));
  };
  for (const pid of pids()) {
    const inodes = known.get(pid) ?? socketsOf(pid);
    known.set(pid, inodes);
    if (!inodes.has(inode)) continue;
    lastPid = pid;
    return Number(pid) === process.pid ? new Set() : inodes;
  }
  return new Set();
}

function socketsOf(pid: string): Set<string> {
  const folder = `/proc/${pid}/fd`;
  const links = orNothing(() => readdirSync(folder), []).map((fd) =>
    orNothing(() => readlinkSync(`${folder}/${fd}`), ''),
  );
  return new Set(links.flatMap((link) => /^socket:\[(\d+)\]$/.exec(link)?.[1] ?? []));
}

/** The process may have ended, or belong to another user. */
function orNothing<Value>(read: () => Value, nothing: Value): Value {
  try {
    return read();
  } catch {
    return nothing;
  }
}

import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { type Address, addressesOf, type Connection, nameOf } from './connection.ts';
import { destroy } from './row-query.ts';
import { StandbyError } from './session.ts';

interface Log {
  warn(details: object, message: string): void;
}

/** What a server reports about itself. */
interface Probe {
  readonly address: Address;
  readonly system: string;
  readonly isStandby: boolean;
  readonly isReadOnly: boolean;
  /** Each promotion starts a timeline with a higher number; undefined on a standby. */
  readonly timeline: string | null;
}

const PROBE_TIMEOUT_MS = 2000;
/** The shortest time from one search to the next. */
const SEARCH_PAUSE_MS = 250;

/** Also tells a primary that came back after its standby had been promoted from that standby, which is ahead of it. */
const PROBE = `
  select system_identifier::text as system, pg_is_in_recovery() as "isStandby",
    current_setting('default_transaction_read_only')::boolean as "isReadOnly",
    case when not pg_is_in_recovery() then left(pg_walfile_name(pg_current_wal_lsn()), 8) end as timeline
  from pg_control_system()`;

/**
 * Finds the primary among several hosts, since node-postgres knows only one, and follows a promotion. With a single host
 * there is nothing to find.
 */
export class Primary {
  readonly #connection: Connection;
  readonly #addresses: readonly Address[];
  readonly #log: Log;
  readonly #onChange: () => void;
  #address: Address | undefined;
  #probe: Probe | undefined;
  #search: Promise<Address> | undefined;
  #searchedAt = -Infinity;

  /** `onChange` is called when another server has become the primary. */
  constructor(connection: Connection, log: Log, onChange: () => void = () => undefined) {
    this.#connection = connection;
    this.#addresses = addressesOf(connection);
    this.#log = log;
    this.#onChange = onChange;
    if (this.#addresses.length === 1) this.#address = this.#addresses[0];
  }

  /** The server last found, which need not be the primary any more; undefined before the first search. */
  get address(): Address | undefined {
    return this.#address;
  }

  /** Whether a connection leads to that server. */
  isAt({ host, port }: Address): boolean {
    return host === this.#address?.host && port === this.#address.port;
  }

  /** Looks for the primary, after a failure. Throws if there is none; what was found before remains then. */
  async search(): Promise<Address> {
    if (this.#addresses.length === 1) return this.#addresses[0] as Address;
    this.#search ??= this.#run().finally(() => {
      this.#search = undefined;
    });
    return await this.#search;
  }

  async #run(): Promise<Address> {
    await sleep(this.#searchedAt + SEARCH_PAUSE_MS - performance.now());
    this.#searchedAt = performance.now();
    const probes = await Promise.allSettled(this.#addresses.map((address) => probe(this.#connection, address)));
    const primaries = probes
      .filter((outcome) => outcome.status === 'fulfilled')
      .map(({ value }) => value)
      .filter((found) => !found.isStandby && !this.#isOutdated(found));
    // Writable ones first, then the one that was promoted last.
    const [best] = primaries.toSorted(
      (one, other) =>
        Number(one.isReadOnly) - Number(other.isReadOnly) || (other.timeline ?? '').localeCompare(one.timeline ?? ''),
    );
    if (best === undefined) throw noPrimary(probes);
    this.#probe = best;
    if (!this.isAt(best.address)) {
      const isChange = this.#address !== undefined;
      this.#address = best.address;
      if (isChange) {
        this.#log.warn({ host: nameOf(best.address) }, 'another server is the primary now');
        this.#onChange();
      }
    }
    return best.address;
  }

  /** Whether its successor has been found before, so that its data lacks what was written since. */
  #isOutdated({ system, timeline }: Probe): boolean {
    return this.#probe?.system === system && (timeline ?? '') < (this.#probe.timeline ?? '');
  }
}

/** The connection to the primary, for a use of its own. Throws if there is none. */
export async function locate(connection: Connection): Promise<Connection> {
  const { otherHosts: _, ...only } = connection;
  const address = await new Primary(connection, { warn: () => undefined }).search();
  return { ...only, ...address };
}

async function probe(connection: Connection, address: Address): Promise<Probe> {
  const client = new pg.Client({
    ...connection,
    ...address,
    application_name: 'issue-links probe',
    connectionTimeoutMillis: PROBE_TIMEOUT_MS,
    query_timeout: PROBE_TIMEOUT_MS,
  });
  // The pending query reports the error.
  client.on('error', () => undefined);
  try {
    await client.connect();
    const { rows } = await client.query<Omit<Probe, 'address'>>(PROBE);
    return { ...(rows[0] as Omit<Probe, 'address'>), address };
  } finally {
    // A server that does not respond would not respond to the end of the session either.
    destroy(client);
  }
}

function noPrimary(probes: readonly PromiseSettledResult<Probe>[]): Error {
  const standby = probes.find((outcome) => outcome.status === 'fulfilled');
  if (standby)
    return new StandbyError(`none of the hosts is the primary; ${nameOf(standby.value.address)} is a standby`);
  return new AggregateError(
    probes.flatMap((outcome): unknown[] => (outcome.status === 'rejected' ? [outcome.reason] : [])),
  );
}

import pg from 'pg';
import { splitDatabaseUrl } from '../database-url.ts';

/** Where a server listens: a folder as the host means the socket in it. */
export interface Address {
  readonly host: string;
  readonly port: number;
}

/** How to connect to PostgreSQL. With `otherHosts`, the server at any of the addresses may be the one. */
export interface Connection extends Address {
  readonly user: string;
  readonly password: string;
  readonly database: string;
  readonly ssl?: boolean | object;
  readonly application_name?: string;
  /** Settings of the session, as postgres takes them: `-c search_path=links`. */
  readonly options?: string;
  readonly otherHosts?: readonly Address[];
}

/** Parses DATABASE_URL or DATABASE_READ_URL. Throws an Error for certificates that cannot be read. */
export function connectionFrom(url: string, role: 'primary' | 'replicas'): Connection {
  const urls = splitDatabaseUrl(url, role);
  // The driver parses each, and fills in what the URL omits from variables such as PGPASSWORD.
  const [first, ...others] = urls.map((connectionString) => new pg.Client({ connectionString }));
  if (first === undefined) throw new Error('The URL names no host.');
  const { host, port, user = '', database = '', ssl } = first;
  const parameters = new URLSearchParams(/\?(.*)$/.exec(urls[0] ?? '')?.[1]);
  const [options, application] = [parameters.get('options'), parameters.get('application_name')];
  return {
    host,
    port,
    user,
    // Null at run time if there is none.
    password: first.password as string,
    database,
    ssl,
    ...(options !== null && { options }),
    ...(application !== null && { application_name: application }),
    otherHosts: others.map((other) => ({ host: other.host, port: other.port })),
  };
}

export function addressesOf({ host, port, otherHosts = [] }: Connection): Address[] {
  return [{ host, port }, ...otherHosts];
}

/** For the log and for operators. */
export function nameOf({ host, port }: Address): string {
  return `${host}:${port}`;
}

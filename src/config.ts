import { isIP } from 'node:net';
import { availableParallelism } from 'node:os';
import { resolve } from 'node:path';
import { cleanEnv, makeValidator, str } from 'envalid';
import { compile } from 'proxy-addr';
import { splitDatabaseUrl } from './database-url.ts';
import { StartError } from './errors.ts';

export interface Config {
  readonly port: number;
  readonly host: string;
  /** Processes that serve the port. */
  readonly workers: number;
  /** Connections of clients; further ones are closed at once. */
  readonly connectionsMax: number;
  /** The operator's own PostgreSQL; if unset, the embedded one is used. */
  readonly databaseUrl: string | undefined;
  /** Replicas of that PostgreSQL, for reading. */
  readonly databaseReadUrl: string | undefined;
  /** How long to wait for a PostgreSQL at `databaseUrl` that is still starting. */
  readonly databaseWaitSeconds: number;
  /** Absolute path of the embedded PostgreSQL's files. */
  readonly dataDir: string;
  /** Base of every `self` URL, without a trailing slash; if unset, it is taken from the request. */
  readonly publicUrl: string | undefined;
  /** Express's `trust proxy`: a number of hops, or a list of addresses and subnets. */
  readonly trustProxy: number | string[] | false;
  /** Origins whose pages may use the APIs, such as `https://board.example`. */
  readonly corsOrigins: ReadonlySet<string>;
  readonly demo: 'auto' | 'on' | 'off';
  /** Absolute path of the file with which an empty database starts. */
  readonly seed: string | undefined;
  /** The organisation that an empty database starts with, if there is no seed file. */
  readonly init: InitialOrganisation | undefined;
  /** Whether clients may reset the database, force responses and read which requests were sent. */
  readonly testMode: boolean;
  readonly logLevel: string;
  /** Where administrative acts are recorded: the absolute path of a file, or `-` for standard output; if unset, in the log. */
  readonly auditLog: string | undefined;
  /** Base URL of the OpenTelemetry collector that traces are sent to. */
  readonly otlpEndpoint: string | undefined;
  /** How long the server goes on serving requests after the signal to stop, while /readyz already fails. */
  readonly shutdownDelaySeconds: number;
  /** Where `/metrics` is served to other machines; if unset, it is served on `port`, to programs of this machine only. */
  readonly metricsPort: number | undefined;
  /** Header that Kanboard clients may send instead of `Authorization`. */
  readonly kanboardAuthHeader: string | undefined;
  /** Requests per minute that an address, and a token, may send. */
  readonly rateLimit: number | false;
  /** Whether each server counts those requests for itself, or all servers together. */
  readonly rateLimitStore: 'memory' | 'database';
  /** The organisation that /jsonrpc.php serves; if unset, the only one stored. */
  readonly kanboardOrg: string | undefined;
}

interface InitialOrganisation {
  readonly orgId: string;
  /** Of the administrator. */
  readonly login: string;
  /** The administrator's token, and the application's of the Kanboard API. */
  readonly token: string | undefined;
  readonly queue: string | undefined;
}

const LOG_LEVELS = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'];

const WORKERS_MAX = 64;

/** 0 lets the operating system choose. */
const port = makeValidator<number>((value) => {
  if (!/^\d{1,5}$/.test(value) || Number(value) > 65_535) throw new Error('must be a port, from 0 to 65535');
  return Number(value);
});

const connections = makeValidator<number>((value) => {
  if (!/^[1-9]\d{0,5}$/.test(value)) throw new Error('must be a number of connections, from 1 to 999999');
  return Number(value);
});

const workers = makeValidator<number>((value) => {
  if (value === 'auto') return Math.min(availableParallelism(), WORKERS_MAX);
  if (!/^[1-9]\d?$/.test(value) || Number(value) > WORKERS_MAX)
    throw new Error(`must be a number of processes, from 1 to ${WORKERS_MAX}, or auto`);
  return Number(value);
});

const rate = makeValidator<number | false>((value) => {
  if (value === 'off') return false;
  if (!/^[1-9]\d{0,8}$/.test(value)) throw new Error('must be a number of requests per minute, or off');
  return Number(value);
});

const seconds = makeValidator<number>((value) => {
  if (!/^\d{1,4}$/.test(value)) throw new Error('must be a number of seconds, from 0 to 9999');
  return Number(value);
});

const databaseUrl = (role: 'primary' | 'replicas') =>
  makeValidator<string>((value) => {
    splitDatabaseUrl(value, role);
    return value;
  });

const webUrl = makeValidator<string>((value) => {
  if (!/^https?:\/\/[^?#]+$/.test(value) || !URL.canParse(value)) {
    throw new Error('must be an http:// or https:// URL without a query');
  }
  return value.replace(/\/+$/, '');
});

const proxies = makeValidator<number | string[] | false>((value) => {
  if (value === 'off' || value === '0') return false;
  if (/^[1-9]\d?$/.test(value)) return Number(value);
  const subnets = value.split(',').map((subnet) => subnet.trim());
  if (subnets.every(isSubnet)) return subnets;
  throw new Error('must be a number of hops, or addresses and subnets such as 10.0.0.0/8, or off');
});

/** Whether Express accepts the subnet or its name. Express would also take `100` and `1.5` for addresses: surely typos. */
function isSubnet(subnet: string): boolean {
  const [address = ''] = subnet.split('/');
  try {
    compile(subnet);
    return isIP(address) !== 0 || /^[a-z]+$/.test(subnet);
  } catch {
    return false;
  }
}

const origins = makeValidator<ReadonlySet<string>>((value) => {
  const given = value.split(',').map((origin) => origin.trim());
  if (!given.every((origin) => /^https?:/.test(origin) && URL.canParse(origin) && new URL(origin).origin === origin))
    throw new Error('must be origins such as https://board.example, separated by commas');
  return new Set(given);
});

/** An HTTP token (RFC 9110, section 5.6.2). */
const headerName = makeValidator<string>((value) => {
  if (!/^[\w!#$%&'*+.^`|~-]+$/.test(value)) throw new Error('must be the name of a header, such as X-API-Auth');
  return value;
});

const organisationId = makeValidator<string>((value) => {
  if (!/^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$/.test(value)) throw new Error('must be the id of an organisation');
  return value;
});

/** Every variable, in the order in which `serve --help` lists them. */
const VARIABLES = {
  PORT: port({ default: 8080, desc: 'port to listen on; 0 picks a free one' }),
  HOST: str({ default: '127.0.0.1', desc: 'address to listen on' }),
  WORKERS: workers({ default: 1, desc: 'server processes that share PORT; auto: one for each processor' }),
  DATABASE_URL: databaseUrl('primary')({
    default: undefined,
    desc: 'your own PostgreSQL, version 15 or later; if unset, an embedded one is used',
  }),
  DATABASE_READ_URL: databaseUrl('replicas')({
    default: undefined,
    desc: 'streaming replicas of that PostgreSQL, for reading',
  }),
  DATABASE_WAIT_SECONDS: seconds({ default: 15, desc: 'how long to wait for a PostgreSQL that is still starting' }),
  DATA_DIR: str({ default: './data', desc: 'folder of the embedded PostgreSQL' }),
  MAX_CONNECTIONS: connections({ default: 4000, desc: 'connections of clients; further ones are closed at once' }),
  PUBLIC_URL: webUrl({ default: undefined, desc: 'base of every self URL; if unset, it is taken from the request' }),
  TRUST_PROXY: proxies({
    default: false,
    desc: 'proxies whose X-Forwarded-* headers are trusted: a number of hops, or addresses and subnets',
  }),
  CORS_ORIGINS: origins({
    default: new Set<string>(),
    desc: 'origins, separated by commas, whose pages may use the APIs in a browser',
  }),
  DEMO: str({
    choices: ['auto', 'on', 'off'],
    default: 'auto',
    desc: 'auto: the demo data in an empty embedded database; on: in any database that lacks it; off',
  }),
  SEED: str({ default: undefined, desc: 'YAML or NDJSON file with the data that an empty database starts with' }),
  INIT_ORG: organisationId({ default: undefined, desc: 'id of an organisation that an empty database starts with' }),
  INIT_LOGIN: str({ default: undefined, desc: 'login of the administrator of INIT_ORG; if unset, admin' }),
  INIT_TOKEN: str({ default: undefined, desc: 'token of that administrator, and of Kanboard clients' }),
  INIT_QUEUE: str({ default: undefined, desc: 'key of a queue of INIT_ORG' }),
  TEST_MODE: str({
    choices: ['on', 'off'],
    default: 'off',
    desc: 'on lets tests reset the database, force failures and read what their client sent',
  }),
  LOG_LEVEL: str({ choices: LOG_LEVELS, default: 'info', desc: LOG_LEVELS.join(', ') }),
  AUDIT_LOG: str({
    default: undefined,
    desc: 'file that administrative acts are appended to, or -; if unset, they are in the log of the server',
  }),
  OTEL_EXPORTER_OTLP_ENDPOINT: webUrl({
    default: undefined,
    desc: 'base URL of an OpenTelemetry collector (OTLP over HTTP) that traces are sent to',
  }),
  SHUTDOWN_DELAY: seconds({ default: 0, desc: 'seconds from SIGTERM, when /readyz fails, to the end of listening' }),
  METRICS_PORT: port({
    default: undefined,
    desc: 'port of /metrics on HOST; if unset, it is on PORT, for programs of this machine only',
  }),
  KANBOARD_AUTH_HEADER: headerName({
    default: undefined,
    desc: 'header with the credentials of Kanboard clients, which takes precedence over Authorization',
  }),
  KANBOARD_ORG: organisationId({
    default: undefined,
    desc: 'organisation behind /jsonrpc.php; if unset, the only one',
  }),
  RATE_LIMIT: rate({ default: false, desc: 'requests per minute of an address, and of a token' }),
  RATE_LIMIT_STORE: str({
    choices: ['memory', 'database'],
    default: 'memory',
    desc: 'memory: each process counts for itself; database: all count together, also by default with WORKERS',
  }),
};

export interface Variable {
  readonly name: string;
  readonly meaning: string;
  /** Undefined if the variable has no default value. */
  readonly defaultValue: string | undefined;
}

/** Describes every variable, for `serve --help`. */
export function describeVariables(): Variable[] {
  return Object.entries(VARIABLES).map(([name, { desc: meaning = '', default: value }]) => ({
    name,
    meaning,
    defaultValue: value === false ? 'off' : typeof value === 'object' ? undefined : value?.toString(),
  }));
}

/** Parses the environment; an empty value counts as unset. Throws one StartError that lists every problem. */
export function readConfig(environment: NodeJS.ProcessEnv): Config {
  const given = Object.fromEntries(Object.entries(environment).filter(([, value]) => value !== ''));
  const values = cleanEnv(given, VARIABLES, {
    reporter({ errors }) {
      const problems = Object.entries(errors).map(([name, error]) => `${name}: ${error.message}`);
      if ('DATABASE_READ_URL' in given && !('DATABASE_URL' in given))
        problems.push('DATABASE_READ_URL: needs the DATABASE_URL of the primary');
      // What tests force and read is in the memory of one process.
      if ((given['WORKERS'] ?? '1') !== '1' && given['TEST_MODE'] === 'on')
        problems.push('WORKERS: cannot be combined with TEST_MODE=on');
      problems.push(...seedProblems(given));
      if (problems.length > 0) throw new StartError(`The environment is invalid.\n${problems.join('\n')}`);
    },
  });
  return Object.freeze({
    port: values.PORT,
    host: values.HOST,
    workers: values.WORKERS,
    connectionsMax: values.MAX_CONNECTIONS,
    databaseUrl: values.DATABASE_URL,
    databaseReadUrl: values.DATABASE_READ_URL,
    databaseWaitSeconds: values.DATABASE_WAIT_SECONDS,
    dataDir: resolve(values.DATA_DIR),
    publicUrl: values.PUBLIC_URL,
    trustProxy: values.TRUST_PROXY,
    corsOrigins: values.CORS_ORIGINS,
    demo: values.SEED === undefined && values.INIT_ORG === undefined ? values.DEMO : 'off',
    seed: values.SEED === undefined ? undefined : resolve(values.SEED),
    init:
      values.INIT_ORG === undefined
        ? undefined
        : {
            orgId: values.INIT_ORG,
            login: values.INIT_LOGIN ?? 'admin',
            token: values.INIT_TOKEN,
            queue: values.INIT_QUEUE,
          },
    testMode: values.TEST_MODE === 'on',
    logLevel: values.LOG_LEVEL,
    auditLog: values.AUDIT_LOG === undefined || values.AUDIT_LOG === '-' ? values.AUDIT_LOG : resolve(values.AUDIT_LOG),
    otlpEndpoint: values.OTEL_EXPORTER_OTLP_ENDPOINT,
    shutdownDelaySeconds: values.SHUTDOWN_DELAY,
    metricsPort: values.METRICS_PORT,
    kanboardAuthHeader: values.KANBOARD_AUTH_HEADER,
    kanboardOrg: values.KANBOARD_ORG,
    rateLimit: values.RATE_LIMIT,
    // A client with many connections would otherwise get the limit once for each worker.
    rateLimitStore: values.WORKERS > 1 && !('RATE_LIMIT_STORE' in given) ? 'database' : values.RATE_LIMIT_STORE,
  });
}

/** An empty database can start with one thing only. */
function seedProblems(given: Readonly<Record<string, unknown>>): string[] {
  const inits = ['INIT_LOGIN', 'INIT_TOKEN', 'INIT_QUEUE'].filter((name) => name in given);
  const problems = 'INIT_ORG' in given ? [] : inits.map((name) => `${name}: needs INIT_ORG`);
  if ('SEED' in given && 'INIT_ORG' in given) problems.push('INIT_ORG: cannot be combined with SEED');
  for (const name of ['SEED', 'INIT_ORG']) {
    if (name in given && given['DEMO'] === 'on') problems.push(`${name}: cannot be combined with DEMO=on`);
  }
  return problems;
}

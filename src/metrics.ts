import { createServer, type ServerResponse } from 'node:http';
import { AggregatorRegistry, Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import type { DatabasePool, DatabaseStatistics } from './database/database.ts';
import { listen } from './http/listen.ts';
import type { Observer } from './http/request-log.ts';
import type { Log } from './log.ts';

/** In seconds: from a read out of the cache to the longest request. */
const DURATION_BUCKETS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];

/** Requests outside the contracts and the pages, and those refused before their operation was known. */
const UNKNOWN = 'unknown';

type Source = Pick<DatabasePool, 'statistics' | 'replicaStates'>;

/** Returns what Prometheus reads at `/metrics`, in its text format. */
export type MetricsSource = () => Promise<string>;

/** The metrics of one worker, as a message holds them. */
export type WorkerMetrics = readonly object[];

/** The metrics of this process: the requests, the database handle, and the process itself. */
export class Metrics implements Observer {
  readonly #registry = new Registry();
  readonly #requests: Counter<'operation' | 'status'>;
  readonly #durations: Histogram<'operation'>;
  readonly #calls: Counter<'procedure' | 'outcome'>;

  /** A worker labels its metrics with its number. */
  constructor(db: Source, worker?: number) {
    const registers = [this.#registry];
    this.#requests = new Counter({
      name: 'issue_links_http_requests_total',
      help: 'Requests by operation (operationId, procedure, batch, page, adminPage, signIn, signOut or docs) and by status.',
      labelNames: ['operation', 'status'],
      registers,
    });
    this.#durations = new Histogram({
      name: 'issue_links_http_request_duration_seconds',
      help: 'Time from the head of a request to the end of its response.',
      labelNames: ['operation'],
      buckets: DURATION_BUCKETS,
      registers,
    });
    this.#calls = new Counter({
      name: 'issue_links_procedure_calls_total',
      help: 'Calls of JSON-RPC procedures, in batches as well, that returned a result or their failure value.',
      labelNames: ['procedure', 'outcome'],
      registers,
    });
    for (const [name, help, read] of GAUGES) {
      new Gauge({
        name,
        help,
        registers,
        collect: function collect() {
          this.set(read(db.statistics()));
        },
      });
    }
    for (const [name, help, read] of COUNTERS) {
      // A counter of prom-client cannot be set, so it starts again and is raised at once.
      new Counter({
        name,
        help,
        registers,
        collect() {
          this.reset();
          this.inc(read(db.statistics()));
        },
      });
    }
    new Gauge({
      name: 'issue_links_replica_used',
      help: 'Whether reads go to the replica, by its position in DATABASE_READ_URL.',
      labelNames: ['replica'],
      registers,
      collect() {
        for (const [index, { isUsed }] of db.replicaStates().entries()) this.set({ replica: index }, isUsed ? 1 : 0);
      },
    });
    collectDefaultMetrics({ register: this.#registry });
    if (worker !== undefined) this.#registry.setDefaultLabels({ worker });
  }

  /** The metrics in the text format of Prometheus. */
  text(): Promise<string> {
    return this.#registry.metrics();
  }

  /** The metrics of this worker, for `mergeMetrics`. */
  async values(): Promise<WorkerMetrics> {
    // No two workers have a sample with the same labels, so each sum is one sample.
    return (await this.#registry.getMetricsAsJSON()).map((metric) => ({ ...metric, aggregator: 'sum' }));
  }

  onResponse(operation: string = UNKNOWN, status: number, seconds: number): void {
    this.#requests.inc({ operation, status });
    this.#durations.observe({ operation }, seconds);
  }

  onCall(procedure: string, outcome: 'result' | 'failure'): void {
    this.#calls.inc({ procedure, outcome });
  }
}

/** The metrics of several workers in one text; the label `worker` keeps their samples apart. */
export function mergeMetrics(workers: readonly WorkerMetrics[]): Promise<string> {
  return AggregatorRegistry.aggregate([...workers]).metrics();
}

/** Responds with the metrics, or with 503 if they cannot be collected. */
export async function sendMetrics(metrics: MetricsSource, response: ServerResponse, log: Log): Promise<void> {
  try {
    const text = await metrics();
    response.setHeader('Content-Type', Registry.PROMETHEUS_CONTENT_TYPE).end(text);
  } catch (err) {
    log.warn({ err }, 'the metrics could not be collected');
    response.writeHead(503).end();
  }
}

/** Serves the metrics on METRICS_PORT, if it is set; that port can be closed to clients. Returns a function that stops that. */
export async function listenForMetrics(
  metrics: MetricsSource,
  { metricsPort, host }: { readonly metricsPort: number | undefined; readonly host: string },
  log: Log,
): Promise<(() => void) | undefined> {
  if (metricsPort === undefined) return undefined;
  const server = createServer((request, response) => {
    if (request.url !== '/metrics' || !['GET', 'HEAD'].includes(request.method ?? '')) {
      response.writeHead(404).end();
      return;
    }
    void sendMetrics(metrics, response, log);
  });
  await listen(server, { port: metricsPort, host }, 'METRICS_PORT');
  return () => {
    server.close();
    server.closeAllConnections();
  };
}

type Reading = readonly [name: string, help: string, read: (statistics: DatabaseStatistics) => number];

const GAUGES: readonly Reading[] = [
  ['issue_links_database_connections', 'Open connections to the primary.', ({ connections }) => connections.open],
  [
    'issue_links_database_connections_idle',
    'Open connections that no request holds.',
    ({ connections }) => connections.idle,
  ],
  [
    'issue_links_database_connections_max',
    'The most connections that the pool opens.',
    ({ connections }) => connections.max,
  ],
  ['issue_links_database_waiting', 'Requests that wait for a connection.', ({ connections }) => connections.waiting],
  ['issue_links_cache_entries', 'Values in the cache of the process.', ({ cache }) => cache.entries],
];

const COUNTERS: readonly Reading[] = [
  ['issue_links_cache_hits_total', 'Lookups served from the process cache.', ({ cache }) => cache.hits],
  ['issue_links_cache_misses_total', 'Lookups that it could not serve.', ({ cache }) => cache.misses],
  [
    'issue_links_shared_reads_total',
    'Reads that could share a statement with others.',
    ({ sharedReads }) => sharedReads.keys,
  ],
  [
    'issue_links_shared_read_statements_total',
    'The statements that they took.',
    ({ sharedReads }) => sharedReads.statements,
  ],
  [
    'issue_links_shared_writes_total',
    'Links whose insertion could share a transaction with others.',
    ({ sharedWrites }) => sharedWrites.keys,
  ],
  [
    'issue_links_shared_write_statements_total',
    'The transactions that they took.',
    ({ sharedWrites }) => sharedWrites.statements,
  ],
];

import { once } from 'node:events';
import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { Request } from 'express';
import { pino } from 'pino';
import { startTracing } from '../../src/tracing.ts';
import { type GivenOrganisation, givenIssue, givenOrganisation, givenQueue } from '../support/builders.ts';
import { PROGRAM, startServer } from '../support/server-process.ts';
import { useDatabase } from '../support/test-database.ts';

interface Span {
  readonly name: string;
  readonly kind: number;
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly attributes: readonly { readonly key: string; readonly value: object }[];
}

interface Export {
  readonly resourceSpans: readonly { readonly scopeSpans: readonly { readonly spans: readonly Span[] }[] }[];
}

const SERVER = 2;
const CLIENT = 3;
const TRACE = '0af7651916cd43dd8448eb211c80319c';
const PARENT = 'b7ad6b7169203331';
const APPLICATION = 'issue-links tracing test';

const database = useDatabase();
let collector: Server;
let endpoint: string;
const received: string[] = [];
/** How many the server had to the database, as it sent the spans. */
const connections: number[] = [];
let org: GivenOrganisation;
let issue: string;

beforeAll(async () => {
  org = await givenOrganisation(database().db);
  issue = (await givenIssue(database().db, org, (await givenQueue(database().db, org)).key)).key;
  collector = createServer((request, response) => {
    void text(request).then(async (body) => {
      if (request.url !== '/v1/traces') return;
      received.push(body);
      const [row] = await database().db.query<{ count: number }>({
        name: '',
        text: 'select count(*)::int as count from pg_stat_activity where application_name = $1',
        values: [APPLICATION],
      });
      connections.push(row?.count ?? 0);
      response.end('{}');
    });
  });
  await new Promise<void>((resolve) => {
    collector.listen(0, '127.0.0.1', resolve);
  });
  endpoint = `http://127.0.0.1:${(collector.address() as AddressInfo).port}`;
});
afterAll(() => {
  collector.close();
});

test('each request is a span below that of its client, and each statement one below it, without values', async () => {
  const server = await startServer([...PROGRAM, 'serve'], {
    DATABASE_URL: `${database().url}?application_name=${encodeURIComponent(APPLICATION)}`,
    OTEL_EXPORTER_OTLP_ENDPOINT: endpoint,
  });
  const headers = { ...org.admin.headers, traceparent: `00-${TRACE}-${PARENT}-01` };
  await (await fetch(`${server.url}/v3/issues/${issue}?fields=summary`, { headers })).text();
  await (await fetch(`${server.url}/v3/issues/${issue}/links`)).text();
  await (await fetch(`${server.url}/readyz`)).text();
  expect(await server.stop()).toEqual({ code: 0, signal: null });
  // A collector that hangs must not keep the database.
  expect(connections.at(-1)).toBe(0);

  const spans = received
    .map((body) => JSON.parse(body) as Export)
    .flatMap(({ resourceSpans }) =>
      resourceSpans.flatMap(({ scopeSpans }) => scopeSpans.flatMap((scope) => scope.spans)),
    );
  const requests = spans.filter(({ kind }) => kind === SERVER);
  expect(requests.map(({ name }) => name)).toEqual(['getIssue', 'listIssueLinks']);
  const [request, refused] = requests;
  expect(request).toMatchObject({ traceId: TRACE, parentSpanId: PARENT });
  expect(request?.attributes).toContainEqual({ key: 'http.response.status_code', value: { intValue: 200 } });
  expect(request?.attributes).toContainEqual({ key: 'issue_links.org_id', value: { stringValue: org.orgId } });
  expect(refused?.traceId).not.toBe(TRACE);
  expect(refused?.attributes).toContainEqual({ key: 'http.response.status_code', value: { intValue: 401 } });
  const statements = spans.filter(({ kind }) => kind === CLIENT);
  expect(statements.length).toBeGreaterThan(0);
  for (const statement of statements) {
    expect(statement).toMatchObject({
      traceId: TRACE,
      parentSpanId: request?.spanId,
      name: expect.stringMatching(/^[a-z_]+$/),
    });
  }
  for (const secret of [org.admin.token, 'fields=summary', 'select ']) expect(received.join()).not.toContain(secret);
});

test('a collector that hangs is given up before the export times out', async () => {
  const events: string[] = [];
  const held: ServerResponse[] = [];
  const hanging = createServer((request, response) => {
    held.push(response);
    request.once('close', () => {
      events.push('export ended');
    });
  });
  hanging.listen(0, '127.0.0.1');
  await once(hanging, 'listening');
  const log = pino({ level: 'warn' }, { write: (line: string) => void events.push(line) });
  const tracing = startTracing(`http://127.0.0.1:${(hanging.address() as AddressInfo).port}`, '0', log);
  const traced = createServer((request, response) => {
    tracing.serve(request as Request, response, () => {
      response.end();
    });
  });
  traced.listen(0, '127.0.0.1');
  await once(traced, 'listening');
  await (await fetch(`http://127.0.0.1:${(traced.address() as AddressInfo).port}/v3/issues`)).text();
  traced.close();
  traced.closeAllConnections();
  await once(traced, 'close');
  await tracing.stop();
  expect(events).toEqual([expect.stringContaining('did not accept the last spans in time')]);
  // A refusal ends the export, which would repeat a request that was lost.
  for (const response of held) response.writeHead(400).end();
  hanging.close();
});

import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
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

const database = useDatabase();
let collector: Server;
let endpoint: string;
const received: string[] = [];
let org: GivenOrganisation;
let issue: string;

beforeAll(async () => {
  org = await givenOrganisation(database().db);
  issue = (await givenIssue(database().db, org, (await givenQueue(database().db, org)).key)).key;
  collector = createServer((request, response) => {
    void text(request).then((body) => {
      if (request.url === '/v1/traces') received.push(body);
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
    DATABASE_URL: database().url,
    OTEL_EXPORTER_OTLP_ENDPOINT: endpoint,
  });
  const headers = { ...org.admin.headers, traceparent: `00-${TRACE}-${PARENT}-01` };
  await (await fetch(`${server.url}/v3/issues/${issue}?fields=summary`, { headers })).text();
  await (await fetch(`${server.url}/v3/issues/${issue}/links`)).text();
  await (await fetch(`${server.url}/readyz`)).text();
  expect(await server.stop()).toEqual({ code: 0, signal: null });

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

import { AsyncLocalStorage } from 'node:async_hooks';
import type { ServerResponse } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  type Context,
  DiagLogLevel,
  defaultTextMapGetter,
  diag,
  ROOT_CONTEXT,
  SpanKind,
  SpanStatusCode,
  trace,
} from '@opentelemetry/api';
import { W3CTraceContextPropagator } from '@opentelemetry/core';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http';
import { detectResources, envDetector, resourceFromAttributes } from '@opentelemetry/resources';
import { BasicTracerProvider, BatchSpanProcessor } from '@opentelemetry/sdk-trace-base';
import type { Request } from 'express';
import { observeStatements } from './database/held-connection.ts';
import { QUIET_PATHS } from './http/request-log.ts';
import type { Log } from './log.ts';

const EXPORT_TIMEOUT_MS = 5_000;
/** A supervisor is waiting for the process to end. */
const LAST_EXPORT_MS = 1_000;

export interface Tracing {
  /** Serves a request in a span of its own, below the one that its `traceparent` names. */
  serve(request: Request, response: ServerResponse, listener: () => void): void;
  /** Sends the spans that are left. Gives up after a second. */
  stop(): Promise<void>;
}

/**
 * Sends a span for each request, named by its operation, and below it one for each statement, by the name of the statement.
 * They hold no values: neither SQL, headers, bodies nor queries.
 */
export function startTracing(endpoint: string, version: string, log: Log): Tracing {
  const report = (message: string) => {
    log.warn({ reason: message }, 'traces could not be sent');
  };
  const ignore = () => undefined;
  const logger = { error: report, warn: report, info: ignore, debug: ignore, verbose: ignore };
  diag.setLogger(logger, { logLevel: DiagLogLevel.WARN, suppressOverrideMessage: true });
  const exporter = new OTLPTraceExporter({ url: `${endpoint}/v1/traces`, timeoutMillis: EXPORT_TIMEOUT_MS });
  const provider = new BasicTracerProvider({
    resource: resourceFromAttributes({ 'service.name': 'issue-links', 'service.version': version }).merge(
      detectResources({ detectors: [envDetector] }),
    ),
    spanProcessors: [new BatchSpanProcessor(exporter)],
  });
  const tracer = provider.getTracer('issue-links', version);
  const propagator = new W3CTraceContextPropagator();
  const current = new AsyncLocalStorage<Context>();

  observeStatements((name) => {
    const parent = current.getStore();
    if (parent === undefined) return undefined;
    const attributes = { 'db.system.name': 'postgresql', 'db.query.summary': name };
    const span = tracer.startSpan(name, { kind: SpanKind.CLIENT, attributes }, parent);
    return (hasFailed) => {
      if (hasFailed) span.setStatus({ code: SpanStatusCode.ERROR });
      span.end();
    };
  });

  return {
    serve(request, response, listener) {
      const { method, url, headers } = request;
      if (QUIET_PATHS.has(url)) {
        listener();
        return;
      }
      const parent = propagator.extract(ROOT_CONTEXT, headers, defaultTextMapGetter);
      const attributes = { 'http.request.method': method, 'url.path': url.split('?', 1)[0] ?? '' };
      const span = tracer.startSpan('unknown', { kind: SpanKind.SERVER, attributes }, parent);
      response.on('close', () => {
        const { operation = 'unknown', statusCode, credentials } = response;
        span.updateName(operation);
        span.setAttributes({ 'http.response.status_code': statusCode, 'issue_links.request_id': request.id });
        if (credentials) span.setAttribute('issue_links.org_id', credentials.orgId);
        if (statusCode >= 500) span.setStatus({ code: SpanStatusCode.ERROR });
        span.end();
      });
      current.run(trace.setSpan(parent, span), listener);
    },
    async stop() {
      observeStatements(undefined);
      const isSent = new AbortController();
      const sent = provider
        .shutdown()
        .catch((error: unknown) => {
          report(String(error));
        })
        .finally(() => {
          isSent.abort();
        });
      const limit = sleep(LAST_EXPORT_MS, undefined, { signal: isSent.signal }).then(
        () => {
          report('the collector did not accept the last spans in time');
        },
        () => undefined,
      );
      await Promise.race([sent, limit]);
    },
  };
}

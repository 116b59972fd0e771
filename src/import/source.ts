import { createReadStream } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { linesOf } from '../lines.ts';
import { ImportError } from './import-error.ts';

export interface SourceRequest {
  readonly method?: 'GET' | 'POST';
  /** With the query, relative to the base URL. */
  readonly path: string;
  readonly body?: unknown;
  /** Whether 403 and 404 mean that there is nothing to read, instead of an error. */
  readonly isOptional?: boolean;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface SourceResponse {
  /** Undefined for 403 and 404 of an optional request. */
  readonly body: unknown;
  readonly headers: Readonly<Record<string, string>>;
}

export interface SourceOptions {
  readonly url: string;
  /** What the responses depend on, besides the URL, such as the user. No secrets: it is kept in the file. */
  readonly identity?: Readonly<Record<string, string>>;
  readonly headers: Readonly<Record<string, string>>;
  /** The file that keeps the responses, so that an import that was interrupted does not request them again. */
  readonly state: string;
  readonly requestsPerSecond: number;
}

const ATTEMPTS = 8;
/** The original can ask for such a wait; for longer ones, the import is to be continued later. */
const RETRY_AFTER_MAX_MS = 3_600_000;
const BODY_SHOWN_MAX = 500;
const HEAD_BYTES_MAX = 65_536;
const RESPONSE_TIMEOUT_MS = 120_000;
const KEPT_HEADERS = ['link', 'x-scroll-id', 'x-scroll-token', 'x-total-count'];
/** Before the original has responded, nothing is known about when to try again. */
const STATUSES_TO_REPEAT = new Set([429, 500, 502, 503, 504]);

/** The first line of the file. */
interface Head {
  readonly import: Readonly<Record<string, string>> & { readonly startedAt: string };
}

/**
 * Requests to the original. Each response is appended to a file, and a later run finds it there: an import sends the same
 * requests in the same order. Only requests that read are sent, so all can be repeated.
 */
export class Source {
  /** The time at which the first run started. */
  readonly startedAt: string;
  /** Whether a run before this one has read responses. */
  readonly isContinued: boolean;
  readonly #options: SourceOptions;
  readonly #file: FileHandle;
  readonly #recorded: AsyncGenerator<string>;
  #isReplaying = true;
  #nextAt = 0;

  private constructor(
    options: SourceOptions,
    file: FileHandle,
    { head, isContinued, recorded }: { head: Head; isContinued: boolean; recorded: AsyncGenerator<string> },
  ) {
    this.#options = options;
    this.#file = file;
    this.#recorded = recorded;
    this.startedAt = head.import.startedAt;
    this.isContinued = isContinued;
  }

  /** Throws an ImportError, and leaves the file as it is, unless the file is new, empty or of the same original. */
  static async open(options: SourceOptions): Promise<Source> {
    const { state, url, identity } = options;
    const file = await open(state, 'a+', 0o600);
    try {
      const { size } = await file.stat();
      if (size === 0) {
        const head: Head = { import: { url, ...identity, startedAt: new Date().toISOString() } };
        await file.appendFile(`${JSON.stringify(head)}\n`);
        return new Source(options, file, { head, isContinued: false, recorded: linesUpTo(state, 0) });
      }
      const head = await readHead(state, { url, ...identity });
      const end = await endOfLines(state);
      await file.truncate(end);
      await file.chmod(0o600);
      const recorded = linesUpTo(state, end);
      await recorded.next();
      return new Source(options, file, { head, isContinued: true, recorded });
    } catch (error) {
      await file.close();
      throw error;
    }
  }

  async send({ method = 'GET', path, body, isOptional = false, headers = {} }: SourceRequest): Promise<SourceResponse> {
    const request = [method, path, JSON.stringify(body), headers['Accept-Language']].filter(Boolean).join(' ');
    return await this.#recall(request, () => this.#fetch({ method, path, body, isOptional, headers }));
  }

  async #recall(request: string, respond: () => Promise<SourceResponse>): Promise<SourceResponse> {
    const recorded = this.#isReplaying ? await this.#recorded.next() : undefined;
    if (recorded?.done === false) {
      const known = JSON.parse(recorded.value) as { request: string; response: SourceResponse };
      if (known.request !== request)
        throw new ImportError(
          `${this.#options.state} has the response to "${known.request}" instead of "${request}": delete it to read again.`,
        );
      return known.response;
    }
    this.#isReplaying = false;
    const response = await respond();
    await this.#file.appendFile(`${JSON.stringify({ request, response })}\n`);
    return response;
  }

  async close(): Promise<void> {
    await this.#recorded.return(undefined);
    await this.#file.close();
  }

  async #fetch({ method, path, body, isOptional, headers }: Required<SourceRequest>): Promise<SourceResponse> {
    let problem = '';
    for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
      await delay(Math.max(this.#nextAt - performance.now(), 0));
      this.#nextAt = performance.now() + 1000 / this.#options.requestsPerSecond;
      let retryAfterMs: number | undefined;
      try {
        const response = await fetch(`${this.#options.url}${path}`, {
          method,
          headers: { 'Content-Type': 'application/json', ...this.#options.headers, ...headers },
          ...(body !== undefined && { body: JSON.stringify(body) }),
          signal: AbortSignal.timeout(RESPONSE_TIMEOUT_MS),
        });
        const text = await response.text();
        if (isOptional && (response.status === 403 || response.status === 404)) return { body: undefined, headers: {} };
        if (response.ok) {
          const parsed = parseJson(text);
          if (parsed) return { ...parsed, headers: keptHeaders(response.headers) };
          problem = `The response is not JSON, but ${response.headers.get('content-type') ?? 'of no type'}: `;
        } else problem = `${response.status} `;
        problem += text.slice(0, BODY_SHOWN_MAX);
        if (!STATUSES_TO_REPEAT.has(response.status)) break;
        retryAfterMs = millisecondsOf(response.headers.get('retry-after'));
      } catch (error) {
        // The connection may also be lost while the body is read.
        problem = error instanceof Error ? [error.message, causeOf(error)].filter(Boolean).join(': ') : String(error);
      }
      if (retryAfterMs !== undefined && retryAfterMs > RETRY_AFTER_MAX_MS) {
        problem += `\nThe original responds again at ${new Date(Date.now() + retryAfterMs).toISOString()}.`;
        break;
      }
      this.#nextAt = performance.now() + (retryAfterMs ?? 2 ** attempt * 500);
    }
    throw new ImportError(`${method} ${path}: ${problem}\nRun the command again to continue.`);
  }
}

function parseJson(text: string): { body: unknown } | undefined {
  try {
    return { body: JSON.parse(text) as unknown };
  } catch {
    return undefined;
  }
}

function keptHeaders(headers: Headers): Record<string, string> {
  return Object.fromEntries(
    KEPT_HEADERS.flatMap((name) => {
      const value = headers.get(name);
      return value === null ? [] : [[name, value] as const];
    }),
  );
}

/** The wait that a Retry-After header asks for, in seconds or as a date (RFC 9110, section 10.2.3). */
function millisecondsOf(retryAfter: string | null): number | undefined {
  if (retryAfter === null) return undefined;
  const wait = /^\d+$/.test(retryAfter) ? Number(retryAfter) * 1000 : Date.parse(retryAfter) - Date.now();
  return Number.isNaN(wait) ? undefined : Math.max(wait, 0);
}

/** Throws an ImportError that names the difference if the file is not one of the same original. */
async function readHead(state: string, expected: Readonly<Record<string, string>>): Promise<Head> {
  const buffer = Buffer.alloc(HEAD_BYTES_MAX);
  const file = await open(state);
  const { bytesRead } = await file.read(buffer, 0, HEAD_BYTES_MAX, 0).finally(() => file.close());
  const start = buffer.toString('utf8', 0, bytesRead);
  const parsed = parseJson(start.slice(0, Math.max(start.indexOf('\n'), 0)))?.body as Partial<Head> | null | undefined;
  const found = parsed?.import;
  if (found === undefined) throw new ImportError(`${state} was not written by an import: name another file.`);
  const { startedAt: _, ...identity } = found;
  for (const name of Object.keys({ ...identity, ...expected })) {
    const [was, is] = [identity[name] ?? 'unset', expected[name] ?? 'unset'];
    if (was !== is)
      throw new ImportError(
        `${state} is of another import (${name}: ${was}, not ${is}): delete it or name another file.`,
      );
  }
  return { import: found };
}

function causeOf({ cause }: Error): string | undefined {
  return cause instanceof Error ? cause.message : undefined;
}

/** The length of the file without a last line that was not written to its end. */
async function endOfLines(path: string): Promise<number> {
  let end = 0;
  let read = 0;
  for await (const chunk of createReadStream(path) as AsyncIterable<Buffer>) {
    const last = chunk.lastIndexOf('\n');
    if (last >= 0) end = read + last + 1;
    read += chunk.length;
  }
  return end;
}

/** The lines that an import has written, each as long as the response in it. */
async function* linesUpTo(path: string, end: number): AsyncGenerator<string> {
  if (end > 0) yield* linesOf(createReadStream(path, { encoding: 'utf8', end: end - 1 }));
}

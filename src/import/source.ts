import { createReadStream } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';

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
  readonly headers: Readonly<Record<string, string>>;
  /** The file that keeps the responses, so that an import that was interrupted does not request them again. */
  readonly state: string;
  readonly requestsPerSecond: number;
}

/** An import that cannot go on: the original refuses its requests, or the file of its state is that of another one. */
export class ImportError extends Error {
  override readonly name = 'ImportError';
}

const ATTEMPTS = 8;
const WAIT_MAX_MS = 60_000;
const RESPONSE_TIMEOUT_MS = 120_000;
const KEPT_HEADERS = ['link', 'x-scroll-id', 'x-scroll-token', 'x-total-count'];
/** Before the original has responded, nothing is known about when to try again. */
const STATUSES_TO_REPEAT = new Set([429, 500, 502, 503, 504]);

/**
 * Requests to the original. Each response is appended to a file, and a later run finds it there: an import sends the same
 * requests in the same order. Only requests that read are sent, so all can be repeated.
 */
export class Source {
  readonly #options: SourceOptions;
  readonly #file: FileHandle;
  readonly #recorded: AsyncGenerator<string>;
  #isReplaying = true;
  #nextAt = 0;

  private constructor(options: SourceOptions, file: FileHandle, recorded: AsyncGenerator<string>) {
    this.#options = options;
    this.#file = file;
    this.#recorded = recorded;
  }

  static async open(options: SourceOptions): Promise<Source> {
    const file = await open(options.state, 'a+', 0o600);
    const end = await endOfLines(options.state);
    await file.truncate(end);
    return new Source(options, file, linesUpTo(options.state, end));
  }

  async send({ method = 'GET', path, body, isOptional = false, headers = {} }: SourceRequest): Promise<SourceResponse> {
    const request = [method, path, JSON.stringify(body), headers['Accept-Language']].filter(Boolean).join(' ');
    return await this.#recall(request, () => this.#fetch({ method, path, body, isOptional, headers }));
  }

  /** The time at which the first run started. */
  async startedAt(): Promise<string> {
    const { body } = await this.#recall('started at', () =>
      Promise.resolve({ body: new Date().toISOString(), headers: {} }),
    );
    return String(body);
  }

  async #recall(request: string, respond: () => Promise<SourceResponse>): Promise<SourceResponse> {
    const recorded = this.#isReplaying ? await this.#recorded.next() : undefined;
    if (recorded?.done === false) {
      const known = JSON.parse(recorded.value) as { request: string; response: SourceResponse };
      if (known.request !== request)
        throw new ImportError(`${this.#options.state} belongs to another import: delete it.`);
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
      const response = await fetch(`${this.#options.url}${path}`, {
        method,
        headers: { 'Content-Type': 'application/json', ...this.#options.headers, ...headers },
        ...(body !== undefined && { body: JSON.stringify(body) }),
        signal: AbortSignal.timeout(RESPONSE_TIMEOUT_MS),
      }).catch((error: unknown) => {
        problem = error instanceof Error ? [error.message, causeOf(error)].filter(Boolean).join(': ') : String(error);
      });
      if (response?.ok) {
        const kept = KEPT_HEADERS.flatMap((name) => {
          const value = response.headers.get(name);
          return value === null ? [] : [[name, value] as const];
        });
        return { body: await response.json(), headers: Object.fromEntries(kept) };
      }
      if (response) {
        if (isOptional && (response.status === 403 || response.status === 404)) {
          await response.body?.cancel();
          return { body: undefined, headers: {} };
        }
        problem = `${response.status} ${(await response.text()).slice(0, 500)}`;
        if (!STATUSES_TO_REPEAT.has(response.status)) break;
      }
      const seconds = Number(response?.headers.get('retry-after') ?? Number.NaN);
      this.#nextAt =
        performance.now() + Math.min(Number.isNaN(seconds) ? 2 ** attempt * 500 : seconds * 1000, WAIT_MAX_MS);
    }
    throw new ImportError(`${method} ${path}: ${problem}\nRun the command again to continue.`);
  }
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

async function* linesUpTo(path: string, end: number): AsyncGenerator<string> {
  if (end === 0) return;
  let rest = '';
  for await (const chunk of createReadStream(path, { encoding: 'utf8', end: end - 1 }) as AsyncIterable<string>) {
    const lines = `${rest}${chunk}`.split('\n');
    rest = lines.pop() ?? '';
    yield* lines;
  }
}

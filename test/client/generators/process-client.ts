import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { type Link, type LinksClient, Refusal } from './links-client.ts';

interface Outcome {
  readonly result?: unknown;
  readonly error?: { readonly statusCode: number; readonly errorMessages: readonly string[] };
}

/** A client in another language: a process that reads a call from each line of its input, and writes its outcome to a line. */
export class ProcessClient implements LinksClient {
  readonly #child: ChildProcessWithoutNullStreams;
  readonly #lines: AsyncIterator<string>;
  readonly #closed: Promise<unknown>;
  #errors = '';

  constructor([program = '', ...args]: readonly string[]) {
    this.#child = spawn(program, args);
    this.#lines = createInterface(this.#child.stdout)[Symbol.asyncIterator]();
    this.#child.stderr.on('data', (chunk: Buffer) => {
      this.#errors += chunk.toString();
    });
    // A client that has ended fails the call that waits for it, not the process of the tests.
    const keepError = (error: Error) => {
      this.#errors += error.message;
    };
    this.#child.on('error', keepError);
    this.#child.stdin.on('error', keepError);
    this.#closed = new Promise((resolve) => {
      this.#child.once('close', resolve);
    });
  }

  list = (issueId: string) => this.#call<readonly Link[]>('list', issueId);
  create = (issueId: string, relationship: string, issue: string) =>
    this.#call<Link>('create', issueId, relationship, issue);
  get = (issueId: string, linkId: number) => this.#call<Link>('get', issueId, linkId);
  update = (issueId: string, linkId: number, relationship: string) =>
    this.#call<Link>('update', issueId, linkId, relationship);
  delete = async (issueId: string, linkId: number) => {
    await this.#call('delete', issueId, linkId);
  };

  async close(): Promise<void> {
    this.#child.stdin.end();
    await this.#closed;
  }

  async #call<Result>(...call: readonly (string | number)[]): Promise<Result> {
    this.#child.stdin.write(`${JSON.stringify(call)}\n`);
    const line = await this.#lines.next();
    if (line.done) throw new Error(`The client ended: ${this.#errors}`);
    const { result, error } = JSON.parse(line.value) as Outcome;
    if (error) throw new Refusal(error);
    return result as Result;
  }
}

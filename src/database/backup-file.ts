// The file of a backup: one gzip stream of lines. A header of JSON; for each table a line of JSON, its rows as COPY writes
// them, and a line of `\.`; at the end a line of JSON with the number of rows and the SHA-256 of everything before it.
import { createHash, type Hash } from 'node:crypto';
import { pipeline, type Readable } from 'node:stream';
import { createGunzip, type Gunzip } from 'node:zlib';
import { StartError } from '../errors.ts';
import type { Sequence } from './tables.ts';

const FORMAT = 'issue-links backup';
const FORMAT_VERSION = 1;
/** The line after the rows of a table: COPY escapes a backslash in a value. */
const END_OF_ROWS = Buffer.from('\\.\n');
const LINE_BYTES_MAX = 1_048_576;
const NEWLINE = 0x0a;

export interface BackupHeader {
  readonly format: string;
  readonly version: number;
  readonly takenAt: string;
  /** The names of the migrations that had run. */
  readonly migrations: readonly string[];
  readonly sequences: readonly Sequence[];
}

export interface BackedUpTable {
  readonly table: string;
  readonly columns: readonly string[];
  /** In the text format of COPY. They must be read before the next table. */
  readonly rows: AsyncIterable<Buffer>;
}

export type RowCounts = Readonly<Record<string, number>>;

interface Trailer {
  readonly rows: RowCounts;
  readonly sha256: string;
}

interface Content extends Pick<BackupHeader, 'takenAt' | 'migrations' | 'sequences'> {
  readonly tables: AsyncIterable<BackedUpTable>;
  /** Called after the rows of the last table. */
  readonly countRows: () => RowCounts;
}

/** The file before its compression. */
export async function* writeBackup({ tables, countRows, ...header }: Content): AsyncGenerator<Buffer> {
  const hash = createHash('sha256');
  const hashed = (chunk: Buffer) => {
    hash.update(chunk);
    return chunk;
  };
  yield hashed(lineOf({ format: FORMAT, version: FORMAT_VERSION, ...header }));
  for await (const { table, columns, rows } of tables) {
    yield hashed(lineOf({ table, columns }));
    for await (const chunk of rows) yield hashed(chunk);
    yield hashed(END_OF_ROWS);
  }
  yield lineOf({ rows: countRows(), sha256: hash.digest('hex') } satisfies Trailer);
}

function lineOf(value: object): Buffer {
  return Buffer.from(`${JSON.stringify(value)}\n`);
}

/** Reads a backup once, from its start to its end. Its methods throw a StartError for a damaged file. */
export class BackupReader {
  readonly #gunzip: Gunzip;
  readonly #chunks: AsyncIterator<Buffer>;
  readonly #hash: Hash = createHash('sha256');
  #rest: Buffer = Buffer.alloc(0);

  constructor(source: Readable) {
    this.#gunzip = createGunzip();
    // The iterator throws the errors of both streams.
    pipeline(source, this.#gunzip, () => undefined);
    this.#chunks = this.#gunzip[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
  }

  /** How many bytes of the file belong to the backup. */
  get bytesRead(): number {
    return this.#gunzip.bytesWritten;
  }

  /** Throws a StartError for a file of another kind, or of a later version of the format. */
  async readHeader(): Promise<BackupHeader> {
    const header = await this.#readObject().catch(() => undefined);
    if (header?.['format'] !== FORMAT) throw new StartError('This is not a backup of issue-links.');
    if (header['version'] !== FORMAT_VERSION) {
      throw new StartError('This backup has a newer format: restore it with the version of issue-links that wrote it.');
    }
    if (!Array.isArray(header['migrations']) || header['migrations'].length === 0)
      throw damaged('its header names no migrations');
    return header as unknown as BackupHeader;
  }

  /** Passes each table on, and returns the numbers of rows. The checksum has been verified once it has returned. */
  async readTables(onTable: (table: BackedUpTable) => Promise<void>): Promise<RowCounts> {
    for (;;) {
      const sha256 = this.#hash.copy().digest('hex');
      const line = await this.#readObject();
      if (typeof line['table'] === 'string') {
        const { table, columns } = line as unknown as Omit<BackedUpTable, 'rows'>;
        await onTable({ table, columns, rows: this.#readRows() });
      } else {
        const trailer = line as unknown as Trailer;
        if (trailer.sha256 !== sha256) throw damaged('its checksum is wrong');
        if (this.#rest.length > 0 || (await this.#readMore())) throw damaged('it continues after its end');
        return trailer.rows;
      }
    }
  }

  close(): void {
    this.#gunzip.destroy();
  }

  async #readObject(): Promise<Record<string, unknown>> {
    let end = this.#rest.indexOf(NEWLINE);
    while (end === -1) {
      if (this.#rest.length > LINE_BYTES_MAX || !(await this.#readMore())) throw damaged('it ends early');
      end = this.#rest.indexOf(NEWLINE);
    }
    try {
      return JSON.parse(this.#take(end + 1).toString()) as Record<string, unknown>;
    } catch (error) {
      throw damaged('it holds an invalid line', error);
    }
  }

  async *#readRows(): AsyncGenerator<Buffer> {
    // The rest always starts with a line.
    while (!this.#rest.subarray(0, END_OF_ROWS.length).equals(END_OF_ROWS)) {
      const end = this.#rest.indexOf(`\n${END_OF_ROWS.toString()}`);
      const length = (end === -1 ? this.#rest.lastIndexOf(NEWLINE) : end) + 1;
      if (length > 0) yield this.#take(length);
      else if (!(await this.#readMore())) throw damaged('it ends early');
    }
    this.#take(END_OF_ROWS.length);
  }

  #take(length: number): Buffer {
    const taken = this.#rest.subarray(0, length);
    this.#rest = this.#rest.subarray(length);
    this.#hash.update(taken);
    return taken;
  }

  /** Whether there was more. */
  async #readMore(): Promise<boolean> {
    try {
      const next = await this.#chunks.next();
      if (next.done) return false;
      this.#rest = Buffer.concat([this.#rest, next.value]);
      return true;
    } catch (error) {
      const { code = '', message } = error as NodeJS.ErrnoException;
      if (code.startsWith('Z_')) throw damaged(code === 'Z_BUF_ERROR' ? 'it ends early' : message, error);
      throw new StartError(`The backup cannot be read: ${message}`, { cause: error });
    }
  }
}

export function damaged(reason: string, cause?: unknown): StartError {
  return new StartError(`The backup is damaged (${reason}). Nothing was restored.`, { cause });
}

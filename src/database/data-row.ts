import type { Duplex } from 'node:stream';
import type pg from 'pg';
import { Parser } from 'pg-protocol/dist/parser.js';

/** What the types of pg-protocol and pg omit. */
interface Message {
  readonly name: string;
}
interface PacketParser {
  parse(chunk: Buffer, onMessage: (message: Message) => void): void;
  handlePacket(offset: number, code: number, length: number, bytes: Buffer): Message;
}
interface MessageSource {
  attachListeners(stream: Duplex): void;
  emit(event: string, message: Message): void;
}

/** The code of the message `DataRow`. */
const DATA_ROW = 0x44;
/** The length of a column that is null. */
const NULL = -1;
/** The length of a message includes its own four bytes. */
const LENGTH_BYTES = 4;
const COUNT_BYTES = 2;
const MINUS = '-'.charCodeAt(0);
const ZERO = '0'.charCodeAt(0);

/** Leaves rows undecoded: most of the time that pg takes for a row is spent on a string for each column. */
class RowParser extends (Parser as unknown as new () => PacketParser) {
  override handlePacket(offset: number, code: number, length: number, bytes: Buffer): Message {
    return code === DATA_ROW ? new DataRow(bytes, offset, length) : super.handlePacket(offset, code, length, bytes);
  }
}

/** Has a client that is not connected yet receive rows as `DataRow`. */
export function receiveDataRows(client: pg.Client): void {
  const connection = client.connection as unknown as MessageSource;
  connection.attachListeners = (stream) => {
    const parser = new RowParser();
    const onMessage = (message: Message) => {
      connection.emit(message.name === 'error' ? 'errorMessage' : message.name, message);
    };
    stream.on('data', (chunk: Buffer) => {
      parser.parse(chunk, onMessage);
    });
  };
}

/**
 * A row as PostgreSQL sends it, with its columns in text form. It must be read while it is passed on: its bytes are
 * overwritten by those that arrive later.
 */
export class DataRow {
  readonly name = 'dataRow';
  readonly bytes: Buffer;
  /** The position of the first column in `bytes`. */
  readonly start: number;
  readonly end: number;
  /** Its size in bytes. */
  readonly length: number;

  constructor(bytes: Buffer, offset: number, length: number) {
    this.bytes = bytes;
    this.start = offset + COUNT_BYTES;
    this.end = offset + length - LENGTH_BYTES;
    this.length = length;
  }

  /** All columns, decoded. */
  get fields(): (string | null)[] {
    const columns = new Columns(this.bytes, this.start);
    const fields: (string | null)[] = [];
    while (columns.next < this.end) fields.push(columns.text());
    return fields;
  }
}

/** Copies many short runs of bytes with few allocations. */
export class ByteCopies {
  static readonly #BLOCK_BYTES = 16_384;
  /** Holds the last copy. */
  block = Buffer.alloc(0);
  #end = 0;

  /** Returns the position of the copy in `block`. */
  copy(bytes: Buffer, start: number, end: number): number {
    const length = end - start;
    if (this.#end + length > this.block.length) {
      this.block = Buffer.allocUnsafeSlow(Math.max(length, ByteCopies.#BLOCK_BYTES));
      this.#end = 0;
    }
    const { block } = this;
    const at = this.#end;
    for (let index = 0; index < length; index += 1) block[at + index] = bytes[start + index] as number;
    this.#end += length;
    return at;
  }
}

/** Reads the columns of a row, one after the other; null is returned as null. */
export class Columns {
  readonly bytes: Buffer;
  /** The position of the next column. */
  next: number;
  /** The position of the column that `skip` has passed. */
  at = 0;

  constructor(bytes: Buffer, start: number) {
    this.bytes = bytes;
    this.next = start;
  }

  /** Passes the next column. Returns whether it has a value. */
  skip(): boolean {
    const { bytes, next } = this;
    const length = bytes.readInt32BE(next);
    this.at = next + LENGTH_BYTES;
    this.next = length === NULL ? this.at : this.at + length;
    return length !== NULL;
  }

  /** The length of that column in bytes; 0 if it is null. */
  get length(): number {
    return this.next - this.at;
  }

  text(): string | null {
    return this.skip() ? this.bytes.toString('utf8', this.at, this.next) : null;
  }

  /** A whole number, such as an id. */
  number(): number | null {
    if (!this.skip()) return null;
    const { bytes, next } = this;
    const isNegative = bytes[this.at] === MINUS;
    let value = 0;
    for (let at = isNegative ? this.at + 1 : this.at; at < next; at += 1)
      value = value * 10 + ((bytes[at] as number) - ZERO);
    return isNegative ? -value : value;
  }
}

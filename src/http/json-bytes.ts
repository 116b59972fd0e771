/** Shared by the responses of some requests. A larger one would stay in memory for a slow client that holds a part of it. */
const SLAB_BYTES = 65_536;
/** A byte has at most six characters in JSON, as in `\u001f`. */
const ESCAPED_MAX = 6;
const FIRST_PRINTABLE = 0x20;
const QUOTE = 0x22;
const BACKSLASH = 0x5c;

/**
 * Assembles JSON in the bytes that are sent. A string would be assembled from pieces, flattened, and then encoded into
 * memory of its own, which takes twice the time and most of the garbage of a request.
 */
export class JsonBytes {
  #slab = Buffer.alloc(0);
  #start = 0;
  #end = 0;

  /** Appends a string of ASCII characters. */
  ascii(text: string): void {
    const { length } = text;
    this.#reserve(length);
    const slab = this.#slab;
    let end = this.#end;
    for (let index = 0; index < length; index += 1) slab[end++] = text.charCodeAt(index);
    this.#end = end;
  }

  /** Appends JSON that has been encoded before. */
  bytes(json: Uint8Array): void {
    this.#reserve(json.length);
    this.#slab.set(json, this.#end);
    this.#end += json.length;
  }

  /** Appends a part of a few bytes. */
  copy(bytes: Uint8Array, at: number, length: number): void {
    this.#reserve(length);
    const slab = this.#slab;
    const end = this.#end;
    for (let index = 0; index < length; index += 1) slab[end + index] = bytes[at + index] as number;
    this.#end = end + length;
  }

  /** Appends text in UTF-8 as a JSON string. */
  string(bytes: Buffer, at: number, length: number): void {
    this.#reserve(length * ESCAPED_MAX + 2);
    const slab = this.#slab;
    let end = this.#end;
    slab[end++] = QUOTE;
    for (let index = 0; index < length; index += 1) {
      const byte = bytes[at + index] as number;
      if (byte < FIRST_PRINTABLE || byte === QUOTE || byte === BACKSLASH) {
        this.#end += slab.write(JSON.stringify(bytes.toString('utf8', at, at + length)), this.#end);
        return;
      }
      slab[end++] = byte;
    }
    slab[end++] = QUOTE;
    this.#end = end;
  }

  /** The bytes since the last call. */
  take(): Buffer {
    const json = this.#slab.subarray(this.#start, this.#end);
    this.#start = this.#end;
    return json;
  }

  /** The number of bytes since the last `take`. */
  get length(): number {
    return this.#end - this.#start;
  }

  /** Forgets the bytes beyond a former length. */
  truncate(length: number): void {
    this.#end = this.#start + length;
  }

  #reserve(bytes: number): void {
    if (this.#end + bytes > this.#slab.length) this.#replaceSlab(bytes);
  }

  #replaceSlab(bytes: number): void {
    const begun = this.#slab.subarray(this.#start, this.#end);
    const isLarge = begun.length + bytes > SLAB_BYTES;
    this.#slab = Buffer.allocUnsafeSlow(isLarge ? 2 * (begun.length + bytes) : SLAB_BYTES);
    this.#slab.set(begun);
    this.#start = 0;
    this.#end = begun.length;
  }
}

/** Shared by the responses of some requests. A larger one would stay in memory for a slow client that holds a part of it. */
const SLAB_BYTES = 65_536;
/** One UTF-16 code unit has at most six characters in JSON, as in `\u001f`. */
const ESCAPED_MAX = 6;
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

  /** Appends any string as JSON. */
  string(text: string): void {
    const { length } = text;
    this.#reserve(length * ESCAPED_MAX + 2);
    const slab = this.#slab;
    let end = this.#end;
    slab[end++] = QUOTE;
    for (let index = 0; index < length; index += 1) {
      const code = text.charCodeAt(index);
      if (code < 0x20 || code > 0x7e || code === QUOTE || code === BACKSLASH) {
        this.#end += slab.write(JSON.stringify(text), this.#end);
        return;
      }
      slab[end++] = code;
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

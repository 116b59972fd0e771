import type { JsonBytes } from '../../http/json-bytes.ts';

/** A result that its method writes as JSON itself, in a fraction of the time that JSON.stringify takes. */
export class WrittenResult {
  readonly writeTo: (json: JsonBytes) => void;

  constructor(writeTo: (json: JsonBytes) => void) {
    this.writeTo = writeTo;
  }
}

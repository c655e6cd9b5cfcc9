import { messageBytes, HEADER_BYTES, type CopyRun } from '../stream/copy-frames.ts';
import { fieldsOf, type Fields } from './copy-text.ts';

const NEWLINE = 0x0a;
/** Large enough that few rows lie across two pieces, small enough to be decoded to strings that die young. */
const PIECE_BYTES = 64 * 1024;

/** Rows as COPY sent them. They are decoded each time they are asked for. */
export interface CopiedRows extends Iterable<Fields> {
  readonly count: number;
  readonly byteLength: number;
  /** Whether there were more rows than the limit let in. */
  readonly isCut: boolean;
  /** The last row, or null when there is none. */
  readonly last: Fields | null;
}

/** Gathers what COPY TO STDOUT sends, up to the first row that reaches `byteLimit`; the rest is dropped. */
export class RowCollector implements CopiedRows {
  readonly #byteLimit: number;
  /** Whole lines each, without headers. */
  readonly #pieces: Buffer[] = [];
  #piece = Buffer.alloc(0);
  #filled = 0;
  #lastBytes = 0;
  count = 0;
  byteLength = 0;
  isCut = false;

  constructor(byteLimit: number) {
    this.#byteLimit = byteLimit;
  }

  /** Postgres sends each row as a message of its own. The bytes are used up. */
  add({ bytes, start, end }: CopyRun): void {
    let to = start;
    for (let at = start; at < end && !this.isCut;) {
      if (this.byteLength >= this.#byteLimit) {
        this.isCut = true;
        break;
      }
      const next = at + messageBytes(bytes, at);
      if (bytes[next - 1] !== NEWLINE) throw new RangeError('a message of COPY does not end with its row');
      // Row is moved up to row in place: a copy of its own for each would cost as much as decoding it.
      bytes.copyWithin(to, at + HEADER_BYTES, next);
      this.#lastBytes = next - at - HEADER_BYTES;
      this.byteLength += this.#lastBytes;
      this.count += 1;
      to += this.#lastBytes;
      at = next;
    }
    this.#append(bytes, start, to);
  }

  get last(): Fields | null {
    if (this.count === 0) return null;
    const start = this.#filled - this.#lastBytes;
    return fieldsOf(this.#piece.toString('utf8', start, this.#filled - 1));
  }

  *[Symbol.iterator](): Generator<Fields> {
    if (this.count === 0) return;
    for (const piece of [...this.#pieces, this.#piece.subarray(0, this.#filled)]) {
      // One text for the whole piece, then cuts of it: far cheaper than a text for each line.
      for (const line of piece.toString('utf8', 0, piece.length - 1).split('\n')) yield fieldsOf(line);
    }
  }

  #append(bytes: Buffer, start: number, end: number): void {
    const size = end - start;
    if (size === 0) return;
    if (size > this.#piece.length - this.#filled) {
      if (this.#filled > 0) this.#pieces.push(this.#piece.subarray(0, this.#filled));
      this.#piece = Buffer.allocUnsafeSlow(Math.max(PIECE_BYTES, size));
      this.#filled = 0;
    }
    bytes.copy(this.#piece, this.#filled, start, end);
    this.#filled += size;
  }
}

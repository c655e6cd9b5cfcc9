import { readTwosComplement } from './decimal-number.ts';

/** Calling into the runtime costs more than so many characters do here. */
const SHORT_TEXT = 12;

/** Avro's binary encoding, read in order. Throws RangeError where the bytes end too soon. */
export class AvroReader {
  #bytes: Buffer = Buffer.alloc(0);
  #at = 0;

  /** Begins anew, at a place of other bytes. */
  reset(bytes: Buffer, at: number): void {
    this.#bytes = bytes;
    this.#at = at;
  }

  /** Whether all bytes were read, and none beyond them. */
  get isAtEnd(): boolean {
    return this.#at === this.#bytes.length;
  }

  boolean(): boolean {
    return this.#byte() !== 0;
  }

  /** An int or a long; a bigint where a number is not exact. */
  long(): number | bigint {
    const start = this.#at;
    let byte = this.#byte();
    let value = byte & 0x7f;
    for (let factor = 0x80; byte > 0x7f; factor *= 0x80) {
      byte = this.#byte();
      // A double is exact up to four bits of the eighth group.
      if (this.#at - start === 8 && byte > 0x0f) return this.#bigLong(start);
      value += (byte & 0x7f) * factor;
    }
    const half = Math.floor(value / 2);
    return value === half * 2 ? half : -half - 1;
  }

  /** An int, or the length or the branch of something. */
  int(): number {
    return Number(this.long());
  }

  float(): number {
    const start = this.#skipped(4);
    return this.#bytes.readFloatLE(start);
  }

  double(): number {
    const start = this.#skipped(8);
    return this.#bytes.readDoubleLE(start);
  }

  /** A copy, which outlives the record that it came in. */
  bytes(): Buffer {
    const length = this.int();
    const start = this.#skipped(length);
    return Buffer.from(this.#bytes.subarray(start, start + length));
  }

  decimal(): number | bigint {
    const length = this.int();
    const start = this.#skipped(length);
    return readTwosComplement(this.#bytes, start, start + length);
  }

  string(): string {
    const length = this.int();
    const start = this.#skipped(length);
    return (
      (length <= SHORT_TEXT ? this.#shortAscii(start, start + length) : null) ?? this.#utf8(start, length)
    );
  }

  /** A string that mostly is the same as last time. */
  repeated(last: RepeatedText): string {
    const length = this.int();
    const start = this.#skipped(length);
    if (!this.#isAt(start, length, last.bytes)) {
      last.bytes = Buffer.from(this.#bytes.subarray(start, start + length));
      last.text = this.#utf8(start, length);
    }
    return last.text;
  }

  skipText(): void {
    this.#skipped(this.int());
  }

  #isAt(start: number, length: number, bytes: Buffer): boolean {
    if (bytes.length !== length) return false;
    for (let index = 0; index < length; index++)
      if (bytes[index] !== this.#bytes[start + index]) return false;
    return true;
  }

  #utf8(start: number, length: number): string {
    return this.#bytes.toString('utf8', start, start + length);
  }

  #shortAscii(start: number, end: number): string | null {
    let text = '';
    for (let at = start; at < end; at++) {
      const code = this.#bytes[at] ?? 0;
      if (code > 0x7f) return null;
      text += String.fromCharCode(code);
    }
    return text;
  }

  #bigLong(start: number): bigint {
    this.#at = start;
    let value = 0n;
    for (let shift = 0n; ; shift += 7n) {
      const byte = this.#byte();
      value |= BigInt(byte & 0x7f) << shift;
      if (byte <= 0x7f) break;
      if (shift >= 63n) throw new RangeError('a number of more than 64 bits');
    }
    return (value >> 1n) ^ -(value & 1n);
  }

  #byte(): number {
    const byte = this.#bytes[this.#at++];
    if (byte === undefined) throw tooShort();
    return byte;
  }

  /** Where the bytes began that are passed over. */
  #skipped(length: number): number {
    const start = this.#at;
    if (!(length >= 0 && length <= this.#bytes.length - start)) throw tooShort();
    this.#at = start + length;
    return start;
  }
}

/** What `repeated` remembers of one place. */
export interface RepeatedText {
  bytes: Buffer;
  text: string;
}

export function repeatedText(): RepeatedText {
  return { bytes: Buffer.alloc(0), text: '' };
}

function tooShort(): RangeError {
  return new RangeError('the record is shorter than its schema says');
}

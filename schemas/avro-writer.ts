import { twosComplementBytes, writeTwosComplement } from './decimal-number.ts';

/** Many records share one allocation. */
const SLAB_BYTES = 64 * 1024;
/** The longest form of a long. */
const LONG_BYTES = 10;
/** Calling into the runtime costs more than so many bytes do here. */
const SHORT_COPY = 60;
/**
 * The same of characters. It would pay for longer texts too, but once any module has a class that extends String, as ioredis
 * has, V8 no longer inlines charCodeAt, and the loop takes three times as long.
 */
const SHORT_TEXT = 12;

/** Avro's binary encoding (Avro specification, "Binary Encoding"). What was taken stays as it is. */
export class AvroWriter {
  #bytes = Buffer.allocUnsafeSlow(SLAB_BYTES);
  #start = 0;
  #at = 0;

  /** What was written since the last time, without a copy: later records stand behind it or elsewhere. */
  take(): Buffer {
    const taken = this.#bytes.subarray(this.#start, this.#at);
    this.#start = this.#at;
    return taken;
  }

  /** Forgets what was written since something was taken. */
  drop(): void {
    this.#at = this.#start;
  }

  /** Bytes as they are. */
  raw(bytes: Buffer): void {
    this.#reserve(bytes.length);
    copyBytes(bytes, this.#bytes, this.#at, bytes.length);
    this.#at += bytes.length;
  }

  /** Characters of one byte each, without their number before them. */
  ascii(text: string): void {
    this.#reserve(text.length);
    for (let index = 0; index < text.length; index++) this.#bytes[this.#at + index] = text.charCodeAt(index);
    this.#at += text.length;
  }

  /** The decimal digits of a number that is no less than 0, without their number before them. */
  digits(value: bigint): void {
    let rest = Number(value);
    if (!Number.isSafeInteger(rest)) return this.ascii(String(value));
    const count = digitsOf(value);
    this.#reserve(count);
    for (let place = this.#at + count - 1; place >= this.#at; place--) {
      const higher = Math.floor(rest / 10);
      this.#bytes[place] = DIGIT_0 + (rest - higher * 10);
      rest = higher;
    }
    this.#at += count;
  }

  /** The branch of a union; there are few. */
  branch(index: number): void {
    this.#reserve(1);
    this.#bytes[this.#at++] = index * 2;
  }

  boolean(value: boolean): void {
    this.#reserve(1);
    this.#bytes[this.#at++] = value ? 1 : 0;
  }

  /** An int or a long: a safe integer, or a bigint of up to 64 bits. */
  long(value: number | bigint): void {
    this.#reserve(LONG_BYTES);
    const number = Number(value);
    // Twice of it is a safe integer still.
    if (number > -HALF_SAFE && number < HALF_SAFE) this.#varint(number < 0 ? -2 * number - 1 : 2 * number);
    else this.#bigVarint(BigInt(value));
  }

  float(value: number): void {
    this.#reserve(4);
    this.#at = this.#bytes.writeFloatLE(value, this.#at);
  }

  double(value: number): void {
    this.#reserve(8);
    this.#at = this.#bytes.writeDoubleLE(value, this.#at);
  }

  bytes(value: Uint8Array): void {
    this.long(value.byteLength);
    this.#reserve(value.byteLength);
    this.#bytes.set(value, this.#at);
    this.#at += value.byteLength;
  }

  /** A decimal's unscaled number as bytes. */
  decimal(unscaled: number | bigint): void {
    const bytes = twosComplementBytes(unscaled);
    this.long(bytes);
    this.#reserve(bytes);
    this.#at = writeTwosComplement(this.#bytes, this.#at, unscaled, bytes);
  }

  string(text: string): void {
    this.#reserve(LONG_BYTES + text.length * 3);
    if (text.length <= SHORT_TEXT && this.#shortAscii(text)) return;
    // Other characters than ASCII may need more bytes for the length than there was room for.
    const contents = this.#at + varintBytes(2 * text.length);
    const byteLength = this.#bytes.write(text, contents);
    const moved = this.#at + varintBytes(2 * byteLength);
    if (moved !== contents) this.#bytes.copyWithin(moved, contents, contents + byteLength);
    this.#varint(2 * byteLength);
    this.#at += byteLength;
  }

  /** Whether the text was written: only where each of its few characters is one byte. */
  #shortAscii(text: string): boolean {
    const bytes = this.#bytes;
    const start = this.#at + 1;
    for (let index = 0; index < text.length; index++) {
      const code = text.charCodeAt(index);
      if (code > 0x7f) return false;
      bytes[start + index] = code;
    }
    bytes[this.#at] = text.length * 2;
    this.#at = start + text.length;
    return true;
  }

  /** An unsigned safe integer, seven bits a byte, lowest first. */
  #varint(value: number): void {
    const bytes = this.#bytes;
    let rest = value;
    while (rest > 0x7fff_ffff) {
      const higher = Math.floor(rest / 0x80);
      bytes[this.#at++] = rest - higher * 0x80 + 0x80;
      rest = higher;
    }
    while (rest > 0x7f) {
      bytes[this.#at++] = (rest & 0x7f) | 0x80;
      rest >>>= 7;
    }
    bytes[this.#at++] = rest;
  }

  #bigVarint(value: bigint): void {
    let rest = BigInt.asUintN(64, value << 1n) ^ (value < 0n ? MAX_UINT64 : 0n);
    while (rest > 0x7fn) {
      this.#bytes[this.#at++] = Number(rest & 0x7fn) | 0x80;
      rest >>= 7n;
    }
    this.#bytes[this.#at++] = Number(rest);
  }

  /** Moves what was written so far to a new slab where this one has no room. */
  #reserve(bytes: number): void {
    const written = this.#at - this.#start;
    if (this.#at + bytes <= this.#bytes.length) return;
    const larger = Buffer.allocUnsafeSlow(Math.max(SLAB_BYTES, (written + bytes) * 2));
    this.#bytes.copy(larger, 0, this.#start, this.#at);
    this.#bytes = larger;
    this.#start = 0;
    this.#at = written;
  }
}

/** How many decimal digits a number has that is no less than 0. */
export function digitsOf(value: bigint): number {
  const number = Number(value);
  if (!Number.isSafeInteger(number)) return String(value).length;
  let count = 1;
  for (let limit = 10; number >= limit; limit *= 10) count += 1;
  return count;
}

const DIGIT_0 = 48;
const HALF_SAFE = 2 ** 52;
const MAX_UINT64 = 2n ** 64n - 1n;

function copyBytes(from: Buffer, into: Buffer, at: number, length: number): void {
  if (length > SHORT_COPY) from.copy(into, at, 0, length);
  else for (let index = 0; index < length; index++) into[at + index] = from[index] ?? 0;
}

function varintBytes(value: number): number {
  let bytes = 1;
  for (let rest = value; rest > 0x7f; rest = Math.floor(rest / 0x80)) bytes += 1;
  return bytes;
}

/** The bytes of one column, while it is written. They are those of ClickHouse's format Native: numbers are little-endian. */
export interface Bytes {
  data: Buffer;
  length: number;
}

export function emptyBytes(capacity: number): Bytes {
  return { data: Buffer.allocUnsafe(Math.max(capacity, 64)), length: 0 };
}

/** A buffer with space for `count` more bytes. */
function withRoom(out: Bytes, count: number): Buffer {
  if (out.length + count > out.data.length) {
    const larger = Buffer.allocUnsafe(Math.max(out.data.length * 2, out.length + count));
    out.data.copy(larger, 0, 0, out.length);
    out.data = larger;
  }
  return out.data;
}

/** A few bytes: for these a loop is quicker than `Buffer.fill`. */
function putBytes(out: Bytes, byte: number, count: number): void {
  const data = withRoom(out, count);
  for (let index = 0; index < count; index++) data[out.length++] = byte;
}

export function putZeros(out: Bytes, count: number): void {
  putBytes(out, 0, count);
}

export function putByte(out: Bytes, byte: number): void {
  withRoom(out, 1)[out.length++] = byte;
}

export function putFloat(out: Bytes, value: number, width: 4 | 8): void {
  const data = withRoom(out, width);
  if (width === 4) data.writeFloatLE(value, out.length);
  else data.writeDoubleLE(value, out.length);
  out.length += width;
}

/** A signed integer of `width` bytes; exact up to 2^53. */
export function putInteger(out: Bytes, value: number, width: number): void {
  const data = withRoom(out, width);
  if (width === 2) out.length = data.writeInt16LE(value, out.length);
  else if (width === 4) out.length = data.writeInt32LE(value, out.length);
  else {
    const high = Math.floor(value / 0x1_0000_0000);
    data.writeUInt32LE(value - high * 0x1_0000_0000, out.length);
    out.length = data.writeInt32LE(high, out.length + 4);
    putBytes(out, value < 0 ? 0xff : 0, width - 8);
  }
}

/** An integer of 8, 16 or 32 bytes; of an unsigned type where `value` is not negative. */
export function putBigInteger(out: Bytes, value: bigint, width: number): void {
  const data = withRoom(out, width);
  for (let offset = 0; offset < width; offset += 8)
    data.writeBigUInt64LE(BigInt.asUintN(64, value >> BigInt(offset * 8)), out.length + offset);
  out.length += width;
}

/** UTF-16 code units that certainly make a text whose length takes one byte: each makes three bytes at most. */
const SHORT_TEXT = 42;

/** The length in bytes, then the text in UTF-8. */
export function putText(out: Bytes, text: string): void {
  const data = withRoom(out, text.length * 3 + 5);
  if (text.length <= SHORT_TEXT) {
    const start = out.length + 1;
    const count = asciiInto(data, start, text) ? text.length : data.write(text, start);
    data[out.length] = count;
    out.length = start + count;
    return;
  }
  let rest = Buffer.byteLength(text);
  for (; rest > 0x7f; rest >>>= 7) data[out.length++] = (rest & 0x7f) | 0x80;
  data[out.length++] = rest;
  out.length += data.write(text, out.length);
}

/** For short texts quicker than `Buffer.write`; false where the text has other characters. */
function asciiInto(data: Buffer, start: number, text: string): boolean {
  for (let index = 0; index < text.length; index++) {
    const code = text.charCodeAt(index);
    if (code > 0x7f) return false;
    data[start + index] = code;
  }
  return true;
}

/** Bytes that are written as hexadecimal digits, `from` to `to` in the text, the last byte first. False where one is none. */
export function putHexBackwards(out: Bytes, text: string, from: number, to: number): boolean {
  const data = withRoom(out, (to - from) / 2 + 1);
  let at = out.length;
  for (let index = to - 2; index >= from; index -= 2) {
    const high = HEX[text.charCodeAt(index)] ?? 0xff;
    const low = HEX[text.charCodeAt(index + 1)] ?? 0xff;
    if (high === 0xff || low === 0xff) return false;
    data[at++] = (high << 4) | low;
  }
  out.length = at;
  return true;
}

/** What a character stands for as a hexadecimal digit, 255 for none. */
const HEX = Uint8Array.from({ length: 128 }, (_, code) => {
  const value = Number.parseInt(String.fromCharCode(code), 16);
  return Number.isNaN(value) ? 0xff : value;
});

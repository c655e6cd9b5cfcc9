/** Reads a message's bytes in order; every read past the end throws RangeError, so a cut message never passes. */
export class ByteReader {
  readonly #bytes: Buffer;
  #offset = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  get atEnd(): boolean {
    return this.#offset === this.#bytes.length;
  }

  uint8(): number {
    const value = this.#bytes.readUInt8(this.#offset);
    this.#offset += 1;
    return value;
  }

  uint16(): number {
    const value = this.#bytes.readUInt16BE(this.#offset);
    this.#offset += 2;
    return value;
  }

  /** OIDs and transaction ids are unsigned. */
  uint32(): number {
    const value = this.#bytes.readUInt32BE(this.#offset);
    this.#offset += 4;
    return value;
  }

  int32(): number {
    const value = this.#bytes.readInt32BE(this.#offset);
    this.#offset += 4;
    return value;
  }

  uint64(): bigint {
    const value = this.#bytes.readBigUInt64BE(this.#offset);
    this.#offset += 8;
    return value;
  }

  int64(): bigint {
    const value = this.#bytes.readBigInt64BE(this.#offset);
    this.#offset += 8;
    return value;
  }

  /** UTF-8 text of that many bytes, copied: the buffer below is used again for the next message. */
  text(length: number): string {
    const end = this.#offset + length;
    if (length < 0 || end > this.#bytes.length) throw new RangeError('the message ends early');
    const text = this.#bytes.toString('utf8', this.#offset, end);
    this.#offset = end;
    return text;
  }

  /** Text up to a zero byte. */
  zeroTerminated(): string {
    const end = this.#bytes.indexOf(0, this.#offset);
    if (end === -1) throw new RangeError('the message ends early');
    const text = this.#bytes.toString('utf8', this.#offset, end);
    this.#offset = end + 1;
    return text;
  }
}

const NOTHING = Buffer.alloc(0);

/** Up to this size a message's texts are cut from one string: above, a value that is kept would hold on to too much. */
const SHARED_TEXT_LIMIT_BYTES = 4_096;

/**
 * Reads a range of bytes in order, where it lies: no view or copy for each message. Every read past the range's end throws
 * RangeError, so a cut message never passes.
 */
export class ByteReader {
  #bytes: Buffer = NOTHING;
  #view: DataView = new DataView(NOTHING.buffer, 0, 0);
  #start = 0;
  #offset = 0;
  #end = 0;
  /** The whole range as Latin-1, made for its first ASCII text; null before. */
  #latin1: string | null = null;

  /** Goes to another range; `end` is behind its last byte. */
  open(bytes: Buffer, start: number, end: number): void {
    if (bytes !== this.#bytes) {
      this.#bytes = bytes;
      this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    }
    this.#start = start;
    this.#offset = start;
    this.#end = end;
    this.#latin1 = null;
  }

  get atEnd(): boolean {
    return this.#offset === this.#end;
  }

  uint8(): number {
    return this.#view.getUint8(this.#take(1));
  }

  uint16(): number {
    return this.#view.getUint16(this.#take(2));
  }

  /** OIDs, transaction ids and lengths are unsigned. */
  uint32(): number {
    return this.#view.getUint32(this.#take(4));
  }

  int32(): number {
    return this.#view.getInt32(this.#take(4));
  }

  uint64(): bigint {
    return this.#view.getBigUint64(this.#take(8));
  }

  /** A signed 64-bit number, exact up to 2^53. */
  int64AsNumber(): number {
    const at = this.#take(8);
    return this.#view.getInt32(at) * 0x1_0000_0000 + this.#view.getUint32(at + 4);
  }

  /** A copy: the bytes below belong to the socket's buffer. */
  bytes(length: number): Uint8Array {
    const at = this.#take(length);
    return new Uint8Array(this.#bytes.subarray(at, at + length));
  }

  /**
   * UTF-8 text of that many bytes. A call into the runtime for each value costs more than the value: where it is ASCII, it
   * is cut from the range's text, which is made once.
   */
  text(length: number): string {
    const at = this.#take(length);
    const end = at + length;
    if (this.#end - this.#start > SHARED_TEXT_LIMIT_BYTES || !this.#isAscii(at, end))
      return this.#bytes.toString('utf8', at, end);
    this.#latin1 ??= this.#bytes.toString('latin1', this.#start, this.#end);
    return this.#latin1.slice(at - this.#start, end - this.#start);
  }

  /** UTF-8 text up to a zero byte. */
  zeroTerminated(): string {
    const at = this.#offset;
    const zero = this.#bytes.indexOf(0, at);
    if (zero === -1 || zero >= this.#end) throw endsEarly();
    this.#offset = zero + 1;
    return this.#bytes.toString('utf8', at, zero);
  }

  /** Four bytes at a time: this runs over every byte of every row. */
  #isAscii(start: number, end: number): boolean {
    const view = this.#view;
    let seen = 0;
    let at = start;
    for (; at + 4 <= end; at += 4) seen |= view.getInt32(at, true);
    for (; at < end; at++) seen |= view.getUint8(at);
    return (seen & 0x8080_8080) === 0;
  }

  /** Moves on and returns where it was. */
  #take(length: number): number {
    const at = this.#offset;
    if (length > this.#end - at) throw endsEarly();
    this.#offset = at + length;
    return at;
  }
}

function endsEarly(): RangeError {
  return new RangeError('the message ends early');
}

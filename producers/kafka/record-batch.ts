import { promisify } from 'node:util';
import { gzip, zstdCompress } from 'node:zlib';
import { crc32c } from '@node-rs/crc32';
import type { KafkaConfig } from '../../core/config/schema.ts';

/** Bytes before the first record of a batch, format version 2 (Kafka documentation, "Message Format"). */
const HEADER_BYTES = 61;
/** Where the batch's length begins to count, and where its checksum does. */
const LENGTH_FROM = 12;
const CHECKSUM_FROM = 21;
const INITIAL_BYTES = 16 * 1024;
/** A batch that outgrows a few rows gets a buffer of this size, and leaves it to later ones. */
const LARGE_BYTES = 1024 * 1024;
const MAX_SPARE = 8;
const spare: Buffer[] = [];
const NOTHING = Buffer.alloc(0);
/** Attributes, deltas and lengths of one record, each at its longest. */
const RECORD_OVERHEAD_BYTES = 32;

const COMPRESSION_ATTRIBUTE: Record<KafkaConfig['compression'], number> = { none: 0, gzip: 1, zstd: 4 };
const compressors = { gzip: promisify(gzip), zstd: promisify(zstdCompress) };

/** Who writes a batch, so that the broker drops what it already has and refuses a writer that was replaced. */
export interface ProducerIdentity {
  readonly id: bigint;
  readonly epoch: number;
}

/**
 * The records of one partition on their way into one request, written straight into the bytes that are sent. kafkajs builds
 * three objects and some forty buffers for each record, which is most of what a producer costs (docs/decisions/0010).
 */
export class RecordBatch {
  #bytes: Buffer = Buffer.allocUnsafe(INITIAL_BYTES);
  #end = HEADER_BYTES;
  #baseTimestampMs = 0;
  #maxTimestampMs = 0;
  count = 0;

  /** Bytes before compression, the batch's header included. */
  get byteLength(): number {
    return this.#end;
  }

  /**
   * Appends a record. `key` and `headers` are bytes as they are sent; `headers` begins with the number of headers. Returns
   * how many bytes it took.
   */
  append(
    timestampMs: number,
    key: Buffer,
    keyBytes: number,
    value: string | Buffer | null,
    headers: Buffer,
  ): number {
    const valueBytes =
      value === null ? 0 : typeof value === 'string' ? Buffer.byteLength(value) : value.length;
    if (this.count === 0) {
      this.#baseTimestampMs = timestampMs;
      this.#maxTimestampMs = timestampMs;
    } else if (timestampMs > this.#maxTimestampMs) this.#maxTimestampMs = timestampMs;
    const timestampDelta = timestampMs - this.#baseTimestampMs;
    const length =
      1 +
      varintBytes(timestampDelta) +
      varintBytes(this.count) +
      varintBytes(keyBytes) +
      keyBytes +
      varintBytes(value === null ? -1 : valueBytes) +
      valueBytes +
      headers.length;
    this.#reserve(length + RECORD_OVERHEAD_BYTES);
    const start = this.#end;
    const bytes = this.#bytes;
    let at = writeVarint(bytes, start, length);
    bytes[at++] = 0;
    at = writeVarint(bytes, at, timestampDelta);
    at = writeVarint(bytes, at, this.count);
    at = writeVarint(bytes, at, keyBytes);
    at += key.copy(bytes, at, 0, keyBytes);
    if (value === null) at = writeVarint(bytes, at, -1);
    else {
      at = writeVarint(bytes, at, valueBytes);
      at += typeof value === 'string' ? bytes.write(value, at, valueBytes, 'utf8') : value.copy(bytes, at);
    }
    at += headers.copy(bytes, at);
    this.#end = at;
    this.count += 1;
    return at - start;
  }

  /** The batch as the broker stores it. `sequence` is the number of its first record among the partition's. */
  async seal(
    compression: KafkaConfig['compression'],
    producer: ProducerIdentity,
    sequence: number,
  ): Promise<Buffer> {
    let batch = this.#bytes.subarray(0, this.#end);
    if (compression !== 'none') {
      const records = await compressors[compression](batch.subarray(HEADER_BYTES));
      batch = Buffer.concat([batch.subarray(0, HEADER_BYTES), records]);
    }
    batch.writeBigInt64BE(0n, 0); // base offset: the broker's to give
    batch.writeInt32BE(batch.length - LENGTH_FROM, 8);
    batch.writeInt32BE(-1, LENGTH_FROM); // leader epoch: the broker's to give
    batch.writeInt8(2, 16);
    batch.writeInt16BE(COMPRESSION_ATTRIBUTE[compression], CHECKSUM_FROM);
    batch.writeInt32BE(this.count - 1, 23);
    batch.writeBigInt64BE(BigInt(this.#baseTimestampMs), 27);
    batch.writeBigInt64BE(BigInt(this.#maxTimestampMs), 35);
    batch.writeBigInt64BE(producer.id, 43);
    batch.writeInt16BE(producer.epoch, 51);
    batch.writeInt32BE(sequence, 53);
    batch.writeInt32BE(this.count, 57);
    batch.writeUInt32BE(crc32c(batch.subarray(CHECKSUM_FROM)), 17);
    return batch;
  }

  /** To be called when the broker has the batch, which is of no use after it: its bytes serve another. */
  release(): void {
    if (this.#bytes.length === LARGE_BYTES && spare.length < MAX_SPARE) spare.push(this.#bytes);
    this.#bytes = NOTHING;
    this.#end = 0;
  }

  #reserve(bytes: number): void {
    const needed = this.#end + bytes;
    if (needed <= this.#bytes.length) return;
    const larger = this.#larger(needed);
    this.#bytes.copy(larger, 0, 0, this.#end);
    this.#bytes = larger;
  }

  #larger(needed: number): Buffer {
    if (needed <= LARGE_BYTES / 8) return Buffer.allocUnsafe(Math.max(needed, this.#bytes.length * 2));
    if (needed <= LARGE_BYTES) return spare.pop() ?? Buffer.allocUnsafe(LARGE_BYTES);
    return Buffer.allocUnsafe(Math.max(needed, this.#bytes.length * 2));
  }
}

/** Headers as a record carries them: their number, then each name and value with its length. */
export function encodeHeaders(headers: readonly (readonly [name: string, value: string])[]): Buffer {
  const parts = headers.flatMap(([name, value]) => [varint(name.length), name, varint(value.length), value]);
  return Buffer.concat(
    [varint(headers.length), ...parts].map((part) =>
      typeof part === 'string' ? Buffer.from(part, 'latin1') : part,
    ),
  );
}

function varint(value: number): Buffer {
  const bytes = Buffer.alloc(10);
  return bytes.subarray(0, writeVarint(bytes, 0, value));
}

/** A signed number in Kafka's zigzag form, exact for safe integers; returns where it ends. */
function writeVarint(bytes: Buffer, start: number, value: number): number {
  let rest = value < 0 ? -2 * value - 1 : 2 * value;
  let at = start;
  while (rest > 0x7f) {
    // Beyond 32 bits the bit operators would cut the number; timestamps of one batch may lie far apart.
    bytes[at++] = (rest % 0x80) | 0x80;
    rest = Math.floor(rest / 0x80);
  }
  bytes[at++] = rest;
  return at;
}

function varintBytes(value: number): number {
  let rest = value < 0 ? -2 * value - 1 : 2 * value;
  let count = 1;
  while (rest > 0x7f) {
    rest = Math.floor(rest / 0x80);
    count += 1;
  }
  return count;
}

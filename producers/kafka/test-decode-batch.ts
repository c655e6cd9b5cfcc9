import { createRequire } from 'node:module';
// Registers zstd with kafkajs.
import '../../core/kafka.ts';

/** A record as kafkajs reads it. */
export interface DecodedRecord {
  readonly offset: string;
  readonly timestamp: string;
  readonly key: Buffer;
  /** Null for a tombstone. */
  readonly value: Buffer | null;
  readonly headers: Readonly<Record<string, Buffer>>;
}

/** A batch as kafkajs reads it. */
export interface DecodedBatch {
  readonly lastOffsetDelta: number;
  readonly firstTimestamp: string;
  readonly maxTimestamp: string;
  readonly producerId: string;
  readonly producerEpoch: number;
  readonly firstSequence: number;
  readonly inTransaction: boolean;
  readonly records: readonly DecodedRecord[];
}

const require = createRequire(import.meta.url);
const Decoder = require('kafkajs/src/protocol/decoder') as new (bytes: Buffer) => unknown;
const decode = require('kafkajs/src/protocol/recordBatch/v0/decoder') as (
  decoder: unknown,
) => Promise<DecodedBatch>;

/** Reads a sealed batch with kafkajs' decoder, which shares no code with our encoder. */
export function decodeBatch(bytes: Buffer): Promise<DecodedBatch> {
  return decode(new Decoder(bytes));
}

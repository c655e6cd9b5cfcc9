import type { ProtocolRequest } from 'kafkajs/src/cluster/index.js';
import produceResponse, { type ProduceResponse } from 'kafkajs/src/protocol/requests/produce/v7/response.js';

/** A partition's batch as the broker stores it. */
export interface SealedBatch {
  readonly topic: string;
  readonly partition: number;
  readonly bytes: Buffer;
}

const PRODUCE = 0;
/** Version 7 is the first that takes zstd; brokers since 2.1 know it. */
const VERSION = 7;
const ACKS_ALL = -1;
const BROKER_TIMEOUT_MS = 30_000;

/** A produce request (Kafka protocol guide, "Produce API"); its response holds an error code for each partition. */
export function produceRequest(batches: readonly SealedBatch[]): ProtocolRequest<ProduceResponse> {
  return {
    request: {
      apiKey: PRODUCE,
      apiVersion: VERSION,
      apiName: 'Produce',
      encode: () => Promise.resolve(copiedFrom(partsOf(batches))),
    },
    response: {
      decode: (bytes) => produceResponse.decode(bytes),
      parse: (decoded) => Promise.resolve(decoded),
    },
  };
}

function partsOf(batches: readonly SealedBatch[]): Buffer[] {
  const topics = Map.groupBy(batches, ({ topic }) => topic);
  const head = Buffer.alloc(12);
  head.writeInt16BE(-1, 0); // no transaction
  head.writeInt16BE(ACKS_ALL, 2);
  head.writeInt32BE(BROKER_TIMEOUT_MS, 4);
  head.writeInt32BE(topics.size, 8);
  const parts: Buffer[] = [head];
  for (const [topic, partitions] of topics) {
    const name = Buffer.from(topic);
    const topicHead = Buffer.alloc(2 + name.length + 4);
    topicHead.writeInt16BE(name.length, 0);
    name.copy(topicHead, 2);
    topicHead.writeInt32BE(partitions.length, 2 + name.length);
    parts.push(topicHead);
    for (const { partition, bytes } of partitions) {
      const partitionHead = Buffer.alloc(8);
      partitionHead.writeInt32BE(partition, 0);
      partitionHead.writeInt32BE(bytes.length, 4);
      parts.push(partitionHead, bytes);
    }
  }
  return parts;
}

/**
 * What kafkajs takes for an encoder: it copies `buffer` behind the request's header. Copied part by part, the batches need
 * not be joined before; requests of megabytes were most of the garbage.
 */
function copiedFrom(parts: readonly Buffer[]): unknown {
  const copy = (target: Buffer, start: number) => {
    let at = start;
    for (const part of parts) at += part.copy(target, at);
  };
  return { buf: parts[0], buffer: { length: parts.reduce((sum, { length }) => sum + length, 0), copy } };
}

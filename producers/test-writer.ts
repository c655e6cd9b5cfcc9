import type { EncodedEvent } from '../schemas/envelope.ts';
import { makePosition, type Position } from '../schemas/position.ts';
import { KafkaWriter, type Note, type WrittenTopic } from './kafka-writer.ts';
import type { PartitionBatch } from './kafka/produce-client.ts';
import { encodeHeaders } from './kafka/record-batch.ts';
import { decodeBatch } from './kafka/test-decode-batch.ts';

export const LABEL = {};
const NO_HEADERS = encodeHeaders([]);

export interface Request {
  readonly batches: readonly PartitionBatch[];
  readonly records: Promise<string[]>;
  readonly done: PromiseWithResolvers<void>;
}

/** A writer whose requests end when the test says so; the real ones are in kafka/produce-client.integration.test.ts. */
export function openWriter() {
  const requests: Request[] = [];
  const checkpoints: bigint[] = [];
  const counts: number[] = [];
  const writer = new KafkaWriter<object>(
    (batches) => {
      const done = Promise.withResolvers<void>();
      // Read now: its bytes serve other batches once it is acknowledged.
      requests.push({ batches, done, records: decodeAll(batches) });
      return done.promise;
    },
    (lsn) => checkpoints.push(lsn),
    (_, events) => counts.push(events),
  );
  return { writer, requests, checkpoints, counts };
}

/** Lets everything run that waits for nothing but promises. */
export const settled = () => new Promise<void>((resolve) => setImmediate(resolve));

export function topicOf(...lastPositions: (Position | null)[]): WrittenTopic {
  return { name: 't', lastPositions };
}

export function event(key: string, value = 'v'): EncodedEvent {
  return { key, value };
}

export function at(ordinal: number) {
  return { position: makePosition(1n, ordinal), timestampMs: 5, headers: NO_HEADERS };
}

export function noteOf(key: string, value: string): Note {
  return { topic: 'state', key, value: () => value };
}

/** Every record of a request as `topic/partition key=value`. */
export async function recordsOf(request: Request | undefined): Promise<string[]> {
  return (await request?.records) ?? [];
}

async function decodeAll(batches: readonly PartitionBatch[]): Promise<string[]> {
  const all = await Promise.all(
    batches.map(async ({ topic, partition, batch }) => {
      const { records } = await decodeBatch(await batch.seal('none', { id: 1n, epoch: 0 }, 0));
      return records.map(({ key, value }) => `${topic}/${partition} ${key.toString()}=${value?.toString()}`);
    }),
  );
  return all.flat();
}

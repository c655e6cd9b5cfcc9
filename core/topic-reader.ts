import { randomUUID } from 'node:crypto';
import type { Kafka, KafkaMessage } from 'kafkajs';

/**
 * Reads a small topic from its beginning to the end it has at the call and returns its messages, oldest first in each
 * partition. kafkajs reads through consumer groups only, so this uses a group of its own, which Kafka forgets once it is
 * empty. Throws what kafkajs throws; a missing topic gives no messages.
 */
export async function readTopic(kafka: Kafka, topic: string): Promise<KafkaMessage[]> {
  const admin = kafka.admin();
  await admin.connect();
  try {
    if (!(await admin.listTopics()).includes(topic)) return [];
    const offsets = await admin.fetchTopicOffsets(topic);
    const pending = new Map(
      offsets
        .filter(({ low, high }) => BigInt(high) > BigInt(low))
        .map(({ partition, high }) => [partition, BigInt(high)] as const),
    );
    return pending.size === 0 ? [] : await readUntil(kafka, topic, pending);
  } finally {
    await admin.disconnect();
  }
}

/** `pending` holds for each partition the offset at which reading ends. */
async function readUntil(kafka: Kafka, topic: string, pending: Map<number, bigint>): Promise<KafkaMessage[]> {
  const messages: KafkaMessage[] = [];
  const group = `tailrace.reader.${randomUUID()}`;
  const consumer = kafka.consumer({ groupId: group, maxWaitTimeInMs: 100, sessionTimeout: 10_000 });
  await consumer.connect();
  try {
    await consumer.subscribe({ topic, fromBeginning: true });
    await new Promise<void>((resolve, reject) => {
      consumer.on('consumer.crash', ({ payload }) => {
        // A group's coordinator may still be loading; kafkajs then starts again by itself.
        if (!payload.restart) reject(payload.error);
      });
      // Where compaction has removed the last records, no message ever carries the last offset: only the fetch tells.
      consumer.on('consumer.end_batch_process', ({ payload }) => {
        const end = pending.get(payload.partition);
        if (end !== undefined && BigInt(payload.lastOffset) + 1n >= end) pending.delete(payload.partition);
        if (pending.size === 0) resolve();
      });
      consumer
        .run({
          autoCommit: false,
          eachBatch: ({ batch }) => {
            messages.push(...batch.messages);
            return Promise.resolve();
          },
        })
        .catch(reject);
    });
  } finally {
    await consumer.disconnect();
  }
  return messages;
}

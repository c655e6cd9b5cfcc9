import { randomUUID } from 'node:crypto';
import { Kafka, logLevel, type Admin, type KafkaMessage } from 'kafkajs';
import { until } from './until.ts';

/** A record as the tests read it off a topic, with nothing of Tailrace between. */
export interface TopicRecord {
  readonly partition: number;
  readonly offset: bigint;
  readonly key: Buffer;
  /** Null for a tombstone. */
  readonly value: Buffer | null;
  readonly headers: Readonly<Record<string, string>>;
  readonly timestampMs: number;
}

export function kafkaOfTests(): Kafka {
  const brokers = process.env['KAFKA_BROKERS'];
  if (brokers === undefined)
    throw new Error('this test needs Kafka: set KAFKA_BROKERS, or run it with `npm test`');
  return new Kafka({ clientId: 'tailrace-tests', brokers: brokers.split(','), logLevel: logLevel.NOTHING });
}

/** Everything that a topic holds now, in the order of offsets within each partition. */
export async function readRecords(kafka: Kafka, admin: Admin, topic: string): Promise<TopicRecord[]> {
  const pending = new Map(
    (await offsetsOf(admin, topic))
      .filter(({ low, high }) => BigInt(high) > BigInt(low))
      .map(({ partition, high }) => [partition, BigInt(high)]),
  );
  const records: TopicRecord[] = [];
  if (pending.size === 0) return records;
  const groupId = `tests.${randomUUID()}`;
  // A coordinator that just moves in is waited for, however long it takes on a busy machine.
  const retry = { initialRetryTime: 200, maxRetryTime: 1_000, retries: 60 };
  const consumer = kafka.consumer({ groupId, maxWaitTimeInMs: 100, retry });
  const done = Promise.withResolvers<void>();
  consumer.on('consumer.crash', ({ payload }) => done.reject(payload.error));
  await consumer.connect();
  try {
    await consumer.subscribe({ topic, fromBeginning: true });
    await consumer.run({
      autoCommit: false,
      eachBatch: ({ batch }) => {
        records.push(...batch.messages.map((message) => recordOf(batch.partition, message)));
        if (BigInt(batch.lastOffset()) + 1n >= (pending.get(batch.partition) ?? 0n))
          pending.delete(batch.partition);
        if (pending.size === 0) done.resolve();
        return Promise.resolve();
      },
    });
    await done.promise;
  } finally {
    await consumer.disconnect();
    await admin.deleteGroups([groupId]).catch(() => undefined);
  }
  return records.toSorted((left, right) => Number(left.offset - right.offset));
}

function recordOf(partition: number, message: KafkaMessage): TopicRecord {
  return {
    partition,
    offset: BigInt(message.offset),
    key: message.key ?? Buffer.alloc(0),
    value: message.value,
    headers: Object.fromEntries(
      Object.entries(message.headers ?? {}).map(([name, value]) => [name, String(value)]),
    ),
    timestampMs: Number(message.timestamp),
  };
}

/**
 * How many records lie behind the group's committed offsets in these topics; undefined while Kafka cannot tell, as when
 * the group's coordinator is just moving in.
 */
export async function recordsBehind(
  admin: Admin,
  groupId: string,
  topics: readonly string[],
): Promise<bigint | undefined> {
  const committed = await unlessPassing(() => admin.fetchOffsets({ groupId, topics: [...topics] }));
  if (committed === undefined) return undefined;
  let behind = 0n;
  for (const topic of topics) {
    const places = committed.find((each) => each.topic === topic)?.partitions ?? [];
    for (const { partition, low, high } of await offsetsOf(admin, topic)) {
      const offset = BigInt(places.find((place) => place.partition === partition)?.offset ?? -1);
      behind += BigInt(high) - (offset < BigInt(low) ? BigInt(low) : offset);
    }
  }
  return behind;
}

function offsetsOf(admin: Admin, topic: string): ReturnType<Admin['fetchTopicOffsets']> {
  return until(`Kafka tells the offsets of ${topic}`, () =>
    unlessPassing(() => admin.fetchTopicOffsets(topic)),
  );
}

/** Undefined where Kafka answers that it cannot tell just now. */
async function unlessPassing<Answer>(ask: () => Promise<Answer>): Promise<Answer | undefined> {
  try {
    return await ask();
  } catch (error) {
    if (error instanceof Error && 'retriable' in error && error.retriable === true) return undefined;
    throw error;
  }
}

/** How many records a topic holds, as its offsets tell. */
export async function countRecords(admin: Admin, topic: string): Promise<number> {
  const places = await offsetsOf(admin, topic);
  return places.reduce((sum, { low, high }) => sum + Number(high) - Number(low), 0);
}

import type { Kafka } from 'kafkajs';
import { TailraceError } from '../core/errors.ts';
import type { Metrics } from '../core/metrics.ts';
import type { Progress } from './progress.ts';

const LAG_INTERVAL_MS = 1_000;

/** A partition's place: what is committed (null before the first commit) and what the topic holds. */
export interface PartitionOffsets {
  readonly topic: string;
  readonly partition: number;
  readonly committed: bigint | null;
  readonly low: bigint;
  readonly high: bigint;
}

/** The offsets of a group in these topics, as Kafka has them. Throws what kafkajs throws. */
export async function readOffsets(
  admin: ReturnType<Kafka['admin']>,
  groupId: string,
  topics: readonly string[],
): Promise<PartitionOffsets[]> {
  // The ends come second: another member of the group may commit meanwhile, and its offset must not lie beyond them.
  const groups = await admin.fetchOffsets({ groupId, topics: [...topics] });
  const ends = await Promise.all(topics.map((topic) => admin.fetchTopicOffsets(topic)));
  const committed = new Map(
    groups.flatMap(({ topic, partitions }) =>
      partitions.map(({ partition, offset }) => [`${topic}/${partition}`, BigInt(offset)] as const),
    ),
  );
  return topics.flatMap((topic, index) =>
    (ends[index] ?? []).map(({ partition, low, high }) => {
      const offset = committed.get(`${topic}/${partition}`) ?? -1n;
      return {
        topic,
        partition,
        committed: offset < 0n ? null : offset,
        low: BigInt(low),
        high: BigInt(high),
      };
    }),
  );
}

/** Records behind the committed offset; all of the topic's before the first commit. */
export function lagOf({ committed, low, high }: PartitionOffsets): bigint {
  const next = committed === null || committed < low ? low : committed;
  return high > next ? high - next : 0n;
}

/**
 * A committed offset outside of its topic means that records were removed unread, or that the topic was made anew.
 * kafkajs would silently start at the beginning; we stop. Throws POSITION_LOST.
 */
export async function checkCommittedOffsets(
  kafka: Kafka,
  groupId: string,
  topics: readonly string[],
): Promise<void> {
  const admin = kafka.admin();
  await admin.connect();
  try {
    for (const { topic, partition, committed, low, high } of await readOffsets(admin, groupId, topics)) {
      if (committed === null || (committed >= low && committed <= high)) continue;
      throw new TailraceError(
        'POSITION_LOST',
        `group ${groupId} has committed offset ${committed} of topic ${topic}, partition ${partition}, but the topic holds ${low} to ${high}`,
        'records were removed before they were read, or the topic was made anew. To apply what the topic holds, delete the group ' +
          `(kafka-consumer-groups.sh --delete --group ${groupId}) and start the sink again; rows deleted meanwhile stay until a rebuild`,
      );
    }
  } finally {
    await admin.disconnect();
  }
}

/** Looks at the lag in records every second until the returned function is called; a failed look leaves the last figures. */
export function watchLag(
  kafka: Kafka,
  { progress, metrics, name }: { progress: Progress; metrics: Metrics; name: string },
  groupId: string,
  topics: readonly string[],
): () => void {
  const admin = kafka.admin();
  const connected = admin.connect();
  connected.catch(() => undefined);
  let looking = false;
  const look = async () => {
    if (looking) return;
    looking = true;
    try {
      await connected;
      const offsets = await readOffsets(admin, groupId, topics);
      progress.observe(
        offsets.map((place) => ({ topic: place.topic, partition: place.partition, records: lagOf(place) })),
      );
      for (const { topic, partition, records } of progress.lags) {
        const labels = { topic, partition: String(partition) };
        metrics.consumerLagRecords.set({ sink: name, ...labels }, Number(records));
        metrics.kafkaConsumerGroupLag.set({ consumergroup: groupId, ...labels }, Number(records));
      }
    } catch {
      // The broker is away: the consumer itself reports that.
    } finally {
      looking = false;
    }
  };
  const timer = setInterval(() => void look(), LAG_INTERVAL_MS);
  return () => {
    clearInterval(timer);
    progress.loseSight();
    admin.disconnect().catch(() => undefined);
  };
}

import type { Admin } from 'kafkajs';
import { lagOf, readOffsets, type PartitionOffsets } from './offsets.ts';

/** How far a sink is behind in one topic, as Kafka alone tells it: true also while the sink's worker is dead. */
export interface TopicLag {
  readonly topic: string;
  readonly lagRecords: number;
  /** Age of the oldest record not yet applied, from its commit time; 0 when there is none. */
  readonly lagSeconds: number;
  /** False before the group has committed anything in this topic. */
  readonly hasCommitted: boolean;
}

/** Lag of a consumer group in each of its topics. Throws what kafkajs throws. */
export async function readLag(admin: Admin, groupId: string, topics: readonly string[]): Promise<TopicLag[]> {
  const offsets = await readOffsets(admin, groupId, topics);
  const now = Date.now();
  return Promise.all(
    topics.map(async (topic) => {
      const partitions = offsets.filter((place) => place.topic === topic);
      const behind = partitions.filter((place) => lagOf(place) > 0n);
      const oldestMs = behind.length === 0 ? null : await oldestRecordMs(admin, topic, behind, now);
      return {
        topic,
        lagRecords: Number(behind.reduce((sum, place) => sum + lagOf(place), 0n)),
        lagSeconds: oldestMs === null ? 0 : Math.max(0, (now - oldestMs) / 1000),
        hasCommitted: partitions.some(({ committed }) => committed !== null),
      };
    }),
  );
}

const PRECISION_MS = 50;
const PRECISION_RATIO = 0.01;

/**
 * Time of the oldest record at or behind the next offset of these partitions, within 1 % of its age. A record's time is
 * its commit's, and Kafka can tell the first offset at or after a time: halving finds it without reading a record.
 */
async function oldestRecordMs(
  admin: Admin,
  topic: string,
  behind: readonly PartitionOffsets[],
  now: number,
): Promise<number> {
  const isApplied = async (ms: number) => {
    const found = await admin.fetchTopicOffsetsByTimestamp(topic, Math.max(0, Math.floor(ms)));
    return behind.every((place) => {
      const first = found.find(({ partition }) => partition === place.partition);
      return first === undefined || BigInt(first.offset) <= nextOf(place);
    });
  };
  let newest = now;
  let age = 1_000;
  while (age < now && !(await isApplied(now - age))) {
    newest = now - age;
    age *= 4;
  }
  let oldest = Math.max(0, now - age);
  while (newest - oldest > Math.max(PRECISION_MS, (now - newest) * PRECISION_RATIO)) {
    const middle = (oldest + newest) / 2;
    if (await isApplied(middle)) oldest = middle;
    else newest = middle;
  }
  return oldest;
}

function nextOf({ committed, low }: PartitionOffsets): bigint {
  return committed === null || committed < low ? low : committed;
}

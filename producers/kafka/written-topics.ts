import { setTimeout as delay } from 'node:timers/promises';
import type { Cluster } from 'kafkajs/src/cluster/index.js';
import { parsePosition, type Position } from '../../schemas/position.ts';
import { POSITION_HEADER } from '../../schemas/topics.ts';
import type { WrittenTopic } from '../kafka-writer.ts';

const FETCH_WAIT_MS = 200;
const FETCH_BYTES = 16 * 1024 * 1024;
/** As large as a batch can be by default. */
const FETCH_PARTITION_BYTES = 1024 * 1024 + 1024;

/** A partition with the offset of its last record. */
interface Tail {
  readonly topic: string;
  readonly partition: number;
  readonly offset: bigint;
}

/** Right after a topic was made, its leaders may not know of it yet. */
const ATTEMPTS = 20;
const ATTEMPT_PAUSE_MS = 200;

/** Finds out how far each partition of these topics has been written. The topics must exist. Throws what kafkajs throws. */
export async function readWrittenTopics(
  cluster: Cluster,
  names: readonly string[],
): Promise<Map<string, WrittenTopic>> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await readOnce(cluster, names);
    } catch (error) {
      if ((error as { retriable?: boolean }).retriable !== true || attempt === ATTEMPTS) throw error;
      await delay(ATTEMPT_PAUSE_MS);
      await cluster.refreshMetadata();
    }
  }
}

async function readOnce(cluster: Cluster, names: readonly string[]): Promise<Map<string, WrittenTopic>> {
  await cluster.addMultipleTargetTopics(names);
  const found = new Map(
    names.map((name) => [
      name,
      Array.from<Position | null>({ length: cluster.findTopicPartitionMetadata(name).length }).fill(null),
    ]),
  );
  let tails = await readTails(cluster, found);
  while (tails.length > 0) {
    const positions = await fetchPositions(cluster, tails);
    // A fetch answers for as many partitions as fit into it, at least for its first.
    const answered = tails.filter((tail) => positions.has(tail));
    for (const tail of answered) {
      const partitions = found.get(tail.topic);
      if (partitions !== undefined) partitions[tail.partition] = positions.get(tail) ?? null;
    }
    // A lone partition without an answer has a last record that compaction has removed since.
    if (answered.length === 0) tails = tails.slice(1);
    else tails = tails.filter((tail) => !positions.has(tail));
  }
  return new Map([...found].map(([name, lastPositions]) => [name, { name, lastPositions }]));
}

async function readTails(cluster: Cluster, topics: ReadonlyMap<string, readonly unknown[]>): Promise<Tail[]> {
  const request = (fromBeginning: boolean) =>
    [...topics].map(([topic, partitions]) => ({
      topic,
      fromBeginning,
      partitions: partitions.map((_, partition) => ({ partition })),
    }));
  const [first, next] = await Promise.all([
    cluster.fetchTopicsOffset(request(true)),
    cluster.fetchTopicsOffset(request(false)),
  ]);
  const firsts = new Map(
    first.flatMap(({ topic, partitions }) =>
      partitions.map(({ partition, offset }) => [`${topic}/${partition}`, BigInt(offset)] as const),
    ),
  );
  return next.flatMap(({ topic, partitions }) =>
    partitions
      .map(({ partition, offset }) => ({ topic, partition, offset: BigInt(offset) - 1n }))
      .filter((tail) => tail.offset >= (firsts.get(`${topic}/${tail.partition}`) ?? 0n)),
  );
}

/** The positions of these records, as far as the answers reach. */
async function fetchPositions(cluster: Cluster, tails: readonly Tail[]): Promise<Map<Tail, Position | null>> {
  const positions = new Map<Tail, Position | null>();
  const byLeader = Map.groupBy(tails, ({ topic, partition }) => leaderOf(cluster, topic, partition));
  for (const [nodeId, group] of byLeader) {
    const broker = await cluster.findBroker({ nodeId });
    const topics = Map.groupBy(group, ({ topic }) => topic);
    const { responses } = await broker.fetch({
      maxWaitTime: FETCH_WAIT_MS,
      minBytes: 1,
      maxBytes: FETCH_BYTES,
      topics: [...topics].map(([topic, partitions]) => ({
        topic,
        partitions: partitions.map(({ partition, offset }) => ({
          partition,
          fetchOffset: String(offset),
          maxBytes: FETCH_PARTITION_BYTES,
        })),
      })),
    });
    for (const { topicName, partitions } of responses) {
      for (const { partition, messages } of partitions) {
        const tail = group.find((each) => each.topic === topicName && each.partition === partition);
        const message = messages.find(({ offset }) => tail !== undefined && BigInt(offset) === tail.offset);
        const header = message?.headers?.[POSITION_HEADER]?.toString();
        if (tail !== undefined && message !== undefined)
          positions.set(tail, header === undefined ? null : parsePosition(header));
      }
    }
  }
  return positions;
}

function leaderOf(cluster: Cluster, topic: string, partition: number): number {
  const found = cluster
    .findTopicPartitionMetadata(topic)
    .find(({ partitionId }) => partitionId === partition);
  return found?.leader ?? -1;
}

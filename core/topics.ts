import type { Kafka } from 'kafkajs';
import { stateTopic, statusTopic } from '../schemas/topics.ts';
import type { KafkaConfig } from './config/schema.ts';

const WEEK_MS = 7 * 24 * 3600 * 1000;

/**
 * Makes the topics that are missing. Topics of tables are compacted, since every record is a whole row; tombstones stay
 * for a week, which bounds how long a reader that starts from the beginning may take.
 */
export async function ensureTopics(
  kafka: Kafka,
  config: KafkaConfig,
  pipeline: string,
  tableTopics: readonly string[],
): Promise<void> {
  const admin = kafka.admin();
  await admin.connect();
  try {
    const existing = new Set(await admin.listTopics());
    const internal = [stateTopic(pipeline), statusTopic(pipeline)].map((topic) => ({
      topic,
      numPartitions: 1,
    }));
    const tables = tableTopics.map((topic) => ({ topic, numPartitions: config.partitions }));
    const missing = [...internal, ...tables].filter(({ topic }) => !existing.has(topic));
    if (missing.length === 0) return;
    // False means that another process made them meanwhile.
    await admin.createTopics({
      waitForLeaders: true,
      topics: missing.map(({ topic, numPartitions }) => ({
        topic,
        numPartitions,
        replicationFactor: config.replicationFactor,
        configEntries: [
          { name: 'cleanup.policy', value: 'compact' },
          { name: 'delete.retention.ms', value: String(WEEK_MS) },
        ],
      })),
    });
  } finally {
    await admin.disconnect();
  }
}

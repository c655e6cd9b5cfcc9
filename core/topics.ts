import type { Kafka } from 'kafkajs';
import { controlTopic, stateTopic, statusTopic } from '../schemas/topics.ts';
import type { KafkaConfig } from './config/schema.ts';
import { createTopics } from './create-topics.ts';

const HOUR_MS = 3600 * 1000;
/** The longest that a rebuild may take: a delete must still be there when its reader comes to it. */
export const LONGEST_REBUILD_MS = 7 * 24 * HOUR_MS;
/** A row goes into one record, however large; the default of 1 MiB would refuse many. */
export const MAX_RECORD_BYTES = 64 * 1024 * 1024;

/** Compacted, since every record is the last word on its key. */
const COMPACTED = { 'cleanup.policy': 'compact', 'delete.retention.ms': LONGEST_REBUILD_MS };
/** They gain a record every second or two, and are read whole at each start: what is superseded must go soon. */
const INTERNAL_SETTINGS = { ...COMPACTED, 'segment.ms': HOUR_MS, 'min.cleanable.dirty.ratio': 0.1 };
/** What was set aside stays until a person has dealt with it. */
const DEAD_LETTER_SETTINGS = {
  'cleanup.policy': 'delete',
  'retention.ms': -1,
  'max.message.bytes': MAX_RECORD_BYTES,
};
const TABLE_SETTINGS = { ...COMPACTED, 'max.message.bytes': MAX_RECORD_BYTES };

/**
 * Makes the topics that are missing. Topics of tables are compacted, since every record is a whole row; tombstones stay
 * for a week, which bounds how long a reader that starts from the beginning may take.
 */
export async function ensureTopics(
  kafka: Kafka,
  config: KafkaConfig,
  pipeline: string,
  tableTopics: readonly string[],
  deadLetterTopics: readonly string[] = [],
): Promise<void> {
  const admin = kafka.admin();
  await admin.connect();
  try {
    const existing = new Set(await admin.listTopics());
    const internal = [stateTopic(pipeline), statusTopic(pipeline), controlTopic(pipeline)].map((topic) => ({
      topic,
      numPartitions: 1,
      settings: INTERNAL_SETTINGS,
    }));
    const tables = tableTopics.map((topic) => ({
      topic,
      numPartitions: config.partitions,
      settings: TABLE_SETTINGS,
    }));
    const deadLetters = deadLetterTopics.map((topic) => ({
      topic,
      numPartitions: 1,
      settings: DEAD_LETTER_SETTINGS,
    }));
    const missing = [...internal, ...tables, ...deadLetters].filter(({ topic }) => !existing.has(topic));
    if (missing.length === 0) return;
    await createTopics(
      admin,
      missing.map(({ topic, numPartitions, settings }) => ({
        topic,
        numPartitions,
        replicationFactor: config.replicationFactor,
        configEntries: Object.entries(settings).map(([name, value]) => ({ name, value: String(value) })),
      })),
    );
  } finally {
    await admin.disconnect();
  }
}

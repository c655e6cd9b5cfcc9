import type { Admin, DescribeConfigResponse } from 'kafkajs';

/** kafkajs' and Kafka's numbers of what a config belongs to. */
const TOPIC = 2;
const BROKER = 4;

/** What a topic's sizes and settings are on the brokers. Times in milliseconds and sizes in bytes; -1 is no limit. */
export interface TopicFacts {
  readonly name: string;
  readonly partitions: number;
  readonly replicationFactor: number;
  /** Kafka's list: `compact`, `delete` or both, in order. */
  readonly cleanupPolicy: readonly string[];
  readonly retentionMs: number;
  readonly retentionBytes: number;
  readonly deleteRetentionMs: number;
  readonly maxMessageBytes: number;
  readonly minInsyncReplicas: number;
}

/** Asks the brokers for topics that exist. Throws what kafkajs throws. */
export async function readTopicFacts(
  admin: Admin,
  names: readonly string[],
): Promise<Map<string, TopicFacts>> {
  if (names.length === 0) return new Map();
  const { topics } = await admin.fetchTopicMetadata({ topics: [...names] });
  const configs = await admin.describeConfigs({
    includeSynonyms: false,
    resources: names.map((name) => ({ type: TOPIC, name })),
  });
  return new Map(
    topics.map(({ name, partitions }) => {
      const of = settingsOf(configs, name);
      const number = (key: string) => Number(of.get(key) ?? -1);
      return [
        name,
        {
          name,
          partitions: partitions.length,
          replicationFactor: Math.min(...partitions.map(({ replicas }) => replicas.length)),
          cleanupPolicy: (of.get('cleanup.policy') ?? 'delete').split(',').map((policy) => policy.trim()),
          retentionMs: number('retention.ms'),
          retentionBytes: number('retention.bytes'),
          deleteRetentionMs: number('delete.retention.ms'),
          maxMessageBytes: number('max.message.bytes'),
          minInsyncReplicas: number('min.insync.replicas'),
        },
      ];
    }),
  );
}

/** The largest request that every broker takes; it closes the connection of a larger one. Infinity where it is not told. */
export async function readRequestLimit(admin: Admin): Promise<number> {
  try {
    const { brokers } = await admin.describeCluster();
    const configs = await admin.describeConfigs({
      includeSynonyms: false,
      resources: brokers.map(({ nodeId }) => ({ type: BROKER, name: String(nodeId) })),
    });
    const limits = configs.resources.map(({ resourceName }) =>
      Number(settingsOf(configs, resourceName).get('socket.request.max.bytes') ?? Infinity),
    );
    return Math.min(Infinity, ...limits);
  } catch {
    // It takes a right of its own, which capture does not need.
    return Infinity;
  }
}

function settingsOf({ resources }: DescribeConfigResponse, name: string): Map<string, string> {
  const found = resources.find(({ resourceName }) => resourceName === name);
  return new Map(
    (found?.configEntries ?? []).map(({ configName, configValue }) => [configName, configValue]),
  );
}

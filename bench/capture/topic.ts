// For zstd, which kafkajs does not bring itself.
import '../../core/kafka.ts';
import kafkajs, { type Admin, type Kafka } from 'kafkajs';

/** The topic of one table, seen from outside. */
export interface Topic {
  readonly name: string;
  readonly kafka: Kafka;
  /** Records that the broker has, by the end offsets of all partitions; 0 while the topic does not exist. */
  count(): Promise<number>;
  /** Lets the broker stamp each record with its own clock when it appends it. */
  stampAppendTime(): Promise<void>;
}

export interface Broker extends AsyncDisposable {
  topic(name: string): Topic;
  /** Deletes all topics of the pipeline. */
  clear(pipeline: string): Promise<void>;
}

/** Connects to the stack's broker. */
export async function openBroker(brokers: string): Promise<Broker> {
  const kafka = new kafkajs.Kafka({
    clientId: 'tailrace-bench',
    brokers: brokers.split(','),
    logLevel: kafkajs.logLevel.NOTHING,
  });
  // A question that fails is asked again by the loop that waits; a retry inside would only hide the time.
  const admin = kafka.admin({ retry: { retries: 0 } });
  await admin.connect();
  return {
    topic: (name) => ({
      name,
      kafka,
      count: () => count(admin, name),
      stampAppendTime: () => stampAppendTime(admin, name),
    }),
    clear: async (pipeline) => {
      const topics = (await admin.listTopics()).filter((name) => name.startsWith(`${pipeline}.`));
      if (topics.length > 0) await admin.deleteTopics({ topics });
    },
    [Symbol.asyncDispose]: () => admin.disconnect(),
  };
}

async function count(admin: Admin, topic: string): Promise<number> {
  try {
    const partitions = await admin.fetchTopicOffsets(topic);
    return partitions.reduce((sum, { high }) => sum + Number(high), 0);
  } catch (error) {
    // A new topic is unknown at first, and then has no leader for a moment.
    if (willPass(error)) return 0;
    throw error;
  }
}

/** kafkajs wraps what can be tried again in an error that says it was tried often enough. */
function willPass(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  return ('retriable' in error && error.retriable === true) || willPass(error.cause);
}

async function stampAppendTime(admin: Admin, topic: string): Promise<void> {
  const type = kafkajs.ConfigResourceTypes.TOPIC;
  const described = await admin.describeConfigs({
    includeSynonyms: false,
    resources: [{ type, name: topic }],
  });
  // The request replaces all of the topic's own settings, so those that it has are sent along.
  const own = (described.resources[0]?.configEntries ?? [])
    .filter(({ configSource }) => configSource === kafkajs.ConfigSource.TOPIC_CONFIG)
    .map(({ configName, configValue }) => ({ name: configName, value: configValue }));
  const configEntries = [...own, { name: 'message.timestamp.type', value: 'LogAppendTime' }];
  await admin.alterConfigs({ validateOnly: false, resources: [{ type, name: topic, configEntries }] });
}

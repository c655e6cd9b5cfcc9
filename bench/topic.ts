// For zstd, which kafkajs does not bring itself.
import '../core/kafka.ts';
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

/** A consumer group, seen from outside. */
export interface Group {
  /** Whether so many members have their partitions and may fetch. */
  isAssigned(members: number): Promise<boolean>;
  /** Records of the topic that lie before the committed offsets, all partitions together. */
  committed(topic: string): Promise<number>;
}

export interface Broker extends AsyncDisposable {
  topic(name: string): Topic;
  group(id: string): Group;
  /** Deletes all topics and groups of the pipeline. */
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
      count: () => orUntilReady(0, () => count(admin, name)),
      stampAppendTime: () => stampAppendTime(admin, name),
    }),
    group: (id) => ({
      isAssigned: (members) => orUntilReady(false, () => isAssigned(admin, id, members)),
      committed: (topic) => orUntilReady(0, () => committed(admin, id, topic)),
    }),
    clear: async (pipeline) => {
      const topics = (await admin.listTopics()).filter((name) => name.startsWith(`${pipeline}.`));
      if (topics.length > 0) await admin.deleteTopics({ topics });
      const { groups } = await admin.listGroups();
      const ids = groups.map(({ groupId }) => groupId).filter((id) => id.startsWith(`${pipeline}.`));
      if (ids.length > 0) await admin.deleteGroups(ids);
    },
    [Symbol.asyncDispose]: () => admin.disconnect(),
  };
}

/** A new topic is unknown at first, and then has no leader for a moment; a new group has no coordinator. */
async function orUntilReady<Answer>(meanwhile: Answer, ask: () => Promise<Answer>): Promise<Answer> {
  try {
    return await ask();
  } catch (error) {
    if (willPass(error)) return meanwhile;
    throw error;
  }
}

/** kafkajs wraps what can be tried again in an error that says it was tried often enough. */
function willPass(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  return ('retriable' in error && error.retriable === true) || willPass(error.cause);
}

async function count(admin: Admin, topic: string): Promise<number> {
  const partitions = await admin.fetchTopicOffsets(topic);
  return partitions.reduce((sum, { high }) => sum + Number(high), 0);
}

async function isAssigned(admin: Admin, groupId: string, wanted: number): Promise<boolean> {
  const { groups } = await admin.describeGroups([groupId]);
  return groups.some(({ state, members }) => state === 'Stable' && members.length === wanted);
}

async function committed(admin: Admin, groupId: string, topic: string): Promise<number> {
  const [found] = await admin.fetchOffsets({ groupId, topics: [topic] });
  // -1 before the first commit.
  return (found?.partitions ?? []).reduce((sum, { offset }) => sum + Math.max(0, Number(offset)), 0);
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

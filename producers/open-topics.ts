import type { Kafka } from 'kafkajs';
import type { Cluster } from 'kafkajs/src/cluster/index.js';
import type { Config } from '../core/config/schema.ts';
import { TailraceError } from '../core/errors.ts';
import { readRequestLimit, readTopicFacts } from '../core/topic-facts.ts';
import { findingsOf, type TopicFinding, type TopicKind } from '../core/topic-findings.ts';
import { ensureTopics } from '../core/topics.ts';
import { controlTopic, stateTopic, statusTopic } from '../schemas/topics.ts';
import type { WrittenTopic } from './kafka-writer.ts';
import { readWrittenTopics } from './kafka/written-topics.ts';
import { recordLimitOf } from './large-rows.ts';

/** Told of what deserves a look at a topic. */
export type TopicNotice = (finding: TopicFinding) => void;

interface TopicSource {
  readonly kafka: Kafka;
  readonly config: Config;
  readonly notice: TopicNotice;
}

/** A table's topic, ready to be written to. */
export interface OpenedTopic {
  readonly topic: WrittenTopic;
  /** Bytes of key and value that one record may have. */
  readonly recordLimit: number;
}

/**
 * Makes the tables' topics that are missing, checks them and finds out how far they have been written. `written` is how
 * many partitions of each the pipeline writes to: what was added by hand gets nothing, since keys would move there. Throws
 * TOPIC_UNSAFE, and what kafkajs throws.
 */
export async function openTopics(
  { kafka, cluster, config, notice }: TopicSource & { readonly cluster: Cluster },
  topics: readonly string[],
  written: ReadonlyMap<string, number | undefined>,
): Promise<Map<string, OpenedTopic>> {
  await ensureTopics(kafka, config.kafka, config.pipeline, topics);
  const found = await readWrittenTopics(cluster, topics);
  const partitions = new Map(
    [...found].map(([name, { lastPositions }]) => {
      const isEmpty = lastPositions.every((last) => last === null);
      return [name, isEmpty ? undefined : written.get(name)] as const;
    }),
  );
  const limits = await checkTopics({ kafka, config, notice }, 'table', topics, partitions);
  return new Map(
    [...found].map(([name, { lastPositions }]) => [
      name,
      {
        topic: { name, lastPositions: lastPositions.slice(0, partitions.get(name) ?? lastPositions.length) },
        recordLimit: limits.get(name) ?? Infinity,
      },
    ]),
  );
}

/** Checks the pipeline's own topics, which exist. Throws as openTopics. */
export async function checkOwnTopics(source: TopicSource): Promise<void> {
  const { pipeline } = source.config;
  await checkTopics(source, 'state', [stateTopic(pipeline)], new Map());
  await checkTopics(source, 'internal', [statusTopic(pipeline), controlTopic(pipeline)], new Map());
}

/** Returns the record limit of each topic; without the right to look at its settings a topic has none here. */
async function checkTopics(
  { kafka, config, notice }: TopicSource,
  kind: TopicKind,
  topics: readonly string[],
  written: ReadonlyMap<string, number | undefined>,
): Promise<Map<string, number>> {
  const admin = kafka.admin();
  await admin.connect();
  try {
    const facts = await readTopicFacts(admin, topics);
    const requestLimit = kind === 'table' ? await readRequestLimit(admin) : Infinity;
    for (const each of facts.values()) {
      const findings = findingsOf(each, {
        kind,
        kafka: config.kafka,
        snapshot: config.source.snapshot,
        writtenPartitions: written.get(each.name),
      });
      const failed = findings.find(({ status }) => status === 'fail');
      if (failed !== undefined) throw unsafe(failed);
      for (const finding of findings) notice(finding);
    }
    return new Map(
      [...facts].map(([name, { maxMessageBytes }]) => [name, recordLimitOf(maxMessageBytes, requestLimit)]),
    );
  } catch (error) {
    if ((error as { type?: unknown }).type !== 'TOPIC_AUTHORIZATION_FAILED') throw error;
    notice({
      topic: topics.join(', '),
      status: 'warn',
      evidence: 'the settings cannot be read, so they are not checked',
      fix: 'give this user the right DESCRIBE_CONFIGS on the topics of the pipeline',
    });
    return new Map();
  } finally {
    await admin.disconnect().catch(() => undefined);
  }
}

function unsafe({ topic, evidence, fix }: TopicFinding): TailraceError {
  return new TailraceError('TOPIC_UNSAFE', `topic ${topic}: ${evidence}`, fix);
}

import type { KafkaConfig, SourceConfig } from './config/schema.ts';
import { formatBytes } from './format-bytes.ts';
import type { TopicFacts } from './topic-facts.ts';
import { LONGEST_REBUILD_MS, MAX_RECORD_BYTES } from './topics.ts';

const DAY_MS = 24 * 3600 * 1000;

/** What a topic is for: rows of a table, the pipeline's state, or status and commands. */
export type TopicKind = 'table' | 'state' | 'internal';

/** What deserves a look at a topic; `fail` where going on loses data or is in vain. */
export interface TopicFinding {
  readonly topic: string;
  readonly status: 'warn' | 'fail';
  /** In one sentence. */
  readonly evidence: string;
  /** The command that mends it. */
  readonly fix: string;
}

export interface TopicDemand {
  readonly kind: TopicKind;
  readonly kafka: Pick<KafkaConfig, 'brokers' | 'replicationFactor'>;
  readonly snapshot: SourceConfig['snapshot'];
  /** How many partitions have been written to so far; undefined for a topic that is new to the pipeline. */
  readonly writtenPartitions: number | undefined;
}

/** How a topic differs from what the pipeline needs of it (docs/topics.md). */
export function findingsOf(facts: TopicFacts, demand: TopicDemand): TopicFinding[] {
  return [
    ...cleanup(facts, demand),
    ...deleteRetention(facts, demand),
    ...replication(facts, demand),
    ...messageSize(facts, demand),
    ...partitions(facts, demand),
  ];
}

/** Whether records go from the topic by their age, or by the topic's size. */
export function forgets({ cleanupPolicy, retentionMs, retentionBytes }: TopicFacts): boolean {
  return cleanupPolicy.includes('delete') && (retentionMs >= 0 || retentionBytes >= 0);
}

function cleanup(facts: TopicFacts, demand: TopicDemand): TopicFinding[] {
  const { name, cleanupPolicy } = facts;
  if (cleanupPolicy.join() === 'compact') return [];
  const fix = alter(demand, name, 'cleanup.policy=compact');
  const policy = `cleanup.policy is ${cleanupPolicy.join(',')}`;
  if (!forgets(facts))
    return [
      { topic: name, status: 'warn', evidence: `${policy}: it keeps every record and grows for ever`, fix },
    ];
  const limit =
    facts.retentionMs >= 0 ? `retention.ms ${facts.retentionMs}` : `retention.bytes ${facts.retentionBytes}`;
  const told = `${policy} with ${limit}`;
  if (demand.kind === 'internal')
    return [{ topic: name, status: 'warn', evidence: `${told}: what it says of workers is lost`, fix }];
  if (demand.kind === 'state')
    return [
      {
        topic: name,
        status: 'fail',
        evidence: `${told}: the pipeline forgets its schemas and its slot`,
        fix,
      },
    ];
  const lost = 'rows that do not change go from the topic, so that no store can be filled from it';
  return demand.snapshot === 'never'
    ? [{ topic: name, status: 'fail', evidence: `${told}: ${lost}, and source.snapshot is never`, fix }]
    : [{ topic: name, status: 'warn', evidence: `${told}: ${lost}`, fix }];
}

function deleteRetention(facts: TopicFacts, demand: TopicDemand): TopicFinding[] {
  const { name, cleanupPolicy, deleteRetentionMs } = facts;
  if (demand.kind !== 'table' || !cleanupPolicy.includes('compact')) return [];
  if (deleteRetentionMs < 0 || deleteRetentionMs >= LONGEST_REBUILD_MS) return [];
  return [
    {
      topic: name,
      status: 'warn',
      evidence: `delete.retention.ms is ${deleteRetentionMs} (${days(deleteRetentionMs)}): a rebuild that takes longer, or a sink that is away for longer, misses deletes`,
      fix: alter(demand, name, `delete.retention.ms=${LONGEST_REBUILD_MS}`),
    },
  ];
}

function replication(facts: TopicFacts, demand: TopicDemand): TopicFinding[] {
  const { name, replicationFactor, minInsyncReplicas } = facts;
  const findings: TopicFinding[] = [];
  if (replicationFactor < demand.kafka.replicationFactor)
    findings.push({
      topic: name,
      status: 'warn',
      evidence: `replication factor is ${replicationFactor}, kafka.replicationFactor ${demand.kafka.replicationFactor}`,
      fix: `kafka-reassign-partitions --bootstrap-server ${serverOf(demand)} --reassignment-json-file FILE --execute (a plan with ${demand.kafka.replicationFactor} replicas for each partition of ${name}); or set kafka.replicationFactor to ${replicationFactor}`,
    });
  if (minInsyncReplicas > replicationFactor)
    findings.push({
      topic: name,
      status: 'fail',
      evidence: `min.insync.replicas is ${minInsyncReplicas} with ${replicationFactor} replicas: Kafka acknowledges no record`,
      fix: alter(demand, name, `min.insync.replicas=${Math.max(1, replicationFactor - 1)}`),
    });
  else if (replicationFactor >= 3 && minInsyncReplicas < 2)
    findings.push({
      topic: name,
      status: 'warn',
      evidence: `min.insync.replicas is ${minInsyncReplicas} with ${replicationFactor} replicas: a record may be acknowledged by a single broker, and lost with it`,
      fix: alter(demand, name, 'min.insync.replicas=2'),
    });
  return findings;
}

function messageSize(facts: TopicFacts, demand: TopicDemand): TopicFinding[] {
  const { name, maxMessageBytes } = facts;
  if (demand.kind !== 'table' || maxMessageBytes >= MAX_RECORD_BYTES) return [];
  return [
    {
      topic: name,
      status: 'warn',
      evidence: `max.message.bytes is ${formatBytes(maxMessageBytes)}: a larger row is handled as kafka.largeRows says`,
      fix: alter(demand, name, `max.message.bytes=${MAX_RECORD_BYTES}`),
    },
  ];
}

/** Java's and our partitioner take the hash modulo the count: with another count a key's records go elsewhere. */
function partitions({ name, partitions: count }: TopicFacts, demand: TopicDemand): TopicFinding[] {
  const { kind, writtenPartitions } = demand;
  if (kind !== 'table')
    return count === 1
      ? []
      : [
          {
            topic: name,
            status: kind === 'state' ? 'fail' : 'warn',
            evidence: `it has ${count} partitions and must have one: the order of its records is lost`,
            fix: `stop all workers and delete ${name}; the producer makes it again, and finds its slot foreign: docs/topics.md tells what that means`,
          },
        ];
  if (writtenPartitions === undefined || count <= writtenPartitions) return [];
  return [
    {
      topic: name,
      status: 'warn',
      evidence: `it has ${count} partitions, the pipeline began with ${writtenPartitions}: it goes on with those, since keys would move to other partitions and old rows come back after a delete`,
      fix: `nothing needs to be done. To use all of them stop the workers, delete ${name} and its target in each store, and start the producer: it makes the topic with kafka.partitions and reads the table`,
    },
  ];
}

function alter(demand: TopicDemand, topic: string, setting: string): string {
  return `kafka-configs --bootstrap-server ${serverOf(demand)} --alter --entity-type topics --entity-name ${topic} --add-config ${setting}`;
}

function serverOf({ kafka }: TopicDemand): string {
  return kafka.brokers[0] ?? '';
}

function days(ms: number): string {
  return ms >= DAY_MS ? `${Math.round(ms / DAY_MS)} days` : `${Math.round((ms / 3_600_000) * 10) / 10} h`;
}

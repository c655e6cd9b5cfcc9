import type { Admin } from 'kafkajs';
import type { Config } from '../core/config/schema.ts';
import { formatBytes } from '../core/format-bytes.ts';
import type { PipelineState } from '../core/state.ts';
import { readTopicFacts, type TopicFacts } from '../core/topic-facts.ts';
import { findingsOf, forgets, type TopicFinding, type TopicKind } from '../core/topic-findings.ts';
import { LONGEST_REBUILD_MS } from '../core/topics.ts';
import { fail, ok, warn, type Check } from '../producers/postgres/doctor/check.ts';
import { qualifiedName } from '../schemas/table-schema.ts';
import { controlTopic, stateTopic, statusTopic } from '../schemas/topics.ts';

interface ExpectedTopic {
  readonly name: string;
  readonly kind: TopicKind;
  /** `schema.table`; null for the pipeline's own topics. */
  readonly table: string | null;
  readonly partitions: number | undefined;
}

/** A line for each topic and what is wrong with it, and for each table whether a store could be filled from its topic. */
export async function diagnoseTopics(admin: Admin, config: Config, state: PipelineState): Promise<Check[]> {
  const existing = new Set(await admin.listTopics());
  const expected = expectedTopics(config.pipeline, state);
  const missing = expected.filter(({ name }) => !existing.has(name));
  if (state.tables === null && missing.length === expected.length)
    return [ok('topics', 'none yet: the first start of the producer makes them')];
  const present = expected.filter(({ name }) => existing.has(name));
  const facts = await readTopicFacts(
    admin,
    present.map(({ name }) => name),
  );
  const checks: Check[] = missing.map(({ name, table }) =>
    warn(
      'topic',
      `${name} is missing`,
      table === null
        ? 'start the producer: it makes it'
        : `start the producer: it makes it and reads ${table}`,
    ),
  );
  for (const topic of present) {
    const found = facts.get(topic.name);
    if (found === undefined) continue;
    const findings = findingsOf(found, {
      kind: topic.kind,
      kafka: config.kafka,
      snapshot: config.source.snapshot,
      writtenPartitions: topic.partitions,
    });
    checks.push(
      ...(findings.length === 0
        ? [ok('topic', `${topic.name}: ${described(found)}`)]
        : findings.map(asCheck)),
    );
    if (topic.table !== null)
      checks.push(rebuildCheck(topic, await obstacles(admin, topic.table, found, config, state)));
  }
  return checks;
}

function expectedTopics(pipeline: string, { tables }: PipelineState): ExpectedTopic[] {
  const own = (name: string, kind: TopicKind) => ({ name, kind, table: null, partitions: undefined });
  return [
    own(stateTopic(pipeline), 'state'),
    own(statusTopic(pipeline), 'internal'),
    own(controlTopic(pipeline), 'internal'),
    ...(tables ?? []).map((table) => ({
      name: table.topic,
      kind: 'table' as const,
      table: qualifiedName(table),
      partitions: table.partitions,
    })),
  ];
}

function described({ partitions, replicationFactor, cleanupPolicy, maxMessageBytes }: TopicFacts): string {
  const parts = `${partitions} partition${partitions === 1 ? '' : 's'}`;
  const replicas = `${replicationFactor} replica${replicationFactor === 1 ? '' : 's'}`;
  return `${parts}, ${replicas}, ${cleanupPolicy.join(',')}, rows up to ${formatBytes(maxMessageBytes)}`;
}

function asCheck({ topic, status, evidence, fix }: TopicFinding): Check {
  return (status === 'fail' ? fail : warn)('topic', `${topic}: ${evidence}`, fix);
}

/** Why a store that is filled from the topic's beginning would not equal the table. */
async function obstacles(
  admin: Admin,
  table: string,
  facts: TopicFacts,
  { source }: Config,
  state: PipelineState,
): Promise<string[]> {
  const offsets = await admin.fetchTopicOffsets(facts.name);
  const cut = offsets.filter(({ low }) => BigInt(low) > 0n).length;
  const snapshot = state.snapshots.get(table);
  return [
    ...(state.halted.has(table) ? ['the table is halted, and its changes are missing'] : []),
    ...(snapshot?.done === true
      ? []
      : [
          snapshot === undefined && source.snapshot === 'never'
            ? 'the table was never read (source.snapshot is never), so rows from before the first start are missing'
            : 'the table has not been read to its end',
        ]),
    ...(forgets(facts) ? ['rows go from it by age or size (see above)'] : []),
    ...(cut > 0 ? [`records were deleted from the beginning of ${cut} partitions`] : []),
    ...(facts.cleanupPolicy.includes('compact') &&
    facts.deleteRetentionMs >= 0 &&
    facts.deleteRetentionMs < LONGEST_REBUILD_MS
      ? ['its tombstones go early, so a long rebuild could keep deleted rows']
      : []),
  ];
}

function rebuildCheck({ name, table }: ExpectedTopic, reasons: readonly string[]): Check {
  if (reasons.length === 0) return ok('rebuild', `a store can be rebuilt from ${name}`);
  return warn(
    'rebuild',
    `a store cannot be rebuilt from ${name} alone: ${reasons.join('; ')}`,
    `mend what is told of the topic, then tailrace snapshot ${table}: it writes every row anew`,
  );
}

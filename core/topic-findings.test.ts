import { expect, test } from 'vitest';
import type { TopicFacts } from './topic-facts.ts';
import { findingsOf, type TopicDemand } from './topic-findings.ts';
import { LONGEST_REBUILD_MS, MAX_RECORD_BYTES } from './topics.ts';

const SOUND: TopicFacts = {
  name: 'shop.public.item',
  partitions: 3,
  replicationFactor: 3,
  cleanupPolicy: ['compact'],
  retentionMs: 604_800_000,
  retentionBytes: -1,
  deleteRetentionMs: LONGEST_REBUILD_MS,
  maxMessageBytes: MAX_RECORD_BYTES,
  minInsyncReplicas: 2,
};
const DEMAND: TopicDemand = {
  kind: 'table',
  kafka: { brokers: ['b:9092'], replicationFactor: 3 },
  snapshot: 'initial',
  writtenPartitions: 3,
};

const told = (facts: Partial<TopicFacts>, demand: Partial<TopicDemand> = {}) =>
  findingsOf({ ...SOUND, ...facts }, { ...DEMAND, ...demand }).map(
    ({ status, evidence }) => `${status} ${evidence}`,
  );

test('a topic as the producer makes it has no finding; the retention of a compacted one means nothing', () => {
  expect(told({})).toEqual([]);
  expect(told({ retentionBytes: 1 })).toEqual([]);
});

test('a topic that forgets rows by their age is refused only where the table cannot be read again', () => {
  for (const cleanupPolicy of [['delete'], ['compact', 'delete']]) {
    expect(told({ cleanupPolicy })).toEqual([
      expect.stringMatching(/^warn cleanup\.policy .* retention\.ms/),
    ]);
    expect(told({ cleanupPolicy }, { snapshot: 'never' })).toEqual([expect.stringMatching(/^fail /)]);
    expect(told({ cleanupPolicy, retentionMs: -1 })).toEqual([expect.stringContaining('grows for ever')]);
  }
});

test('the state topic must not forget, and must have one partition', () => {
  const state = { kind: 'state' as const, writtenPartitions: undefined };
  expect(told({ partitions: 1, cleanupPolicy: ['delete'] }, state)).toEqual([
    expect.stringMatching(/^fail .*forgets its schemas/),
  ]);
  expect(told({ partitions: 3 }, state)).toEqual([expect.stringMatching(/^fail it has 3 partitions/)]);
});

test('tombstones must outlive the longest rebuild', () => {
  expect(told({ deleteRetentionMs: 86_400_000 })).toEqual([
    expect.stringMatching(/^warn delete\.retention\.ms is 86400000 \(1 days\)/),
  ]);
});

test('fewer replicas than wanted, more in sync than there are, and a single acknowledgement are told', () => {
  expect(told({ replicationFactor: 1, minInsyncReplicas: 1 })).toEqual([
    'warn replication factor is 1, kafka.replicationFactor 3',
  ]);
  expect(told({ minInsyncReplicas: 4 })).toEqual([expect.stringMatching(/^fail .*acknowledges no record/)]);
  expect(told({ minInsyncReplicas: 1 })).toEqual([expect.stringMatching(/^warn min\.insync\.replicas is 1/)]);
});

test('partitions that were added by hand are told; those of a topic that is new are as they are', () => {
  expect(told({ partitions: 6 })).toEqual([
    expect.stringMatching(/^warn it has 6 partitions, .* began with 3/),
  ]);
  expect(told({ partitions: 6 }, { writtenPartitions: undefined })).toEqual([]);
});

test('the fix names the broker, the topic and the setting', () => {
  const [finding] = findingsOf({ ...SOUND, maxMessageBytes: 1_048_588 }, DEMAND);
  expect(finding?.fix).toBe(
    'kafka-configs --bootstrap-server b:9092 --alter --entity-type topics --entity-name shop.public.item --add-config max.message.bytes=67108864',
  );
});
